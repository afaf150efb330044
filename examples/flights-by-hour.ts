/**
 * When, and where, are flights late? Twenty thousand flights by the hour of their departure, west and east; and the airports whose
 * flights are the latest, each beside what its flights come to. Checked against the same over arrays of objects.
 *
 *     npm run example:flights-by-hour
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { compute } from "dotcompute";
import { count } from "./progress.js";
import { table } from "./table.js";

interface Flight {
  readonly date: string;
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
}

const data = path.join(path.dirname(createRequire(import.meta.url).resolve("vega-datasets")), "..", "data");
const airportLines = readFileSync(path.join(data, "airports.csv"), "utf8").trim().split("\n").slice(1).map(line => line.match(/("[^"]*"|[^,]+)/g) as string[]);
const list = JSON.parse(readFileSync(path.join(data, "flights-20k.json"), "utf8")) as readonly Flight[];

const flights = {
  hour: Uint8Array.from(list, ({ date }) => Number(date.slice(11, 13))),
  delay: Int16Array.from(list, ({ delay }) => delay),
  origin: list.map(({ origin }) => origin),
};
const airports = {
  code: airportLines.map(([code]) => code as string),
  name: airportLines.map(([, name]) => name as string),
  longitude: Float64Array.from(airportLines, line => Number(line.at(-1))),
};

const late = 15;
const byHour = compute(flights)
  .join(compute(airports), f => f.origin, a => a.code, (f, a) => ({ hour: f.hour, delay: f.delay, west: a.longitude < -100 }))
  .groupBy(f => ({ hour: f.hour, west: f.west }))
  .aggregate({ flights: g => g.count(), delay: g => g.average(f => f.delay), late: g => g.average(f => Number(f.delay > late), { late }), worst: g => g.max(f => f.delay) })
  .orderBy(r => r.hour)
  .thenBy(r => r.west)
  .toRows();

const least = 100;
const latest = compute(airports)
  .groupJoin(compute(flights), a => a.code, f => f.origin, { flights: g => g.count(), delay: g => g.average(f => f.delay) })
  .filter(r => r.flights >= least, { least })
  .top(8, r => r.delay)
  .toRows();

const longitudeOf = new Map(airports.code.map((code, at) => [code, airports.longitude[at]]));
const isWest = list.map(({ origin }) => Number((longitudeOf.get(origin) ?? NaN) < -100));
let wrong = 0;
for (const { hour, west, flights: n, delay, worst } of byHour) {
  const delays = list.filter((flight, i) => Number(flight.date.slice(11, 13)) === hour && isWest[i] === west).map(flight => flight.delay);
  if (n !== delays.length || delay !== delays.reduce((sum, x) => sum + x, 0) / n || worst !== Math.max(...delays)) wrong++;
}
const plain = [...new Set(list.map(({ origin }) => origin))]
  .map(origin => list.filter(flight => flight.origin === origin))
  .filter(group => group.length >= least)
  .map(group => group.reduce((sum, { delay }) => sum + delay, 0) / group.length)
  .sort((a, b) => b - a);
if (latest.some(({ delay }, at) => delay !== plain[at])) wrong++;

const percent = (share: number | undefined): string => (share === undefined ? "" : `${(share * 100).toFixed(1)} %`);
const minutes = (time: number | undefined): string => (time === undefined ? "" : time.toFixed(1));
const hours = [...new Set(byHour.map(({ hour }) => hour))].map(hour => [0, 1].map(west => byHour.find(row => row.hour === hour && row.west === west)));
console.log(
  table(
    [{ title: "Hour" }, ...["East", "Mean delay", `Over ${late} min`, "West", "Mean delay", `Over ${late} min`].map(title => ({ title, align: "right" as const }))],
    hours.map(sides => [`${sides[0]?.hour ?? sides[1]?.hour}`.padStart(2, "0"), ...sides.flatMap(row => [count(row?.flights ?? 0), minutes(row?.delay), percent(row?.late)])]),
  ),
);
console.log(
  `\n${table([{ title: `Latest airports of ${least} flights or more` }, { title: "Flights", align: "right" }, { title: "Mean delay", align: "right" }], latest.map(row => [`${row.code} ${row.name}`, count(row.flights), minutes(row.delay)]))}`,
);
console.log(`\n${byHour.length} hours, west and east; ${wrong === 0 ? "all as over arrays of objects" : `${wrong} ARE WRONG`}`);
process.exitCode = wrong === 0 ? 0 : 1;
