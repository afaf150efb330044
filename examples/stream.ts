/**
 * A stream of four gigabytes through a few megabytes: a sensor's readings, which nobody keeps, come in chunks in a buffer that is used
 * again and again. Answers are checked against what they must be, and the memory that was needed against a bound.
 *
 *     npm run example:stream
 */
import { compute, stream } from "dotcompute";
import { count } from "./progress.js";
import { table } from "./table.js";

const chunk = 2 ** 18;
const chunks = 2048;
const length = chunk * chunks;

/** Readings repeat after a thousand: 0, 7, 14 … modulo 1000. The buffer is the same every time. */
function* readings(): Generator<Float64Array> {
  const buffer = new Float64Array(chunk);
  for (let n = 0; n < chunks; n++) {
    for (let i = 0, value = (7 * ((n * chunk) % 1000)) % 1000; i < chunk; i++) {
      buffer[i] = value;
      value += 7;
      if (value >= 1000) value -= 1000;
    }
    yield buffer;
  }
}
const source = () => compute(stream(readings(), Float64Array));

const started = performance.now();
const limit = 900;
const answers = {
  sum: await source().sum(),
  "over the limit": await source().filter(x => x > limit, { limit }).count(),
  "mean square": (await source().reduce((sum, x) => sum + x * x, 0)) / length,
};
const seconds = (performance.now() - started) / 1000;

/** What each must be: of whole thousands, and of those that are left over. */
const total = (f: (x: number) => number): number => {
  const values = Array.from({ length: 1000 }, (_, i) => f((7 * i) % 1000));
  const sum = (some: readonly number[]): number => some.reduce((a, x) => a + x, 0);
  return Math.floor(length / 1000) * sum(values) + sum(values.slice(0, length % 1000));
};
const expected = { sum: total(x => x), "over the limit": total(x => Number(x > limit)), "mean square": total(x => x * x) / length };

// Node itself takes some fifty megabytes.
const [bound, peak] = [256, process.resourceUsage().maxRSS / 1024];
const rows = Object.entries(answers).map(([name, answer]) => [name, count(answer), answer === expected[name as keyof typeof expected] ? "as it must be" : `NO, ${expected[name as keyof typeof expected]}`]);
const good = rows.every(([, , verdict]) => verdict === "as it must be") && peak < bound;
console.log(table([{ title: "Of the stream" }, { title: "Answer", align: "right" }, { title: "" }], rows));
console.log(`\n${count(length)} readings, ${count((length * 8) / 2 ** 20)} MiB, three times in ${seconds.toFixed(1)} s`);
console.log(`peak memory ${count(Math.round(peak))} MiB of the whole process: ${peak < bound ? `less than ${bound}` : `MORE THAN ${bound}`}`);
process.exitCode = good ? 0 : 1;
