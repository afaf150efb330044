import { describe, expect, it } from "vitest";
import { apply, constant, local, number } from "../../fusion/build.js";
import { CompilerBug } from "../../fusion/errors.js";
import type { Expr, Kernel, Sink, Stmt } from "../../fusion/ir.js";
import type { OpName } from "../../fusion/ops.js";
import { printKernel } from "../../fusion/print.js";
import type { ScalarType } from "../../fusion/types.js";
import { verify } from "../../fusion/verify.js";
import { arrayOf, assign, block, branch, capture, declare, element, index, kernelOf, leave, loop, RANGE, read, visit, yields, yieldsAll } from "./by-hand.js";
import { EXAMPLES } from "./sinks.js";

const x = element("f64");
const stored: Sink = { kind: "array", element: "f64" };
const parameters = { scalars: { k: "f64", seed: "f64", n: "i64" }, arrays: { lut: "f64", bytes: "u8" } } as const;
const kernel = (body: readonly Stmt[], sink: Sink = stored): Kernel => kernelOf(arrayOf("f64"), sink, body, parameters);
const raw = (op: OpName, type: ScalarType, ...args: readonly Expr[]): Expr => ({ kind: "apply", type, op, args });
const single = element("f32");
const end = yields(x);
const fold = { kind: "fold", type: "f64", accumulator: "acc", seed: "seed", first: null, combine: null } as const;
const acc = local("f64", "acc");
const looked = read("f64", "lut", x);
const halves = { left: "p", right: "q", body: [], value: apply("add", local("f64", "p"), local("f64", "q")) } as const;
const f64s = { kind: "array", element: "f64" } as const;
const sum = { kind: "reduce", op: "add", type: "f64", term: "f64", counted: false } as const;
const first: Sink = { kind: "first", type: "f64", ranked: true };

describe("legal kernels", () => {
  it.each(EXAMPLES)("$name", example => {
    expect(verify(example.kernel, "the test")).toBe(example.kernel);
  });
});

/** What is wrong, the complaint, and the kernel. */
const ILLEGAL: readonly (readonly [string, string, Kernel])[] = [
  ["an operator on two types", "mixes f64 and i32", kernel([yields(raw("add", "f64", x, constant("i32", 1)))])],
  ["an operator where it does not exist", "floor does not exist for i32", kernel([yields(raw("floor", "i32", constant("i32", 1)))])],
  ["a wrong result type", "is typed i32, but gives u32", kernel([yields(raw("ushr", "i32", constant("i32", 1), constant("i32", 1)))])],
  ["a comparison that gives no truth value", "is typed f64, but gives bool", kernel([yields(raw("lt", "f64", x, x))])],
  ["a missing operand", "has 1 operands, not 2", kernel([yields(raw("add", "f64", x))])],
  ["a choice by number", "tests f64", kernel([yields({ kind: "select", type: "f64", test: x, yes: x, no: x })])],
  ["a choice between two types", "the second choice is i32", kernel([yields({ kind: "select", type: "f64", test: constant("bool", true), yes: x, no: constant("i32", 1) })])],
  ["a branch on a number", "an if tests f64", kernel([branch(x, [leave()]), end])],
  ["an element of the wrong type", "the source's element is f64", kernel([yields(raw("convert", "f64", single))])],
  ["an index of the wrong type", "the index is f64", kernel([declare("a", { kind: "index", type: "i32" } as unknown as Expr), end])],
  ["a constant that is no f32", "the constant 0.1 is no f32", kernel([declare("a", constant("f32", 0.1)), end])],
  ["a constant beyond i32", "the constant 2147483648 is no i32", kernel([declare("a", constant("i32", 2 ** 31)), end])],
  ["a negative zero in i32", "is no i32", kernel([declare("a", constant("i32", -0)), end])],
  ["a negative u32", "the constant -1 is no u32", kernel([declare("a", constant("u32", -1)), end])],
  ["a number for a bigint", "the constant 1 is no i64", kernel([declare("a", constant("i64", 1)), end])],
  ["a bigint beyond u64", "is no u64", kernel([declare("a", constant("u64", 2n ** 64n)), end])],
  ["a truth value of 1", "is no bool", kernel([declare("a", constant("bool", 1)), end])],
  ["an undeclared local", "the local a is not declared", kernel([yields(local("f64", "a"))])],
  ["a local used before it is declared", "the local a is not declared", kernel([declare("b", local("f64", "a")), declare("a", x), end])],
  ["a local used outside of its branch", "the local a is not declared", kernel([branch(constant("bool", true), [declare("a", x)]), yields(local("f64", "a"))])],
  ["a local of another type", "the local a is f64", kernel([declare("a", x), declare("b", local("i32", "a")), end])],
  ["a name declared twice", "the name a is declared twice", kernel([declare("a", x), block("b", declare("a", x)), end])],
  ["a name that is a parameter's", "the name k is declared twice", kernel([declare("k", x), end])],
  ["a name that C cannot have", "$a is not an identifier", kernel([declare("$a", x), end])],
  ["an undeclared capture", "the parameter z is not declared", kernel([yields(capture("f64", "z"))])],
  ["a capture of another type", "the parameter n is i64", kernel([yields(capture("f64", "n"))])],
  ["an undeclared array", "the array z is not declared", kernel([declare("a", read("f64", "z", x)), end])],
  ["the length of an undeclared array", "the array z is not declared", kernel([yields({ kind: "length", type: "f64", array: "z" })])],
  ["a read of another type", "an element of bytes is i32", kernel([declare("a", read("f64", "bytes", x)), end])],
  ["a read at a bigint", "is indexed by i64", kernel([declare("a", read("f64", "lut", capture("i64", "n"))), end])],
  ["a declaration of another type", "is declared i32, but its value is f64", kernel([{ kind: "declare", name: "a", type: "i32", value: x, mutable: false }, end])],
  ["an assignment to a constant", "a is assigned but not mutable", kernel([declare("a", x), assign("a", x), end])],
  ["an assignment of another type", "a is f64, but gets i32", kernel([declare("a", x, true), assign("a", constant("i32", 1)), end])],
  ["an assignment before the declaration", "a is assigned before it is declared", kernel([assign("a", x), end])],
  ["an assignment to the accumulator", "acc is assigned but not mutable", kernel([assign("acc", x), end], fold)],
  ["a nested read", "is nested", kernel([declare("a", apply("add", looked, x)), end])],
  ["a yielded read", "is nested", kernel([yields(looked)])],
  ["a read as a condition", "is nested", kernel([branch(apply("gt", looked, x), [leave()]), end])],
  ["a read of a read", "is nested", kernel([declare("a", read("f64", "lut", looked)), end])],
  ["a nested BigInt division", "is nested", kernel([yields(apply("div", capture("i64", "n"), capture("i64", "n")))], { kind: "first", type: "i64", ranked: false })],
  ["a nested BigInt() of a float", "is nested", kernel([yields(raw("convert", "i64", x))], { kind: "first", type: "i64", ranked: false })],
  ["a jump out of nowhere", "leave away is not inside of it", kernel([leave("away"), end])],
  ["a jump into a block that has ended", "leave b is not inside of it", kernel([block("b", leave("b")), leave("b"), end])],
  ["a label that hides another", "the label b hides an outer one", kernel([block("b", loop("b", leave("b"))), end])],
  ["a label called element", "the label element hides an outer one", kernel([block("element", leave()), end])],
  ["a yield that is not last", "a yield is not the body's last statement", kernel([end, declare("a", x)])],
  ["a nested yield", "a yield is not the body's last statement", kernel([branch(constant("bool", true), [end])])],
  ["two yields", "a yield is not the body's last statement", kernel([end, end])],
  ["a yield of another type", "the sink takes f64, but is given i32", kernel([yields(constant("i32", 1))])],
  ["a yield of an unwidened byte", "the sink takes i32, but is given f64", kernel([end], { kind: "array", element: "u8" })],
  ["a count of values", "a count sink is given 1 values, not 0", kernel([end], { kind: "count" })],
  ["a yield of nothing", "a array sink is given 0 values, not 1", kernel([yields(null)])],
  ["one value for several results", "a several sink is given 1 values, not 2", kernel([end], { kind: "several", sinks: [f64s, f64s] })],
  ["several values of another type", "the sink takes i32, but is given f64", kernel([yieldsAll(x, x)], { kind: "several", sinks: [f64s, { kind: "array", element: "u8" }] })],
  ["several of one", "a several sink has 1 results", kernel([end], { kind: "several", sinks: [f64s] })],
  ["several of both kinds", "a reduce sink stands beside a array", kernel([yieldsAll(x, x)], { kind: "several", sinks: [f64s, sum] as never })],
  ["several with an illegal reduction", "f64 cannot be reduced by xor", kernel([yieldsAll(x, x)], { kind: "several", sinks: [sum, { ...sum, op: "xor" }] })],
  ["a nested read among several values", "is nested", kernel([yieldsAll(x, looked)], { kind: "several", sinks: [sum, sum] })],
  ["a visit for an array", "only a ranked first sink has a visit", kernel([visit, end])],
  ["a visit for an unranked first", "only a ranked first sink has a visit", kernel([visit, end], { ...first, ranked: false })],
  ["a nested visit", "a visit is nested", kernel([branch(constant("bool", true), [visit]), end], first)],
  ["two visits", "there is a second visit", kernel([visit, visit, end], first)],
  ["a ranked first without a visit", "a ranked first sink has no visit", kernel([end], first)],
  ["a sum of truth values", "bool cannot be reduced by add", kernel([yields(constant("bool", true))], { kind: "reduce", op: "add", type: "bool", term: "bool", counted: false })],
  ["the bits of floats", "f64 cannot be reduced by xor", kernel([end], { kind: "reduce", op: "xor", type: "f64", term: "f64", counted: false })],
  ["a product of other terms", "terms of i32 cannot be reduced by mul in i64", kernel([yields(constant("i32", 1))], { kind: "reduce", op: "mul", type: "i64", term: "i32", counted: false })],
  ["a fold with a seed and a first element", "either a seed or a first element", kernel([declare("a", x), end], { ...fold, first: "a" })],
  ["a fold with neither", "either a seed or a first element", kernel([end], { ...fold, seed: null })],
  ["a seed of another type", "the seed n is no f64 parameter", kernel([end], { ...fold, seed: "n" })],
  ["a first element that is not declared", "is not declared at the body's top level", kernel([end], { ...fold, seed: null, first: "a" })],
  ["a first element in a branch", "is not declared at the body's top level", kernel([branch(constant("bool", true), [declare("a", x)]), end], { ...fold, seed: null, first: "a" })],
  ["a first element of another type", "the first element a is i32", kernel([declare("a", constant("i32", 1)), end], { ...fold, seed: null, first: "a" })],
  ["an accumulator read too early", "acc is read before the first element arrives", kernel([declare("b", acc), declare("a", x), end], { ...fold, seed: null, first: "a" })],
  ["a combine of another type", "combine gives bool", kernel([end], { ...fold, combine: { ...halves, value: apply("lt", local("f64", "p"), local("f64", "q")) } })],
  ["a combine that needs an element", "there is no source element", kernel([end], { ...fold, combine: { ...halves, value: x } })],
  ["a combine that needs an index", "there is no index", kernel([end], { ...fold, combine: { ...halves, value: index } })],
  ["a combine that needs the accumulator", "the local acc is not declared", kernel([end], { ...fold, combine: { ...halves, value: acc } })],
  ["a combine that leaves the element", "leave element is not inside of it", kernel([end], { ...fold, combine: { ...halves, body: [leave()] } })],
  ["a combine whose names are taken", "the name k is declared twice", kernel([end], { ...fold, combine: { ...halves, left: "k" } })],
  ["an element typed i32 on a range", "the source's element is f64", kernelOf(RANGE, { kind: "array", element: "i32" }, [yields(element("i32"))])],
];

describe("illegal kernels", () => {
  it.each(ILLEGAL)("%s", (_, complaint, broken) => {
    expect(() => verify(broken, "the pass")).toThrow(CompilerBug);
    expect(() => verify(broken, "the pass")).toThrow(`This is a bug in dotcompute, not in your code: after the pass: `);
    expect(() => verify(broken, "the pass")).toThrow(complaint);
  });

  it("are shown with the complaint", () => {
    const broken = kernel([declare("a", x), assign("a", number(1)), end]);
    expect(() => verify(broken, "share")).toThrow(`after share: a is assigned but not mutable\n${printKernel(broken)}`);
  });
});

describe("printed kernels", () => {
  it("have a line per statement", () => {
    const text = printKernel(
      kernel(
        [
          declare("a", apply("mul", x, capture("f64", "k")), true),
          branch(apply("gt", local("f64", "a"), number(0)), [assign("a", looked)], [leave()]),
          loop("again", block("once", leave("again"))),
          declare("b", apply("ushr", constant("i32", -1), constant("i32", 4))),
          yields(apply("add", acc, local("f64", "a"))),
        ],
        { ...fold, combine: halves },
      ),
    );
    expect(text).toBe(`f64[] (k: f64, seed: f64, n: i64, lut: f64[], bytes: u8[]) -> fold acc: f64 from seed {
  let a: f64 = mul.f64(element, k)
  if gt.f64(a, 0:f64) {
    a = lut[element]
  } else {
    leave element
  }
  loop again {
    block once {
      leave again
    }
  }
  const b: u32 = 268435455:u32
  yield add.f64(acc, a)
}
combine (p, q) {
  give add.f64(p, q)
}`);
  });
});
