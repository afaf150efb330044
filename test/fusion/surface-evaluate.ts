/* eslint eqeqeq: off -- it evaluates == itself */
/** Runs a surface lambda directly, with JavaScript's own operators: what parsing must not change. */
import { parseLambda } from "../../fusion/parse/lambda.js";
import type { BinaryOperator, Builtin, CaptureKind, SurfaceExpr, SurfaceLambda, SurfaceStmt } from "../../fusion/parse/surface.js";

export type Value = number | bigint | boolean;
type AnyArray = { readonly length: number; readonly [index: number]: number | bigint };
type AnyFunction = (...args: never[]) => unknown;
export type Captures = Readonly<Record<string, Value | AnyArray | AnyFunction>>;

export const kindsOf = (captures: Captures): Readonly<Record<string, CaptureKind>> =>
  Object.fromEntries(
    Object.entries(captures).map(([name, value]): [string, CaptureKind] => [
      name,
      typeof value === "function" ? { kind: "function", text: value.toString() } : { kind: typeof value === "object" ? "array" : "scalar" },
    ]),
  );

/** Parses the lambda of a map with any number of parameters. */
export const parse = (text: string, captures: Captures = {}): SurfaceLambda =>
  parseLambda(text, { label: "the lambda of map", captures: kindsOf(captures), parameters: { least: 0, most: 9 } });

export function evaluate(lambda: SurfaceLambda, args: readonly Value[], captures: Captures = {}): Value {
  const run = new Run(captures);
  for (const [index, name] of lambda.parameters.entries()) run.variables.set(name, args[index] as Value);
  const left = run.statements(lambda.body);
  if (left !== null) throw new Error(`left the lambda towards ${left}`);
  return run.expression(lambda.result);
}

class Run {
  readonly variables = new Map<string, Value>();
  private readonly declared = new Set<string>();
  private steps = 0;

  constructor(private readonly captures: Captures) {}

  /** The label that is being left for; null at the end of the statements. */
  statements(statements: readonly SurfaceStmt[]): string | null {
    for (const statement of statements) {
      const left = this.statement(statement);
      if (left !== null) return left;
    }
    return null;
  }

  private statement(statement: SurfaceStmt): string | null {
    this.steps += 1;
    if (this.steps > 1e6) throw new Error("the loop does not end");
    switch (statement.kind) {
      case "declare":
        this.declared.add(statement.name);
        if (statement.value === null) this.variables.delete(statement.name);
        else this.variables.set(statement.name, this.expression(statement.value));
        return null;
      case "assign":
        if (!this.declared.has(statement.name)) throw new Error(`${statement.name} is assigned and was never declared`);
        this.variables.set(statement.name, this.expression(statement.value));
        return null;
      case "store":
        throw new Error("a lambda writes to an array");
      case "if":
        return this.statements(this.expression(statement.test) ? statement.then : statement.otherwise);
      case "loop":
        for (;;) {
          const left = this.statements(statement.body);
          this.steps += 1;
          if (this.steps > 1e6) throw new Error("the loop does not end");
          if (left !== null) return left === statement.label ? null : left;
        }
      case "block": {
        const left = this.statements(statement.body);
        return left === statement.label ? null : left;
      }
      case "leave":
        return statement.label;
      default:
        return statement satisfies never;
    }
  }

  expression(node: SurfaceExpr): Value {
    switch (node.kind) {
      case "literal":
        return node.value;
      case "variable": {
        const value = this.variables.get(node.name);
        if (value === undefined) throw new Error(`${node.name} is read before it has a value`);
        return value;
      }
      case "capture":
        return this.captures[node.name] as Value;
      case "length":
        return (this.captures[node.array] as AnyArray).length;
      case "read": {
        const value = (this.captures[node.array] as AnyArray)[Number(this.expression(node.index))];
        if (value === undefined) throw new RangeError("out of range");
        return value;
      }
      case "unary": {
        const value = this.expression(node.argument) as number;
        return node.operator === "-" ? -value : node.operator === "+" ? +value : node.operator === "!" ? !value : ~value;
      }
      case "binary": {
        const left = this.expression(node.left);
        const right = node.right.kind === "literal" && node.right.step && typeof left === "bigint" ? 1n : this.expression(node.right);
        return binary(node.operator, left as number, right as number);
      }
      case "logical": {
        const left = this.expression(node.left);
        return (node.operator === "&&") === Boolean(left) ? this.expression(node.right) : left;
      }
      case "conditional":
        return this.expression(node.test) ? this.expression(node.yes) : this.expression(node.no);
      case "call":
        return builtin(node.callee)(...node.args.map((arg) => this.expression(arg)));
      case "do": {
        const left = this.statements(node.body);
        if (left !== null) throw new Error(`left an expression towards ${left}`);
        return this.expression(node.result);
      }
      case "string":
      case "among":
      case "text":
      case "null":
      case "nullish":
      case "object":
        throw new Error("a row is no value");
      default:
        return node satisfies never;
    }
  }
}

function binary(operator: BinaryOperator, a: number, b: number): Value {
  switch (operator) {
    case "+": return a + b;
    case "-": return a - b;
    case "*": return a * b;
    case "/": return a / b;
    case "%": return a % b;
    case "**": return a ** b;
    case "<": return a < b;
    case "<=": return a <= b;
    case ">": return a > b;
    case ">=": return a >= b;
    case "==": return a == b;
    case "!=": return a != b;
    case "===": return a === b;
    case "!==": return a !== b;
    case "&": return a & b;
    case "|": return a | b;
    case "^": return a ^ b;
    case "<<": return a << b;
    case ">>": return a >> b;
    case ">>>": return a >>> b;
    default:
      return operator satisfies never;
  }
}

/** `Math.max` and the like, looked up where JavaScript has them. */
function builtin(path: Builtin): (...args: readonly Value[]) => Value {
  const found = path.split(".").reduce<unknown>((object, key) => (object as Record<string, unknown>)[key], globalThis);
  return found as (...args: readonly Value[]) => Value;
}
