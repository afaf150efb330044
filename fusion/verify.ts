/**
 * What a legal kernel is. Every pass's output is checked here, so a pass that breaks a rule is found at once and by name.
 */
import { CompilerBug } from "./errors.js";
import { ELEMENT_LABEL, type Expr, type ExprOf, type Fold, type Kernel, type ReduceOp, type Scan, type Sink, type SinkOf, type Stmt, type StmtOf } from "./ir.js";
import { operator } from "./ops.js";
import { printExpr, printKernel } from "./print.js";
import { isEffect, operandsOf, rejects, usesOf, walkExpr } from "./traverse.js";
import { ELEMENTS, type ElementType, type ScalarType, type ScalarValue } from "./types.js";

interface Variable {
  readonly type: ScalarType;
  readonly mutable: boolean;
}

/** What is in scope at a place. Variables are lexical: a nested statement list sees its outer ones', not the reverse. */
interface Scope {
  readonly variables: Map<string, Variable>;
  readonly labels: ReadonlySet<string>;
  /** Whether there is a source element here (not so where two accumulators are combined). */
  readonly elements: boolean;
}

type Complain = (what: string) => never;

interface Context {
  readonly kernel: Kernel;
  readonly scalars: ReadonlyMap<string, ScalarType>;
  readonly arrays: ReadonlyMap<string, ElementType>;
  /** Every name so far, for uniqueness. */
  readonly names: Set<string>;
  readonly complain: Complain;
}

/** Whether `value` is a value of the type, as JavaScript represents it. */
export function isValueOf(type: ScalarType, value: ScalarValue): boolean {
  switch (type) {
    case "bool":
      return typeof value === "boolean";
    case "i32":
      return typeof value === "number" && Object.is(value | 0, value);
    case "u32":
      return typeof value === "number" && Object.is(value >>> 0, value);
    case "i64":
      return typeof value === "bigint" && BigInt.asIntN(64, value) === value;
    case "u64":
      return typeof value === "bigint" && BigInt.asUintN(64, value) === value;
    case "f32":
      return typeof value === "number" && Object.is(Math.fround(value), value);
    case "f64":
      return typeof value === "number";
    default:
      return type satisfies never;
  }
}

function checkExpr(expr: Expr, scope: Scope, context: Context): void {
  const { complain } = context;
  for (const operand of operandsOf(expr)) checkExpr(operand, scope, context);
  const expectType = (type: ScalarType | undefined, what: string): void => {
    if (type === undefined) complain(`${what} is not declared`);
    if (type !== expr.type) complain(`${printExpr(expr)} is typed ${expr.type}, but ${what} is ${String(type)}`);
  };
  switch (expr.kind) {
    case "const":
      if (!isValueOf(expr.type, expr.value)) complain(`the constant ${String(expr.value)} is no ${expr.type}`);
      break;
    case "local":
      expectType(scope.variables.get(expr.name)?.type, `the local ${expr.name}`);
      break;
    case "capture":
      expectType(context.scalars.get(expr.name), `the parameter ${expr.name}`);
      break;
    case "element": {
      if (!scope.elements) complain("there is no source element where accumulators are combined");
      const { source } = context.kernel;
      if (source.kind === "space") return complain("a space has places, and no elements");
      expectType(source.kind === "range" ? "f64" : ELEMENTS[source.element].scalar, "the source's element");
      break;
    }
    case "index":
      if (!scope.elements) complain("there is no index where accumulators are combined");
      expectType("f64", "the index");
      break;
    case "axis": {
      const { source } = context.kernel;
      if (source.kind !== "space" || expr.axis > source.sizes.length) complain(`there is no axis ${expr.axis}`);
      expectType("f64", "a place along an axis");
      break;
    }
    case "column": {
      if (!scope.elements) complain("there is no element where accumulators are combined");
      const array = context.kernel.arrays.find(({ name }) => name === expr.array);
      if (array?.column !== true) return complain(`${expr.array} is no column`);
      expectType(ELEMENTS[array.element].scalar, `an element of ${expr.array}`);
      if (expr.offset !== undefined && !(Number.isSafeInteger(expr.offset) && expr.offset > 0)) complain(`${printExpr(expr)} is no place further on`);
      break;
    }
    case "length":
      if (!context.arrays.has(expr.array)) complain(`the array ${expr.array} is not declared`);
      expectType("f64", "a length");
      break;
    case "read": {
      const element = context.arrays.get(expr.array);
      if (element === undefined) return complain(`the array ${expr.array} is not declared`);
      expectType(ELEMENTS[element].scalar, `an element of ${expr.array}`);
      if (expr.at.type !== "f64" && expr.at.type !== "i32") complain(`${printExpr(expr)} is indexed by ${expr.at.type}`);
      break;
    }
    case "apply":
      checkApply(expr, complain);
      break;
    case "select":
      if (expr.test.type !== "bool") complain(`${printExpr(expr)} tests ${expr.test.type}`);
      expectType(expr.yes.type, "the first choice");
      expectType(expr.no.type, "the second choice");
      break;
    default:
      expr satisfies never;
  }
}

function checkApply(expr: ExprOf<"apply">, complain: Complain): void {
  const row = operator(expr.op);
  const [first] = expr.args;
  if (first === undefined || (row.arity === "any" ? expr.args.length < 2 : expr.args.length !== row.arity)) return complain(`${printExpr(expr)} has ${expr.args.length} operands, not ${row.arity}`);
  if (expr.args.some(arg => arg.type !== first.type)) complain(`${printExpr(expr)} mixes ${expr.args.map(arg => arg.type).join(" and ")}`);
  if (!row.over.includes(first.type)) complain(`${expr.op} does not exist for ${first.type}: ${printExpr(expr)}`);
  if (expr.op === "convert") return;
  const gives = row.gives === "same" ? first.type : row.gives;
  if (expr.type !== gives) complain(`${printExpr(expr)} is typed ${expr.type}, but gives ${gives}`);
}

/** A value that must not hold an effect anywhere. */
function checkPure(expr: Expr, scope: Scope, context: Context): void {
  checkExpr(expr, scope, context);
  walkExpr(expr, inner => void (isEffect(inner) && context.complain(`the effect ${printExpr(inner)} is nested`)));
}

/** The value of a declare or assign, which may be an effect at its root. */
function checkValue(expr: Expr, scope: Scope, context: Context): void {
  checkExpr(expr, scope, context);
  for (const operand of operandsOf(expr)) {
    walkExpr(operand, inner => void (isEffect(inner) && context.complain(`the effect ${printExpr(inner)} is nested`)));
  }
}

function declareName(name: string, context: Context): void {
  if (!/^[A-Za-z_]\w*$/.test(name)) context.complain(`${name} is not an identifier in every target language`);
  if (context.names.has(name)) context.complain(`the name ${name} is declared twice`);
  context.names.add(name);
}

function checkStmts(stmts: readonly Stmt[], outer: Scope, context: Context, top: boolean): void {
  const { complain } = context;
  const scope: Scope = { ...outer, variables: new Map(outer.variables) };
  stmts.forEach((stmt, place) => {
    switch (stmt.kind) {
      case "declare":
        checkValue(stmt.value, scope, context);
        if (stmt.value.type !== stmt.type) complain(`${stmt.name} is declared ${stmt.type}, but its value is ${stmt.value.type}`);
        declareName(stmt.name, context);
        scope.variables.set(stmt.name, { type: stmt.type, mutable: stmt.mutable });
        break;
      case "assign": {
        checkValue(stmt.value, scope, context);
        const variable = scope.variables.get(stmt.name);
        if (variable === undefined) return complain(`${stmt.name} is assigned before it is declared`);
        if (!variable.mutable) complain(`${stmt.name} is assigned but not mutable`);
        if (variable.type !== stmt.value.type) complain(`${stmt.name} is ${variable.type}, but gets ${stmt.value.type}`);
        break;
      }
      case "if":
        checkPure(stmt.test, scope, context);
        if (stmt.test.type !== "bool") complain(`an if tests ${stmt.test.type}: ${printExpr(stmt.test)}`);
        checkStmts(stmt.then, scope, context, false);
        checkStmts(stmt.otherwise, scope, context, false);
        break;
      case "loop":
      case "block":
        if (scope.labels.has(stmt.label) || stmt.label === ELEMENT_LABEL) complain(`the label ${stmt.label} hides an outer one`);
        checkStmts(stmt.body, { ...scope, labels: new Set([...scope.labels, stmt.label]) }, context, false);
        break;
      case "store":
        checkStore(stmt, scope, context);
        break;
      case "leave":
        if (!scope.labels.has(stmt.label)) complain(`leave ${stmt.label} is not inside of it`);
        break;
      case "visit":
        if (!top || !scope.elements) complain("a visit is nested");
        if (context.kernel.sink.kind !== "first" || !context.kernel.sink.ranked) complain("only a ranked first sink has a visit");
        if (stmts.findIndex(other => other.kind === "visit") !== place) complain("there is a second visit");
        break;
      case "yield":
        if (!top || !scope.elements || place !== stmts.length - 1) complain("a yield is not the body's last statement");
        checkYield(stmt.values, scope, context);
        break;
      default:
        stmt satisfies never;
    }
  });
}

function checkStore({ array, at, value }: StmtOf<"store">, scope: Scope, context: Context): void {
  const { complain, kernel } = context;
  checkPure(at, scope, context);
  checkPure(value, scope, context);
  const parameter = kernel.arrays.find(({ name }) => name === array);
  if (kernel.sink.kind !== "stores") complain(`a ${kernel.sink.kind} sink has a store`);
  if (parameter?.written !== true) return complain(`${array} is written, but not declared so`);
  if (at.type !== "f64" && at.type !== "i32") complain(`${array} is indexed by ${at.type}`);
  if (ELEMENTS[parameter.element].scalar !== value.type) complain(`${value.type} is stored as ${parameter.element}`);
}

/** The types of the values that the sink takes. */
function yieldTypes(sink: Sink): readonly ScalarType[] {
  switch (sink.kind) {
    case "array":
      return [ELEMENTS[sink.element].scalar];
    case "reduce":
      return [sink.term];
    case "count":
      return [];
    case "scan":
      return [sink.order.kind === "canonical" ? sink.order.term : sink.type];
    case "fold":
    case "first":
    case "last":
      return [sink.type];
    case "stores":
      return [];
    case "several":
      return (sink.sinks as readonly Sink[]).flatMap(yieldTypes);
    default:
      return sink satisfies never;
  }
}

function checkYield(values: readonly Expr[], scope: Scope, context: Context): void {
  const { sink } = context.kernel;
  if (sink.kind === "stores") context.complain("a kernel that stores yields, too");
  const wanted = yieldTypes(sink);
  if (values.length !== wanted.length) context.complain(`a ${sink.kind} sink is given ${values.length} values, not ${wanted.length}`);
  values.forEach((value, place) => {
    checkPure(value, scope, context);
    if (value.type !== wanted[place]) context.complain(`the sink takes ${String(wanted[place])}, but is given ${value.type}`);
  });
}

function checkSeveral({ sinks }: SinkOf<"several">, complain: Complain): void {
  if (sinks.length < 2) complain(`a several sink has ${sinks.length} results`);
  for (const sink of sinks) {
    if (sink.kind !== sinks[0]?.kind) complain(`a ${sink.kind} sink stands beside a ${sinks[0]?.kind}`);
    if (sink.kind === "reduce") checkReduce(sink, complain);
  }
}

const REDUCE_OVER = {
  add: ["f64", "f32", "i32", "i64", "u64"],
  mul: ["f64", "f32", "i32", "i64", "u64"],
  min: ["f64", "f32", "i32", "i64", "u64"],
  max: ["f64", "f32", "i32", "i64", "u64"],
  and: ["bool", "i32", "i64", "u64"],
  or: ["bool", "i32", "i64", "u64"],
  xor: ["bool", "i32", "i64", "u64"],
} as const satisfies Record<ReduceOp, readonly ScalarType[]>;

function checkReduce(sink: Pick<SinkOf<"reduce">, "op" | "type" | "term">, complain: Complain): void {
  const over: readonly ScalarType[] = REDUCE_OVER[sink.op];
  if (!over.includes(sink.type)) complain(`${sink.type} cannot be reduced by ${sink.op}`);
  if (sink.term === sink.type) return;
  const widened = sink.type === "f64" && sink.term === "f32";
  const exact = sink.op === "add" && sink.type === "i64" && (sink.term === "i32" || sink.term === "u32");
  if (!widened && !exact) complain(`terms of ${sink.term} cannot be reduced by ${sink.op} in ${sink.type}`);
}

/** What a left fold starts from: a seed, or the first element to arrive. */
function checkStart({ type, accumulator, seed, first }: Pick<Fold, "type" | "accumulator" | "seed" | "first">, { complain, kernel, scalars }: Context): void {
  if ((seed === null) === (first === null)) complain("a fold has either a seed or a first element");
  if (seed !== null && scalars.get(seed) !== type) complain(`the seed ${seed} is no ${type} parameter`);
  if (first === null) return;
  const place = kernel.body.findIndex(stmt => stmt.kind === "declare" && stmt.name === first);
  const declaration = kernel.body[place];
  if (declaration?.kind !== "declare") return complain(`the first element ${first} is not declared at the body's top level`);
  if (declaration.type !== type) complain(`the first element ${first} is ${declaration.type}, the fold ${type}`);
  if (declaration.mutable) complain(`the first element ${first} is mutable`);
  if (usesOf(kernel.body.slice(0, place + 1)).has(accumulator)) complain(`${accumulator} is read before the first element arrives`);
}

function checkScan(scan: Scan, context: Context): void {
  const { complain, kernel } = context;
  const { order, type, seed, running } = scan;
  if (rejects(kernel) || kernel.body.at(-1)?.kind !== "yield") complain("a scan leaves out an element");
  if (scan.exclusive && seed === null) complain("an exclusive scan has no seed");
  if (order.kind === "left") {
    checkStart({ type, accumulator: running, seed, first: order.first }, context);
  } else {
    if (seed !== null && context.scalars.get(seed) !== type) complain(`the seed ${seed} is no ${type} parameter`);
    if (type === "bool" || type === "f32") complain(`a canonical scan accumulates in ${type}`);
    if (usesOf(kernel.body).has(running)) complain(`${running} is read where there is no accumulator`);
    checkReduce({ op: order.op, type, term: order.term }, complain);
  }
  const outer: Scope = { variables: new Map([[running, { type, mutable: false }]]), labels: new Set(), elements: false };
  checkPure(scan.stored, outer, context);
  if (usesOf(scan.stored).size > 1) complain("what is stored depends on more than the accumulator");
  if (scan.stored.type !== ELEMENTS[scan.element].scalar) complain(`${scan.stored.type} is stored as ${scan.element}`);
}

function checkFold(fold: Fold, context: Context): void {
  const { complain } = context;
  checkStart(fold, context);
  if (fold.combine === null) return;
  const { left, right, body, value } = fold.combine;
  declareName(left, context);
  declareName(right, context);
  const variables = new Map<string, Variable>([left, right].map(name => [name, { type: fold.type, mutable: false }]));
  const scope: Scope = { variables, labels: new Set(), elements: false };
  checkStmts(body, scope, context, true);
  // The value sees the body's own variables, so it is checked as if it were the body's last declaration.
  for (const stmt of body) if (stmt.kind === "declare") variables.set(stmt.name, stmt);
  checkPure(value, scope, context);
  if (value.type !== fold.type) complain(`combine gives ${value.type}, the fold is ${fold.type}`);
}

/** Returns the kernel, or throws a CompilerBug that names the pass and what it broke. */
export function verify(kernel: Kernel, after: string): Kernel {
  const complain: Complain = what => {
    throw new CompilerBug(`after ${after}: ${what}\n${printKernel(kernel)}`);
  };
  const context: Context = {
    kernel,
    scalars: new Map(kernel.scalars.map(scalar => [scalar.name, scalar.type])),
    arrays: new Map(kernel.arrays.map(array => [array.name, array.element])),
    names: new Set(),
    complain,
  };
  for (const parameter of [...kernel.scalars, ...kernel.arrays]) declareName(parameter.name, context);
  const variables = new Map<string, Variable>();
  const { sink } = kernel;
  if (sink.kind === "fold") {
    declareName(sink.accumulator, context);
    variables.set(sink.accumulator, { type: sink.type, mutable: false });
  }
  if (sink.kind === "scan") {
    declareName(sink.running, context);
    variables.set(sink.running, { type: sink.type, mutable: false });
  }
  if (sink.kind === "reduce") checkReduce(sink, complain);
  if (sink.kind === "several") checkSeveral(sink, complain);
  if (kernel.source.kind === "space") for (const size of kernel.source.sizes) if (context.scalars.get(size) !== "f64") complain(`the size ${size} is no f64 parameter`);
  checkStmts(kernel.body, { variables, labels: new Set([ELEMENT_LABEL]), elements: true }, context, true);
  if (sink.kind === "first" && sink.ranked && kernel.body.at(-1)?.kind === "yield" && !kernel.body.some(stmt => stmt.kind === "visit")) {
    complain("a ranked first sink has no visit");
  }
  if (sink.kind === "fold") checkFold(sink, context);
  if (sink.kind === "scan") checkScan(sink, context);
  return kernel;
}
