/**
 * Kernels of several terminals of one sequence, put together to one that passes over the elements once.
 *
 * Their bodies begin with the same statements, those of the stages that all have, which stand once. What an element becomes in a
 * branch of its own follows, branch by branch: where such a branch rejects an element, its reduction is given what changes nothing.
 */
import { apply, constant, convert, local, select, truth } from "../build.js";
import { CompilerBug } from "../errors.js";
import { sizeOf } from "../emit/size.js";
import { identityOf } from "../interpret.js";
import { ELEMENT_LABEL, type ArrayParameter, type Expr, type ExprOf, type Kernel, type ScalarParameter, type SinkOf, type Stmt, type StmtOf } from "../ir.js";
import type { Part } from "../query.js";
import { withResults } from "../several.js";
import { declaredIn, hasEffects, leavesOf, mapExpr, mapStmts, namesOf, sinksOf, walkStmts } from "../traverse.js";
import { verify } from "../verify.js";
import { Names, plainName } from "./parameters.js";
import { prune } from "./prune.js";
import { sameExpr } from "./simplify.js";

/** A terminal's last kernel, as it was fused. */
export interface Joining {
  readonly kernel: Kernel;
  /** The reductions that this kernel has by itself, optimised: those that it must have here, for the bits to be the same. */
  readonly alone: { readonly sinks: readonly SinkOf<"reduce">[]; readonly counted: boolean };
}

export interface Joined {
  readonly kernel: Kernel;
  /** For each branch, in order. */
  readonly parts: readonly Part[];
}

export function joined(branches: readonly Joining[]): Joined {
  const [first] = branches;
  if (first === undefined) throw new CompilerBug("nothing is put together");
  const joiner = new Joiner(first.kernel, commonStart(branches.map(({ kernel }) => kernel)));
  const parts = branches.map(branch => joiner.add(branch));
  return { kernel: verify(joiner.kernel(first.kernel), "together"), parts };
}

/** Whether a kernel's elements can be told apart from others in a branch: its rejections stand in the open, and it ends with a yield. */
export const isJoinable = ({ body }: Kernel): boolean =>
  body.at(-1)?.kind === "yield" && body.every(stmt => rejection(stmt) !== null || (stmt.kind !== "visit" && !leavesOf([stmt]).has(ELEMENT_LABEL)));

/** How many statements all bodies begin with. Parameters are the same where they come from the same place, whatever they are called. */
function commonStart(kernels: readonly Kernel[]): number {
  const [first = [], ...others] = kernels.map(kernel => byOrigin(kernel, kernel.body.slice(0, -1)).map(textOf));
  const end = first.findIndex((stmt, at) => others.some(other => other[at] !== stmt));
  return end < 0 ? first.length : end;
}

function byOrigin({ scalars, arrays }: Kernel, body: readonly Stmt[]): readonly Stmt[] {
  const origins = new Map([...scalars, ...arrays].map(({ name, origin }) => [name, textOf(origin)]));
  const named = (name: string): string => origins.get(name) ?? name;
  return mapStmts(body, { expr: expr => mapExpr(expr, node => (node.kind === "capture" ? { ...node, name: named(node.name) } : "array" in node ? { ...node, array: named(node.array) } : node)) });
}

/** IR as text that tells all values apart. */
export const textOf = (data: unknown): string => JSON.stringify(data, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : typeof value === "number" ? (Object.is(value, -0) ? "-0" : String(value)) : value));

/** The test of a statement that rejects elements, and does nothing else; null for any other. */
function rejection(stmt: Stmt): Expr | null {
  if (stmt.kind !== "if" || stmt.otherwise.length > 0 || stmt.then.length !== 1) return null;
  const [then] = stmt.then;
  return then?.kind === "leave" && then.label === ELEMENT_LABEL ? stmt.test : null;
}

const not = (test: Expr): Expr => (test.kind === "apply" && test.op === "not" ? (test.args[0] as Expr) : apply("not", test));

/** Fewer operations than these are cheaper to compute for all elements than to ask for each whether it needs them. */
const CHEAP = 12;

const isCheap = (stmts: readonly Stmt[]): boolean =>
  stmts.every(stmt => rejection(stmt) !== null || stmt.kind === "yield" || (stmt.kind === "declare" && !stmt.mutable)) && !hasEffects(stmts) && sizeOf(stmts) < CHEAP;

type Renamed = Map<string, string>;

/** Of a column, at an offset. */
const placeOf = ({ array, offset = 0 }: ExprOf<"column">): string => `${array} ${offset}`;

class Joiner {
  private readonly names: Names;
  private readonly scalars: ScalarParameter[] = [];
  private readonly arrays: ArrayParameter[] = [];
  private readonly body: Stmt[];
  private readonly sinks: SinkOf<"reduce">[] = [];
  private readonly values: Expr[] = [];
  /** The locals that hold columns, by `placeOf`. */
  private readonly loaded = new Map<string, string>();
  private countsAll = false;

  constructor(
    first: Kernel,
    private readonly common: number,
  ) {
    this.body = first.body.slice(0, common);
    this.names = new Names(namesOf({ ...first, scalars: [], arrays: [], body: this.body, sink: { kind: "count" } }));
    for (const stmt of this.body) this.load(stmt);
  }

  kernel({ source, fastMath }: Kernel): Kernel {
    const { scalars, arrays, body } = this;
    const [only, ...more] = this.sinks.map((sink, place) => (place === 0 && this.countsAll ? { ...sink, counted: true } : sink));
    const sink = only === undefined ? ({ kind: "count" } as const) : more.length === 0 ? only : ({ kind: "several", sinks: [only, ...more] } as const);
    return { source, scalars, arrays, body: [...body, { kind: "yield", values: this.values }], sink, ...(fastMath === true ? { fastMath } : {}) };
  }

  add({ kernel, alone }: Joining): Part {
    const renamed = this.parameters(kernel);
    const rest = kernel.body.slice(this.common, -1);
    const end = kernel.body.at(-1) as StmtOf<"yield">;
    let passes: Expr | null = null;
    for (const [at, stmt] of rest.entries()) {
      const test = rejection(stmt);
      if (test !== null) {
        const passed = not(this.renamedIn(test, renamed));
        passes = this.declare("passes", passes === null ? passed : apply("and", passes, passed));
        if (!isCheap([...rest.slice(at + 1), end])) return this.guarded(passes, rest.slice(at + 1), end, kernel, alone, renamed);
      } else this.body.push(...this.own(stmt, renamed));
    }
    const values = end.values.map(given => this.renamedIn(given, renamed));
    if (passes === null) return this.results(alone, kernel, values, null);
    const passed = passes;
    const kept = values.map((value, at) => {
      const { core, whole } = coreOf(value, alone.sinks[at]);
      return whole(select(passed, core, neutral(alone.sinks[at], core)));
    });
    return this.results(alone, kernel, kept, passed);
  }

  /** What is not computed for elements that have been rejected: their loops do not run, and their reads do not fail. */
  private guarded(passes: Expr, rest: readonly Stmt[], end: StmtOf<"yield">, kernel: Kernel, alone: Joining["alone"], renamed: Renamed): Part {
    const came = this.variable("came", truth(false));
    const kept = end.values.map((value, at) => {
      const { core, whole } = coreOf(value, alone.sinks[at]);
      return { core, whole, variable: this.variable("value", neutral(alone.sinks[at], core)) };
    });
    const last = (): readonly Stmt[] => [
      { kind: "assign", name: came.name, value: truth(true) },
      ...kept.map(({ core, variable }): Stmt => ({ kind: "assign", name: variable.name, value: this.renamedIn(core, renamed) })),
    ];
    this.body.push({ kind: "if", test: passes, then: this.inside(rest, last, renamed), otherwise: [] });
    return this.results(alone, kernel, kept.map(({ whole, variable }) => whole(variable)), came);
  }

  private inside(stmts: readonly Stmt[], last: () => readonly Stmt[], renamed: Renamed): readonly Stmt[] {
    const inner: Stmt[] = [];
    for (const [at, stmt] of stmts.entries()) {
      const test = rejection(stmt);
      if (test !== null) return [...inner, { kind: "if", test: not(this.renamedIn(test, renamed)), then: this.inside(stmts.slice(at + 1), last, renamed), otherwise: [] }];
      const own = this.own(stmt, renamed);
      // Columns are loaded outside, where all branches find them.
      (stmt.kind === "declare" && stmt.value.kind === "column" ? this.body : inner).push(...own);
    }
    return [...inner, ...last()];
  }

  /** The results of a branch whose elements are those that `passes`; null for all. */
  private results({ counted }: Joining["alone"], kernel: Kernel, values: readonly Expr[], passes: Expr | null): Part {
    if (counted && passes === null) this.countsAll = true;
    const count = !counted ? null : passes === null ? "all" : this.result(COUNTING, select(passes, constant("i32", 1), constant("i32", 0)));
    const sinks = sinksOf(kernel.sink).filter(sink => sink.kind === "reduce");
    return { values: sinks.map((sink, at) => this.result({ ...sink, counted: false }, values[at] as Expr)), count };
  }

  private result(sink: SinkOf<"reduce">, value: Expr): number {
    this.values.push(value);
    return this.sinks.push(sink) - 1;
  }

  /** A branch's parameters by their names there: what was handed over already is the same here. */
  private parameters({ scalars, arrays }: Kernel): Renamed {
    const renamed: Renamed = new Map();
    const add = <T extends ScalarParameter | ArrayParameter>(known: T[], parameter: T, isSame: (other: T) => boolean): void => {
      const found = known.find(other => other.origin.stage === parameter.origin.stage && other.origin.name === parameter.origin.name && isSame(other));
      const name = found?.name ?? this.names.fresh(known.length === 0 ? parameter.name : plainName(parameter.origin));
      if (found === undefined) known.push({ ...parameter, name });
      renamed.set(parameter.name, name);
    };
    for (const scalar of scalars) add(this.scalars, scalar, other => other.type === scalar.type);
    for (const array of arrays) add(this.arrays, array, () => true);
    return renamed;
  }

  /** A statement of a branch with names that are its own here; none for a column that is loaded already. */
  private own(stmt: Stmt, renamed: Renamed): readonly Stmt[] {
    if (stmt.kind === "declare" && !stmt.mutable && stmt.value.kind === "column") {
      const there = this.loaded.get(placeOf({ ...stmt.value, array: renamed.get(stmt.value.array) ?? stmt.value.array }));
      if (there !== undefined) {
        renamed.set(stmt.name, there);
        return [];
      }
    }
    for (const name of declaredIn([stmt])) renamed.set(name, this.names.fresh(name));
    walkStmts([stmt], { stmt: inner => void ("label" in inner && inner.kind !== "leave" && renamed.set(inner.label, this.names.fresh(inner.label))) });
    const own = mapStmts([stmt], { expr: expr => this.renamedIn(expr, renamed), stmt: inner => withNames(inner, renamed) });
    for (const inner of own) this.load(inner);
    return own;
  }

  private load(stmt: Stmt): void {
    if (stmt.kind === "declare" && !stmt.mutable && stmt.value.kind === "column") this.loaded.set(placeOf(stmt.value), stmt.name);
  }

  private renamedIn(expr: Expr, renamed: Renamed): Expr {
    return mapExpr(expr, node => {
      if (node.kind === "local" || node.kind === "capture") return { ...node, name: renamed.get(node.name) ?? node.name };
      return "array" in node ? { ...node, array: renamed.get(node.array) ?? node.array } : node;
    });
  }

  private declare(wanted: string, value: Expr): Expr {
    const name = this.names.fresh(wanted);
    this.body.push({ kind: "declare", name, type: value.type, value, mutable: false });
    return local(value.type, name);
  }

  private variable(wanted: string, value: Expr): Expr & { readonly kind: "local" } {
    const name = this.names.fresh(wanted);
    this.body.push({ kind: "declare", name, type: value.type, value, mutable: true });
    return { kind: "local", type: value.type, name };
  }
}

function withNames(stmt: Stmt, renamed: Renamed): Stmt {
  if (stmt.kind === "declare" || stmt.kind === "assign") return { ...stmt, name: renamed.get(stmt.name) ?? stmt.name };
  if ("label" in stmt) return { ...stmt, label: renamed.get(stmt.label) ?? stmt.label };
  return stmt;
}

/** Exact, whatever the order. */
const COUNTING: SinkOf<"reduce"> = { kind: "reduce", op: "add", type: "i64", term: "i32", counted: false };

/** A value without the conversion to f64 that sums of integers do without in the end. */
function coreOf(value: Expr, alone: SinkOf<"reduce"> | undefined): { readonly core: Expr; readonly whole: (core: Expr) => Expr } {
  const [core] = value.kind === "apply" && value.op === "convert" ? value.args : [];
  if (core === undefined || core.type !== alone?.term || value.type === core.type) return { core: value, whole: expr => expr };
  return { core, whole: expr => convert(value.type, expr) };
}

/** What a reduction is given for an element that it is not to see. An exact sum needs no -0 to begin with. */
function neutral(alone: SinkOf<"reduce"> | undefined, { type }: Expr): Expr {
  if (alone === undefined) throw new CompilerBug("a value has no reduction");
  const exact = alone.op === "add" && alone.type === "i64" && alone.term !== "i64";
  return constant(type, exact ? 0 : identityOf(alone.op, alone.term));
}

/** A result that is another one, too, is given once. */
export function withoutTwins({ kernel, parts }: Joined): Joined {
  const { body, sink } = kernel;
  const stmt = body.at(-1);
  if (sink.kind !== "several" || stmt?.kind !== "yield") return { kernel, parts };
  const sinks = sinksOf(sink) as readonly SinkOf<"reduce">[];
  const kept: number[] = [];
  const places = sinks.map((one, place) => {
    const twin = kept.findIndex(other => isSame(sinks[other] as SinkOf<"reduce">, one) && sameExpr(stmt.values[other] as Expr, stmt.values[place] as Expr));
    return twin < 0 ? kept.push(place) - 1 : twin;
  });
  if (kept.length === sinks.length) return { kernel, parts };
  const counted = sinks.some(one => one.counted);
  const fewer = withResults({ ...kernel, sink: { ...sink, sinks: sinks.map(one => ({ ...one, counted })) } }, kept);
  const placed = (part: number): number => places[part] as number;
  return {
    kernel: verify(prune(fewer), "together"),
    parts: parts.map(({ values, count }) => ({ values: values.map(placed), count: typeof count === "number" ? placed(count) : count })),
  };
}

/** Whether two reductions fold in the same way. */
export const isSame = (one: SinkOf<"reduce">, other: SinkOf<"reduce">): boolean => one.op === other.op && one.type === other.type && one.term === other.term;
