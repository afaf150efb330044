/** Type inference of what is computed of strings: see texts.ts. */
import { convert, local } from "../build.js";
import { LambdaError } from "../errors.js";
import type { Expr } from "../ir.js";
import type { BinaryOperator, Span, SurfaceExpr } from "../parse/surface.js";
import { CALLABLE, textElement, textMethod, type TextArgument, type TextMethodName } from "../texts.js";
import { ELEMENTS } from "../types.js";
import type { Inference } from "./infer.js";
import { describeKind, kindOf, stringRefused, type Typed } from "./typing.js";

type TextNode = SurfaceExpr & { readonly kind: "text" };

/** A method or a property of a string. */
export function inferText(inference: Inference, { method, of, args, span }: TextNode): Typed {
  const value = inference.expression(of);
  if (kindOf(value) !== "string") throw notOfStrings(method, of, value, span);
  const { takes, least } = textMethod(method);
  if (args.length < least || args.length > takes.length) {
    const count = least === takes.length ? String(least) : `${least} to ${takes.length}`;
    throw new LambdaError("DC106", `${method} takes ${count} argument${count === "1" ? "" : "s"} and is given ${args.length}`, span, `Give it ${takes.length === 0 ? "none" : takes.map(type => `a ${type}`).join(" and ")}`);
  }
  const given = args.map((arg, at) => argument(inference, arg, takes[at] as "string" | "number", method));
  return computed(inference, method, given, value, span);
}

function notOfStrings(method: TextMethodName, of: SurfaceExpr, value: Typed, span: Span): LambdaError {
  if (of.kind === "capture" && method === "length") {
    return new LambdaError("DC111", `${of.name} is a single value and is used as an array`, span, `Hand over a typed array under this name, { ${of.name}: new Float64Array([…]) }`);
  }
  const what = method === "length" ? "no length" : `no method ${method}`;
  return new LambdaError(method === "length" ? "DC102" : "DC106", `${describeKind(kindOf(value))} has ${what} in a kernel`, span, "Strings have one, and of arrays handed over by name there is .length");
}

/** What is the same for all rows, so that it takes a string's code to tell the result. */
function argument(inference: Inference, expr: SurfaceExpr, type: "string" | "number", method: TextMethodName): TextArgument {
  const found = inference.fixed(expr);
  if (found === null) {
    throw new LambdaError("DC209", `what ${method} is given differs from row to row`, expr.span, `${method} is computed once for each different string: give it ${type === "string" ? 'a string written out, "AA",' : "a number written out"} or a captured one`);
  }
  if (found.type !== type) throw new LambdaError("DC204", `${method} is given ${found.type === "string" || found.type === "number" ? `a ${found.type}` : "something else"} where it takes a ${type}`, expr.span, `Give it a ${type}`);
  return found.argument;
}

const ORDERED = { "<": ["isLess", "isGreater"], "<=": ["isAtMost", "isAtLeast"], ">": ["isGreater", "isLess"], ">=": ["isAtLeast", "isAtMost"] } as const satisfies Partial<Record<BinaryOperator, readonly [TextMethodName, TextMethodName]>>;

export const isOrder = (operator: BinaryOperator): operator is keyof typeof ORDERED => operator in ORDERED;

/** An order or a `+` where one side is a string that is the same for all rows; null for others. */
export function inferBesideText(inference: Inference, operator: BinaryOperator, left: SurfaceExpr, right: SurfaceExpr, span: Span): Typed | null {
  if (operator !== "+" && !isOrder(operator)) return null;
  const [first, second] = operator === "+" ? (["append", "prepend"] as const) : ORDERED[operator];
  for (const [value, other, method] of [[left, right, first], [right, left, second]] as const) {
    const fixed = inference.fixed(other);
    if (fixed?.type !== "string") continue;
    const text = inference.expression(value);
    if (kindOf(text) === "string") return computed(inference, method, [fixed.argument], text, span);
    throw operator === "+"
      ? stringRefused(`+ is given a string and ${describeKind(kindOf(text))}`, span, "Kernels put strings together, and make none of numbers: give strings on both sides")
      : new LambdaError("DC204", `${value === left ? describeKind(kindOf(text)) : "a string"} is compared with ${value === left ? "a string" : describeKind(kindOf(text))}`, span, 'Compare strings with strings: r.carrier < "M"');
  }
  return null;
}

/** A string's place in the order of all strings. */
export const rankOf = (inference: Inference, value: Typed, span: Span): Expr => computed(inference, "rank", [], value, span).expr;

function computed(inference: Inference, method: TextMethodName, args: readonly TextArgument[], value: Typed, span: Span): Typed {
  const { gives } = textMethod(method);
  if (gives === "string" && inference.repeats) {
    throw stringRefused("a string is made of another in a loop", span, `Make it before the loop, and keep it in a const variable; ${CALLABLE.filter(name => textMethod(name as TextMethodName).gives !== "string").join(", ")} and .length may be asked for in loops`);
  }
  const { parameters, context } = inference;
  const element = textElement(method);
  const array = parameters.text({ method, args }, context.stage, span);
  const { scalar } = ELEMENTS[element];
  const name = inference.names.fresh(`${method}_here`);
  inference.out.push({ kind: "declare", name, type: scalar, value: { kind: "read", type: scalar, array, at: convert("i32", value.expr) }, mutable: false });
  const expr = local(scalar, name);
  return { expr: gives === "boolean" ? convert("bool", expr) : expr, weak: false, integral: [], string: gives === "string", span };
}
