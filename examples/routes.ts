/**
 * Which airports send the most miles into the air? Routes of a year joined with the places of their airports, the distance along the
 * globe computed in the kernel behind the joins, and summed for each origin; checked against the same in plain JavaScript.
 *
 *     npm run example:routes
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { compute } from "dotcompute";
import { count } from "./progress.js";
import { table } from "./table.js";

const data = path.join(path.dirname(createRequire(import.meta.url).resolve("vega-datasets")), "..", "data");
const lines = (file: string): string[][] => readFileSync(path.join(data, file), "utf8").trim().split("\n").slice(1).map(line => line.match(/("[^"]*"|[^,]+)/g) as string[]);

const airportLines = lines("airports.csv");
const routeLines = lines("flights-airport.csv");
const airports = {
  code: airportLines.map(([code]) => code as string),
  name: airportLines.map(([, name]) => name as string),
  latitude: Float64Array.from(airportLines, line => Number(line.at(-2))),
  longitude: Float64Array.from(airportLines, line => Number(line.at(-1))),
};
const routes = {
  origin: routeLines.map(([from]) => from as string),
  destination: routeLines.map(([, to]) => to as string),
  flights: Int32Array.from(routeLines, ([, , flights]) => Number(flights)),
};

/** Miles along the globe (haversine). */
const miles = (latitude: number, longitude: number, toLatitude: number, toLongitude: number): number => {
  const radians = Math.PI / 180;
  const rise = Math.sin(((toLatitude - latitude) * radians) / 2);
  const turn = Math.sin(((toLongitude - longitude) * radians) / 2);
  return 2 * 3958.8 * Math.asin(Math.sqrt(rise * rise + Math.cos(latitude * radians) * Math.cos(toLatitude * radians) * turn * turn));
};

const places = compute(airports);
const byOrigin = compute(routes)
  .join(places, r => r.origin, a => a.code, (r, a) => ({ ...r, name: a.name, latitude: a.latitude, longitude: a.longitude }))
  .join(places, r => r.destination, a => a.code, (r, to) => ({ origin: r.origin, name: r.name, flights: r.flights, miles: r.flights * miles(r.latitude, r.longitude, to.latitude, to.longitude) }), { miles })
  .groupBy(r => r.origin)
  .aggregate({ name: g => g.first(r => r.name), routes: g => g.count(), flights: g => g.sum(r => r.flights), miles: g => g.sum(r => r.miles), longest: g => g.max(r => r.miles / r.flights) });
const top = byOrigin.orderByDescending(r => r.miles).take(8).toRows();

const placeOf = new Map(airports.code.map((code, at) => [code, [airports.latitude[at] as number, airports.longitude[at] as number] as const]));
const plain = new Map<string, number>();
routes.origin.forEach((origin, i) => {
  const [from, to] = [placeOf.get(origin), placeOf.get(routes.destination[i] as string)];
  if (from === undefined || to === undefined) return;
  plain.set(origin, (plain.get(origin) ?? 0) + (routes.flights[i] as number) * miles(...from, ...to));
});
const wrong = byOrigin.toRows().filter(({ key, miles: sum }) => Math.abs(sum - (plain.get(key) ?? NaN)) > 1e-9 * sum);

console.log(
  table(
    [{ title: "Airport" }, { title: "Routes", align: "right" }, { title: "Flights", align: "right" }, { title: "Million miles", align: "right" }, { title: "Longest", align: "right" }],
    top.map(row => [`${row.key} ${row.name}`, count(row.routes), count(row.flights), (row.miles / 1e6).toFixed(1), `${count(Math.round(row.longest))} mi`]),
  ),
);
console.log(`\n${count(plain.size)} origins; ${wrong.length === 0 ? "all as in plain JavaScript" : `${wrong.length} ARE WRONG`}`);
process.exitCode = wrong.length === 0 ? 0 : 1;
