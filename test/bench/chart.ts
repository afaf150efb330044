/** The curve as a picture: time per element against the number of elements, both on logarithmic scales, a panel for each workload. */
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { installPeers } from "./peers.js";
import { WHO, type Curve } from "./curve.js";

/** Ours warm, C++ grey, scripts and peers in the colours between; all threads are dashed. */
const LOOKS: readonly (readonly [who: string, colour: string, dash: readonly number[]])[] = [
  [WHO.one, "#d62728", []],
  [WHO.all, "#d62728", [5, 3]],
  [WHO.script, "#ff9896", []],
  [WHO.byHand, "#333333", []],
  [WHO.byHandAll, "#333333", [5, 3]],
  [WHO.loop, "#2ca02c", []],
  [WHO.chain, "#98df8a", []],
  ["numpy", "#1f77b4", []],
  ["numexpr", "#9467bd", []],
];

/** The SVG's text; `folder` is that of the benchmark's own package, which brings what draws. */
export async function chartOf({ points }: Curve, title: string, folder: string): Promise<string> {
  const failed = installPeers(folder);
  const require = createRequire(path.join(folder, "package.json"));
  const load = async (name: string): Promise<Drawing> => {
    try {
      return (await import(pathToFileURL(require.resolve(name)).href)) as Drawing;
    } catch (error) {
      throw new Error(`The chart is drawn by ${name}, which is not installed${failed === null ? ": delete test/bench/node_modules" : `: ${failed}`}`, { cause: error });
    }
  };
  const { parse, View } = await load("vega");
  const { compile } = await load("vega-lite");
  const shown = LOOKS.filter(([who]) => points.some(point => point.who === who));
  const scale = (range: readonly unknown[]): object => ({ domain: shown.map(([who]) => who), range });
  const specification = {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    title: { text: title, anchor: "start", fontSize: 13 },
    data: { values: points.map(({ workload, n, who, seconds }) => ({ workload, n, who, nanoseconds: (seconds / n) * 1e9 })) },
    columns: 2,
    facet: { field: "workload", type: "nominal", title: null, sort: [...new Set(points.map(({ workload }) => workload))] },
    resolve: { scale: { y: "independent" } },
    spec: {
      width: 330,
      height: 210,
      mark: { type: "line", point: { size: 18 }, strokeWidth: 1.8 },
      encoding: {
        x: { field: "n", type: "quantitative", scale: { type: "log" }, axis: { title: "elements", format: "~s", values: [1e3, 1e4, 1e5, 1e6, 1e7, 1e8] } },
        y: { field: "nanoseconds", type: "quantitative", scale: { type: "log" }, axis: { title: "ns per element", format: "~g", values: [0.01, 0.1, 1, 10, 100, 1000] } },
        color: { field: "who", type: "nominal", title: null, scale: scale(shown.map(([, colour]) => colour)), legend: { orient: "top", columns: 4, symbolType: "stroke", labelLimit: 200 } },
        strokeDash: { field: "who", type: "nominal", title: null, scale: scale(shown.map(([, , dash]) => (dash.length === 0 ? [1, 0] : dash))) },
      },
    },
  };
  return new View(parse(compile(specification).spec), { renderer: "none" }).toSVG();
}

/** As much of vega and vega-lite as is used here: they come without types that this project could check. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Drawing = any;
