/** The public types: every `@ts-expect-error` must be an error, and everything else must compile. Nothing here runs. */
import { compute, createRuntime, range, type LazyValue, type Query, type RunInfo, type Trace, type Verification } from "../../src/index.js";
import { expectType } from "./expect.js";

export function sources(anything: Float32Array | BigInt64Array): void {
  expectType<Query<Int8Array>>()(compute(new Int8Array(1)));
  expectType<Query<Uint8Array>>()(compute(new Uint8Array(1)));
  expectType<Query<Uint8Array>>()(compute(Buffer.alloc(1)));
  expectType<Query<Uint8ClampedArray>>()(compute(new Uint8ClampedArray(1)));
  expectType<Query<Int16Array>>()(compute(new Int16Array(1)));
  expectType<Query<Uint16Array>>()(compute(new Uint16Array(1)));
  expectType<Query<Int32Array>>()(compute(new Int32Array(new SharedArrayBuffer(4))));
  expectType<Query<Uint32Array>>()(compute(new Uint32Array(1)));
  expectType<Query<BigInt64Array>>()(compute(new BigInt64Array(1)));
  expectType<Query<BigUint64Array>>()(compute(new BigUint64Array(1)));
  expectType<Query<Float32Array>>()(compute(new Float32Array(1)));
  expectType<Query<Float64Array>>()(compute(new Float64Array(1)));
  expectType<Query<Float64Array>>()(compute([1, 2, 3]));
  expectType<Query<Float64Array>>()(compute([1, 2, 3] as const));
  expectType<Query<Float64Array>>()(compute(range(10)));
  expectType<Query<Float32Array | BigInt64Array>>()(compute(anything));
  expectType<Query<Uint8Array>>()(createRuntime({ onRun: (info: RunInfo) => void info.backend }).compute(new Uint8Array(1)));
  expectType<Query<Uint8Array>>()(compute(new Uint8Array(1), { runtime: createRuntime({ backend: "js", cacheFolder: "/tmp/k", compiler: "g++", log: () => {} }) }));
  // @ts-expect-error a string is no source
  compute("abc");
  // @ts-expect-error nor is an array of BigInts
  compute([1n]);
  // @ts-expect-error nor a number
  compute(10);
  // @ts-expect-error nor a buffer without a type
  compute(new ArrayBuffer(8));
  // @ts-expect-error backends have names
  createRuntime({ backend: 1 });
  createRuntime({ plugins: [{ name: "mine", compile: () => ({ run: () => ({ count: 0, position: -1, rank: 0, value: 0, output: null }) }) }], backend: ["mine", "cpu"] });
  // @ts-expect-error an accelerator compiles
  createRuntime({ plugins: [{ name: "mine" }] });
}

export async function verbs(): Promise<void> {
  const floats = compute(new Float32Array(1));
  const bigs = compute(new BigInt64Array(1));
  expectType<Float32Array>()(floats.map(x => x * 2).toArray());
  expectType<Float32Array>()(floats.map((x, i) => x * i).filter(x => x > 0).toArray());
  expectType<Float64Array>()(floats.map(x => x * 2, Float64Array).toArray());
  expectType<Uint8Array>()(floats.map(x => x > 2, Uint8Array).toArray());
  expectType<BigInt64Array>()(floats.map(x => BigInt(x), BigInt64Array).toArray());
  expectType<Uint8ClampedArray>()(floats.as(Uint8ClampedArray).toArray());
  expectType<BigUint64Array>()(bigs.as(BigUint64Array).map(x => x * 2n).toArray());
  expectType<Float64Array>()(bigs.map(x => Number(x), Float64Array).toArray());
  expectType<BigInt64Array>()(bigs.map(x => x > 0n).toArray());
  expectType<Float32Array>()(floats.on("cpu").toArray());
  expectType<Float32Array>()(await floats.toArrayAsync({ into: new Float32Array(1), signal: AbortSignal.timeout(1) }));
  expectType<Float32Array>()(floats.toArray({ into: new Float32Array(new SharedArrayBuffer(4)) }));
  // @ts-expect-error a BigInt is no element of a Float32Array
  floats.map(() => 1n);
  // @ts-expect-error a number is no element of a BigInt64Array
  bigs.map(x => Number(x));
  // @ts-expect-error numbers and BigInts do not mix
  bigs.map(x => x * 2);
  // @ts-expect-error the result is headed for a Float64Array
  bigs.map(x => x, Float64Array);
  // @ts-expect-error a lambda gives a value
  floats.map(() => undefined);
  // @ts-expect-error an array is no typed array
  floats.map(x => x, Array);
  // @ts-expect-error a third parameter does not exist
  floats.map((x, _i, _array) => x);
  // @ts-expect-error into has another type
  floats.toArray({ into: new Float64Array(1) });
  // @ts-expect-error a filter gives a truth
  floats.filter(() => "yes");
  // @ts-expect-error backends have names
  floats.on(1);
  // @ts-expect-error queries come from compute
  new Query<Float32Array>();
}

export function captures(): void {
  const floats = compute(new Float32Array(1));
  const k = 1;
  floats.map(x => x * k, { k });
  floats.map(x => x * k, Float64Array, { k, big: 1n, flag: true, table: new Uint8Array(1), clamp: (x: number) => x });
  floats.filter(x => x > k, { k }).some(x => x > k, { k });
  interface Rates { readonly k: number }
  const rates = { k } satisfies Rates;
  floats.map(x => x * k, rates);
  // @ts-expect-error an array of numbers is no capture
  floats.map(x => x * k, { k: [1] });
  // @ts-expect-error nor an object
  floats.map(x => x * k, { k: { a: 1 } });
  // @ts-expect-error nor nothing
  floats.filter(x => x > k, { k: undefined });
  // @ts-expect-error captures have names
  floats.filter(x => x > k, 1);
}

export async function terminals(): Promise<void> {
  const numbers = compute(new Uint16Array(1));
  const bigs = compute(new BigUint64Array(1));
  expectType<LazyValue<number>>()(numbers.sum());
  expectType<LazyValue<bigint>>()(bigs.sum());
  expectType<number>()(await numbers.sum());
  expectType<bigint>()(await bigs.max());
  expectType<number>()(await numbers.min().run({ signal: AbortSignal.timeout(1) }));
  expectType<number>()(numbers.average().value());
  expectType<number>()(numbers.median().value());
  expectType<number>()(await numbers.quantile(0.9));
  expectType<readonly number[]>()(await numbers.quantile([0.1, 0.9]));
  expectType<number>()(bigs.count().value());
  expectType<boolean>()(bigs.some(x => x > 1n).value());
  expectType<boolean>()(bigs.every(x => x > 1n).value());
  expectType<number | undefined>()(numbers.find(x => x > 1).value());
  expectType<bigint | undefined>()(bigs.find(x => x > 1n).value());
  expectType<number>()(bigs.findIndex((x, i) => x > BigInt(i)).value());
  expectType<number | undefined>()(numbers.first().value());
  expectType<bigint | undefined>()(bigs.last().value());
  expectType<number>()(numbers.indexOf(1).value());
  expectType<boolean>()(bigs.includes(1n).value());
  expectType<string>()(bigs.sum().explain());
  expectType<string>()(numbers.source("cpp"));
  expectType<string>()(await numbers.sum().then(x => x.toFixed()));
  // @ts-expect-error BigInts have no average
  bigs.average();
  // @ts-expect-error nor a median
  bigs.median();
  // @ts-expect-error nor quantiles
  bigs.quantile([0.5]);
  // @ts-expect-error an Uint16Array holds numbers
  numbers.indexOf(1n);
  // @ts-expect-error an Uint16Array holds numbers
  numbers.includes("1");
  // @ts-expect-error there is no such language
  numbers.source("ptx");
}

export function reduce(): void {
  const k = 2;
  const numbers = compute(new Int32Array(1));
  const bigs = compute(new BigInt64Array(1));
  expectType<LazyValue<number>>()(numbers.reduce((a, x) => a + x));
  expectType<LazyValue<number>>()(numbers.reduce((a, x, i) => a + x * i, 0));
  expectType<LazyValue<bigint>>()(bigs.reduce((a, x) => a + x));
  expectType<LazyValue<bigint>>()(bigs.reduce((a, x) => a + x, 0n));
  expectType<LazyValue<boolean>>()(bigs.reduce((a, x) => a && x > 0n, true));
  expectType<LazyValue<number>>()(bigs.reduce((a, x) => a + Number(x), 0));
  expectType<LazyValue<number>>()(numbers.reduce((a, x) => a + x * k, 0, { k }, { sequential: true }));
  expectType<LazyValue<number>>()(numbers.reduce((a, x) => a + x * k, undefined, { k }, { combine: (a, b) => a + b }));
  // @ts-expect-error the accumulator is a number
  numbers.reduce((a, x) => a > x, 0);
  // @ts-expect-error a string is no seed
  numbers.reduce((a, x) => a + x, "");
  // @ts-expect-error combine takes accumulators
  numbers.reduce((a, x) => a + x, 0, {}, { combine: (a: string, b: string) => a + b });
  // @ts-expect-error the seed of BigInts is a BigInt
  bigs.reduce((_a, x) => x, 0);
}

export function windows(): void {
  const floats = compute(new Float64Array(1));
  expectType<Query<Float64Array>>()(floats.window(3).map(([a, b, c]) => a + b + c));
  expectType<Query<Float32Array>>()(floats.window(2).map(w => w[0] - w[1], Float32Array));
  expectType<Query<Float64Array>>()(compute(new Int32Array(1)).chunk(5).average());
  expectType<Query<Float32Array>>()(compute(new Float32Array(1)).chunk(2).map(([a, b]) => a - b));
  // @ts-expect-error a chunk of two has no third element
  compute(new Float32Array(1)).chunk(2).map(([a, b, c]) => a - b + c);
  expectType<Query<Float64Array>>()(compute(new Int32Array(1)).window(5, { edge: "constant", value: 0 }).average());
  expectType<Query<BigInt64Array>>()(compute(new BigInt64Array(1)).neighbours([-1, 1]).map(([a, b]) => a * b));
  expectType<number | undefined>()(floats.window(2).map(([a, b]) => ({ a: a * b })).toRows()[0]?.a);
  // @ts-expect-error there is no fourth element
  floats.window(3).map(([a, , , d]) => a + d);
  expectType<Query<Float64Array>>()(floats.scan((a, x) => a + x, 0));
  expectType<Query<Float32Array>>()(floats.scan((a, x) => a + x, 0, {}, { to: Float32Array }));
  expectType<Query<Uint8Array>>()(floats.scan((all, x) => all && x > 0, true, {}, { to: Uint8Array }));
  // @ts-expect-error the accumulator is a number
  floats.scan((a, x) => a > x, 0);
}

export async function looksInside(): Promise<void> {
  const query = compute(new Float64Array(2)).map(x => x * 2);
  expectType<Trace>()(query.trace(0));
  expectType<Trace>()(query.sum().trace(0));
  expectType<Verification>()(await query.verify({ runs: 4, seed: 1 }));
  expectType<Verification>()(await query.sum().verify());
  createRuntime({ selection: "adaptive", validate: 0.01, onMismatch: ({ reason, sources }) => void [reason.length, sources[0].length] });
  // @ts-expect-error: not a way to choose
  createRuntime({ selection: "fastest" });
}
