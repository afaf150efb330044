/** Which statements can be reached, and whether variables have a value whenever they are read. */
import { LambdaError } from "../errors.js";
import type { Raw } from "./returns.js";
import type { SurfaceExpr, SurfaceLambda, SurfaceStmt } from "./surface.js";

/** Whether the end of these statements can be reached. */
export function fallsThrough(statements: readonly Raw[]): boolean {
  return reach(statements).end;
}

interface Reach {
  /** Whether the end is reached. */
  readonly end: boolean;
  readonly left: ReadonlySet<string>;
}

const NOWHERE: ReadonlySet<string> = new Set();

function reach(statements: readonly Raw[]): Reach {
  let left = NOWHERE;
  for (const statement of statements) {
    const inner = reachOf(statement);
    left = union(left, inner.left);
    if (!inner.end) return { end: false, left };
  }
  return { end: true, left };
}

function reachOf(statement: Raw): Reach {
  switch (statement.kind) {
    case "declare":
    case "assign":
    case "store":
      return { end: true, left: NOWHERE };
    case "leave":
      return { end: false, left: new Set([statement.label]) };
    case "return":
      return { end: false, left: NOWHERE };
    case "if": {
      const then = reach(statement.then);
      const otherwise = reach(statement.otherwise);
      return { end: then.end || otherwise.end, left: union(then.left, otherwise.left) };
    }
    case "loop":
    case "block": {
      const { end, left } = reach(statement.body);
      return { end: left.has(statement.label) || (end && statement.kind === "block"), left };
    }
    default:
      return statement satisfies never;
  }
}

const union = <T>(one: ReadonlySet<T>, other: ReadonlySet<T>): ReadonlySet<T> =>
  other.size === 0 ? one : one.size === 0 ? other : new Set([...one, ...other]);

/** Statements that cannot be reached are left out. */
export function withoutDeadCode(statements: readonly Raw[]): readonly Raw[] {
  const live: Raw[] = [];
  for (const statement of statements) {
    live.push(withoutDeadInside(statement));
    if (!reachOf(statement).end) break;
  }
  return live;
}

function withoutDeadInside(statement: Raw): Raw {
  switch (statement.kind) {
    case "if":
      return { ...statement, then: withoutDeadCode(statement.then), otherwise: withoutDeadCode(statement.otherwise) };
    case "loop":
    case "block":
      return { ...statement, body: withoutDeadCode(statement.body) };
    case "declare":
    case "assign":
    case "store":
    case "leave":
    case "return":
      return statement;
    default:
      return statement satisfies never;
  }
}

/**
 * The variables that have no value yet on some path to a point of the program; null where no path leads. A loop needs no
 * second look: going round only adds values, for variables declared outside it.
 */
type Unset = ReadonlySet<string> | null;

const merge = (one: Unset, other: Unset): Unset => (one === null ? other : other === null ? one : union(one, other));

/** Throws DC108 for a variable that may be read before it has a value. */
export function checkAssigned(lambda: SurfaceLambda): void {
  const check = new AssignmentCheck();
  check.expression(lambda.result, check.statements(lambda.body, new Set()));
}

class AssignmentCheck {
  /** What is unset at the leaves for each label. */
  private readonly left = new Map<string, Unset>();

  statements(statements: readonly SurfaceStmt[], before: Unset): Unset {
    return statements.reduce<Unset>((unset, statement) => this.statement(statement, unset), before);
  }

  private statement(statement: SurfaceStmt, before: Unset): Unset {
    switch (statement.kind) {
      case "declare":
        return statement.value === null ? before && new Set([...before, statement.name]) : this.expression(statement.value, before);
      case "assign": {
        const unset = this.expression(statement.value, before);
        return unset?.has(statement.name) ? new Set([...unset].filter((name) => name !== statement.name)) : unset;
      }
      case "if": {
        const tested = this.expression(statement.test, before);
        return merge(this.statements(statement.then, tested), this.statements(statement.otherwise, tested));
      }
      case "loop":
        this.statements(statement.body, before);
        return this.left.get(statement.label) ?? null;
      case "block":
        return merge(this.statements(statement.body, before), this.left.get(statement.label) ?? null);
      case "leave":
        this.left.set(statement.label, merge(this.left.get(statement.label) ?? null, before));
        return null;
      case "store":
        return this.expression(statement.value, this.expression(statement.index, before));
      default:
        return statement satisfies never;
    }
  }

  expression(node: SurfaceExpr, before: Unset): Unset {
    switch (node.kind) {
      case "literal":
      case "null":
      case "string":
      case "capture":
      case "length":
        return before;
      case "variable":
        if (before?.has(node.name)) {
          const { source, start, end } = node.span;
          const written = source.text.slice(start, end);
          throw new LambdaError("DC108", `${written} may be read before it has a value`, node.span, `Give it a value where it is declared: let ${written} = 0`);
        }
        return before;
      case "read":
        return this.expression(node.index, before);
      case "among":
        return this.expression(node.value, before);
      case "unary":
        return this.expression(node.argument, before);
      case "binary":
        return this.expression(node.right, this.expression(node.left, before));
      case "logical":
      case "nullish": {
        const left = this.expression(node.left, before);
        return merge(left, this.expression(node.right, left));
      }
      case "conditional": {
        const tested = this.expression(node.test, before);
        return merge(this.expression(node.yes, tested), this.expression(node.no, tested));
      }
      case "text":
        return node.args.reduce<Unset>((unset, arg) => this.expression(arg, unset), this.expression(node.of, before));
      case "call":
        return node.args.reduce<Unset>((unset, arg) => this.expression(arg, unset), before);
      case "do":
        return this.expression(node.result, this.statements(node.body, before));
      case "object":
        return node.fields.reduce<Unset>((unset, { value }) => this.expression(value, unset), before);
      default:
        return node satisfies never;
    }
  }
}
