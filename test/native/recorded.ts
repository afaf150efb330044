/** Queries that between them reach every loop of native/rt through everything in front of it, as kernels, calls and JavaScript's own results. */
import type { KernelCall, KernelResult } from "../../fusion/call.js";
import type { Kernel } from "../../fusion/ir.js";
import { verify } from "../../fusion/verify.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { range, type Runtime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { SPECIAL } from "../laws/special.js";
import { dataOf } from "../fusion/by-hand.js";
import type { ElementType } from "../../fusion/types.js";
import type { AnyTypedArray } from "../../fusion/values.js";

/** What the lambdas below are handed by name. */
declare const k: number, lut: Float64Array, m: bigint;

/** Every special value of the type at some place, and values of every size between. */
function wild<A extends AnyTypedArray>(element: ElementType, length: number): A {
  const array = dataOf(element, length, true);
  const scalar = element === "f64" || element === "f32" || element === "i64" || element === "u64" || element === "u32" ? element : "i32";
  const values = SPECIAL[scalar];
  for (let at = 0; at < length; at += 2) array[at] = values[(at / 2 + length) % values.length] as never;
  return array as A;
}

/** Small numbers, for what takes as many turns as an element says. */
const small = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => ((i * 37) % 211) / 60 - 2);

export interface NamedQuery {
  readonly name: string;
  readonly run: (runtime: Runtime, n: number) => unknown;
}

export const QUERIES: readonly NamedQuery[] = [
  { name: "map of f64", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).map(x => (x * 0.5 - 3) / x).toArray() },
  { name: "map of f32", run: ({ compute }, n) => compute(wild<Float32Array>("f32", n)).map((x, i) => Math.sqrt(Math.abs(x)) + i).toArray() },
  { name: "i32 arithmetic", run: ({ compute }, n) => compute(wild<Int32Array>("i32", n)).map(x => (Math.imul(x, 31) ^ (x >>> 3)) + ((x << 5) | 1) - (x % 7), Int32Array).toArray() },
  { name: "bytes", run: ({ compute }, n) => compute(wild<Uint8Array>("u8", n)).map(x => 255 - x * 2 + 0.5, Uint8ClampedArray).toArray() },
  { name: "conversions", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).map(x => (x | 0) + (x >>> 0) + Math.fround(x) + Math.clz32(x), Float32Array).toArray() },
  { name: "f64 to i16", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).filter(x => x !== 0).map(x => x | 0, Int16Array).toArray() },
  { name: "rounding", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).map(x => Math.floor(x) + Math.ceil(x * 3) * Math.round(x / 7) - Math.trunc(x) + Math.sign(x)).toArray() },
  { name: "rounding of f32", run: ({ compute }, n) => compute(wild<Float32Array>("f32", n)).map(x => Math.fround(Math.floor(x)) - Math.fround(Math.round(x)), Float32Array).toArray() },
  { name: "least and greatest", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).map((x, i) => Math.min(x, i % 3 - 1) / Math.max(x, -0)).toArray() },
  { name: "remainders", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).map((x, i) => x % (i - 5)).toArray() },
  { name: "BigInts", run: ({ compute }, n) => compute(wild<BigInt64Array>("i64", n)).map((x, i) => (x * m + BigInt(i)) ^ (x >> 7n), { m: 3037000500n }).filter(x => x > -5n).toArray() },
  { name: "BigInts as numbers", run: ({ compute }, n) => compute(wild<BigUint64Array>("u64", n)).map(x => Number(x) * 0.5, Float64Array).toArray() },
  { name: "exp and log", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).map(x => Math.exp(x) + Math.log(x)).toArray() },
  { name: "sines and powers", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).map(x => Math.sin(x) * Math.cos(x * 0.5) + Math.pow(Math.abs(x), 0.3)).toArray() },
  { name: "functions of f32", run: ({ compute }, n) => compute(wild<Float32Array>("f32", n)).map(x => Math.tanh(x) + Math.atan(x) + Math.cbrt(x), Float32Array).toArray() },
  { name: "filter of f32", run: ({ compute }, n) => compute(wild<Float32Array>("f32", n)).filter(x => x > k, { k: 0.5 }).toArray() },
  { name: "filter of i8", run: ({ compute }, n) => compute(wild<Int8Array>("i8", n)).filter((x, i) => (x ^ i) % 3 !== 0).toArray() },
  { name: "filters of u8", run: ({ compute }, n) => [compute(wild<Uint8Array>("u8", n)).filter(x => x > 100).map(x => 255 - x).toArray(), compute(wild<Uint8Array>("u8", n)).filter(x => x !== 0).map(x => (x * 77) >> 7, Uint8Array).toArray()] },
  { name: "filter of i16", run: ({ compute }, n) => compute(wild<Int16Array>("i16", n)).filter(x => x > k, { k: -1.5 }).toArray() },
  { name: "bytes at a threshold", run: ({ compute }, n) => compute({ a: wild<Uint8Array>("u8", n), b: wild<Int8Array>("i8", n) }).map(r => (r.a > 128 || r.b < k ? 255 : r.a >> 1), Uint8Array, { k: -3 }).toArray() },
  { name: "sums within bounds", run: ({ compute }, n) => [compute(wild<Uint8ClampedArray>("u8c", n)).map(x => x - 40).toArray(), compute(wild<Uint8Array>("u8", n)).map(x => Math.min(255, x + 77)).toArray(), compute({ a: wild<Int16Array>("i16", n), b: wild<Int16Array>("i16", n).reverse() }).map(r => Math.max(-32768, Math.min(32767, r.a + r.b)), Int16Array).toArray()] },
  { name: "least, greatest and sums of i8 and u16", run: ({ compute }, n) => [compute(wild<Int8Array>("i8", n)).aggregate({ least: q => q.min(), most: q => q.max(), sum: q => q.sum() }).value(), compute(wild<Uint16Array>("u16", n)).filter(x => x > 7).aggregate({ least: q => q.min(), most: q => q.max(), sum: q => q.sum() }).value()] },
  { name: "searches of bytes", run: ({ compute }, n) => [compute(wild<Uint8Array>("u8", n)).findIndex(x => x === 254).value(), compute(wild<Int8Array>("i8", n)).find(x => x < -120).value(), compute(wild<Int16Array>("i16", n)).every(x => x < 32767).value(), compute(wild<Uint8Array>("u8", n)).filter(x => x >= k, { k: 127.5 }).count().value()] },
  { name: "filter, map and places", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).filter(x => !(x < 0)).map((x, i) => x - i).toArray() },
  { name: "sum of f32", run: ({ compute }, n) => compute(wild<Float32Array>("f32", n)).filter(x => x < 1e30).sum().value() },
  { name: "fold in lanes", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).reduce((a, x) => a + x * x, 0).value() },
  { name: "fold from left to right", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).filter(x => x > -1e9 && x < 1e9).reduce((a, x) => a * 0.5 - x, 1).value() },
  { name: "least, greatest, mean and variance", run: ({ compute }, n) => compute(small(n)).aggregate({ least: q => q.min(), most: q => q.max(), mean: q => q.average(), count: q => q.filter(x => x > 0).count(), spread: q => q.variance() }).value() },
  { name: "several arrays", run: ({ compute }, n) => compute({ a: wild<Float64Array>("f64", n), b: wild<Int32Array>("i32", n) }).filter(r => r.b > 0).map(r => ({ sum: r.a + r.b, b: r.b })).toColumns() },
  { name: "scan of f64", run: ({ compute }, n) => compute(wild<Float64Array>("f64", n)).map(x => (x > 1e6 || x < -1e6 ? 0.1 : x)).scan((a, x) => a + x).toArray() },
  { name: "greatest so far", run: ({ compute }, n) => compute(wild<Float32Array>("f32", n)).scan((a, x) => Math.max(a, x), -1).toArray() },
  { name: "scan from left to right", run: ({ compute }, n) => compute(small(n)).scan((a, x) => a * 0.75 + x, 0).toArray() },
  { name: "searches", run: ({ compute }, n) => [compute(wild<Float64Array>("f64", n)).findIndex(x => x === 2 ** 31).value(), compute(wild<Int32Array>("i32", n)).some(x => x === 12345).value(), compute(wild<Float32Array>("f32", n)).every(x => x >= 0 || x < 0).value()] },
  { name: "counts", run: ({ compute }, n) => [compute(wild<Float32Array>("f32", n)).filter(x => x > 0.5).count().value(), compute(range(n)).filter(x => x % 3 === 1).count().value()] },
  { name: "windows", run: ({ compute }, n) => [compute(wild<Float64Array>("f64", n)).window(5, { edge: "clamp" }).average().toArray(), compute(wild<Float32Array>("f32", n)).neighbours([-1, 0, 2], { edge: "wrap" }).map(([a, b, c]) => a - 2 * b + c).toArray()] },
  { name: "captured arrays", run: ({ compute }, n) => compute(wild<Uint8Array>("u8", n)).map((x, i) => (x > 100 ? lut[x & 15]! : lut[i % lut.length]!) * k, Float64Array, { lut: Float64Array.from({ length: 16 }, (_, i) => i * i - 7.5), k: 0.1 }).toArray() },
  {
    name: "escape time",
    run: ({ compute }, n) =>
      compute(small(n)).map(c => {
        let x = 0, y = 0, turns = 0;
        while (x * x + y * y < 4 && turns < 40) {
          const next = x * x - y * y + c;
          y = 2 * x * y + 0.25;
          x = next;
          turns += 1;
        }
        return turns;
      }).toArray(),
  },
  { name: "branches", run: ({ compute }, n) => compute(wild<Float32Array>("f32", n)).map(x => { if (x > 1) return x > 100 ? 7 : x * 2; if (x !== x) return -1; return -x; }).toArray() },
];

export interface Recorded {
  readonly name: string;
  readonly kernel: Kernel;
  readonly calls: readonly { readonly call: KernelCall; readonly result: KernelResult }[];
}

const copied = <A extends AnyTypedArray>(array: A): A => array.slice() as A;

/** Runs every query at every length on the JavaScript backend and keeps what its kernels were called with, and what they gave. */
export function recordQueries(lengths: readonly number[], queries: readonly NamedQuery[] = QUERIES): readonly Recorded[] {
  const backend = createJsBackend();
  return queries.flatMap(({ name, run }) => {
    const kernels = new Map<Kernel, { call: KernelCall; result: KernelResult }[]>();
    const compile = (kernel: Kernel) => {
      const compiled = backend.compile(kernel);
      const calls: { call: KernelCall; result: KernelResult }[] = [];
      kernels.set(kernel, calls);
      return {
        ...compiled,
        backend: "js" as const,
        kernel,
        start: () => Promise.reject(new Error("queries are recorded as they run now")),
        run(call: KernelCall): KernelResult {
          const kept = { ...call, source: call.source === null ? null : copied(call.source), arrays: call.arrays.map(copied), output: null };
          const result = compiled.run(call);
          calls.push({ call: kept, result: { ...result, output: result.output === null ? null : copied(result.output) } });
          return result;
        },
      };
    };
    const runtime = runtimeOn({ backend: "js" }, { js: () => ({ compile }), cpu: () => { throw new Error("only JavaScript is asked for"); } });
    for (const length of lengths) run(runtime, length);
    return [...kernels].map(([kernel, calls], place) => ({ name: `${name}, kernel ${place + 1}`, kernel: verify(kernel, name), calls }));
  });
}
