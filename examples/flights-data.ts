/** Three million flights as typed arrays, read from a Parquet file that an npm package carries. */
import { createRequire } from "node:module";
import path from "node:path";
import { asyncBufferFromFile, parquetMetadataAsync, parquetRead } from "hyparquet";
import { compressors } from "hyparquet-compressors";

export interface Flights {
  /** Minutes late; negative for early. */
  readonly delay: Int16Array;
  /** Miles. */
  readonly distance: Int16Array;
}

/** Columns of the file, and no others: a Parquet reader skips the rest. */
const COLUMNS = ["delay", "distance"] as const;

/** Reads one row group after the other, so that there is something to say meanwhile: `onProgress(rows so far, rows in all)`. */
export async function loadFlights(onProgress: (rows: number, total: number) => void): Promise<Flights> {
  const entry = createRequire(import.meta.url).resolve("vega-datasets");
  const file = await asyncBufferFromFile(path.join(path.dirname(entry), "..", "data", "flights-3m.parquet"));
  const metadata = await parquetMetadataAsync(file);
  const total = Number(metadata.num_rows);
  const flights: Flights = { delay: new Int16Array(total), distance: new Int16Array(total) };
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    await parquetRead({
      file,
      metadata,
      compressors,
      columns: [...COLUMNS],
      rowStart,
      rowEnd,
      onChunk: ({ columnName, columnData, rowStart: from }) => {
        const column = COLUMNS.find(name => name === columnName);
        if (column !== undefined) copy(columnData, flights[column], from, columnName);
      },
    });
    rowStart = rowEnd;
    onProgress(rowStart, total);
  }
  return flights;
}

/** The file holds 64-bit integers, which are BigInts in JavaScript; these all fit into 16 bits, or we want to know. */
function copy(from: ArrayLike<unknown>, to: Int16Array, offset: number, name: string): void {
  for (let i = 0; i < from.length; i++) {
    const value = Number(from[i]);
    to[offset + i] = value;
    if (to[offset + i] !== value) throw new RangeError(`${name} of flight ${offset + i} is ${String(from[i])}, which is no 16-bit integer`);
  }
}
