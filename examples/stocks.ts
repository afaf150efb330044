/**
 * Twenty years of the S&P 500, day by day: moving averages and daily changes are windows, the fall from the highest so far is a scan,
 * and all of it comes to a row for each year. Checked, bit for bit, against plain loops.
 *
 *     npm run example:stocks
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { compute } from "dotcompute";
import { count } from "./progress.js";
import { table } from "./table.js";

const data = path.join(path.dirname(createRequire(import.meta.url).resolve("vega-datasets")), "..", "data");
const days = readFileSync(path.join(data, "sp500-2000.csv"), "utf8").trim().split("\n").slice(1).map(line => line.split(","));
const year = Uint16Array.from(days, ([date]) => Number((date as string).slice(0, 4)));
const price = Float64Array.from(days, line => Number(line[4]));

const span = 200;
const prices = compute(price);
const change = prices.neighbours([-1, 0], { edge: "clamp" }).map(([before, now]) => now / before - 1).toArray();
const fall = prices.zip(prices.scan((peak, x) => Math.max(peak, x)), (x, peak) => x / peak - 1).toArray() as Float64Array;
// The first days have no average yet.
const mean = new Float64Array(price.length).fill(NaN);
mean.set(prices.window(span).average().toArray(), span - 1);

const years = compute({ year, price, change, fall, mean })
  .groupBy(r => r.year)
  .aggregate({
    close: g => g.last(r => r.price),
    best: g => g.max(r => r.change),
    worst: g => g.min(r => r.change),
    deepest: g => g.min(r => r.fall),
    above: g => g.average(r => Number(r.price > r.mean)),
  })
  .toRows();

let peak = -Infinity;
const plain = Array.from(price, (now, day) => {
  peak = Math.max(peak, now);
  const sum = day < span - 1 ? NaN : price.slice(day - span + 1, day + 1).reduce((total, x) => total + x, 0);
  return { change: now / (price[Math.max(day - 1, 0)] as number) - 1, fall: now / peak - 1, mean: sum / span };
});
let wrong = plain.filter((day, at) => !Object.is(day.change, change[at]) || !Object.is(day.fall, fall[at]) || !Object.is(day.mean, mean[at])).length;
for (const row of years) {
  const own = plain.map((day, at) => ({ ...day, price: price[at] as number })).filter((_, at) => year[at] === row.key);
  const above = own.filter(day => day.price > day.mean).length / own.length;
  const [best, worst, deepest] = [Math.max(...own.map(day => day.change)), Math.min(...own.map(day => day.change)), Math.min(...own.map(day => day.fall))];
  if (row.close !== own.at(-1)?.price || row.best !== best || row.worst !== worst || row.deepest !== deepest || row.above !== above) wrong++;
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
console.log(
  table(
    ["Year", "Close", "Of the year", "Best day", "Worst day", "Below its peak", `Above its ${span}-day mean`].map((title, at) => ({ title, align: at === 0 ? "left" : "right" })),
    years.map((row, at) => [`${row.key}`, row.close.toFixed(1), percent(row.close / (years[at - 1]?.close ?? (price[0] as number)) - 1), percent(row.best), percent(row.worst), percent(row.deepest), row.key === year[0] ? "" : percent(row.above)]),
  ),
);
console.log(`\n${count(price.length)} days; ${wrong === 0 ? "all as in plain loops, bit for bit" : `${wrong} ARE WRONG`}`);
process.exitCode = wrong === 0 ? 0 : 1;
