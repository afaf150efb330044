/** The IR's expressions and statements as JavaScript syntax. */
import type { Expression, Statement } from "estree";
import { CompilerBug } from "../errors.js";
import type { Expr, ExprOf, Kernel, Stmt, StmtOf } from "../ir.js";
import { forType, operator, type OpName, type Spelling } from "../ops.js";
import { isElementaryName } from "../math/functions.js";
import { calledOrigin } from "../texts.js";
import { leavesOf } from "../traverse.js";
import { isBigType, isFloatType, type ElementType, type ScalarType } from "../types.js";
import { assign, at, bigint, binary, blockOf, branch, call, conditional, declare, identifier, member, negation, number, run, text, truth, unary } from "./estree.js";
import { functionName, HELPER_WORDS, HELPERS, isFunctionName, type HelperName, type Helpers } from "./js-helpers.js";

const mask = (bits: number) => (value: Expression) => binary("&", value, number(bits));
const signed = (shift: number) => (value: Expression) => binary(">>", binary("<<", value, number(shift)), number(shift));

/** How the table's `helper` spellings are written, by operator. */
const WRITTEN: Readonly<Partial<Record<OpName, (help: (name: HelperName) => string, ...args: Expression[]) => Expression>>> = {
  min: (help, a, b) => call(help("minBig"), a, b),
  max: (help, a, b) => call(help("maxBig"), a, b),
  shl: (help, a, b) => call(help("shiftBig"), a, b),
  shr: (help, a, b) => call(help("shiftBig"), a, unary("-", b)),
  wrapI8: (_, a) => signed(24)(a),
  wrapU8: (_, a) => mask(255)(a),
  wrapI16: (_, a) => signed(16)(a),
  wrapU16: (_, a) => mask(65535)(a),
  clampU8: (help, a) => call(help("clampU8"), a),
  head: (help, a) => call(help("head64"), a),
  copySign: (help, a, b) => call(help("copySign"), a, b),
  twoOverPi: (help, a) => call(help("twoOverPi"), a),
};

/** Helpers of two kinds, by what they are called for f64. */
const BY_TYPE: Readonly<Partial<Record<OpName, readonly [f64: HelperName, f32: HelperName]>>> = {
  exponent: ["exponent64", "exponent32"],
  significand: ["significand64", "significand32"],
  scale: ["scale64", "scale32"],
};

/** Rounds or wraps a result to its type. */
function settled(type: ScalarType, value: Expression): Expression {
  switch (type) {
    case "bool":
    case "f64":
      return value;
    case "f32":
      return call("Math.fround", value);
    case "i32":
      return binary("|", value, number(0));
    case "u32":
      return binary(">>>", value, number(0));
    case "i64":
      return call("BigInt.asIntN", number(64), value);
    case "u64":
      return call("BigInt.asUintN", number(64), value);
    default:
      return type satisfies never;
  }
}

/** The `convert` operator, written for each pair of types. */
export function converted(from: ScalarType, to: ScalarType, value: Expression): Expression {
  if (from === to) return value;
  const big = isBigType(from);
  switch (to) {
    case "bool":
      return isFloatType(from) ? call("Boolean", value) : binary("!==", value, big ? bigint(0n) : number(0));
    case "f64":
      return from === "bool" ? conditional(value, number(1), number(0)) : big ? call("Number", value) : value;
    case "f32":
      return from === "bool" ? conditional(value, number(1), number(0)) : call("Math.fround", big ? call("Number", value) : value);
    case "i32":
    case "u32":
      if (from === "bool") return conditional(value, number(1), number(0));
      return big ? call("Number", call(to === "i32" ? "BigInt.asIntN" : "BigInt.asUintN", number(32), value)) : settled(to, value);
    case "i64":
    case "u64": {
      const wide = big ? value : call("BigInt", value);
      const fits = from === "bool" || from === "u32" || (from === "i32" && to === "i64");
      return fits ? wide : settled(to, wide);
    }
    default:
      return to satisfies never;
  }
}

function spelt(op: OpName, over: ScalarType, spelling: Spelling, args: readonly Expression[], helpers: Helpers): Expression {
  const [first, second] = args as [Expression, Expression];
  switch (spelling.form) {
    case "infix":
      return binary(spelling.text, first, second);
    case "prefix":
      return spelling.text === "!" ? negation(first) : unary(spelling.text as "-" | "~", first);
    case "call":
      return call(spelling.text, ...args);
    case "helper":
      return helped(op, over, args, helpers);
    default:
      return spelling satisfies never;
  }
}

function helped(op: OpName, over: ScalarType, args: readonly Expression[], helpers: Helpers): Expression {
  const help = (name: HelperName): string => {
    helpers.needed.set(name, name);
    return name;
  };
  if (isElementaryName(op)) {
    // An engine's pow may be hundreds of ulp off where the exponent is huge.
    if (helpers.fastMath && op !== "pow") return op === "exp2" ? binary("**", number(2), ...(args as [Expression])) : call(`Math.${op}`, ...args);
    const needed = { name: op, type: over === "f32" ? "f32" : "f64", count: args.length } as const;
    const name = functionName(needed);
    helpers.needed.set(name, needed);
    return call(name, ...args);
  }
  const pair = BY_TYPE[op];
  if (pair !== undefined) return call(help(pair[over === "f32" ? 1 : 0]), ...args);
  const write = WRITTEN[op];
  if (write === undefined) throw new CompilerBug(`JavaScript has no spelling of ${op}`);
  return write(help, ...args);
}

/** An operator on operands of type `over` with a result of type `type`, rounded and wrapped; adds the helpers it needs. */
export function applied(op: OpName, over: ScalarType, type: ScalarType, args: readonly Expression[], helpers: Helpers): Expression {
  if (op === "convert") return converted(over, type, args[0] as Expression);
  const row = operator(op);
  const spelling = forType<Spelling>(row.js, over);
  const value = spelt(op, over, spelling, args, helpers);
  // Math.imul wraps by itself.
  const done = row.settled.includes(type) || (spelling.form === "call" && spelling.text === "Math.imul");
  return done ? value : settled(type, value);
}

/** Names that kernels must not take from emitted code. */
const TAKEN = [
  "Math", "Number", "BigInt", "Boolean", "NaN", "Infinity", "undefined", "Uint8ClampedArray", "rt", ...HELPER_WORDS, ...Object.keys(HELPERS),
  "arguments", "await", "async", "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do", "else", "enum", "eval", "export",
  "extends", "false", "finally", "for", "function", "if", "implements", "import", "in", "instanceof", "interface", "let", "new", "null", "package",
  "private", "protected", "public", "return", "static", "super", "switch", "this", "throw", "true", "try", "typeof", "var", "void", "while", "with", "yield",
] as const;

/** The names of one emitted function. The kernel's own come first and stay as they are wherever possible. */
export class Names {
  private readonly used = new Set<string>(TAKEN);
  private readonly given = new Map<string, string>();

  /** A name like `base` that nothing else has. */
  fresh(base: string): string {
    let name = base;
    for (let suffix = 2; this.used.has(name) || isFunctionName(name); suffix++) name = `${base}${suffix}`;
    this.used.add(name);
    return name;
  }

  /** The emitted name of a kernel's parameter or local. */
  of(name: string): string {
    const known = this.given.get(name);
    if (known !== undefined) return known;
    const emitted = this.fresh(name);
    this.given.set(name, emitted);
    return emitted;
  }
}

/** Where a `leave` can go to: a JavaScript loop, a labelled block, or the end of a loop's body. */
interface Frame {
  readonly label: string;
  readonly kind: "loop" | "block" | "next";
  /** Set once a statement needs the JavaScript label (its own, or for `next` that of the loop around). */
  labelled: boolean;
}

const TYPE_OF_LOOP: ReadonlySet<Frame["kind"]> = new Set(["loop", "next"]);

/** What the sink makes of the statements that are its own. */
export interface SinkCode {
  readonly yield: (values: readonly Expr[], emitter: BodyEmitter) => readonly Statement[];
  readonly visit?: () => readonly Statement[];
  /** What follows the declaration of this local. */
  readonly declared?: { readonly name: string; readonly then: readonly Statement[] };
}

/** `i32` values are stored in an `u8c` array by their low byte, but a Uint8ClampedArray clamps what it is given. */
export function storedIn(element: ElementType, value: Expr, written: (expr: Expr) => Expression): Expression {
  if (element !== "u8c") return written(value);
  // What the array does by itself need not be done before.
  if (value.kind === "apply" && value.op === "clampU8") return written(value.args[0] as Expr);
  const fits = (value.kind === "apply" && value.op === "wrapU8") || (value.kind === "const" && Number(value.value) >= 0 && Number(value.value) <= 255);
  return fits ? written(value) : binary("&", written(value), number(255));
}

export class BodyEmitter {
  private readonly frames: Frame[] = [];

  constructor(
    private readonly kernel: Kernel,
    readonly names: Names,
    /** How the source element and its place are written. */
    private readonly element: Expression,
    private readonly index: Expression,
    private readonly sink: SinkCode,
    /** Gets the names of the helpers that the code needs. */
    private readonly helpers: Helpers,
    /** How the places along the second axis of a space and the third are written. */
    private readonly axes: readonly Expression[] = [],
  ) {}

  value(expr: Expr): Expression {
    switch (expr.kind) {
      case "const":
        return typeof expr.value === "number" ? number(expr.value) : typeof expr.value === "bigint" ? bigint(expr.value) : truth(expr.value);
      case "local":
      case "capture":
        return identifier(this.names.of(expr.name));
      case "element":
        return this.element;
      case "index":
        return this.index;
      case "axis":
        return this.axes[expr.axis - 1] as Expression;
      case "column":
        return at(identifier(this.names.of(expr.array)), expr.offset === undefined ? this.index : binary("+", this.index, number(expr.offset)));
      case "length":
        return member(identifier(this.names.of(expr.array)), "length");
      case "read":
        return at(identifier(this.names.of(expr.array)), this.value(expr.at));
      case "apply":
        return this.applied(expr);
      case "select":
        return conditional(this.value(expr.test), this.value(expr.yes), this.value(expr.no));
      default:
        return expr satisfies never;
    }
  }

  private applied(expr: ExprOf<"apply">): Expression {
    const over = (expr.args[0] as Expr).type;
    return applied(expr.op, over, expr.type, expr.args.map(arg => this.value(arg)), this.helpers);
  }

  /**
   * The kernel's body, for the inside of the loop over elements, and whether that loop needs the label `name`. Leaving
   * `label` goes on with the next element.
   */
  body(stmts: readonly Stmt[], label: string): { readonly body: readonly Statement[]; readonly labelled: boolean } {
    const frame: Frame = { label, kind: "next", labelled: false };
    this.frames.push(frame);
    const body = this.statements(stmts);
    this.frames.pop();
    return { body, labelled: frame.labelled };
  }

  statements(stmts: readonly Stmt[]): readonly Statement[] {
    return stmts.flatMap(stmt => this.statement(stmt));
  }

  private statement(stmt: Stmt): readonly Statement[] {
    switch (stmt.kind) {
      case "declare": {
        const name = this.names.of(stmt.name);
        const stored = this.store(stmt.value, value => declare(stmt.mutable ? "let" : "const", name, value), name);
        const { declared } = this.sink;
        return declared?.name === stmt.name ? [...stored, ...declared.then] : stored;
      }
      case "assign": {
        const name = this.names.of(stmt.name);
        return this.store(stmt.value, value => assign(identifier(name), value), name);
      }
      case "if": {
        const test = this.value(stmt.test);
        const then = this.statements(stmt.then);
        const otherwise = this.statements(stmt.otherwise);
        return [then.length === 0 && otherwise.length > 0 ? branch(negation(test), otherwise) : branch(test, then, otherwise)];
      }
      case "loop":
        return [this.loop(stmt)];
      case "block":
        return this.block(stmt);
      case "leave":
        return [this.leave(stmt.label)];
      case "store":
        return this.stored(stmt);
      case "visit":
        return this.sink.visit?.() ?? [];
      case "yield":
        return this.sink.yield(stmt.values, this);
      default:
        return stmt satisfies never;
    }
  }

  /** Stores a value under a name; a read of a captured array is checked. */
  private store(value: Expr, store: (value: Expression) => Statement, name: string): readonly Statement[] {
    if (value.kind !== "read") return [store(this.value(value))];
    const { before, place } = this.place(value.at, name);
    return [...before, store(at(identifier(this.names.of(value.array)), place)), this.checked(value.array, identifier(name), place)];
  }

  /** A store into an array: like a read it is checked, before anything is written. */
  private stored({ array, at: where, value }: StmtOf<"store">): readonly Statement[] {
    const { before, place } = this.place(where, null);
    const element = at(identifier(this.names.of(array)), place);
    const holds = this.kernel.arrays.find(({ name }) => name === array)?.element;
    if (holds === undefined) throw new CompilerBug(`there is no array ${array} to store into`);
    return [...before, this.checked(array, element, place), assign(element, storedIn(holds, value, part => this.value(part)))];
  }

  /** A place that is written down several times: in a local of its own, unless it is as simple, and is not the local `changed`. */
  private place(where: Expr, changed: string | null): { readonly before: readonly Statement[]; readonly place: Expression } {
    const place = this.value(where);
    if (place.type === "Identifier" ? place.name !== changed : place.type === "Literal") return { before: [], place };
    const name = this.names.fresh("at");
    return { before: [declare("const", name, place)], place: identifier(name) };
  }

  /** Fails where there is no element: typed arrays give undefined exactly there, beyond either end, at fractions and at NaN. */
  private checked(name: string, element: Expression, place: Expression): Statement {
    const parameter = this.kernel.arrays.find(({ name: own }) => own === name);
    const userName = parameter === undefined ? name : calledOrigin(parameter.origin);
    const fail = run(call("rt.outOfRange", text(userName), place, member(identifier(this.names.of(name)), "length")));
    return branch(binary("===", element, identifier("undefined")), [fail]);
  }

  private inside<T>(frame: Frame, emit: () => T): T {
    this.frames.push(frame);
    const result = emit();
    this.frames.pop();
    return result;
  }

  private loop(stmt: StmtOf<"loop">): Statement {
    const frame: Frame = { label: stmt.label, kind: "loop", labelled: false };
    const loop = this.inside(frame, () => {
      const head = stmt.body[0];
      // A loop that first of all may leave is a `while` with a condition.
      if (head?.kind === "if") {
        const leaves = (arm: readonly Stmt[]): boolean => arm.length === 1 && arm[0]?.kind === "leave" && arm[0].label === stmt.label;
        const test = this.value(head.test);
        if (leaves(head.then)) return this.whileLoop(negation(test), [...head.otherwise, ...stmt.body.slice(1)]);
        if (leaves(head.otherwise)) return this.whileLoop(test, [...head.then, ...stmt.body.slice(1)]);
      }
      return this.whileLoop(truth(true), stmt.body);
    });
    return frame.labelled ? { type: "LabeledStatement", label: identifier(stmt.label), body: loop } : loop;
  }

  /** A block at the very end of the loop's body needs no label: leaving it is `continue`. */
  private whileLoop(test: Expression, stmts: readonly Stmt[]): Statement {
    const last = stmts.at(-1);
    if (last?.kind !== "block") return { type: "WhileStatement", test, body: blockOf(this.statements(stmts)) };
    const before = this.statements(stmts.slice(0, -1));
    const outer = this.frames.at(-1) as Frame;
    const frame: Frame = { label: last.label, kind: "next", labelled: false };
    const inner = this.inside(frame, () => this.statements(last.body));
    outer.labelled ||= frame.labelled;
    return { type: "WhileStatement", test, body: blockOf([...before, ...inner]) };
  }

  private block(stmt: StmtOf<"block">): readonly Statement[] {
    if (!leavesOf(stmt.body).has(stmt.label)) return this.statements(stmt.body);
    const frame: Frame = { label: stmt.label, kind: "block", labelled: false };
    const body = this.inside(frame, () => this.statements(stmt.body));
    return [{ type: "LabeledStatement", label: identifier(stmt.label), body: blockOf(body) }];
  }

  private leave(label: string): Statement {
    const place = this.frames.findLastIndex(frame => frame.label === label);
    const frame = this.frames[place];
    if (frame === undefined) throw new CompilerBug(`there is no ${label} to leave`);
    // `next` frames belong to the loop that holds them, except the outermost, which is the loop over elements itself.
    const loopsBetween = this.frames.slice(place + 1).some(inner => inner.kind === "loop");
    const type = frame.kind === "next" ? "ContinueStatement" : "BreakStatement";
    const plain = TYPE_OF_LOOP.has(frame.kind) && !loopsBetween;
    if (plain) return { type, label: null };
    frame.labelled = true;
    return { type, label: identifier(frame.kind === "next" ? this.loopLabel(place) : label) };
  }

  /** The label of the JavaScript loop that a `next` frame continues. */
  private loopLabel(place: number): string {
    const loop = this.frames.slice(0, place).findLast(frame => frame.kind === "loop");
    return loop?.label ?? (this.frames[place] as Frame).label;
  }
}
