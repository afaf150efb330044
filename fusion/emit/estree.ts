/** Building JavaScript syntax trees: small constructors, and skeletons parsed from text with gaps to fill. */
import { parse, type Comment } from "acorn";
import type { BinaryOperator, Expression, Identifier, Pattern, Statement, UnaryOperator } from "estree";

export const identifier = (name: string): Identifier => ({ type: "Identifier", name });

export const member = (object: Expression, name: string): Expression =>
  ({ type: "MemberExpression", object, property: identifier(name), computed: false, optional: false });

export const at = (object: Expression, property: Expression): Expression & Pattern =>
  ({ type: "MemberExpression", object, property, computed: true, optional: false });

/** A function by its dotted name, for example `Math.abs`. */
export function call(callee: string, ...args: readonly Expression[]): Expression {
  const [head = "", ...rest] = callee.split(".");
  const target = rest.reduce<Expression>((object, name) => member(object, name), identifier(head));
  return { type: "CallExpression", callee: target, arguments: [...args], optional: false };
}

export const unary = (operator: UnaryOperator, argument: Expression): Expression => ({ type: "UnaryExpression", operator, prefix: true, argument });

export const binary = (operator: string, left: Expression, right: Expression): Expression =>
  operator === "&&" || operator === "||"
    ? { type: "LogicalExpression", operator, left, right }
    : { type: "BinaryExpression", operator: operator as BinaryOperator, left, right };

export const conditional = (test: Expression, consequent: Expression, alternate: Expression): Expression =>
  ({ type: "ConditionalExpression", test, consequent, alternate });

export const text = (value: string): Expression => ({ type: "Literal", value });

export function number(value: number): Expression {
  if (Number.isNaN(value)) return identifier("NaN");
  if (value < 0 || Object.is(value, -0)) return unary("-", number(-value));
  return value === Infinity ? identifier("Infinity") : { type: "Literal", value, raw: String(value) };
}

export function bigint(value: bigint): Expression {
  if (value < 0n) return unary("-", bigint(-value));
  return { type: "Literal", value, bigint: String(value) };
}

export const truth = (value: boolean): Expression => ({ type: "Literal", value });

export const run = (expression: Expression): Statement => ({ type: "ExpressionStatement", expression });

export const assign = (left: Pattern, right: Expression): Statement => run({ type: "AssignmentExpression", operator: "=", left, right });

export const increment = (name: string): Expression => ({ type: "UpdateExpression", operator: "++", prefix: false, argument: identifier(name) });

export const declare = (kind: "const" | "let", name: string, init: Expression): Statement =>
  ({ type: "VariableDeclaration", kind, declarations: [{ type: "VariableDeclarator", id: identifier(name), init }] });

export const blockOf = (body: readonly Statement[]): Statement => ({ type: "BlockStatement", body: [...body] });

/** A lone statement needs no braces, except a declaration (not allowed) and another `if` (hard to read). */
const armOf = (body: readonly Statement[]): Statement => {
  const [only] = body;
  const bare = body.length === 1 && only !== undefined && ["ExpressionStatement", "BreakStatement", "ContinueStatement"].includes(only.type);
  return bare ? only : blockOf(body);
};

export function branch(test: Expression, then: readonly Statement[], otherwise: readonly Statement[] = []): Statement {
  if (otherwise.length === 0) return { type: "IfStatement", test, consequent: armOf(then), alternate: null };
  const [only] = otherwise;
  const chained = otherwise.length === 1 && only?.type === "IfStatement";
  return { type: "IfStatement", test, consequent: blockOf(then), alternate: chained ? only : blockOf(otherwise) };
}

const OPPOSITE: Readonly<Partial<Record<string, BinaryOperator>>> = { "===": "!==", "!==": "===" };

/** The opposite of a condition. Comparisons by size are not turned round: NaN fails both. */
export function negation(test: Expression): Expression {
  if (test.type === "UnaryExpression" && test.operator === "!") return test.argument;
  const opposite = test.type === "BinaryExpression" ? OPPOSITE[test.operator] : undefined;
  return test.type === "BinaryExpression" && opposite !== undefined ? { ...test, operator: opposite } : unary("!", test);
}

export type Part = string | Expression | readonly Statement[];

interface SyntaxNode {
  readonly type: string;
  readonly start?: number;
  comments?: { type: string; value: string }[];
  [key: string]: unknown;
}

const isNode = (value: unknown): value is SyntaxNode => typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";

/** Whether the identifier under `key` is a property's or a label's name, not a variable. */
const isFixedName = (parent: SyntaxNode, key: string): boolean =>
  key === "label" || ((key === "property" || (key === "key" && parent.type === "Property")) && parent["computed"] === false);

/**
 * Parses statements and fills their gaps: an identifier that `parts` lists becomes that name or expression, and one that
 * stands alone as a statement becomes that list of statements. Line comments stay with the statement below them.
 */
export function skeleton(code: string, parts: Readonly<Record<string, Part>>): readonly Statement[] {
  const comments: Comment[] = [];
  const program = parse(code, { ecmaVersion: 2022, onComment: comments, allowReturnOutsideFunction: true });

  const fillNode = (node: SyntaxNode): SyntaxNode => {
    const filled: SyntaxNode = { type: node.type };
    for (const [key, value] of Object.entries(node)) {
      if (key === "start" || key === "end" || key === "type") continue;
      if (Array.isArray(value)) filled[key] = value.flatMap(item => (isNode(item) ? fillItem(item) : [item as unknown]));
      else if (isNode(value)) filled[key] = isFixedName(node, key) ? fillNode(value) : fillOne(value);
      else filled[key] = value;
    }
    // A renamed variable can no longer be written as `{ name }`.
    if (filled["shorthand"] === true) filled["shorthand"] = (filled["key"] as Identifier).name === (filled["value"] as Identifier).name;
    return filled;
  };
  const fillOne = (node: SyntaxNode): unknown => {
    const part = node.type === "Identifier" ? partOf(node["name"] as string) : undefined;
    if (part === undefined) return fillNode(node);
    return typeof part === "string" ? identifier(part) : part;
  };
  /** An element of a list; statements may become none or several. */
  const fillItem = (node: SyntaxNode): readonly unknown[] => {
    const expression = node.type === "ExpressionStatement" ? (node["expression"] as SyntaxNode) : undefined;
    const part = expression?.type === "Identifier" ? partOf(expression["name"] as string) : undefined;
    const above: Comment[] = [];
    while (comments[0] !== undefined && comments[0].start < (node.start ?? 0)) above.push(comments.shift() as Comment);
    const items = Array.isArray(part) ? (part as readonly unknown[]) : [fillOne(node)];
    const [head, ...rest] = items;
    if (above.length === 0 || !isNode(head)) return items;
    return [{ ...head, comments: above.map(({ type, value }) => ({ type, value })) }, ...rest];
  };
  const partOf = (name: string): Part | undefined => (Object.hasOwn(parts, name) ? parts[name] : undefined);

  return (fillNode(program as unknown as SyntaxNode)["body"] as readonly Statement[]);
}
