/**
 * Lanes of 8 and 16 bits: generated kernels over small integers, most of them close to what fits, give what the interpreter gives. On
 * arrays of extremes, at the lengths where registers, groups and turns of the loop end.
 */
import { afterAll, describe, expect, it } from "vitest";
import { apply, constant, convert, local, select } from "../../fusion/build.js";
import type { KernelCall } from "../../fusion/call.js";
import { wordsOf, type WordType } from "../../fusion/emit/words.js";
import type { Expr, Kernel, Sink, SinkOf, Stmt } from "../../fusion/ir.js";
import type { OpName } from "../../fusion/ops.js";
import { printKernel } from "../../fusion/print.js";
import { sinksOf } from "../../fusion/traverse.js";
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { verify } from "../../fusion/verify.js";
import { Choices } from "../laws/choices.js";
import { specialElements } from "../laws/special.js";
import { buildKernels, runKernels, wanted, type Job } from "./run-kernels.js";
import { compiler, TARGETS, Workshop } from "./toolchain.js";

const SMALL: readonly ElementType[] = ["u8", "i8", "u16", "i16", "u8c"];
const BYTES: readonly ElementType[] = ["u8", "i8", "u8c"];
const NUMBERS = [0, 1, 2, 3, 7, 10, 77, 127, 128, 150, 171, 255, 256, 257, 1000, 32_767, 32_768, 65_535, 65_536, -1, -2, -128, -129, -1000, -32_768, -32_769];
const FLOWING: readonly OpName[] = ["add", "sub", "mul", "and", "or", "xor", "neg", "not", "wrapI8", "wrapU8", "wrapI16", "wrapU16"];
const LOOKING: readonly OpName[] = ["min", "max", "abs", "shr", "shl"];
const COMPARING: readonly OpName[] = ["lt", "le", "gt", "ge", "eq", "ne"];
const WHOLE = { integral: true, nan: false, negativeZero: false } as const;
const CAPTURED: Kernel["scalars"] = [
  { name: "k", type: "i32", range: { ...WHOLE, low: -20, high: 100 }, origin: { stage: 0, name: "k" } },
  { name: "flag", type: "bool", origin: { stage: 0, name: "flag" } },
];
const LENGTHS = [0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 400, 511, 513, 1025];

const CAPTURED_NUMBER: Expr = { kind: "capture", type: "i32", name: "k" };

class Generator {
  private readonly leaves: Expr[];
  private readonly columns: readonly ElementType[];
  private readonly source: Kernel["source"];
  private readonly elements: readonly ElementType[];
  /** Captured: what is computed of them alone is the same for all lanes. */
  private readonly scalars: Kernel["scalars"];

  constructor(private readonly from: Choices) {
    this.elements = from.chance(50) ? BYTES : SMALL;
    this.columns = Array.from({ length: from.below(3) }, () => from.pick(this.elements));
    this.source = this.columns.length > 0 && from.chance(50) ? { kind: "range" } : { kind: "array", element: from.pick(this.elements) };
    this.leaves = this.columns.map((_, at): Expr => ({ kind: "column", type: "i32", array: `c${String(at)}` }));
    if (this.source.kind === "array") this.leaves.push({ kind: "element", type: "i32" });
    this.scalars = from.chance(50) ? CAPTURED : [];
    for (const { name, type } of this.scalars) if (type === "i32") this.leaves.push({ kind: "capture", type, name });
  }

  kernel(): Kernel {
    const { from } = this;
    const body: Stmt[] = [];
    for (let n = from.below(3); n > 0; n--) this.variable(body, `v${String(n)}`);
    const sink = this.sink();
    if (sink.kind === "count" || sink.kind === "first" || from.chance(30)) body.push({ kind: "if", test: this.truth(2), then: [{ kind: "leave", label: "element" }], otherwise: [] });
    const results = sink.kind === "several" ? sink.sinks.length : sink.kind === "count" ? 0 : 1;
    // What is folded or found must fit.
    const depth = sinksOf(sink).every(({ kind }) => kind === "array") ? 3 : 1;
    body.push({ kind: "yield", values: sink.kind === "first" && sink.type === "bool" ? [constant("bool", true)] : Array.from({ length: results }, () => this.number(depth)) });
    const arrays = this.columns.map((element, at) => ({ name: `c${String(at)}`, element, column: true as const, origin: { stage: 0, name: `c${String(at)}` } }));
    return { source: this.source, scalars: this.scalars, arrays, body, sink };
  }

  private variable(body: Stmt[], name: string): void {
    const { from } = this;
    body.push({ kind: "declare", name, type: "i32", value: this.number(2), mutable: true });
    const assign = (): Stmt => ({ kind: "assign", name, value: from.chance(40) ? constant("i32", from.pick(NUMBERS)) : this.number(2) });
    if (from.chance(60)) body.push({ kind: "if", test: this.truth(1), then: [assign()], otherwise: from.chance(50) ? [assign()] : [] });
    this.leaves.push(local("i32", name));
  }

  private sink(): Sink {
    const { from } = this;
    const array = () => ({ kind: "array", element: from.pick(this.elements) }) as const;
    const reduce = (): SinkOf<"reduce"> => {
      const op = from.pick(["add", "min", "max"] as const);
      return { kind: "reduce", op, term: "i32", type: op === "add" ? "i64" : "i32", counted: op !== "add" };
    };
    return from.weighted<Sink>(
      [6, array],
      [1, () => ({ kind: "count" })],
      [1, () => ({ kind: "several", sinks: [array(), array()] })],
      [3, reduce],
      [1, () => ({ kind: "several", sinks: [reduce(), reduce(), reduce()] })],
      [2, () => ({ kind: "first", type: from.pick(["bool", "i32"] as const), ranked: false })],
    );
  }

  private number(depth: number): Expr {
    const { from } = this;
    if (depth === 0 || from.chance(15)) return from.chance(25) ? constant("i32", from.pick(NUMBERS)) : from.pick(this.leaves);
    if (from.chance(12)) return select(this.truth(depth - 1), this.number(depth - 1), this.number(depth - 1));
    if (from.chance(8)) return convert("i32", this.truth(depth - 1));
    if (from.chance(8)) return this.bounded(depth);
    const op = from.pick(from.chance(60) ? FLOWING : LOOKING);
    if (op === "shr" || op === "shl") return apply(op, this.number(depth - 1), constant("i32", from.below(from.chance(80) ? 12 : 32)));
    if (["neg", "not", "abs"].includes(op) || op.startsWith("wrap")) return apply(op as "abs", this.number(depth - 1));
    return apply(op as "add", this.number(depth - 1), this.number(depth - 1));
  }

  /** A sum or difference within the bounds of some lane, or almost. */
  private bounded(depth: number): Expr {
    const { from } = this;
    const [low, high] = from.pick([[0, 255], [-128, 127], [-32_768, 32_767], [0, 65_535], [0, 254], [1, 255]] as const);
    const second = from.chance(40) ? constant("i32", from.pick([40, -40, 127, 255, 300, 60_000])) : this.number(depth - 1);
    const sum = apply(from.pick(["add", "sub"] as const), this.number(depth - 1), second);
    const [least, most] = [constant("i32", low), constant("i32", high)];
    return from.pick([() => apply("min", sum, most), () => apply("max", least, sum), () => apply("min", most, apply("max", sum, least)), () => apply("max", apply("min", most, sum), least)])();
  }

  private truth(depth: number): Expr {
    const { from } = this;
    if (this.scalars.length > 0 && from.chance(15)) return { kind: "capture", type: "bool", name: "flag" };
    const test = (): Expr => (from.chance(15) ? convert("bool", this.number(depth)) : apply(from.pick(COMPARING) as "lt", this.number(depth), this.number(depth)));
    return from.chance(20) ? apply(from.pick(["and", "or", "xor"] as const), test(), test()) : test();
  }
}

/** The same kernels each time. */
function kernelsOf(count: number): { readonly kernels: readonly Kernel[]; readonly refused: number } {
  const kernels: Kernel[] = [];
  let refused = 0;
  let state = 20_26;
  const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 8;
  while (kernels.length < count) {
    const kernel = verify(new Generator(new Choices(Array.from({ length: 120 }, next))).kernel(), "the generator");
    const type = wordsOf(kernel);
    if (type === null) refused++;
    // As many of each: some are rarer.
    else if (kernels.filter(other => wordsOf(other) === type).length < count / 4) kernels.push(kernel);
  }
  return { kernels, refused };
}

function filled(type: ElementType, length: number, first: number): AnyTypedArray {
  const array = newArray(type, length);
  if (type === "i32") return array.fill(-1 as never);
  const extremes = specialElements(type);
  for (let at = 0; at < length; at++) array[at] = at % 3 === 0 ? Math.imul(at + first, 0x9e3779b1) >>> 16 : (extremes[(at * 7 + first) % extremes.length] as number);
  return array;
}

const callOf = ({ source, scalars, arrays }: Kernel, length: number, seed: number): KernelCall => ({
  source: source.kind === "array" ? filled(source.element, length, seed) : null,
  length,
  output: null,
  scalars: scalars.map(({ type }) => (type === "bool" ? seed % 2 === 0 : [-20, 0, 7, 100][seed % 4] as number)),
  arrays: arrays.map(({ element }, at) => filled(element, length, seed + 5 * at + 3)),
});

/** Sums whose blocks are as large as 32 bits hold, and one larger. */
const sums = [2 ** 21 - 1, -(2 ** 21), 2 ** 21, 65_535].map((most): Kernel => {
  const bits = apply("and", { kind: "element", type: "i32" }, constant("i32", most < 0 ? -most - 1 : most));
  return {
    source: { kind: "array", element: "i32" },
    scalars: [],
    arrays: [],
    body: [{ kind: "yield", values: [most < 0 ? apply("sub", constant("i32", -1), bits) : bits] }],
    sink: { kind: "reduce", op: "add", type: "i64", term: "i32", counted: false },
  };
});

/** Filters of each kind of element that keep most: eight side by side, too. */
const filters = SMALL.flatMap(element =>
  [15, 127].map((bits): Kernel => {
    const x: Expr = { kind: "element", type: "i32" };
    const test = apply("eq", apply("and", x, constant("i32", bits)), constant("i32", 0));
    return { source: { kind: "array", element }, scalars: [], arrays: [], body: [{ kind: "if", test, then: [{ kind: "leave", label: "element" }], otherwise: [] }, { kind: "yield", values: [x] }], sink: { kind: "array", element } };
  }),
);

/** Sums and differences that lanes keep within what they hold, of all pairs of extremes. */
const saturating = ([["u8", 0, 255], ["i8", -128, 127], ["u16", 0, 65_535], ["i16", -32_768, 32_767]] as const).flatMap(([element, low, high]) =>
  (["add", "sub"] as const).map((op): Kernel => {
    const sum = apply(op, { kind: "element", type: "i32" }, { kind: "column", type: "i32", array: "c0" });
    const value = apply("max", apply("min", sum, constant("i32", high)), constant("i32", low));
    return { source: { kind: "array", element }, scalars: [], arrays: [{ name: "c0", element, column: true, origin: { stage: 0, name: "c0" } }], body: [{ kind: "yield", values: [value] }], sink: { kind: "array", element } };
  }),
);

/** One test for all lanes, and a number for all of them where it holds. */
const uniform = SMALL.flatMap(element =>
  [constant("i32", 10), CAPTURED_NUMBER].map((yes): Kernel => {
    const value = select({ kind: "capture", type: "bool", name: "flag" }, yes, { kind: "element", type: "i32" });
    return { source: { kind: "array", element }, scalars: CAPTURED, arrays: [], body: [{ kind: "yield", values: [value] }], sink: { kind: "array", element: "i16" } };
  }),
).filter(kernel => wordsOf(kernel) !== null);

const { kernels: generated, refused } = kernelsOf(72);
const kernels = [...generated, ...filters, ...saturating, ...uniform, ...sums];
const jobs = kernels.flatMap((kernel, place) => LENGTHS.map((length): Job => ({ kernel: place, call: callOf(kernel, length, place + length) })));
const expected = new Map(jobs.map(job => [job, wanted(kernels[job.kernel] as Kernel, job.call)]));

describe.skipIf(compiler === null)("words", () => {
  const workshop = new Workshop();
  afterAll(() => workshop.remove());

  it.each(TARGETS.filter(({ name }) => name !== "SSE4.1"))("give what the interpreter gives, on $name", { timeout: 600_000 }, async ({ name, flags }) => {
    const program = await buildKernels(workshop, `words-${name.replace(/\W/g, "")}`, kernels, ["-O1", ...flags]);
    const outcomes = await runKernels(workshop, program, kernels, jobs);
    for (const [place, job] of jobs.entries()) {
      const outcome = outcomes[place];
      const kernel = kernels[job.kernel] as Kernel;
      const told = `${String(job.call.length)} elements, ${String(wordsOf(kernel))}\n${printKernel(kernel)}`;
      const want = expected.get(job);
      if (want?.status !== "done" || outcome?.status !== "done") throw new Error(`${String(outcome?.status)}: ${told}`);
      expect(outcome.intact, told).toBe(true);
      expect(outcome.result, told).toEqual(want.result);
    }
  });

  it("are for what fits, and for nothing else", () => {
    expect(refused).toBeGreaterThan(generated.length);
    for (const kind of ["array", "count", "several", "reduce", "first"]) expect(generated.some(({ sink }) => sink.kind === kind), kind).toBe(true);
    const mapping = (element: ElementType, value: (x: Expr) => Expr, to: ElementType = element): Kernel => ({
      source: { kind: "array", element },
      scalars: [],
      arrays: [],
      body: [{ kind: "yield", values: [value({ kind: "element", type: ELEMENTS[element].scalar })] }],
      sink: { kind: "array", element: to },
    });
    const int = (value: number): Expr => constant("i32", value);
    const down = (x: Expr): Expr => apply("shr", x, int(1));
    expect(wordsOf(mapping("u8", x => down(apply("mul", x, int(128)))))).toBe("i16");
    expect(wordsOf(mapping("u8", x => down(apply("mul", x, int(257)))))).toBe("u16");
    expect(wordsOf(mapping("u8", x => down(apply("mul", x, int(258)))))).toBeNull();
    expect(wordsOf(mapping("u8", x => down(apply("sub", x, int(32_769)))))).toBeNull();
    expect(wordsOf(mapping("u8", x => down(apply("sub", x, int(32_768)))))).toBe("i16");
    // Only low bits are asked for.
    expect(wordsOf(mapping("i16", x => apply("mul", x, x)))).toBe("i16");
    expect(wordsOf(mapping("i16", x => down(apply("add", x, x))))).toBeNull();
    // Bytes have all but products, and their values must fit in eight bits where they are looked at.
    expect(wordsOf(mapping("u8", x => apply("sub", int(255), x)))).toBe("i8");
    expect(wordsOf(mapping("u8", x => apply("max", x, int(128))))).toBe("u8");
    expect(wordsOf(mapping("u8", x => apply("min", apply("add", x, int(1)), int(254))))).toBe("i16");
    // Their sums may be kept within what they hold.
    expect(wordsOf(mapping("u8", x => apply("min", apply("add", x, int(1)), int(255))))).toBe("u8");
    expect(wordsOf(mapping("u8", x => apply("max", int(0), apply("sub", x, int(1)))))).toBe("u8");
    expect(wordsOf(mapping("u8", x => apply("max", int(0), apply("sub", int(300), x))))).toBe("i16");
    expect(wordsOf(mapping("i16", x => apply("max", int(-32_768), apply("min", int(32_767), apply("add", x, x)))))).toBe("i16");
    expect(wordsOf(mapping("i16", x => apply("max", int(-32_768), apply("min", int(32_766), apply("add", x, x)))))).toBeNull();
    expect(uniform.length).toBeGreaterThan(5);
    expect(saturating.map(wordsOf)).toEqual(["u8", "u8", "i8", "i8", "u16", "u16", "i16", "i16"]);
    expect(wordsOf(mapping("u8", x => apply("mul", x, int(3))))).toBe("i16");
    expect(wordsOf(mapping("u8", x => x, "i16"))).toBe("i16");
    const reducing = (element: ElementType, value: (x: Expr) => Expr, sink: Sink): WordType | null => wordsOf({ ...mapping(element, value), sink });
    const greatest: Sink = { kind: "reduce", op: "max", term: "i32", type: "i32", counted: true };
    expect(reducing("u8", x => x, greatest)).toBe("u8");
    expect(reducing("u8", x => apply("sub", int(126), x), greatest)).toBe("i16");
    expect(reducing("u16", x => apply("add", x, int(1)), greatest)).toBeNull();
    expect(reducing("u8", x => x, { kind: "first", type: "i32", ranked: false })).toBe("u8");
    expect(reducing("u8", x => x, { kind: "first", type: "i32", ranked: true })).toBeNull();
    expect(wordsOf(mapping("u8", x => x, "i32"))).toBeNull();
    expect(wordsOf(mapping("i32", x => x, "u8"))).toBeNull();
  });
});
