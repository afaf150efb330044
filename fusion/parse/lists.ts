/**
 * Lists: the array literals that the lambda of a flatMap gives. One becomes a row with a column for each of its places; where the
 * lists of a lambda differ in length, one more column says how many places are taken, and the others hold nothing that is read.
 */
import type { ArrayExpression, Expression, Node } from "acorn";
import { LambdaError } from "../errors.js";
import { differing, givesObject, mixed } from "./choices.js";
import { refusedNode } from "./resolve.js";
import type { Scope } from "./scope.js";
import type { FunctionNode } from "./source.js";
import type { Span, SurfaceExpr, SurfaceLambda } from "./surface.js";

/** What all the lists that a lambda gives have in common. */
export interface ListShape {
  readonly most: number;
  readonly varied: boolean;
}

/** The column of a list's length. Those of its places are called by their numbers, and, of rows, by the row's column behind a space. */
const LENGTH = "length";

/** Looks for the lists first, since all of them become rows of the same columns. */
export function listShape(node: FunctionNode, scope: Scope): ListShape {
  const results = node.body.type === "BlockStatement" ? returnedIn(node.body) : [node.body];
  const lengths = results.flatMap(result => listsIn(result, scope)).map(({ elements }) => elements.length);
  const most = Math.max(0, ...lengths);
  if (most === 0) throw new LambdaError("DC102", "flatMap gives no element on any path", scope.span(node.body), "Write what each element becomes: x => [x, x * 2], or x => (x > 0 ? [x] : [])");
  return { most, varied: lengths.some(length => length !== most) };
}

function returnedIn(node: Node): readonly Expression[] {
  if (node.type === "ReturnStatement") {
    const { argument } = node as Node & { readonly argument?: Expression | null };
    return argument ? [argument] : [];
  }
  if (/Function/.test(node.type)) return [];
  const parts = Object.values(node).flatMap((value: unknown) => (Array.isArray(value) ? (value as unknown[]) : [value]));
  return parts.flatMap(part => (typeof part === "object" && part !== null && "type" in part ? returnedIn(part as Node) : []));
}

function listsIn(result: Expression, scope: Scope): readonly ArrayExpression[] {
  if (result.type === "ArrayExpression") return [result];
  if (result.type === "ConditionalExpression") return [...listsIn(result.consequent, scope), ...listsIn(result.alternate, scope)];
  throw new LambdaError("DC102", "the lambda of flatMap gives something else than a list that is written out", scope.span(result), "Give an array literal on every path: [x, x * 2], [x], or [] for nothing");
}

/** A list as a row. */
export function listOf(node: ArrayExpression, { most, varied }: ListShape, scope: Scope, convert: (element: Expression) => SurfaceExpr): SurfaceExpr {
  const span = scope.span(node);
  const items = node.elements.map(element => {
    if (element === null) throw new LambdaError("DC102", "the list has a hole", span, "Write each of its elements");
    if (element.type === "SpreadElement" || element.type === "ArrayExpression") throw refusedNode(element, scope);
    return convert(element);
  });
  const rows = items.filter(givesObject);
  if (rows.length > 0 && rows.length < items.length) throw mixed(span);
  if (rows.length > 0 && varied) throw new LambdaError("DC112", "lists of rows differ in length", span, "Give lists of one length with a column that says which rows are meant, and filter by it behind");
  const fields = rows.length > 0 ? fieldsOf(items) : items.map((value, at) => ({ name: String(at), value }));
  const pads = Array.from({ length: most - items.length }, (_, at) => ({ name: String(items.length + at), value: { kind: "literal", value: 0, pad: true, span } as const }));
  const length = varied ? [{ name: LENGTH, value: { kind: "literal", value: items.length, span } as const }] : [];
  return { kind: "object", fields: [...fields, ...pads, ...length], span };
}

function fieldsOf(rows: readonly SurfaceExpr[]): readonly { readonly name: string; readonly value: SurfaceExpr }[] {
  const [first] = rows;
  return rows.flatMap((row, at) => {
    if (row.kind !== "object" || first?.kind !== "object") throw choice(row.span);
    const known = new Set(first.fields.map(({ name }) => name));
    if (row.fields.length !== known.size || row.fields.some(({ name }) => !known.has(name))) throw differing(first.fields, row.fields, row.span);
    return row.fields.map(({ name, value }) => ({ name: `${at} ${name}`, value }));
  });
}

const choice = (span: Span): LambdaError => new LambdaError("DC102", "a choice between rows stands inside a list", span, "Choose within the columns: [{ total: test ? a : b }]");

/** What a column of such a row is: the place in the list, null for the length; and the column of the row that stands there, null for a value. */
export function itemAt(name: string): { readonly place: number | null; readonly column: string | null } {
  if (name === LENGTH) return { place: null, column: null };
  const space = name.indexOf(" ");
  return space < 0 ? { place: Number(name), column: null } : { place: Number(name.slice(0, space)), column: name.slice(space + 1) };
}

/** The columns that lists of rows make; null for lists of values. */
export function columnsOfLists({ result }: SurfaceLambda): readonly string[] | null {
  const columns = result.kind === "object" ? result.fields.flatMap(({ name }) => itemAt(name).column ?? []) : [];
  return columns.length === 0 ? null : [...new Set(columns)];
}
