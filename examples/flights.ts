/**
 * Five questions about three million flights, each asked as one query, timed, and checked against the same chain written with
 * the methods that typed arrays have.
 *
 *     npm start
 */
import { createRuntime, type RunInfo } from "dotcompute";
import { loadFlights } from "./flights-data.js";
import { count, progress } from "./progress.js";
import { table } from "./table.js";

type Answer = number | Int16Array;

interface Question {
  readonly asks: string;
  readonly query: () => PromiseLike<Answer>;
  readonly plain: () => Answer;
  readonly show: (answer: Answer) => string;
}

let last: RunInfo | undefined;
const runtime = createRuntime({ onRun: info => (last = info) });
const { compute } = runtime;

const loading = performance.now();
const { delay, distance } = await loadFlights(progress("Loading flights"));
console.log(`Loaded in ${fixed((performance.now() - loading) / 1000, 1)} s. Five questions:`);

const questions: readonly Question[] = [
  {
    asks: "Mean delay, flights over 1,000 miles",
    query: () => compute(delay).filter((_, i) => distance[i]! > 1000, { distance }).average(),
    plain: () => {
      const long = delay.filter((_, i) => distance[i]! > 1000);
      return long.reduce((sum, minutes) => sum + minutes, 0) / long.length;
    },
    show: minutes => `${fixed(minutes, 3)} min`,
  },
  {
    asks: "Share of flights over 30 min late",
    query: () => compute(delay).map(minutes => minutes > 30).average(),
    plain: () => delay.map(minutes => (minutes > 30 ? 1 : 0)).reduce((sum, late) => sum + late, 0) / delay.length,
    show: share => `${fixed((share as number) * 100, 3)} %`,
  },
  {
    asks: "Longest flight that was on time",
    query: () => compute(distance).filter((_, i) => delay[i]! <= 0, { delay }).max(),
    plain: () => distance.filter((_, i) => delay[i]! <= 0).reduce((longest, miles) => Math.max(longest, miles), -Infinity),
    show: miles => `${count(miles as number)} miles`,
  },
  {
    asks: "Root mean square delay",
    query: async () => Math.sqrt((await compute(delay).reduce((sum, minutes) => sum + minutes * minutes, 0)) / delay.length),
    plain: () => Math.sqrt(delay.reduce((sum, minutes) => sum + minutes * minutes, 0) / delay.length),
    show: minutes => `${fixed(minutes, 3)} min`,
  },
  {
    asks: "Distances of all flights on time",
    query: () => compute(distance).filter((_, i) => delay[i]! <= 0, { delay }).toArrayAsync(),
    plain: () => distance.filter((_, i) => delay[i]! <= 0),
    show: miles => `${count((miles as Int16Array).length)}: ${[...(miles as Int16Array).subarray(0, 2)].join(", ")} …`,
  },
];

const rows: string[][] = [];
for (const { asks, query, plain, show } of questions) {
  const first = await timed(query);
  const firstBackend = last?.backend ?? "?";
  // The first answer came from whichever backend had one at once; the compiler may still be at work.
  await runtime.settled();
  const warm = await median(9, query);
  const warmBackend = last?.backend ?? "?";
  const loop = await median(3, plain);
  rows.push([
    asks,
    show(warm.answer),
    `${firstBackend} ${milliseconds(first.time)}`,
    `${warmBackend} ${milliseconds(warm.time)}`,
    milliseconds(loop.time),
    `${fixed(loop.time / warm.time, 1)} ×`,
    agreement(loop.answer, first.answer, warm.answer),
  ]);
}

const right = "right";
console.log(`
${table(
  [
    { title: "Question" },
    { title: "Answer", align: right },
    { title: "First ask", align: right },
    { title: "Later", align: right },
    { title: "Plain chain", align: right },
    { title: "Faster", align: right },
    { title: "Agrees" },
  ],
  rows,
)}

First ask: compiling included, on the backend that could answer at once. Later: median of 9.
Plain chain: the same with filter, map and reduce of typed arrays, median of 3.`);

interface Timed {
  readonly time: number;
  readonly answer: Answer;
}

async function timed(work: () => Answer | PromiseLike<Answer>): Promise<Timed> {
  const start = performance.now();
  const answer = await work();
  return { time: performance.now() - start, answer };
}

async function median(times: number, work: () => Answer | PromiseLike<Answer>): Promise<Timed> {
  const runs: Timed[] = [];
  for (let i = 0; i < times; i++) runs.push(await timed(work));
  runs.sort((a, b) => a.time - b.time);
  return runs[runs.length >> 1]!;
}

/**
 * Every sum here is a sum of integers far below 2⁵³, so the order of adding cannot matter, and anything but the same bits is
 * a fault.
 */
function agreement(expected: Answer, ...answers: readonly Answer[]): string {
  const agree = answers.every(answer => same(answer, expected));
  if (!agree) process.exitCode = 1;
  return agree ? "bit for bit" : `NO, ${answers.map(String).join(" and ")} instead of ${String(expected)}`;
}

function same(a: Answer, b: Answer): boolean {
  if (typeof a === "number" || typeof b === "number") return Object.is(a, b);
  return a.length === b.length && a.every((element, i) => element === b[i]);
}

function fixed(value: Answer, digits: number): string {
  return (value as number).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function milliseconds(time: number): string {
  return `${fixed(time, time < 10 ? 2 : 1)} ms`;
}
