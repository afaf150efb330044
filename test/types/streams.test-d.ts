/** The public types of streams: every `@ts-expect-error` must be an error, and everything else must compile. Nothing here runs. */
import { Readable } from "node:stream";
import { compute, createRuntime, nullable, stream, strings, type Nullable, type Query, type Rows, type Stream } from "../../src/index.js";
import { expectType } from "./expect.js";

export async function streams(floats: AsyncIterable<Float32Array>, batches: Iterable<{ readonly price: Float64Array; readonly id: BigInt64Array }>): Promise<void> {
  expectType<Stream<Float32Array>>()(stream(floats, Float32Array));
  expectType<Query<Float32Array>>()(compute(stream(floats, Float32Array)));
  expectType<Query<Float64Array>>()(compute(stream(new Readable({ objectMode: true }), Float64Array), { runtime: createRuntime() }));
  expectType<Query<Uint8Array>>()(createRuntime().compute(stream([Buffer.alloc(1)], Uint8Array)));
  const rows = compute(stream(batches, { price: Float64Array, id: BigInt64Array }));
  expectType<Rows<{ readonly price: Float64Array; readonly id: BigInt64Array }>>()(rows);
  expectType<bigint>()(await rows.sum(r => r.id));
  expectType<number>()(await compute(stream(floats, Float32Array)).average());
  for await (const chunk of compute(stream(floats, Float32Array)).map(x => x * 2, Float64Array)) expectType<Float64Array>()(chunk);
  for await (const chunk of rows.map(r => ({ twice: r.price * 2 }), { twice: Float32Array })) expectType<Float32Array>()(chunk.twice);
  await compute(new Int8Array(3)).forEach(chunk => expectType<Int8Array>()(chunk), { chunk: 2, signal: AbortSignal.timeout(1) });
  const nulls = compute(stream([] as { readonly price: Nullable<Float64Array>; readonly id: BigInt64Array }[], { price: nullable(Float64Array), id: BigInt64Array }));
  expectType<Rows<{ readonly price: Nullable<Float64Array>; readonly id: BigInt64Array }>>()(nulls);
  const named = compute(stream([] as { readonly carrier: string[]; readonly plane: (string | null)[] }[], { carrier: String, plane: nullable(String) }));
  expectType<Rows<{ readonly carrier: string[]; readonly plane: (string | null)[] }>>()(named);
  expectType<string | undefined>()(await named.map(r => r.plane ?? r.carrier).first());
  expectType<Query<string[]>>()(compute(stream([["a"], strings(["b"])], String)));
  expectType<string[]>()(await compute(stream([["a"]], String)).toArrayAsync());
  // @ts-expect-error the plane may be null
  stream([] as { readonly plane: (string | null)[] }[], { plane: String });
  // @ts-expect-error the price may be null
  nulls.sum(r => r.price * 2);
  // @ts-expect-error its chunks are of another type
  stream(floats, Float64Array);
  // @ts-expect-error a column is missing
  stream(batches, { price: Float64Array, quantity: Int32Array });
  // @ts-expect-error what it holds must be said
  stream(floats);
  // @ts-expect-error an iterable by itself says nothing of what it holds
  compute(floats);
  // @ts-expect-error there is no such option
  await compute(new Int8Array(3)).forEach(() => 0, { size: 2 });
}
