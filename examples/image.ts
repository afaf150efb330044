/**
 * A picture is blurred, and its edges are found (by Sobel's operator): stencils over the pixels around each. Written as a picture of
 * all three, and checked, pixel by pixel and bit for bit, against plain loops.
 *
 *     npm run example:image
 */
import { createRequire } from "node:module";
import path from "node:path";
import { compute, range } from "dotcompute";
import { readPng, writePng } from "./png.js";
import { count } from "./progress.js";
import { table } from "./table.js";

const data = path.join(path.dirname(createRequire(import.meta.url).resolve("vega-datasets")), "..", "data");
const picture = readPng(path.join(data, "gimp.png"));

// A margin that nothing is painted on, for what is right of a row's last pixel is the next row's first.
const margin = 4;
const [width, height] = [picture.width + 2 * margin, picture.height + 2 * margin];
const framed = (plane: Uint8Array): Uint8Array => {
  const wider = new Uint8Array(width * height);
  for (let y = 0; y < picture.height; y++) wider.set(plane.subarray(y * picture.width, (y + 1) * picture.width), (y + margin) * width + margin);
  return wider;
};
const [red, green, blue, opacity] = picture.planes.map(framed) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];

/** Brightness on white paper. */
const brightness = (r: { red: number; green: number; blue: number; opacity: number }): number => ((0.299 * r.red + 0.587 * r.green + 0.114 * r.blue) * r.opacity) / 255 + 255 - r.opacity;
const smooth = ([a, b, c, d, e]: readonly [number, number, number, number, number]): number => (a + 4 * b + 6 * c + 4 * d + e) / 16;
type Around = readonly [number, number, number, number, number, number, number, number];
const edge = ([nw, n, ne, w, e, sw, s, se]: Around): number => {
  const across = ne + 2 * e + se - nw - 2 * w - sw;
  const down = sw + 2 * s + se - nw - 2 * n - ne;
  return Math.sqrt(across * across + down * down);
};

// A row of pixels comes behind another, so that the pixel below is `width` places further on.
const beside = [-2, -1, 0, 1, 2] as const;
const below = [-2 * width, -width, 0, width, 2 * width] as const;
const around = [-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1] as const;

const bright = compute({ red, green, blue, opacity }).map(brightness, Float64Array);
const soft = bright.neighbours(beside, { edge: "clamp" }).map(smooth).neighbours(below, { edge: "clamp" }).map(smooth);
const [grey, blurred, edges] = [bright.toArray(), soft.toArray(), soft.neighbours(around, { edge: "clamp" }).map(edge).toArray()];
const results = { grey, blurred, edges };

/** What a stencil gives, in a loop. */
const stencil = <O extends readonly number[]>(pixels: Float64Array, offsets: O, f: (near: { readonly [K in keyof O]: number }) => number): Float64Array =>
  pixels.map((_, at) => f(offsets.map(offset => pixels[Math.min(Math.max(at + offset, 0), pixels.length - 1)] as number) as never));
const plainGrey = Float64Array.from(red, (_, at) => brightness({ red: red[at] as number, green: green[at] as number, blue: blue[at] as number, opacity: opacity[at] as number }));
const plainBlurred = stencil(stencil(plainGrey, beside, smooth), below, smooth);
const plain = { grey: plainGrey, blurred: plainBlurred, edges: stencil(plainBlurred, around, edge) };

// Side by side and three times as large, the edges dark on white.
const scale = 3;
const shown = compute(range(3 * width * height * scale * scale)).map(
  place => {
    const x = Math.floor((place % (3 * width * scale)) / scale);
    const panel = Math.floor(x / width);
    const at = Math.floor(place / (3 * width * scale * scale)) * width + x - panel * width;
    return panel === 0 ? grey[at]! : panel === 1 ? blurred[at]! : 255 - edges[at]!;
  },
  Uint8ClampedArray,
  { width, scale, ...results },
);

const names = ["grey", "blurred", "edges"] as const;
const wrong = names.map(name => plain[name].filter((value, at) => value !== results[name][at]).length);
const averages = names.map(name => compute(results[name]).average().value());
console.log(table([{ title: "Picture" }, { title: "Mean", align: "right" }, { title: "Brightest", align: "right" }, { title: "Wrong", align: "right" }], names.map((name, at) => [name, (averages[at] as number).toFixed(2), Math.max(...results[name]).toFixed(1), count(wrong[at] as number)])));
const sum = wrong.reduce((total, n) => total + n, 0);
console.log(`\n${width} × ${height} pixels; ${sum === 0 ? "all as in plain loops, bit for bit" : `${sum} ARE WRONG`}`);
console.log(writePng("edges.png", { width: 3 * width * scale, height: height * scale, planes: [new Uint8Array(shown.toArray().buffer)] }));
process.exitCode = sum === 0 ? 0 : 1;
