/** The elementary functions, parsed: what the fusion compiler puts in place where a kernel calls one. */
import { CompilerBug, LambdaError } from "../errors.js";
import { parseLambda } from "../parse/lambda.js";
import { BIT_FUNCTIONS, type CaptureKind, type SurfaceLambda } from "../parse/surface.js";
import * as angle from "./angle.js";
import * as area from "./area.js";
import * as exact from "./exact.js";
import * as exponential from "./exponential.js";
import { FUNCTIONS, type ElementaryFunction, type ElementaryName } from "./functions.js";
import * as hyperbolic from "./hyperbolic.js";
import * as inverse from "./inverse.js";
import * as logarithm from "./logarithm.js";
import * as power from "./power.js";
import * as root from "./root.js";
import * as trigonometric from "./trigonometric.js";

/** The files whose functions may call one another, by name: names are unique among them. */
const FILES = [angle, area, exact, exponential, hyperbolic, inverse, logarithm, power, root, trigonometric];

/** Their texts take a while to write down, and most queries call none of them. */
let helpers: Readonly<Record<string, CaptureKind>> | undefined;

const helpersOf = (): Readonly<Record<string, CaptureKind>> =>
  (helpers ??= Object.fromEntries<CaptureKind>([
    ...BIT_FUNCTIONS.map(name => [name, { kind: "builtin", builtin: name }] as const),
    ...FILES.flatMap(file => Object.entries(file).map(([name, helper]) => [name, { kind: "function", text: String(helper) }] as const)),
  ]));

/** The lambda of a function of `count` operands, read from its text. */
export function lambdaOf(name: ElementaryName, type: "f64" | "f32", count: number): SurfaceLambda {
  const row: ElementaryFunction = FUNCTIONS[name];
  const text = row.text === undefined ? String(row[type]) : row.text[type](count);
  return parse(text, `the elementary function ${name}`, count);
}

/** What is wrong with these texts is not the user's mistake: a bundler renamed what they call, say. */
function parse(text: string, label: string, count: number): SurfaceLambda {
  try {
    return parseLambda(text, { label, captures: helpersOf(), parameters: { least: count, most: count } });
  } catch (error) {
    throw error instanceof LambdaError ? new CompilerBug(error.message) : error;
  }
}
