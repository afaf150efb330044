/**
 * Every f32 there is, through every elementary function of one argument: `npm run test:exhaustive`, or for some of them
 * `npm run test:exhaustive -- exp sin`. Takes minutes. Prints the largest error of each, in units in the last place (ulp), and
 * where; fails if one is over 1 ulp.
 *
 * The reference is the f64 function, whose own error (under 1 ulp of f64, see test/math) is 2 ** -29 ulp of f32. An f32 result
 * that is the rounded reference is within half an ulp (and those 2 ** -29); only the others are looked at one by one.
 */
import { createRuntime } from "dotcompute";

/* eslint-disable no-console -- this is a program */

const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  exp: x => Math.exp(x),
  exp2: x => 2 ** x,
  expm1: x => Math.expm1(x),
  log: x => Math.log(x),
  log1p: x => Math.log1p(x),
  log2: x => Math.log2(x),
  log10: x => Math.log10(x),
  sin: x => Math.sin(x),
  cos: x => Math.cos(x),
  tan: x => Math.tan(x),
  asin: x => Math.asin(x),
  acos: x => Math.acos(x),
  atan: x => Math.atan(x),
  sinh: x => Math.sinh(x),
  cosh: x => Math.cosh(x),
  tanh: x => Math.tanh(x),
  asinh: x => Math.asinh(x),
  acosh: x => Math.acosh(x),
  atanh: x => Math.atanh(x),
  cbrt: x => Math.cbrt(x),
};

const CHUNK = 2 ** 20;
const runtime = createRuntime({ backend: "cpu" });
const patterns = new Uint32Array(CHUNK);
const inputs = new Float32Array(patterns.buffer);
const found = new Float32Array(CHUNK);
const exact = new Float64Array(CHUNK);

/** The distance of neighbouring f32s about a number: the unit that errors are told in. */
function ulp(value: number): number {
  let exponent = Math.floor(Math.log2(Math.abs(value)));
  if (2 ** exponent > Math.abs(value)) exponent--;
  return 2 ** Math.max(exponent - 23, -149);
}

interface Worst {
  error: number;
  at: number;
  /** Results that are not the nearest f32. */
  misrounded: number;
}

function look(worst: Worst): void {
  for (let place = 0; place < CHUNK; place++) {
    const [is, wanted] = [found[place] as number, exact[place] as number];
    const nearest = Math.fround(wanted);
    if (is === nearest && is !== 0) continue;
    if (Object.is(is, nearest)) continue;
    worst.misrounded++;
    // Beyond the largest f32, infinity stands for the next number that there would be.
    const bounded = Math.abs(is) === Infinity ? Math.sign(is) * 2 ** 128 : is;
    const error = Number.isNaN(is) || Number.isNaN(wanted) || (is === 0 && wanted === 0) ? Infinity : Math.abs(bounded - wanted) / ulp(wanted);
    if (!(error > worst.error)) continue;
    worst.error = error;
    worst.at = inputs[place] as number;
  }
}

const wanted = process.argv.slice(2);
let failed = false;
for (const [name, f] of Object.entries(FUNCTIONS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const start = performance.now();
  const worst: Worst = { error: 0, at: NaN, misrounded: 0 };
  const single = runtime.compute(inputs).map(f);
  const double = runtime.compute(inputs).as(Float64Array).map(f);
  for (let begin = 0; begin < 2 ** 32; begin += CHUNK) {
    for (let place = 0; place < CHUNK; place++) patterns[place] = begin + place;
    single.toArray({ into: found });
    double.toArray({ into: exact });
    look(worst);
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const largest = worst.misrounded === 0 ? "0.5 (always the nearest f32)" : `${worst.error.toFixed(4)} ulp at ${String(worst.at)}`;
  console.log(`${name}: largest error ${largest}; ${String(worst.misrounded)} of 2 ** 32 results not the nearest f32 (${seconds} s)`);
  failed ||= worst.error > 1;
}
process.exitCode = failed ? 1 : 0;
