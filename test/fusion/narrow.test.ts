/** Every pass keeps every bit: the kernel before and the kernel after are interpreted on special values. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KernelResult } from "../../fusion/call.js";
import { identityOf, interpret } from "../../fusion/interpret.js";
import type { Kernel } from "../../fusion/ir.js";
import { narrow } from "../../fusion/passes/narrow.js";
import { PASSES } from "../../fusion/passes/pipeline.js";
import { simplify, simplifyExpr } from "../../fusion/passes/simplify.js";
import { printKernel } from "../../fusion/print.js";
import { walkKernel } from "../../fusion/traverse.js";
import { verify } from "../../fusion/verify.js";
import { caseChoices, makeCase, type Case } from "./kernels.js";

/**
 * A result in a form that two kernels of the same meaning share. Extremes that are narrowed to i32 count what they see, since
 * i32 has no infinity for nothing.
 */
function comparable(kernel: Kernel, original: Kernel, { value, output, count, ...rest }: KernelResult): unknown {
  const [sink, first] = [kernel.sink, original.sink];
  const counted = first.kind !== "reduce" || first.counted;
  const nothing = sink.kind === "reduce" && first.kind === "reduce" && sink.type !== first.type && sink.counted && count === 0;
  return { ...rest, count: counted ? count : 0, value: nothing ? identityOf(first.op, first.type) : value, output };
}

/** The call for a kernel whose unused parameters were dropped. */
function callFor(before: Kernel, after: Kernel, call: Case["call"]): Case["call"] {
  const scalars = after.scalars.map(({ origin }) => call.scalars[before.scalars.findIndex(({ name }) => name === origin.name)] as number);
  const arrays = after.arrays.map(({ origin }) => call.arrays[before.arrays.findIndex(({ name }) => name === origin.name)] as Float64Array);
  return { ...call, scalars, arrays };
}

/** A sum that is exact from one pass on may differ from the rounded sum before it; the terms are compared instead. */
const termsOf = (kernel: Kernel): Kernel =>
  kernel.sink.kind === "reduce" && kernel.sink.op === "add" ? { ...kernel, sink: { kind: "last", type: kernel.sink.term } } : kernel;

/** DOTCOMPUTE_LONG runs ten times as many. */
const RUNS = process.env["DOTCOMPUTE_LONG"] === undefined ? 4000 : 40_000;

const seen = new Map<string, number>();

function checkPasses(run: Case): void {
  let before = run.kernel;
  verify(before, "the generator");
  const expected = comparable(before, before, interpret(before, run.call));
  const lastTerm = interpret(termsOf(before), run.call).value;
  for (const pass of PASSES) {
    const after = pass.run(before);
    if (after !== before) {
      seen.set(pass.name, (seen.get(pass.name) ?? 0) + 1);
      verify(after, pass.name);
    }
    const call = callFor(run.kernel, after, run.call);
    const becameExact = after.sink.kind === "reduce" && after.sink.op === "add" && after.sink.type !== after.sink.term && after.sink.type === "i64";
    try {
      if (becameExact) expect(0 + Number(interpret(termsOf(after), call).value)).toEqual(0 + Number(lastTerm));
      else expect(comparable(after, run.kernel, interpret(after, call))).toEqual(expected);
    } catch (error) {
      throw new Error(`${pass.name}\n${printKernel(before)}\n${printKernel(after)}`, { cause: error });
    }
    before = after;
  }
}

describe("passes", () => {
  it("change no bit of any generated kernel", () => {
    fc.assert(fc.property(caseChoices, list => checkPasses(makeCase(list))), { numRuns: RUNS });
    for (const { name } of PASSES) expect(seen.get(name), name).toBeGreaterThan(20);
  });

  it("give the same object back where there is nothing to do", () => {
    fc.assert(
      fc.property(caseChoices, list => {
        const { kernel } = makeCase(list);
        const once = simplify(kernel);
        expect(simplify(once)).toBe(once);
        walkKernel(once, { expr: expr => expect(simplifyExpr(expr)).toBe(expr) });
        const narrowed = narrow(once);
        if (narrowed !== once) expect(narrowed).not.toEqual(once);
      }),
      { numRuns: RUNS / 2 },
    );
  });
});
