/** Sharing: the same values, computed once, in the innermost list of statements that holds all their uses. */
import { expect, it } from "vitest";
import { apply, local, number } from "../../fusion/build.js";
import { interpret } from "../../fusion/interpret.js";
import type { Expr, Kernel, Stmt } from "../../fusion/ir.js";
import { share } from "../../fusion/passes/share.js";
import { walkStmts } from "../../fusion/traverse.js";
import { verify } from "../../fusion/verify.js";
import { arrayOf, assign, branch, callOf, declare, difference, element, kernelOf, yields } from "./by-hand.js";

const x = element("f64");
const y = local("f64", "y");
const kernel = (...body: readonly Stmt[]): Kernel => verify(kernelOf(arrayOf("f64"), { kind: "array", element: "f64" }, body), "the test");
const values = Float64Array.of(NaN, -Infinity, -3, -1, -0, 0, 0.5, 2, 1e9, Infinity);

/** Shares, and expects the same results; how often each operator stands in the code then. */
function shared(before: Kernel): { readonly after: Kernel; readonly count: (op: string, within?: readonly Stmt[]) => number } {
  const after = verify(share(before), "share");
  expect(difference(interpret(after, callOf(values)).output, interpret(before, callOf(values)).output)).toBeNull();
  const count = (op: string, within: readonly Stmt[] = after.body): number => {
    let found = 0;
    walkStmts(within, { expr: (expr: Expr) => void (expr.kind === "apply" && expr.op === op && found++) });
    return found;
  };
  return { after, count };
}

it("computes once what stands twice, and parts of it that stand elsewhere", () => {
  const square = apply("mul", x, x);
  const { count } = shared(kernel(declare("y", apply("add", apply("sqrt", square), square)), yields(apply("sub", y, apply("sqrt", square)))));
  expect([count("mul"), count("sqrt")]).toEqual([1, 1]);
});

it("tells the two zeros apart", () => {
  const { count } = shared(kernel(declare("y", apply("div", number(1), apply("add", x, number(-0)))), yields(apply("sub", y, apply("div", number(1), apply("add", x, number(0)))))));
  expect(count("add")).toBe(2);
});

it("keeps in a branch what repeats only there", () => {
  const root = apply("sqrt", apply("abs", x));
  const { after, count } = shared(kernel(declare("y", x, true), branch(apply("gt", x, number(1e6)), [assign("y", apply("mul", root, root))]), yields(y)));
  const [test] = after.body.filter(stmt => stmt.kind === "if");
  expect([count("sqrt"), test === undefined ? 0 : count("sqrt", [test])]).toEqual([1, 1]);
});

it("does not take out of a branch what is made of the branch's own locals", () => {
  const z = local("f64", "z");
  const other = local("f64", "w");
  const side = (name: string, value: Expr): readonly Stmt[] => [declare(name, apply("add", x, number(1))), assign("y", apply("mul", value, value))];
  const { count } = shared(kernel(declare("y", x, true), branch(apply("gt", x, number(0)), side("z", z), side("w", other)), yields(y)));
  expect([count("add"), count("mul")]).toEqual([1, 2]);
});

it("computes again what has changed meanwhile", () => {
  const doubled = apply("add", y, y);
  const { count } = shared(kernel(declare("y", x, true), assign("y", doubled), assign("y", apply("add", y, y)), yields(y)));
  expect(count("add")).toBe(2);
});

it("gives the same kernel back where nothing repeats", () => {
  const plain = kernel(yields(apply("mul", x, number(2))));
  expect(share(plain)).toBe(plain);
});
