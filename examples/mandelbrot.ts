/**
 * The Mandelbrot set as a picture: a kernel that loops until a point has escaped, over places that no array holds, and three that
 * colour. Checked, every pixel, against the same functions called by plain JavaScript.
 *
 *     npm run example:mandelbrot
 */
import { createRuntime, range } from "dotcompute";
import { writePng } from "./png.js";
import { count } from "./progress.js";
import { table } from "./table.js";

const [width, height] = [960, 640];
const [left, top, step, most] = [-2.25, 1, 3 / width, 300];

/** How many rounds the point of a pixel takes to escape; `most` if it stays. */
const rounds = (place: number): number => {
  const re = left + (place % width) * step;
  const im = top - Math.floor(place / width) * step;
  let x = 0;
  let y = 0;
  let n = 0;
  while (n < most && x * x + y * y <= 4) {
    const next = x * x - y * y + re;
    y = 2 * x * y + im;
    x = next;
    n++;
  }
  return n;
};

/** From dark blue over white to orange; what stays is black. */
const shade = (n: number, most: number, from: number, over: number, to: number): number => {
  const t = Math.sqrt(n / most);
  return n >= most ? 0 : t < 0.5 ? from + (over - from) * 2 * t : over + (to - over) * (2 * t - 1);
};

let backend = "";
const runtime = createRuntime({ onRun: info => (backend = info.backend) });
const escaping = runtime.compute(range(width * height)).map(rounds, Uint16Array, { left, top, step, width, most });

const [cold, first] = timed(() => escaping.toArray());
const firstBackend = backend;
await runtime.settled();
const [warm, escaped] = timed(() => escaping.toArray());
const laterBackend = backend;
const colours = runtime.compute(escaped).map(
  n => ({ red: shade(n, most, 0, 255, 255), green: shade(n, most, 7, 250, 140), blue: shade(n, most, 100, 240, 0) }),
  { red: Uint8ClampedArray, green: Uint8ClampedArray, blue: Uint8ClampedArray },
  { shade, most },
);
const { red, green, blue } = colours.toColumns();
const planes = [red, green, blue].map(plane => new Uint8Array(plane.buffer));

const [loop, plain] = timed(() => Uint16Array.from({ length: width * height }, (_, place) => rounds(place)));
const plainRed = Uint8ClampedArray.from(plain, n => shade(n, most, 0, 255, 255));
const wrong = plain.reduce((sum, n, i) => sum + Number(n !== escaped[i] || n !== first[i] || plainRed[i] !== red[i]), 0);

const milliseconds = (time: number): string => `${time.toFixed(1)} ms`;
console.log(
  table(
    [{ title: "The rounds of all points" }, { title: "Runs on" }, { title: "Time", align: "right" }],
    [["at first", firstBackend, milliseconds(cold)], ["once compiled", laterBackend, milliseconds(warm)], ["plain loop", "", milliseconds(loop)]],
  ),
);
console.log(`\n${count(plain.reduce((sum, n) => sum + n, 0))} rounds, ${count(plain.filter(n => n === most).length)} of ${count(plain.length)} points stay; ${wrong === 0 ? "all as in plain JavaScript" : `${wrong} ARE WRONG`}`);
console.log(writePng("mandelbrot.png", { width, height, planes }));
process.exitCode = wrong === 0 ? 0 : 1;

function timed<T>(work: () => T): [number, T] {
  const start = performance.now();
  const result = work();
  return [performance.now() - start, result];
}
