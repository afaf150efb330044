/** Profiles, traces, and who is told. */
import { createRuntime, compute, record, type ChromeTrace, type Profile, type Progress, type Recording } from "../../src/index.js";
import { expectType } from "./expect.js";

export async function profiles(): Promise<void> {
  const query = compute(new Float64Array(1));
  expectType<string>()(await query.profile());
  expectType<string>()(await query.sum().profile({ format: "text" }));
  expectType<Profile>()(await compute({ a: new Int8Array(1) }).profile({ format: "json" }));
  expectType<ChromeTrace>()(await query.sum().profile({ format: "trace" }));
  // @ts-expect-error there is no such format
  void query.profile({ format: "html" });
}

export function observers(): void {
  const runtime = createRuntime({ logger: console, logLevel: "debug" });
  expectType<Recording>()(runtime.record({ most: 10 }));
  expectType<ChromeTrace>()(record().stop());
  // @ts-expect-error a logger has more methods
  createRuntime({ logger: { warn: () => undefined } });
  // @ts-expect-error the API is more than its tracers
  createRuntime({ telemetry: { trace: {} } });
}

export async function progress(): Promise<void> {
  const query = compute(new Float64Array(1));
  const onProgress = ({ done, total, fraction }: Progress): void => {
    expectType<number>()(done);
    expectType<number | null>()(total);
    expectType<number | null>()(fraction);
  };
  expectType<Float64Array>()(await query.toArrayAsync({ onProgress }));
  await createRuntime().precompile(query, { accelerator: "cpu", onProgress });
  // @ts-expect-error progress is of what is awaited
  query.toArray({ onProgress });
}
