/** The libraries that tables are measured against, if they are installed (test/bench/package.json). */
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import type { TypedArray } from "dotcompute";

export interface Peers {
  /** nodejs-polars; a text, where it is not there, says why. */
  readonly polars: Polars;
  /** Runs a statement in DuckDB; or why it is not there. */
  readonly duckdb: ((sql: string) => Promise<unknown>) | string;
  readonly versions: string;
}

/** As much of nodejs-polars as is used here: it comes without types that this project could check. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Polars = any;

/** Installs them where they are not yet; gives what went wrong. */
export function installPeers(folder: string): string | null {
  if (existsSync(path.join(folder, "node_modules", ".package-lock.json"))) return null;
  const { status, stderr, error } = spawnSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder, encoding: "utf8", shell: process.platform === "win32" });
  return status === 0 ? null : `npm ci failed: ${(error?.message ?? stderr).split("\n", 1)[0]}`;
}

export async function loadPeers(folder: string): Promise<Peers> {
  const failed = installPeers(folder);
  const require = createRequire(path.join(folder, "package.json"));
  const versionOf = (name: string): string => `${name} ${(require(`${name}/package.json`) as { version: string }).version}`;
  const attempt = async <T>(load: () => T | Promise<T>): Promise<T | string> => {
    try {
      return await load();
    } catch (error) {
      return failed ?? (error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error));
    }
  };
  const polars = (await attempt<Polars>(() => require("nodejs-polars") as Polars)) as Polars;
  const duckdb = await attempt(async () => {
    const { DuckDBInstance } = require("@duckdb/node-api") as { DuckDBInstance: { create(path: string): Promise<{ connect(): Promise<{ run(sql: string): Promise<unknown> }> }> } };
    const connection = await (await DuckDBInstance.create(":memory:")).connect();
    return (sql: string) => connection.run(sql);
  });
  const versions = [typeof polars === "string" ? [] : [versionOf("nodejs-polars")], typeof duckdb === "string" ? [] : [versionOf("@duckdb/node-api")]].flat().join(", ");
  return { polars, duckdb, versions };
}

/** The same columns as a data frame, and as a table of DuckDB's, which gets them by way of a file. */
export async function tableIn({ polars, duckdb }: Peers, name: string, columns: Readonly<Record<string, TypedArray>>): Promise<Polars> {
  if (typeof polars === "string") return null;
  const types: Readonly<Record<string, string>> = { Float64Array: "Float64", Float32Array: "Float32", Int32Array: "Int32" };
  const frame = polars.DataFrame(Object.fromEntries(Object.entries(columns).map(([column, array]) => [column, polars.Series(column, array, polars[types[array[Symbol.toStringTag]] ?? "Float64"])])));
  if (typeof duckdb === "string") return frame;
  const file = path.join(os.tmpdir(), `dotcompute-bench-${process.pid}-${name}.parquet`);
  frame.writeParquet(file);
  await duckdb(`CREATE OR REPLACE TABLE ${name} AS SELECT * FROM read_parquet('${file}')`);
  rmSync(file);
  return frame;
}
