/** The elementary functions as typed statements, each read, typed and optimised once. */
import { convert, local } from "../build.js";
import { CompilerBug } from "../errors.js";
import type { Expr, Kernel, Stmt } from "../ir.js";
import { FUNCTIONS, type ElementaryName } from "../math/functions.js";
import { lambdaOf } from "../math/library.js";
import { declaredIn, mapExpr, mapStmts, walkStmts } from "../traverse.js";
import { verify } from "../verify.js";
import { inferLambda } from "./infer-lambda.js";
import { Names, Parameters } from "./parameters.js";
import { pruneBody } from "./prune.js";
import { share } from "./share.js";
import { simplify } from "./simplify.js";
import type { Typed } from "./typing.js";

/** A function of `count` operands of a type, which gives that type. */
export interface FunctionType {
  readonly name: ElementaryName;
  readonly type: "f64" | "f32";
  readonly count: number;
}

export interface Definition {
  /** Captures of these names stand for the operands. */
  readonly parameters: readonly string[];
  readonly body: readonly Stmt[];
  readonly result: Expr;
}

const definitions = new Map<string, Definition>();

export function definitionOf(wanted: FunctionType): Definition {
  const key = `${wanted.name} ${wanted.type} ${String(wanted.count)}`;
  let definition = definitions.get(key);
  if (definition === undefined) definitions.set(key, (definition = define(wanted)));
  return definition;
}

function define({ name, type, count }: FunctionType): Definition {
  const lambda = lambdaOf(name, type, count);
  const names = new Names();
  const scalars = lambda.parameters.map(parameter => ({ name: names.fresh(parameter), type, origin: { stage: 0, name: parameter } }));
  const wide = type === "f32" && FUNCTIONS[name].single === "wide";
  const given = scalars.map((scalar): Typed => {
    const operand: Expr = { kind: "capture", type, name: scalar.name };
    return { expr: wide ? convert("f64", operand) : operand, weak: false, integral: false, span: lambda.result.span };
  });
  const { body, result } = inferLambda(lambda, given, { captures: {}, stage: 0, parameters: new Parameters(names) });
  if (!wide && result.expr.type !== type) throw new CompilerBug(`${name} of ${type} gives ${result.expr.type}`);
  const typed: Kernel = { source: { kind: "range" }, scalars, arrays: [], body: [...body, { kind: "yield", values: [convert(type, result.expr)] }], sink: { kind: "array", element: type } };
  const kernel = pruneBody(settled(verify(typed, "infer an elementary function")));
  const last = kernel.body.at(-1);
  const value = last?.kind === "yield" ? last.values[0] : undefined;
  if (value === undefined) throw new CompilerBug(`${name} gives nothing`);
  return { parameters: scalars.map(scalar => scalar.name), body: kernel.body.slice(0, -1), result: value };
}

/** Shares until nothing repeats: what was shared makes what is computed from it the same, too. */
function settled(kernel: Kernel): Kernel {
  const shared = verify(share(simplify(kernel)), "share");
  return shared === kernel ? kernel : settled(shared);
}

/** The body and the result of a call, in names of their own. The operands are mentioned wherever they are needed. */
export function instantiate({ parameters, body, result }: Definition, operands: readonly Expr[], names: Names): { readonly body: readonly Stmt[]; readonly result: Expr } {
  const given = new Map(parameters.map((parameter, place) => [parameter, operands[place] as Expr]));
  const renamed = new Map([...declaredIn(body), ...labelsIn(body)].map(name => [name, names.fresh(name)]));
  const rename = (name: string): string => renamed.get(name) ?? name;
  const expr = (whole: Expr): Expr =>
    mapExpr(whole, node => {
      if (node.kind === "capture") return given.get(node.name) ?? node;
      return node.kind === "local" ? local(node.type, rename(node.name)) : node;
    });
  const stmt = (each: Stmt): Stmt => {
    if (each.kind === "declare" || each.kind === "assign") return { ...each, name: rename(each.name) };
    return "label" in each ? { ...each, label: rename(each.label) } : each;
  };
  return { body: mapStmts(body, { expr, stmt }), result: expr(result) };
}

function labelsIn(body: readonly Stmt[]): ReadonlySet<string> {
  const labels = new Set<string>();
  walkStmts(body, { stmt: stmt => void ("label" in stmt && labels.add(stmt.label)) });
  return labels;
}
