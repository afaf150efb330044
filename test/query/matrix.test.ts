/**
 * The table of verbs in the README: each verb is run on each backend, and what it says is taken from `explain`. A verb that is missing
 * here is an error of types; where the table changes, `DOTCOMPUTE_README=write npx vitest run test/query/matrix.test.ts` writes it anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { BackendError, QueryError } from "../../fusion/errors.js";
import { batch, createRuntime, nullable, type Explanation, type Query, type Runtime } from "../../src/index.js";
import type { TerminalName } from "../../src/json/terminals.js";
import type { VerbName } from "../../src/json/verbs.js";
import { whyNoCpu } from "../laws/backends.js";

const README = new URL("../../README.md", import.meta.url);
const [BEGIN, END] = ["<!-- verbs: test/query/matrix.test.ts writes them -->", "<!-- end of verbs -->"];

const js = createRuntime({ backend: "js" });
const cpu = createRuntime({ backend: "cpu" });
const cuda = createRuntime({ backend: "cuda", log: () => undefined });

type Numbers = Query<Float64Array>;
interface Row {
  /** The verb, with what it needs before and behind it so that single values come in and go out. */
  readonly query: (q: Numbers, other: Numbers, compute: Runtime["compute"]) => unknown;
  readonly gives: unknown;
}

const VALUES = [3, -1, 4, 1, 9, 2, 6];
const OTHERS = [9, 4, 4, 0];

const WITH_NULLS = () => ({ x: nullable(Float64Array.of(3, -1, 4, 1), Uint8Array.of(1, 0, 1, 1)) });

const VERBS: Readonly<Record<Exclude<VerbName, "values"> | TerminalName | "column" | "countBy" | "elementAt" | "tap", Row>> = {
  map: { query: q => q.map(x => x * 2), gives: [6, -2, 8, 2, 18, 4, 12] },
  flatMap: { query: q => q.flatMap(x => [x, -x]), gives: VALUES.flatMap(x => [x, -x]) },
  filter: { query: q => q.filter(x => x > 2), gives: [3, 4, 9, 6] },
  as: { query: q => q.as(Float32Array), gives: VALUES },
  column: { query: q => q.map(x => ({ x, y: -x })).column("y"), gives: [-3, 1, -4, -1, -9, -2, -6] },
  window: { query: q => q.window(2).map(([a, b]) => a + b), gives: [2, 3, 5, 10, 11, 8] },
  chunk: { query: q => q.chunk(2).map(([a, b]) => a - b), gives: [4, 3, 7] },
  neighbours: { query: q => q.neighbours([-1, 1], { edge: "constant", value: 0 }).map(([a, b]) => a + b), gives: [-1, 7, 0, 13, 3, 15, 2] },
  scan: { query: q => q.scan((a, x) => a + x, 0), gives: [3, 2, 6, 7, 16, 18, 24] },
  take: { query: q => q.take(2), gives: [3, -1] },
  skip: { query: q => q.skip(5), gives: [2, 6] },
  slice: { query: q => q.slice(-3, -1), gives: [9, 2] },
  takeWhile: { query: q => q.takeWhile(x => x < 5), gives: [3, -1, 4, 1] },
  skipWhile: { query: q => q.skipWhile(x => x < 5), gives: [9, 2, 6] },
  tap: { query: q => q.tap(() => undefined), gives: VALUES },
  dropNulls: { query: (_, __, compute) => compute(WITH_NULLS()).map(r => ({ x: r.x, y: 1 })).dropNulls().map(r => r.x + r.y, Float64Array), gives: [4, 5, 2] },
  fillNulls: { query: (_, __, compute) => compute(WITH_NULLS()).map(r => ({ x: r.x, y: 1 })).fillNulls({ x: 0.5 }).map(r => r.x + r.y, Float64Array), gives: [4, 1.5, 5, 2] },
  zip: { query: (q, other) => q.zip(other, (x, y) => x - y), gives: [-6, -5, 0, 1] },
  concat: { query: (q, other) => q.concat(other), gives: [...VALUES, ...OTHERS] },
  reverse: { query: q => q.reverse(), gives: VALUES.toReversed() },
  distinct: { query: q => q.distinct(), gives: VALUES },
  union: { query: (q, other) => q.union(other), gives: [...VALUES, 0] },
  intersect: { query: (q, other) => q.intersect(other), gives: [4, 9] },
  except: { query: (q, other) => q.except(other), gives: [3, -1, 1, 2, 6] },
  orderBy: { query: q => q.orderBy(x => x), gives: [-1, 1, 2, 3, 4, 6, 9] },
  orderByDescending: { query: q => q.orderByDescending(x => x), gives: [9, 6, 4, 3, 2, 1, -1] },
  thenBy: { query: q => q.orderBy(x => x % 2 === 0).thenBy(x => x), gives: [-1, 1, 3, 9, 2, 4, 6] },
  thenByDescending: { query: q => q.orderBy(x => x % 2 === 0).thenByDescending(x => x), gives: [9, 3, 1, -1, 6, 4, 2] },
  top: { query: q => q.top(2), gives: [9, 6] },
  bottom: { query: q => q.bottom(2), gives: [-1, 1] },
  groupBy: { query: q => q.groupBy(x => x > 2).aggregate({ n: g => g.sum() }).map(r => r.n, Float64Array), gives: [22, 2] },
  countBy: { query: q => q.countBy(x => x > 2).map(r => r.count, Float64Array), gives: [4, 3] },
  join: { query: (q, other) => q.join(other, x => x, y => y, (x, y) => x + y), gives: [8, 8, 18] },
  leftJoin: { query: (q, other) => q.leftJoin(other, x => x, y => y, (x, y) => x + (y ?? 0.5)), gives: [3.5, -0.5, 8, 8, 1.5, 18, 2.5, 6.5] },
  semiJoin: { query: (q, other) => q.semiJoin(other, x => x, y => y), gives: [4, 9] },
  antiJoin: { query: (q, other) => q.antiJoin(other, x => x, y => y), gives: [3, -1, 1, 2, 6] },
  groupJoin: { query: (q, other) => q.map(x => ({ x })).groupJoin(other, r => r.x, y => y, { n: g => g.count() }).map(r => r.n, Float64Array), gives: [0, 0, 2, 0, 1, 0, 0] },
  reduce: { query: q => q.reduce((a, x) => a + x * x, 0), gives: 148 },
  sum: { query: q => q.sum(), gives: 24 },
  count: { query: q => q.count(), gives: 7 },
  average: { query: q => q.average(), gives: 24 / 7 },
  variance: { query: q => q.variance(), gives: VALUES.map(x => (x - 24 / 7) ** 2).reduce((a, x) => a + x) / 7 },
  standardDeviation: { query: q => q.standardDeviation(), gives: Math.sqrt(VALUES.map(x => (x - 24 / 7) ** 2).reduce((a, x) => a + x) / 7) },
  min: { query: q => q.min(), gives: -1 },
  max: { query: q => q.max(), gives: 9 },
  median: { query: q => q.median(), gives: 3 },
  quantile: { query: q => q.quantile([0, 0.25, 1]), gives: [-1, 1.5, 9] },
  minBy: { query: q => q.minBy(x => Math.abs(x - 5)), gives: 4 },
  maxBy: { query: q => q.maxBy(x => -x), gives: -1 },
  some: { query: q => q.some(x => x > 8), gives: true },
  every: { query: q => q.every(x => x > 8), gives: false },
  find: { query: q => q.find(x => x > 3), gives: 4 },
  findIndex: { query: q => q.findIndex(x => x > 3), gives: 2 },
  indexOf: { query: q => q.indexOf(9), gives: 4 },
  includes: { query: q => q.includes(7), gives: false },
  first: { query: q => q.first(), gives: 3 },
  last: { query: q => q.last(), gives: 6 },
  elementAt: { query: q => q.elementAt(-2), gives: 2 },
  single: { query: q => q.single(x => x > 8), gives: 9 },
  aggregate: { query: q => q.aggregate({ mean: own => own.average(), n: own => own.filter(x => x > 2).count() }), gives: { mean: 24 / 7, n: 4 } },
  batch: { query: q => batch([q.sum(), q.map(x => x * x).max()]), gives: [24, 81] },
};
const names = Object.keys(VERBS) as (keyof typeof VERBS)[];

interface Result {
  readonly explain: (options: { format: "json" }) => Explanation;
  readonly source: (language: "cuda") => string;
  readonly map?: (f: (x: number) => number) => Result;
  readonly toArray?: () => Float64Array;
  readonly value?: () => unknown;
}
const queryOn = ({ compute }: typeof js, name: keyof typeof VERBS, before = (q: Numbers): Numbers => q): Result => VERBS[name].query(before(compute(Float64Array.from(VALUES))), compute(Float64Array.from(OTHERS)), compute) as Result;
const resultOf = (query: Result): unknown => (query.toArray === undefined ? query.value?.() : Array.from(query.toArray()));

/** What becomes one kernel with the verb: what comes before it, what follows it, or both. */
function fusion(name: keyof typeof VERBS): string {
  const verb = queryOn(js, name, q => q.map(x => x + 0.5));
  const { stages, kernels, steps, behind } = (verb.map === undefined ? verb : verb.map(x => x - 0.5)).explain({ format: "json" });
  const own = stages.findIndex(stage => stage.verb === name);
  const together = (other: number): boolean => kernels.some(kernel => kernel.stages.includes(own) && kernel.stages.includes(other));
  const reason = kernels.flatMap(({ barrier }) => (barrier === null ? [] : [barrier.replace(new RegExp(`^${name} `), "it ")]))[0];
  const views = steps.length > 0 ? ": views, nothing is copied" : "";
  const twice = behind.length > 0 ? `, in ${behind.length + 1} queries, one after the other` : "";
  if (reason === undefined) return `fuses${views}${twice}`;
  return `${together(0) ? "fuses with what comes before" : together(stages.length - 1) ? "fuses with what follows" : "cuts"}: ${reason}`;
}

/** Where the rows are moved, if they are. */
function moving(explanation: Explanation): string {
  const where = new Set(explanation.steps.flatMap(({ text }) => /, (native|as JavaScript)$/.exec(text)?.[1] ?? []));
  const [how] = explanation.kernels.flatMap(({ gives }) => /selected from it, on the calling thread, (native|as JavaScript)$/.exec(gives)?.[1] ?? []);
  const selected = how === undefined ? "" : `; selected on the calling thread, ${how === "native" ? "natively" : how}`;
  return where.size === 0 ? selected : `; rows moved ${[...where].map(how => how.replace(/^native$/, "natively")).join(" and ")}`;
}

/** A backend's cell: whether it runs the kernels (for CUDA, whether they are emitted), and how rows are moved there. */
function cell(runtime: typeof js, name: keyof typeof VERBS): string {
  const query = queryOn(runtime, name);
  const explanation = query.explain({ format: "json" });
  if (runtime !== cuda) return `✓${moving(explanation)}`;
  const refused = refusal(() => query.source("cuda"));
  return refused.length === 0 ? `✓${moving(explanation)}` : `another backend runs it: ${refused[0] ?? ""}`;
}

function refusal(emit: () => unknown): string[] {
  try {
    emit();
    return [];
  } catch (error) {
    if (error instanceof BackendError) return [error.message.replace(/^DC\d+: /, "")];
    throw error;
  }
}

/** Verbs of which all is the same share a line. */
function table(): string {
  const rows = new Map<string, string[]>();
  for (const name of names) {
    const cells = [fusion(name), cell(js, name), cell(cpu, name), cell(cuda, name)].join(" | ");
    rows.set(cells, [...(rows.get(cells) ?? []), `\`${name}\``]);
  }
  return ["| verb | with what stands before and behind it | js | cpu | cuda |", "|---|---|---|---|---|", ...[...rows].map(([cells, verbs]) => `| ${verbs.join(", ")} | ${cells} |`)].join("\n");
}

describe.each([{ name: "js", runtime: js, why: null }, { name: "cpu", runtime: cpu, why: whyNoCpu }])("on $name", ({ runtime, why }) => {
  it.skipIf(why !== null).each(names)("%s gives what it should", name => {
    expect(resultOf(queryOn(runtime, name))).toEqual(VERBS[name].gives);
  });
});

it.skipIf(whyNoCpu !== null)("the README's table of verbs says what explain() says", () => {
  const readme = readFileSync(README, "utf8");
  const [begin, end] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (begin < 0 || end < 0) throw new QueryError("DC305", "the README has no place for the table of verbs", `Put these lines there: ${BEGIN} and ${END}`);
  const written = `${BEGIN}\n${table()}\n`;
  if (process.env["DOTCOMPUTE_README"] === "write") writeFileSync(README, readme.slice(0, begin) + written + readme.slice(end));
  else expect(readme.slice(begin, end), "DOTCOMPUTE_README=write writes it anew").toBe(written);
});
