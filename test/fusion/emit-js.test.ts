import { describe, expect, it } from "vitest";
import { constant, local } from "../../fusion/build.js";
import { emitJs } from "../../fusion/emit/js.js";
import { createState, resetState, resultOf, type JsState } from "../../fusion/emit/js-state.js";
import { interpret } from "../../fusion/interpret.js";
import type { Expr } from "../../fusion/ir.js";
import { isDefined, OP_NAMES, operator, type OpName, usualArity } from "../../fusion/ops.js";
import { BLOCK, type ScalarType, type ScalarValue } from "../../fusion/types.js";
import { evaluate, newArray } from "../../fusion/values.js";
import { verify } from "../../fusion/verify.js";
import { compileJs } from "../../src/backends/js/backend.js";
import { programOf } from "../../src/backends/js/program.js";
import { arrayOf, callOf, capture, dataOf, declare, element, kernelOf, keep, RANGE, SPECIALS, yields } from "./by-hand.js";
import { EXAMPLES, type Example } from "./sinks.js";
import { apply, number } from "../../fusion/build.js";

/** The value, or the error's kind and message. */
function outcomeOf(compute: () => unknown): unknown {
  try {
    return compute();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

/** All lists that take one item of each list. */
const tuples = (lists: readonly (readonly ScalarValue[])[]): readonly (readonly ScalarValue[])[] =>
  lists.reduce<readonly (readonly ScalarValue[])[]>((all, list) => all.flatMap(head => list.map(item => [...head, item])), [[]]);

/** Every operator, for every operand type it exists for (and every result type, for `convert`). */
const CASES = OP_NAMES.flatMap(op => {
  const row = operator(op);
  return row.over.flatMap(over => {
    const results: readonly ScalarType[] = op === "convert" ? row.over : [row.gives === "same" ? over : row.gives];
    return results.map(gives => ({ op, over, gives, arity: usualArity(op) }));
  });
});

const A_TO_C = ["a", "b", "c"] as const;

function operatorKernel(op: OpName, over: ScalarType, gives: ScalarType, args: readonly Expr[]) {
  const scalars = Object.fromEntries(A_TO_C.map(name => [name, over]));
  const body = [declare("result", { kind: "apply", type: gives, op, args }), yields(local(gives, "result"))];
  return verify(kernelOf(RANGE, { kind: "first", type: gives, ranked: false }, body, { scalars }), "the test");
}

describe("operators", () => {
  it.each(CASES)("$op of $over gives the table's $gives", ({ op, over, gives, arity }) => {
    const compiled = compileJs(operatorKernel(op, over, gives, A_TO_C.slice(0, arity).map(name => capture(over, name))));
    for (const args of tuples(Array.from({ length: arity }, () => SPECIALS[over]))) {
      if (!isDefined(op, args)) continue;
      const emitted = outcomeOf(() => compiled.run(callOf(1, { scalars: args })).value);
      expect(emitted, `${op}(${args.join(", ")})`).toEqual(outcomeOf(() => evaluate(op, over, gives, args)));
    }
  });

  it.each(CASES.filter(({ arity }) => arity === 2))("$op of $over takes constants", ({ op, over, gives }) => {
    for (const value of SPECIALS[over].slice(0, 8)) {
      const compiled = compileJs(operatorKernel(op, over, gives, [constant(over, value), capture(over, "a")]));
      for (const other of SPECIALS[over]) {
        if (!isDefined(op, [value, other])) continue;
        const emitted = outcomeOf(() => compiled.run(callOf(1, { scalars: [other] })).value);
        expect(emitted, `${op}(${String(value)}, ${String(other)})`).toEqual(outcomeOf(() => evaluate(op, over, gives, [value, other])));
      }
    }
  });

  it.each(Object.entries(SPECIALS))("%s constants keep their value", (name, values) => {
    const type = name as ScalarType;
    for (const value of values) {
      const kernel = verify(kernelOf(RANGE, { kind: "first", type, ranked: false }, [yields(constant(type, value))]), "the test");
      expect(compileJs(kernel).run(callOf(1)).value).toEqual(value);
    }
  });
});

/** Data with NaN, or (where one NaN would hide everything else) without. */
const callFor = ({ kernel, scalars = [], arrays = [] }: Example, length: number, wild: boolean) =>
  callOf(kernel.source.kind === "array" ? dataOf(kernel.source.element, length, wild) : length, { scalars, arrays });

describe.each(EXAMPLES)("$name", example => {
  const kernel = verify(example.kernel, "the test");
  const compiled = compileJs(kernel);
  const program = programOf(kernel);

  it.each([0, 1, 2, 31, 32, 33, 1023, 1024, 1025, 4097, 7 * 1024 + 1])("gives at length %i what the interpreter gives", length => {
    for (const wild of [false, true]) {
      const call = callFor(example, length, wild);
      expect(outcomeOf(() => compiled.run(call))).toEqual(outcomeOf(() => interpret(kernel, call)));
    }
  });

  it("gives the same in slices", () => {
    const length = 5 * BLOCK + 77;
    const given = callFor(example, length, false);
    const call = kernel.sink.kind === "array" ? { ...given, output: newArray(kernel.sink.element, length) } : given;
    const sliced = (size: number): JsState => {
      const state = createState(kernel);
      resetState(kernel, call, state);
      const begins = Array.from({ length: Math.ceil(length / size) }, (_, at) => at * size);
      for (const begin of program.backwards ? begins.reverse() : begins) {
        if (program.stops && state.position >= 0) break;
        program.run(call, state, begin, Math.min(begin + size, length));
      }
      return state;
    };
    const result = (size: number) => outcomeOf(() => ({ ...resultOf(kernel, sliced(size), null), output: call.output?.slice() }));
    if (example.fails !== true) expect(result(BLOCK)).toEqual(result(64 * BLOCK));
    else expect(result(BLOCK)).toMatch(/^RangeError: DC401: lut\[/);
  });
});

describe("emitted text", () => {
  const body = [declare("x", apply("mul", element("f64"), capture("f64", "k"))), keep(apply("gt", local("f64", "x"), number(0))), yields(local("f64", "x"))];
  const scalars = { k: "f64" } as const;

  it("stores like a loop written by hand", () => {
    expect(emitJs(verify(kernelOf(arrayOf("f64"), { kind: "array", element: "f64" }, body, { scalars }), "the test"))).toBe(
      `function kernel(call, state, begin, end) {
  const source = call.source;
  const output = call.output;
  const k = call.scalars[0];
  let count = state.count;
  for (let i = begin; i < end; i++) {
    const x = source[i] * k;
    if (!(x > 0)) continue;
    output[count++] = x;
  }
  state.count = count;
}
`.trimEnd(),
    );
  });

  it("sums in the canonical order, and says so", () => {
    const text = emitJs(verify(kernelOf(arrayOf("f64"), { kind: "reduce", op: "add", type: "f64", term: "f64", counted: false }, body, { scalars }), "the test"));
    expect(text).toContain(`
    for (let lane = 0; lane < 32; lane++) {
      let value = -0;
      for (let i = block + lane; i < stop; i += 32) {
        const x = source[i] * k;
        if (!(x > 0)) continue;
        value = value + x;
      }
      lanes[lane] = value;
    }
    // The lanes fold by halves.
    for (let half = 16; half > 0; half >>= 1) {
      for (let lane = 0; lane < half; lane++) lanes[lane] = lanes[lane] + lanes[lane + half];
    }
    // Blocks join as a balanced tree: two runs of the same length become one.
`);
  });

  it("writes loops and jumps as JavaScript does", () => {
    const jumps = EXAMPLES.find(({ name }) => name === "jumps")?.kernel;
    const text = emitJs(verify(jumps ?? kernelOf(RANGE, { kind: "count" }, []), "the test"));
    expect(text).toContain("  done: {\n      outer: while (k < 12) {\n        k = k + 1;\n        if (k % 3 === 0) continue;\n        if (element > 1000000) break done;\n");
    expect(text).toContain("          if (m > k) continue outer;\n");
    expect(text).toContain("if (m > 4) {\n              break outer;\n            } else {\n              continue element;\n            }\n");
    expect(text).toContain("          if (m > 7) break;\n");
  });

  it("brings the helpers along that it needs, and no others", () => {
    const shift = (op: OpName) => emitJs(operatorKernel(op, "i64", "i64", [capture("i64", "a"), capture("i64", "b")]));
    expect(shift("shl")).toMatch(/^\/\/ A far shift gives .*\nconst shiftBig = /);
    expect(shift("add")).toMatch(/^function kernel/);
  });
});
