/**
 * Emitted CUDA C, compiled: it is legal for the oldest and the newest devices, what it becomes rounds every operation once,
 * and the assembler takes it.
 */
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { apply, number } from "../../fusion/build.js";
import { emitCuda } from "../../fusion/emit/cuda.js";
import type { Kernel, Sink } from "../../fusion/ir.js";
import { OP_NAMES, operator, usualArity } from "../../fusion/ops.js";
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { verify } from "../../fusion/verify.js";
import { ENDLESS, KERNELS } from "../native/kernels.js";
import { arrayOf, capture, element, kernelOf, yields } from "./by-hand.js";
import { compilerFor, CudaWorkshop, hasPtxas, titleOf, type Compiled } from "./cuda-harness.js";
import { caseChoices, makeCase } from "./kernels.js";

const ARCHITECTURES = [75, 90, 120];
/** To what a device can be assembled for here. */
const DEVICES: Readonly<Record<number, number>> = { 75: 75, 90: 90 };

const workshop = new CudaWorkshop();
afterAll(() => workshop.remove());

const to = (type: ElementType): Sink => ({ kind: "array", element: type });
const hand = [...KERNELS, ...ENDLESS].map(({ name, kernel }) => verify(kernel, name));
const generated = (count: number): readonly Kernel[] => fc.sample(caseChoices, count).map(list => verify(makeCase(list).kernel, "the generator"));

/** Instructions that round other than once, or not as IEEE 754 says. */
const INEXACT = /\b(fma|\w+(\.\w+)*\.(ftz|approx|full))\b[^\n;]*/g;

function checkExact({ ptx, programs }: Compiled): void {
  expect(ptx.match(INEXACT) ?? []).toEqual([]);
  expect(ptx).not.toMatch(/\bmad\.f/);
  const entries = [...ptx.matchAll(/\.visible \.entry (\w+)\(/g)].map(([, name]) => name);
  expect(entries.toSorted()).toEqual(programs.flatMap(program => program.entries).toSorted());
}

/** Stack frames, of any function: what should live in registers does. A division may put a register aside. */
const inMemory = (report: string): readonly string[] => report.match(/\d\d+ bytes (stack frame|spill stores)/g) ?? [];

const oldest = compilerFor(75);

describe.skipIf(oldest.reason !== null)(`CUDA C, compiled ${titleOf(oldest)}`, () => {
  describe.each(ARCHITECTURES)("for compute_%i", architecture => {
    const by = compilerFor(architecture);

    it.skipIf(by.reason !== null)(`is legal and exact for kernels of every kind, ${titleOf(by)}`, { timeout: 300_000 }, async () => {
      const compiled = await workshop.compile(`hand-${architecture}`, hand, architecture, { strict: true });
      checkExact(compiled);
      const device = DEVICES[architecture];
      if (hasPtxas && device !== undefined) expect(inMemory(await workshop.assemble(compiled, device))).toEqual([]);
    });

    it.skipIf(by.reason !== null)("is legal and exact for generated kernels", { timeout: 300_000 }, async () => {
      const compiled = await workshop.compile(`generated-${architecture}`, generated(100), architecture);
      checkExact(compiled);
      const device = DEVICES[architecture];
      if (hasPtxas && device !== undefined) await workshop.assemble(compiled, device);
    });
  });

  it("is legal and exact for the elementary functions", { timeout: 300_000 }, async () => {
    const functions = OP_NAMES.filter(op => operator(op).elementary);
    const kernels = functions.flatMap(op =>
      (["f64", "f32"] as const).map(type => {
        const args = Array.from({ length: usualArity(op) }, () => element(type));
        return verify(kernelOf(arrayOf(type), to(type), [yields({ kind: "apply", op, type, args })]), op);
      }),
    );
    const compiled = await workshop.compile("elementary", kernels, 90, { strict: true });
    checkExact(compiled);
    if (hasPtxas) await workshop.assemble(compiled, 90);
  });

  it("contracts products and sums where a query asks for speed", { timeout: 60_000 }, async () => {
    const x = element("f64");
    const kernel: Kernel = { ...kernelOf(arrayOf("f64"), to("f64"), [yields(apply("add", apply("mul", x, x), number(1)))]), fastMath: true };
    expect((await workshop.compile("fast", [kernel], 75)).ptx).toContain("fma.rn.f64");
    expect((await workshop.compile("exact", [{ ...kernel, fastMath: undefined } as unknown as Kernel], 75)).ptx).not.toContain("fma");
  });

  it("loads and stores whole vectors", { timeout: 60_000 }, async () => {
    const copies = (["u8", "i16", "f32", "i64", "f64"] as const).map(type => kernelOf(arrayOf(type), to(type), [yields(element(ELEMENTS[type].scalar))]));
    const { ptx } = await workshop.compile("vectors", copies, 75);
    const [u8, i16, f32, i64, f64] = ptx.split(".visible .entry").slice(1) as [string, string, string, string, string];
    for (const narrow of [u8, i16]) expect(narrow).toMatch(/ld\.global\.v4\.u32[^]*st\.global\.v4\.u32/);
    expect(f32).toMatch(/ld\.global\.v4\.[fu]32[^]*st\.global\.v4\.[fu]32/);
    for (const wide of [i64, f64]) expect(wide).toMatch(/(ld\.global\.v2\.[fu]64[^;]*;[^;]*){2}[^]*st\.global\.v2\.[fu]64/);
  });

  it("takes more captures than a launch has room for from memory", { timeout: 60_000 }, async () => {
    const names = Array.from({ length: 600 }, (_, place) => `k${place}`);
    const sum = names.reduce((left, name) => apply("add", left, capture("f64", name)), number(0));
    const kernel = kernelOf(arrayOf("f64"), to("f64"), [yields(sum)], { scalars: Object.fromEntries(names.map(name => [name, "f64"])) });
    const compiled = await workshop.compile("captures", [verify(kernel, "the test")], 75);
    expect(compiled.programs[0]?.captures).toMatchObject({ bytes: 4800, byValue: false });
    expect(emitCuda(kernelOf(arrayOf("f64"), to("f64"), [yields(capture("f64", "k"))], { scalars: { k: "f64" } }), { symbol: "k" }).captures).toMatchObject({ bytes: 8, byValue: true });
    if (hasPtxas) await workshop.assemble(compiled, 75);
  });
});
