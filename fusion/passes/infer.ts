/**
 * Type inference: a parsed lambda becomes typed statements and a typed result.
 *
 * Variables get the narrowest kind that holds all their values; since values depend on variables, inference repeats until
 * the kinds stand still (each repetition only widens them, so a few suffice) and keeps the last repetition's code.
 */
import { convert, local } from "../build.js";
import { CompilerBug, LambdaError } from "../errors.js";
import type { Expr, Stmt } from "../ir.js";
import { LITERAL, type CaptureType, type CaptureTypes } from "../query.js";
import type { TextArgument } from "../texts.js";
import type { Span, SurfaceExpr, SurfaceStmt } from "../parse/surface.js";
import { ELEMENTS, type ElementType, type ScalarType } from "../types.js";
import { isEffect } from "../traverse.js";
import { inferBinary, inferUnary } from "./infer-operators.js";
import { inferCall } from "./infer-calls.js";
import { inferStore, type StoreSite } from "./infer-stores.js";
import { inferBesideText, inferText } from "./infer-texts.js";
import { chosenMissing, columnsFor, factsOf, inferEquality, nothing, presentOf, sides, there, withoutMissing } from "./nulls.js";
import { boolean, chooseExpr, hasStatements, isEquality, literal, numericIntegral, sameIntegral, zero } from "./infer-values.js";
import { type LambdaNames, type Parameters } from "./parameters.js";
import {
  bothIntegral,
  coerce,
  describeKind,
  elementValue,
  isBigKind,
  joinKinds,
  kindOf,
  mixes,
  storageOf,
  toNumber,
  truthOf,
  type Integral,
  type Kind,
  type Typed,
} from "./typing.js";

/** What a lambda is inferred against. */
export interface LambdaContext {
  readonly captures: CaptureTypes;
  /** The stage of the query, for the origin of kernel parameters. */
  readonly stage: number;
  readonly parameters: Parameters;
}

export interface TypedLambda {
  readonly body: readonly Stmt[];
  readonly result: Typed;
}

/** A row, as the value of a lambda's parameter: its columns, those that are read. */
export interface Row {
  readonly column: (name: string) => Typed;
}

/** What a lambda gives: a value, or a row of them. */
export interface TypedResult {
  readonly body: readonly Stmt[];
  readonly result: Typed | ReadonlyMap<string, Typed>;
}

export interface Variable {
  readonly name: string;
  readonly kind: Kind;
  readonly integral: Integral;
  readonly mixed: boolean;
}

/** One repetition of inference: what is known of the variables so far, and the statements written so far. */
export class Inference {
  out: Stmt[] = [];
  /** The writes of an index-space kernel, in the order of its text. */
  readonly sites: StoreSite[] = [];
  changed = false;
  /** What constants stand for, and which variables are known not to be null here. */
  private readonly tests = new Map<string, SurfaceExpr>();
  private readonly known = new Set<string>();
  private loops = 0;

  constructor(
    readonly context: LambdaContext,
    private readonly given: ReadonlyMap<string, Typed>,
    private readonly variables: Map<string, Variable>,
    private readonly labels: Map<string, string>,
    readonly names: LambdaNames,
  ) {}

  /** Whether what stands here may run several times for one element. */
  get repeats(): boolean {
    return this.loops > 0;
  }

  get parameters(): Parameters {
    return this.context.parameters;
  }

  /** A value that is never null. */
  expression(expr: SurfaceExpr): Typed {
    return there(this.maybe(expr));
  }

  /** A value that may be null. */
  maybe(expr: SurfaceExpr): Typed {
    const { span } = expr;
    switch (expr.kind) {
      case "literal":
        return expr.pad === true ? { ...literal(expr.value, span), pad: true } : literal(expr.value, span);
      case "null":
        return nothing(span);
      case "string":
        return { expr: { kind: "capture", type: "u32", name: this.parameters.scalar(LITERAL, expr.value, "u32", { kind: "string" }) }, weak: false, integral: [], string: true, span };
      case "variable":
        return this.variable(expr.name, span);
      case "capture":
        return this.capture(expr.name, span);
      case "among":
        return this.among(expr.list, this.maybe(expr.value), span);
      case "text":
        return inferText(this, expr);
      case "length":
        return { expr: { kind: "length", type: "f64", array: this.array(expr.array) }, weak: false, integral: [], span };
      case "read":
        return this.read(expr.array, expr.index, span);
      case "unary":
        return inferUnary(this, expr.operator, expr.operator === "!" ? this.condition(expr.argument, span) : this.expression(expr.argument), span);
      case "binary": {
        const text = inferBesideText(this, expr.operator, expr.left, expr.right, span);
        if (text !== null) return text;
        const left = this.stable(expr.left, expr.right);
        const steps = expr.right.kind === "literal" && expr.right.step === true && isBigKind(kindOf(left));
        const right = steps ? literal(1n, expr.right.span) : this.maybe(expr.right);
        if (isEquality(expr.operator) && (left.missing ?? right.missing) !== undefined) return inferEquality(this, expr.operator, left, right, span);
        return inferBinary(this, expr.operator, there(left), there(right), span);
      }
      case "logical":
        return this.logical(expr.operator, expr.left, expr.right, span);
      case "conditional":
        return this.branch(expr.test, truthOf(this.expression(expr.test)), () => this.maybe(expr.yes), () => this.maybe(expr.no), span);
      case "nullish": {
        const left = this.stable(expr.left, expr.right);
        return left.missing === undefined ? left : this.choose(left.missing.present, () => withoutMissing(left), () => this.maybe(expr.right), span);
      }
      case "call": {
        const args: Typed[] = [];
        for (const [index, arg] of expr.args.entries()) args.push(there(this.stable(arg, ...expr.args.slice(index + 1))));
        return inferCall(this, expr.callee, args, span);
      }
      case "do":
        this.statements(expr.body);
        return { ...this.maybe(expr.result), span };
      case "object":
        throw new LambdaError("DC111", "a row is used as a single value", span, "A helper that gives a row may only be called for a map's whole result");
      default:
        return expr satisfies never;
    }
  }

  /** A row's columns are evaluated in order. */
  result(expr: SurfaceExpr): Typed | ReadonlyMap<string, Typed> {
    if (expr.kind !== "object") return this.maybe(expr);
    return new Map(expr.fields.flatMap(({ name, value }, at) => columnsFor(name, this.stable(value, ...expr.fields.slice(at + 1).map(later => later.value)))));
  }

  /** An operand whose value must not be changed by assignments inside the operands that follow it. */
  stable(expr: SurfaceExpr, ...later: readonly SurfaceExpr[]): Typed {
    const value = this.maybe(expr);
    return later.some(hasStatements) ? this.held(value) : value;
  }

  /** The value in a local of its own, unless it cannot change. */
  held(value: Typed): Typed {
    return value.expr.kind === "const" || value.expr.kind === "capture" ? value : this.named(value, "value");
  }

  /** The value as something that may be mentioned twice. */
  atom(value: Typed): Typed {
    const { kind } = value.expr;
    return kind === "const" || kind === "capture" || kind === "local" || kind === "element" || kind === "index" ? value : this.named(value, "value");
  }

  private named(value: Typed, name: string): Typed {
    return { ...value, expr: this.declare(name, value.expr) };
  }

  /** Runs an effect, or names a value: a new local. */
  declare(name: string, value: Expr): Expr {
    const unique = this.names.fresh(name);
    this.out.push({ kind: "declare", name: unique, type: value.type, value, mutable: false });
    return local(value.type, unique);
  }

  /** A conversion that may fail stands alone. */
  convert(to: ScalarType, value: Expr): Expr {
    const converted = convert(to, value);
    return isEffect(converted) ? this.declare("big", converted) : converted;
  }

  private variable(name: string, span: Span): Typed {
    const given = this.given.get(name);
    if (given) return { ...given, missing: this.known.has(name) ? undefined : given.missing, span };
    const variable = this.variables.get(name);
    if (!variable) throw new CompilerBug(`variable ${name} is read before its declaration was seen`);
    const { kind, integral, mixed } = variable;
    return { expr: local(storageOf(kind), variable.name), weak: kind === "weak" || kind === "bigint", integral, mixed, string: kind === "string", span };
  }

  private capture(name: string, span: Span): Typed {
    const type = this.captureType(name);
    const { parameters, stage } = this.context;
    const as = (scalar: "f64" | "i64" | "u64" | "u32" | "bool", integral: Integral, weak: boolean): Typed => ({
      expr: { kind: "capture", type: scalar, name: parameters.scalar(stage, name, scalar, type) },
      weak,
      integral,
      span,
    });
    switch (type.kind) {
      case "number":
        return as("f64", [name], true);
      case "bigint":
        return as(parameters.big, [], true);
      case "boolean":
        return as("bool", [], false);
      case "string":
        return { ...as("u32", [], false), string: true };
      case "array":
      case "strings":
      case "function":
        throw new CompilerBug(`capture ${name} is no scalar`);
      default:
        return type satisfies never;
    }
  }

  /** What an expression is where it is the same for all rows: written out, captured, or a constant that stands for such; null for others. */
  fixed(expr: SurfaceExpr): { readonly type: CaptureType["kind"]; readonly argument: TextArgument } | null {
    if (expr.kind === "string") return { type: "string", argument: { text: expr.value } };
    if (expr.kind === "literal" && typeof expr.value === "number") return { type: "number", argument: { number: expr.value } };
    if (expr.kind === "capture") return { type: this.captureType(expr.name).kind, argument: { stage: this.context.stage, name: expr.name } };
    const meant = expr.kind === "variable" ? this.tests.get(expr.name) : undefined;
    return meant === undefined ? null : this.fixed(meant);
  }

  private captureType(name: string): CaptureType {
    const type = this.context.captures[name];
    if (!type) throw new CompilerBug(`capture ${name} was not described`);
    return type;
  }

  array(name: string): string {
    return this.context.parameters.array(this.context.stage, name, this.elementOf(name));
  }

  /** A list is handed over as what is true of each code. Null is in none. */
  private among(list: string, value: Typed, span: Span): Typed {
    if (kindOf(value) !== "string") throw new LambdaError("DC204", `${list} is a list of strings, and ${describeKind(kindOf(value))} is never in it`, value.span, `Ask for a string: ${list}.includes(r.carrier)`);
    const array = this.parameters.array(this.context.stage, list, "u8");
    const found = (): Typed => {
      const listed = this.declare(`in_${list}`, { kind: "read", type: "i32", array, at: convert("i32", value.expr) });
      return { expr: convert("bool", listed), weak: false, integral: [], span };
    };
    return value.missing === undefined ? found() : this.choose(value.missing.present, found, () => boolean(false, span), span);
  }

  private read(name: string, index: SurfaceExpr, span: Span): Typed {
    const element = this.elementOf(name);
    const value: Expr = { kind: "read", type: ELEMENTS[element].scalar, array: this.array(name), at: this.place(this.expression(index)) };
    return elementValue(this.declare(`${name}_at`, value), element, span);
  }

  /** What an array holds. */
  elementOf(name: string): ElementType {
    const type = this.captureType(name);
    if (type.kind !== "array") throw new CompilerBug(`capture ${name} is no array`);
    return type.element;
  }

  /** A place in an array. */
  place(at: Typed): Expr {
    if (kindOf(at) === "bool" || kindOf(at) === "string" || at.expr.type === "i64" || at.expr.type === "u64") {
      throw new LambdaError("DC204", `an index must be a number, not ${describeKind(kindOf(at))}`, at.span, "Convert it with Number(index)");
    }
    return at.expr.type === "i32" ? at.expr : convert("f64", at.expr);
  }

  /** An expression where only its truth matters. */
  condition(expr: SurfaceExpr, span: Span): Typed {
    if (expr.kind === "logical") {
      const left = this.condition(expr.left, span);
      const both = expr.operator === "&&";
      return this.branch(expr.left, left.expr, () => (both ? this.condition(expr.right, span) : boolean(true, span)), () => (both ? boolean(false, span) : this.condition(expr.right, span)), span);
    }
    const value = this.expression(expr);
    return { expr: truthOf(value), weak: false, integral: [], span };
  }

  /** `a && b` and `a || b` as values. */
  private logical(operator: "&&" | "||", left: SurfaceExpr, right: SurfaceExpr, span: Span): Typed {
    const value = this.expression(left);
    const a = value.expr.type === "bool" ? value : this.atom(value);
    const other = () => this.expression(right);
    const itself = () => (a.expr.type === "bool" ? boolean(operator === "||", span) : a);
    return operator === "&&" ? this.branch(left, truthOf(a), other, itself, span) : this.branch(left, truthOf(a), itself, other, span);
  }

  /** One of two values, each in the knowledge of what the test has told. */
  private branch(test: SurfaceExpr, truth: Expr, yes: () => Typed, no: () => Typed, span: Span): Typed {
    const facts = factsOf(test, this.tests);
    return this.choose(truth, () => this.knowing(facts.yes, yes), () => this.knowing(facts.no, no), span);
  }

  private knowing<T>(variables: readonly string[], build: () => T): T {
    const told = variables.filter(name => !this.known.has(name));
    for (const name of told) this.known.add(name);
    const value = build();
    for (const name of told) this.known.delete(name);
    return value;
  }

  /** One of two values. Where a branch needs statements it runs under a real `if`. */
  choose(test: Expr, yes: () => Typed, no: () => Typed, span: Span): Typed {
    if (test.kind === "const") return test.value === true ? yes() : no();
    const [yesBody, first] = this.apart(yes);
    const [noBody, second] = this.apart(no);
    const [a, b] = sides(first, second);
    const kind = this.join(a, b, span);
    const integral = bothIntegral(numericIntegral(a), numericIntegral(b));
    const whole = (value: Typed) => this.store(value, kind);
    const [weak, string] = [kind === "weak" || kind === "bigint", kind === "string"];
    const mixed = mixes(a, b, kindOf(a), kindOf(b));
    if (yesBody.length === 0 && noBody.length === 0) {
      return { expr: chooseExpr(test, whole(a), whole(b)), weak, integral, mixed, string, missing: chosenMissing(test, a, b), span, ...(a.pad === true && b.pad === true ? { pad: true } : {}) };
    }
    const type = storageOf(kind);
    const chosen: (readonly [string, ScalarType, Expr, Expr])[] = [[this.names.fresh("chosen"), type, whole(a), whole(b)]];
    if ((a.missing ?? b.missing) !== undefined) chosen.push([this.names.fresh("present"), "bool", presentOf(a), presentOf(b)]);
    const [[name], present] = chosen as [(typeof chosen)[number], (typeof chosen)[number] | undefined];
    for (const [variable, held] of chosen) this.out.push({ kind: "declare", name: variable, type: held, value: zero(held), mutable: true });
    this.out.push({
      kind: "if",
      test,
      then: [...yesBody, ...chosen.map(([variable, , value]) => ({ kind: "assign", name: variable, value }) as const)],
      otherwise: [...noBody, ...chosen.map(([variable, , , value]) => ({ kind: "assign", name: variable, value }) as const)],
    });
    return { expr: local(type, name), weak, integral, mixed, string, missing: present && { present: local("bool", present[0]), column: null }, span };
  }

  private join(a: Typed, b: Typed, span: Span): Kind {
    if (a.pad === true || b.pad === true) return kindOf(a.pad === true ? b : a);
    const [x, y] = [kindOf(a), kindOf(b)];
    const kind = joinKinds(x, y);
    if (kind === null) throw new LambdaError("DC205", `this gives ${describeKind(x)} or ${describeKind(y)}`, span, "Both must have one type: convert one of them");
    return kind;
  }

  private store(value: Typed, kind: Kind): Expr {
    if (value.pad === true) return zero(storageOf(kind));
    return coerce(kind !== "bool" && value.expr.type === "bool" ? toNumber(value) : value, kind, this.parameters);
  }

  /** Runs `build` with a statement list of its own. */
  apart<T>(build: () => T): [Stmt[], T] {
    const outer = this.out;
    this.out = [];
    try {
      const value = build();
      return [this.out, value];
    } finally {
      this.out = outer;
    }
  }

  statements(list: readonly SurfaceStmt[]): void {
    for (const stmt of list) this.statement(stmt);
  }

  private statement(stmt: SurfaceStmt): void {
    switch (stmt.kind) {
      case "declare":
        this.declareVariable(stmt.name, stmt.value, stmt.mutable, stmt.span);
        return;
      case "assign":
        this.assign(stmt.name, this.expression(stmt.value), stmt.span);
        return;
      case "if": {
        const test = this.condition(stmt.test, stmt.span).expr;
        const { yes, no } = factsOf(stmt.test, this.tests);
        const [then] = this.apart(() => this.knowing(yes, () => this.statements(stmt.then)));
        const [otherwise] = this.apart(() => this.knowing(no, () => this.statements(stmt.otherwise)));
        if (then.length > 0 || otherwise.length > 0) this.out.push({ kind: "if", test, then, otherwise });
        return;
      }
      case "loop":
      case "block": {
        const label = this.label(stmt.label);
        this.loops += stmt.kind === "loop" ? 1 : 0;
        const [body] = this.apart(() => this.statements(stmt.body));
        this.loops -= stmt.kind === "loop" ? 1 : 0;
        this.out.push({ kind: stmt.kind, label, body });
        return;
      }
      case "leave":
        this.out.push({ kind: "leave", label: this.label(stmt.label) });
        return;
      case "store":
        return inferStore(this, stmt);
      default:
        stmt satisfies never;
    }
  }

  private label(name: string): string {
    const known = this.labels.get(name);
    if (known !== undefined) return known;
    const label = this.names.lasting(name);
    this.labels.set(name, label);
    return label;
  }

  private declareVariable(name: string, init: SurfaceExpr | null, mutable: boolean, span: Span): void {
    const value = init && this.expression(init);
    if (init !== null && !mutable) this.tests.set(name, init);
    // A variable without a value has no kind yet until an assignment gives it one.
    if (value) this.widen(name, value, span);
    if (!this.variables.has(name)) this.untouched.add(name);
    const variable = this.variables.get(name) ?? this.introduce(name, { kind: "weak", integral: [], mixed: false });
    const type = storageOf(variable.kind);
    const first = value ? this.store(value, variable.kind) : zero(type);
    this.out.push({ kind: "declare", name: variable.name, type, value: first, mutable: mutable || init === null });
  }

  private introduce(name: string, { kind, integral, mixed }: Omit<Variable, "name">): Variable {
    const variable = { name: this.names.lasting(name), kind, integral, mixed };
    this.variables.set(name, variable);
    return variable;
  }

  private assign(name: string, value: Typed, span: Span): void {
    if (value.pad !== true) this.widen(name, value, span);
    const variable = this.variables.get(name);
    if (!variable) throw new CompilerBug(`variable ${name} is assigned before its declaration was seen`);
    this.out.push({ kind: "assign", name: variable.name, value: this.store(value, variable.kind) });
  }

  /** Makes a variable's kind hold one more value. */
  private widen(name: string, value: Typed, span: Span): void {
    const known = this.variables.get(name);
    const integral = numericIntegral(value);
    if (!known) {
      this.introduce(name, { kind: kindOf(value), integral, mixed: value.mixed === true });
      return;
    }
    const first = this.untouched.delete(name);
    const kind = first ? kindOf(value) : joinKinds(known.kind, kindOf(value));
    if (kind === null) {
      throw new LambdaError("DC205", `"${name}" holds ${describeKind(known.kind)} and is given ${describeKind(kindOf(value))}`, span, "A variable keeps one type: convert the value, or use another variable");
    }
    const joined = first ? integral : bothIntegral(known.integral, integral);
    const both = first ? value.mixed === true : mixes(known, value, known.kind, kindOf(value));
    if (kind === known.kind && both === known.mixed && sameIntegral(joined, known.integral)) return;
    this.variables.set(name, { name: known.name, kind, integral: joined, mixed: both });
    this.changed = true;
  }

  /** Variables declared without a value whose kind is still a placeholder. */
  readonly untouched = new Set<string>();
}
