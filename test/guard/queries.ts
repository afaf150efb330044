/** The kernels whose instructions are counted. */
import type { NamedQuery } from "../native/recorded.js";

const halves = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => ((i * 37) % 211) / 60 - 1.5);
const singles = (n: number): Float32Array => Float32Array.from(halves(n));
const whole = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => Math.imul(i, 2654435769));

const bytes = (n: number): Uint8Array => Uint8Array.from(whole(n), x => x >>> 24);
const shorts = (n: number): Int16Array => Int16Array.from(whole(n), x => x >> 16);

export const GUARDED: readonly NamedQuery[] = [
  { name: "map of f32", run: ({ compute }, n) => compute(singles(n)).map(x => x * 2 + 1, Float32Array).toArray() },
  { name: "map of f64", run: ({ compute }, n) => compute(halves(n)).map(x => x * 2 + 1).toArray() },
  { name: "filter of f32", run: ({ compute }, n) => compute(singles(n)).filter(x => x > 0).toArray() },
  { name: "filter of u8", run: ({ compute }, n) => compute(bytes(n)).filter(x => x > 128).toArray() },
  { name: "filter of i16", run: ({ compute }, n) => compute(shorts(n)).filter(x => x > 100).toArray() },
  { name: "u8 at a threshold", run: ({ compute }, n) => compute(bytes(n)).map(x => (x > 128 ? 255 : 0)).toArray() },
  { name: "least, greatest and sum of u8", run: ({ compute }, n) => compute(bytes(n)).aggregate({ least: q => q.min(), most: q => q.max(), sum: q => q.sum() }).value() },
  { name: "search in u8", run: ({ compute }, n) => compute(bytes(n)).some(x => x > 200 && x < 100).value() },
  { name: "sum of f64", run: ({ compute }, n) => compute(halves(n)).sum().value() },
  { name: "sum of f32", run: ({ compute }, n) => compute(singles(n)).filter(x => x > 0.5).sum().value() },
  { name: "least, greatest and mean", run: ({ compute }, n) => compute(halves(n)).aggregate({ least: q => q.min(), most: q => q.max(), mean: q => q.average() }).value() },
  { name: "scan of f64", run: ({ compute }, n) => compute(halves(n)).scan((a, x) => a + x).toArray() },
  { name: "average of windows", run: ({ compute }, n) => compute(halves(n)).window(5, { edge: "clamp" }).average().toArray() },
  { name: "exp times sin", run: ({ compute }, n) => compute(halves(n)).map(x => Math.exp(x) * Math.sin(x)).toArray() },
  {
    name: "escape time",
    run: ({ compute }, n) =>
      compute(halves(n)).map(c => {
        let x = 0, y = 0, turns = 0;
        while (x * x + y * y < 4 && turns < 16) {
          const next = x * x - y * y + c;
          y = 2 * x * y + 0.25;
          x = next;
          turns += 1;
        }
        return turns;
      }).toArray(),
  },
  { name: "i32 arithmetic", run: ({ compute }, n) => compute(whole(n)).map(x => (Math.imul(x, 31) ^ (x >>> 3)) + ((x << 5) | 1)).toArray() },
];
