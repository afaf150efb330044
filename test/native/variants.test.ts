/**
 * Captured numbers among integers. Variants of kernels for numbers that are small integers: generated kernels over integers and two
 * captured numbers. Each variant gives what the kernel gives, by the interpreter; and, compiled, calls are told apart by what their
 * numbers are. Integers are compared with numbers of every kind.
 */
import { afterAll, describe, expect, it } from "vitest";
import { apply, constant, convert, select } from "../../fusion/build.js";
import type { KernelCall } from "../../fusion/call.js";
import { variantsOf } from "../../fusion/emit/variants.js";
import { wordsOf } from "../../fusion/emit/words.js";
import { interpret } from "../../fusion/interpret.js";
import type { Expr, Kernel, Sink } from "../../fusion/ir.js";
import { optimise } from "../../fusion/passes/pipeline.js";
import { printKernel } from "../../fusion/print.js";
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { newArray } from "../../fusion/values.js";
import { verify } from "../../fusion/verify.js";
import { Choices } from "../laws/choices.js";
import { specialElements } from "../laws/special.js";
import { buildKernels, runKernels, wanted, type Job } from "./run-kernels.js";
import { compiler, TARGETS, Workshop } from "./toolchain.js";

const SOURCES: readonly ElementType[] = ["u8", "i8", "u16", "i16", "i32", "u32"];
const CAPTURED = [0, -0, 1, -1, 77, 255, 256, 257, 0.5, 99.25, -300, 32_767, 32_768, -32_768, -32_769, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1, NaN, Infinity, -Infinity];
const NAMES = ["g", "t"];
const COMPARED = ["lt", "gt", "le", "ge", "eq", "ne", "lt", "ge"] as const;

class Generator {
  private readonly element: ElementType;

  constructor(private readonly from: Choices) {
    this.element = from.pick(SOURCES);
  }

  kernel(): Kernel {
    const { from } = this;
    const filters = from.chance(40);
    const sink = from.weighted<Sink>(
      [4, () => ({ kind: "array", element: from.pick<ElementType>(["u8", "i16", "i32"]) })],
      [1, () => ({ kind: "count" })],
      [1, () => ({ kind: "reduce", op: "add", type: "i64", term: "i32", counted: false })],
      [1, () => ({ kind: "first", type: "i32", ranked: false })],
    );
    return optimise({
      source: { kind: "array", element: this.element },
      scalars: NAMES.map(name => ({ name, type: "f64" as const, origin: { stage: 0, name } })),
      arrays: [],
      body: [
        ...(filters || sink.kind === "count" ? [{ kind: "if" as const, test: this.truth(), then: [{ kind: "leave" as const, label: "element" }], otherwise: [] }] : []),
        { kind: "yield", values: sink.kind === "count" ? [] : [this.whole()] },
      ],
      sink,
    });
  }

  private whole(): Expr {
    const { from } = this;
    const bits = convert("i32", this.number(2));
    return from.weighted<Expr>(
      [2, () => apply("shr", bits, constant("i32", from.pick([1, 4, 8])))],
      [2, () => apply("and", bits, constant("i32", from.pick([255, 1023])))],
      [1, () => bits],
      [1, () => select(this.truth(), bits, convert("i32", this.leaf()))],
    );
  }

  private truth(): Expr {
    return apply(this.from.pick(["lt", "le", "gt", "ge", "eq", "ne"] as const), this.number(1), this.leaf());
  }

  private number(depth: number): Expr {
    const { from } = this;
    if (depth === 0 || from.chance(25)) return this.leaf();
    const op = from.pick(["add", "sub", "mul", "min", "max", "neg", "abs"] as const);
    return op === "neg" || op === "abs" ? apply(op, this.number(depth - 1)) : apply(op, this.number(depth - 1), this.leaf());
  }

  private leaf(): Expr {
    const { from } = this;
    return from.weighted<Expr>(
      [4, () => convert("f64", { kind: "element", type: ELEMENTS[this.element].scalar })],
      [4, () => ({ kind: "capture", type: "f64", name: from.pick(NAMES) })],
      [1, () => constant("f64", from.pick([1, 255, 128, 3]))],
    );
  }
}

let state = 27;
const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 8;
const random = (): Kernel => verify(new Generator(new Choices(Array.from({ length: 60 }, next))).kernel(), "the generator");

function callOf({ source, scalars }: Kernel, length: number, values: readonly number[]): KernelCall {
  const element = source.kind === "array" ? source.element : "u8";
  const array = newArray(element, length);
  const extremes = specialElements(element);
  for (let at = 0; at < length; at++) array[at] = at % 2 === 0 ? Math.imul(at, 0x9e3779b1) >>> 16 : (extremes[(at >> 1) % extremes.length] as number);
  return { source: array, length, output: null, scalars: scalars.map(({ origin }) => values[NAMES.indexOf(origin.name)] as number), arrays: [] };
}

const mapping = (element: ElementType, value: Expr, to: ElementType = element): Kernel => ({
  source: { kind: "array", element },
  scalars: NAMES.map(name => ({ name, type: "f64", origin: { stage: 0, name } })),
  arrays: [],
  body: [{ kind: "yield", values: [value] }],
  sink: { kind: "array", element: to },
});
const [g, t] = NAMES.map((name): Expr => ({ kind: "capture", type: "f64", name })) as [Expr, Expr];
const x = convert("f64", { kind: "element", type: "i32" });
const weighted = apply("shr", convert("i32", apply("mul", x, g)), constant("i32", 8));

describe("variants", () => {
  it("give what the kernel gives, of numbers that they are for", () => {
    let tried = 0;
    while (tried < 400) {
      const kernel = random();
      for (const variant of variantsOf(kernel)) {
        verify(variant, "variants");
        const range = variant.scalars.find(scalar => scalar.range !== undefined)?.range as { low: number; high: number };
        const captured = CAPTURED.filter(value => Number.isInteger(value) && !Object.is(value, -0) && value >= range.low && value <= range.high);
        const values = [captured[next() % captured.length], captured[next() % captured.length]] as number[];
        const told = `${String(values)}\n${printKernel(kernel)}\n${printKernel(variant)}`;
        const call = callOf(kernel, 37, values);
        expect(interpret(variant, call), told).toEqual(interpret(kernel, call));
        tried++;
      }
    }
  });

  it("are for kernels that become integers throughout", () => {
    const lanes = (kernel: Kernel): readonly string[] => variantsOf(kernel).map(variant => `${String(variant.scalars.find(({ range }) => range)?.range?.high)} ${String(wordsOf(variant))}`);
    expect(lanes(mapping("u8", weighted))).toEqual(["256 u16", "2147483647 null"]);
    expect(lanes(mapping("i16", weighted))).toEqual(["2147483647 null"]);
    expect(lanes(mapping("i32", weighted))).toEqual(["32767 null"]);
    expect(lanes(mapping("u8", select(apply("gt", x, t), weighted, constant("i32", 0))))).toEqual(["256 u16", "2147483647 null"]);
    // What integers are only compared with may be any number.
    expect(lanes(mapping("i16", convert("i32", apply("gt", x, t))))).toEqual([]);
    expect(wordsOf(mapping("i16", convert("i32", apply("gt", x, t))))).toBe("i16");
    expect(wordsOf(mapping("u16", convert("i32", apply("le", t, x))))).toBe("u16");
    expect(wordsOf(mapping("u16", convert("i32", apply("le", apply("add", t, x), x))))).toBeNull();
    expect(lanes(mapping("u8", apply("mul", x, g), "f64"))).toEqual([]);
    expect(lanes(mapping("u8", convert("i32", apply("gt", apply("div", x, g), t))))).toEqual([]);
    expect(lanes(mapping("u8", convert("i32", apply("gt", x, constant("f64", 3)))))).toEqual([]);
  });
});

describe.skipIf(compiler === null)("calls", () => {
  const workshop = new Workshop();
  afterAll(() => workshop.remove());
  const single = mapping("u8", convert("f32", apply("mul", x, g)), "f32"); // tells -0 from 0
  const compared = SOURCES.map(element => {
    const whole = convert("f64", { kind: "element", type: ELEMENTS[element].scalar });
    const bits = COMPARED.map((op, bit) => apply("shl", convert("i32", bit % 2 === 0 ? apply(op, whole, t) : apply(op, t, whole)), constant("i32", bit)));
    return mapping(element, bits.reduce((a, b) => apply("or", a, b)), element === "i32" || element === "u32" ? "i32" : "u8");
  });
  const kernels = [...compared, mapping("u8", weighted), mapping("i32", weighted), single, mapping("i16", select(apply("gt", x, t), constant("i32", 1), convert("i32", g)))];
  while (kernels.length < 16) {
    const kernel = random();
    if (variantsOf(kernel).length > 0) kernels.push(kernel);
  }
  const jobs = kernels.flatMap((kernel, place) => CAPTURED.map((value, at): Job => ({ kernel: place, call: callOf(kernel, [63, 130, 7, 1025][at % 4] as number, at % 2 === 0 ? [value, value] : [9, value]) })));

  it.each(TARGETS.filter(({ name }) => name === "SSE2" || name === "this machine"))("run the variant for their numbers, or the kernel, on $name", { timeout: 600_000 }, async ({ name, flags }) => {
    const program = await buildKernels(workshop, `variants-${name.replace(/\W/g, "")}`, kernels, ["-O1", ...flags]);
    const outcomes = await runKernels(workshop, program, kernels, jobs);
    for (const [place, { kernel: at, call }] of jobs.entries()) {
      const kernel = kernels[at] as Kernel;
      expect(outcomes[place], `${String(call.scalars)}\n${printKernel(kernel)}`).toEqual({ ...wanted(kernel, call), intact: true });
    }
  });
});
