/** What is printed of the elementary functions' times, and by what they are judged. */
import { nanoseconds, type ElementaryRow, type ElementaryTimes } from "./elementary.js";
import { ratio, type Table, type Target } from "./tables.js";

/** Every function must be so many times as fast as the array method with a lambda of `Math`. */
const LEAST_GAIN = 5;

const figure = (seconds: number | null): string => (seconds === null ? "not installed" : (seconds * 1e9).toPrecision(3));
const share = ({ query, sleef }: ElementaryRow): string => (sleef === null ? "" : `${(query / sleef).toFixed(2)} ×`);

export const elementaryTable = ({ rows }: ElementaryTimes): Table => ({
  headings: ["function", "type", "arguments", "dotcompute", "SLEEF", "libm", "JS loop", "array.map", "÷ SLEEF", "libm ÷", "array.map ÷"],
  words: 3,
  rows: rows.map(row => {
    const times = (other: number): string => `${ratio(other / row.query)} ×`;
    return [
      row.function,
      row.type,
      row.spread,
      figure(row.query),
      figure(row.sleef),
      figure(row.libm),
      figure(row.loop),
      figure(row.map),
      share(row),
      times(row.libm),
      times(row.map),
    ];
  }),
});

export const elementaryLegend = ({ block, elements, lack }: ElementaryTimes): readonly string[] => [
  `Elementary functions: nanoseconds for one element, one thread, medians; ${elements.toExponential().replace("e+", "e")} elements and more, in blocks of ${block.f64} (f32: ${block.f32}), input and output in cache.`,
  "dotcompute: a whole query for each block, x => Math.exp(x), with { into }; of two arguments (x, i) => Math.pow(x, other[i]), where the others load both.",
  `SLEEF: its functions of at most 1 ulp on the same instruction set, in a C++ loop${lack === null ? "" : ` (not measured: ${lack})`}; libm: the C library's, one by one.`,
  "Last columns: dotcompute's time in times of SLEEF's (less is better); the times of libm and of array.map in times of dotcompute's (more is better).",
];

export function elementaryTargets({ rows }: ElementaryTimes): readonly Target[] {
  const targets: Target[] = [];
  for (const row of rows) {
    const { query, sleef, map, limit } = row;
    const title = `${row.function} of ${row.type}, ${row.spread}`;
    if (limit !== null && sleef !== null) {
      targets.push({
        what: `${title}: time of SLEEF's (${nanoseconds(sleef)})`,
        limit: `≤ ${limit.toFixed(2)} ×`,
        measured: share(row),
        met: query / sleef <= limit,
      });
    }
    targets.push({ what: `${title}: times as fast as array.map with Math`, limit: `≥ ${LEAST_GAIN} ×`, measured: `${ratio(map / query)} ×`, met: map / query >= LEAST_GAIN });
  }
  return targets;
}
