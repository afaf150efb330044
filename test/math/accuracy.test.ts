/** How far the elementary functions are from the truth, at points where they are likely to be furthest. */
import { afterAll, describe, expect, it } from "vitest";
import { FUNCTIONS, type ElementaryName } from "../../fusion/math/functions.js";
import { exponentOf, isZero, ulpsBetween, type Format } from "./reference/big.js";
import { REFERENCES } from "./reference/functions.js";
import { randomNumbers } from "./points.js";
import { SUBNORMAL_LIMIT, TRIALS } from "./trials.js";

const COUNT = { f64: 40_000, f32: 10_000 } as const;
const NAMES = Object.keys(FUNCTIONS) as ElementaryName[];

interface Finding {
  readonly ulps: number;
  readonly args: readonly number[];
  readonly found: number;
}

/** The largest errors of a function over all of its points: of normal results, and of subnormal ones, which are rounded to fewer bits. */
interface Findings {
  readonly normal: Finding;
  readonly subnormal: Finding;
}

const nothing: Finding = { ulps: 0, args: [], found: 0 };

function worstOf(name: ElementaryName, format: Format): Findings {
  const { points } = TRIALS[name];
  const f = FUNCTIONS[name][format];
  const random = randomNumbers(NAMES.indexOf(name) + (format === "f64" ? 100 : 200));
  const round = format === "f64" ? (x: number): number => x : Math.fround;
  const least = format === "f64" ? -1022 : -126;
  const worst = { normal: nothing, subnormal: nothing };
  const repeats = Math.ceil(COUNT[format] / points.length);
  for (const make of points) {
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      const args = make(random, format).map(round);
      if (!args.every(Number.isFinite)) continue;
      const truth = REFERENCES[name](...args);
      if (truth === undefined) continue;
      const found = round(f(...args));
      const ulps = ulpsBetween(found, truth, format);
      const kind = !isZero(truth) && exponentOf(truth) < least ? "subnormal" : "normal";
      if (ulps > worst[kind].ulps) worst[kind] = { ulps, args, found };
    }
  }
  return worst;
}

const findings = new Map<string, Findings>();

const said = (name: ElementaryName, { ulps, args, found }: Finding): string => `${name}(${args.join(", ")}) = ${String(found)} is ${ulps.toFixed(4)} off`;

afterAll(() => {
  const cell = (finding: Finding | undefined): string => (finding === undefined || finding.args.length === 0 ? "" : `${finding.ulps.toFixed(4)} at ${finding.args.join(", ")}`).padEnd(54);
  const table = (["normal", "subnormal"] as const).flatMap(kind => [
    `\nLargest errors seen of ${kind} results, in units of the last place`,
    `        ${"f64".padEnd(54)} f32`,
    ...NAMES.map(name => `${name.padEnd(7)} ${cell(findings.get(`${name} f64`)?.[kind])} ${cell(findings.get(`${name} f32`)?.[kind])}`.trimEnd()),
  ]);
  process.stdout.write(`${table.join("\n")}\n`);
});

describe.each(["f64", "f32"] as const)("elementary functions in %s", format => {
  it.each(NAMES)("%s is near enough", name => {
    const worst = worstOf(name, format);
    findings.set(`${name} ${format}`, worst);
    expect(worst.normal.ulps, said(name, worst.normal)).toBeLessThanOrEqual(TRIALS[name].limit[format]);
    expect(worst.subnormal.ulps, said(name, worst.subnormal)).toBeLessThanOrEqual(SUBNORMAL_LIMIT);
  });
});
