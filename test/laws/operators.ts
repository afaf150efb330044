/** Kernels of one operator each, straight from the table, so that none can exist untested. */
import { constant, convert, local } from "../../fusion/build.js";
import type { Expr, Kernel, Stmt } from "../../fusion/ir.js";
import { isDefined, OP_NAMES, operator, type OpName, usualArity } from "../../fusion/ops.js";
import type { ElementType, ScalarType, ScalarValue } from "../../fusion/types.js";
import { evaluate, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { SPECIAL } from "./special.js";

export interface OperatorCase {
  readonly name: string;
  readonly kernel: Kernel;
  readonly source: AnyTypedArray;
  readonly other: AnyTypedArray;
  /** What each element must give, or the RangeError it must raise. */
  readonly expected: readonly ({ readonly value: ScalarValue } | { readonly error: string })[];
}

/** The arrays whose elements are, or become, values of a scalar type. */
const HOLDS: Readonly<Record<ScalarType, ElementType>> = { bool: "u8", i32: "i32", u32: "u32", i64: "i64", u64: "u64", f32: "f32", f64: "f64" };

/** Compiles as one kernel: the element ⊕ the element of another array at the same place. */
function operatorCase(op: OpName, over: ScalarType, gives: ScalarType): OperatorCase {
  const arity = usualArity(op);
  const values = SPECIAL[over];
  const all = arity === 1 ? values.map(a => [a]) : values.flatMap(a => values.map(b => [a, b]));
  const pairs = all.filter(pair => isDefined(op, pair));
  const fill = (place: number): AnyTypedArray => {
    const array = newArray(HOLDS[over], pairs.length);
    pairs.forEach((pair, at) => {
      const value = pair[place] ?? (pair[0] as ScalarValue);
      array[at] = (typeof value === "boolean" ? Number(value) : value) as number;
    });
    return array;
  };
  const loaded = (expr: Expr): Expr => (over === "bool" ? { kind: "apply", op: "convert", type: "bool", args: [expr] } : expr);
  const scalar: ScalarType = over === "bool" ? "i32" : over;
  const body: Stmt[] = [];
  const args: Expr[] = [loaded({ kind: "element", type: scalar })];
  if (arity === 2) {
    body.push({ kind: "declare", name: "other_at", type: scalar, mutable: false, value: { kind: "read", type: scalar, array: "other", at: { kind: "index", type: "f64" } } });
    args.push(loaded(local(scalar, "other_at")));
  }
  body.push({ kind: "declare", name: "result", type: gives, mutable: false, value: { kind: "apply", op, type: gives, args } });
  body.push({ kind: "yield", values: [gives === "bool" ? convert("i32", local("bool", "result")) : local(gives, "result")] });
  return {
    name: op === "convert" ? `convert ${over} to ${gives}` : `${op} of ${over}`,
    kernel: {
      source: { kind: "array", element: HOLDS[over] },
      scalars: [],
      arrays: arity === 2 ? [{ name: "other", element: HOLDS[over], origin: { stage: 0, name: "other" } }] : [],
      body,
      sink: { kind: "array", element: HOLDS[gives] },
    },
    source: fill(0),
    other: fill(1),
    expected: pairs.map(pair => {
      try {
        const value = evaluate(op, over, gives, pair);
        return { value: typeof value === "boolean" ? Number(value) : value };
      } catch (error) {
        if (error instanceof RangeError) return { error: error.message };
        throw error;
      }
    }),
  };
}

const SCALARS = Object.keys(HOLDS) as ScalarType[];

/** Every operator for every type it exists for, conversions from every type to every other. */
export const OPERATOR_CASES: readonly OperatorCase[] = OP_NAMES.flatMap(op => {
  const { over, gives } = operator(op);
  if (op === "convert") return SCALARS.flatMap(from => SCALARS.filter(to => to !== from).map(to => operatorCase(op, from, to)));
  return over.map(type => operatorCase(op, type, gives === "same" ? type : gives));
});

/** Reductions of special values, one for each operator and type that a sink may fold. */
export const REDUCE_CASES: readonly { readonly name: string; readonly kernel: Kernel }[] = (
  [
    ["add", ["f64", "f32", "i64", "u64"]],
    ["mul", ["f64", "f32", "i64", "u64"]],
    ["min", ["f64", "f32", "i32", "i64", "u64"]],
    ["max", ["f64", "f32", "i32", "i64", "u64"]],
    ["and", ["bool", "i32", "i64", "u64"]],
    ["or", ["bool", "i32", "i64", "u64"]],
    ["xor", ["i32", "i64", "u64"]],
  ] as const
).flatMap(([op, types]) =>
  types.map(term => {
    const scalar: ScalarType = term === "bool" ? "i32" : term;
    const element: Expr = { kind: "element", type: scalar };
    const value: Expr = term === "bool" ? { kind: "apply", op: "gt", type: "bool", args: [element, constant("i32", 0)] } : element;
    const type: ScalarType = term === "f32" && (op === "add" || op === "mul") ? "f64" : term;
    return {
      name: `${op} of ${term}`,
      kernel: {
        source: { kind: "array", element: HOLDS[term] },
        scalars: [],
        arrays: [],
        body: [{ kind: "yield", values: [value] }],
        sink: { kind: "reduce", op, type, term, counted: false },
      } satisfies Kernel as Kernel,
    };
  }),
);

