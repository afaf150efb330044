/**
 * The reference: runs a kernel by its definition, one operator of the table at a time. Slow and obviously right; every
 * other backend must give the same bits.
 */
import { outOfRange, type KernelCall, type KernelResult } from "./call.js";
import { CompilerBug } from "./errors.js";
import { ELEMENT_LABEL, type ArrayParameter, type Expr, type Fold, type Kernel, type ReduceOp, type Scan, type SinkOf, type Stmt } from "./ir.js";
import { singlesOf } from "./several.js";
import { calledOrigin } from "./texts.js";
import { leftFold } from "./traverse.js";
import { BLOCK, LANES, type ElementType, type ScalarType, type ScalarValue } from "./types.js";
import { convertValue, evaluate, newArray } from "./values.js";

type Variables = Map<string, ScalarValue>;

/** What the body did for one element. */
type Outcome =
  | { readonly kind: "rejected" }
  | { readonly kind: "yielded"; readonly value: ScalarValue }
  /** The element is a fold's first: its value is the accumulator. */
  | { readonly kind: "started"; readonly value: ScalarValue };

const NOTHING = { count: 0, position: -1, rank: 0, value: undefined, output: null } as const satisfies KernelResult;

class Interpreter {
  /** How many elements came by the `visit`. */
  visits = 0;
  private readonly captures: ReadonlyMap<string, ScalarValue>;
  private readonly fold: ReturnType<typeof leftFold>;

  constructor(
    private readonly kernel: Kernel,
    private readonly call: KernelCall,
  ) {
    this.captures = new Map(kernel.scalars.map((scalar, place) => [scalar.name, call.scalars[place] as ScalarValue]));
    this.fold = leftFold(kernel.sink);
  }

  capture(name: string): ScalarValue {
    const value = this.captures.get(name);
    if (value === undefined) throw new CompilerBug(`the parameter ${name} has no value`);
    return value;
  }

  /** Runs the body for the element at `index`. `accumulator` is for folds: undefined as long as there is none. */
  element(index: number, accumulator?: ScalarValue): Outcome {
    const { fold } = this;
    const variables: Variables = new Map();
    if (fold !== null && accumulator !== undefined) variables.set(fold.accumulator, accumulator);
    for (const stmt of this.kernel.body) {
      if (stmt.kind === "yield") {
        const [value] = stmt.values;
        return { kind: "yielded", value: value === undefined ? true : this.value(value, variables, index) };
      }
      const left = this.statement(stmt, variables, index);
      if (left === ELEMENT_LABEL) return { kind: "rejected" };
      const starts = fold !== null && accumulator === undefined && stmt.kind === "declare" && stmt.name === fold.first;
      if (starts) return { kind: "started", value: variables.get(stmt.name) as ScalarValue };
    }
    return { kind: "rejected" };
  }

  /** Runs statements in order; gives the label they left to, or null. */
  statements(stmts: readonly Stmt[], variables: Variables, index: number): string | null {
    for (const stmt of stmts) {
      const left = this.statement(stmt, variables, index);
      if (left !== null) return left;
    }
    return null;
  }

  private statement(stmt: Stmt, variables: Variables, index: number): string | null {
    switch (stmt.kind) {
      case "declare":
      case "assign":
        variables.set(stmt.name, this.value(stmt.value, variables, index));
        return null;
      case "if":
        return this.statements(this.value(stmt.test, variables, index) === true ? stmt.then : stmt.otherwise, variables, index);
      case "loop":
        for (;;) {
          const left = this.statements(stmt.body, variables, index);
          if (left !== null) return left === stmt.label ? null : left;
        }
      case "block": {
        const left = this.statements(stmt.body, variables, index);
        return left === stmt.label ? null : left;
      }
      case "store": {
        const array = this.array(stmt.array);
        const at = this.checked(stmt.array, array, this.value(stmt.at, variables, index) as number);
        const { element } = this.kernel.arrays.find(({ name }) => name === stmt.array) as ArrayParameter;
        array[at] = storedValue(element, this.value(stmt.value, variables, index) as number | bigint);
        return null;
      }
      case "leave":
        return stmt.label;
      case "visit":
        this.visits++;
        return null;
      case "yield":
        throw new CompilerBug("a yield is nested");
      default:
        return stmt satisfies never;
    }
  }

  value(expr: Expr, variables: Variables, index: number): ScalarValue {
    switch (expr.kind) {
      case "const":
        return expr.value;
      case "local": {
        const value = variables.get(expr.name);
        if (value === undefined) throw new CompilerBug(`the local ${expr.name} has no value`);
        return value;
      }
      case "capture":
        return this.capture(expr.name);
      case "element":
        return this.call.source === null ? index : (this.call.source[index] as number | bigint);
      case "index":
        return this.place(index, 0);
      case "axis":
        return this.place(index, expr.axis);
      case "column":
        return this.array(expr.array)[index + (expr.offset ?? 0)] as number | bigint;
      case "length":
        return this.array(expr.array).length;
      case "read": {
        const array = this.array(expr.array);
        return array[this.checked(expr.array, array, this.value(expr.at, variables, index) as number)] as number | bigint;
      }
      case "apply": {
        const over = (expr.args[0] as Expr).type;
        return evaluate(expr.op, over, expr.type, expr.args.map(arg => this.value(arg, variables, index)));
      }
      case "select":
        return this.value(this.value(expr.test, variables, index) === true ? expr.yes : expr.no, variables, index);
      default:
        return expr satisfies never;
    }
  }

  /** Where the element of this number is along an axis. */
  private place(index: number, axis: 0 | 1 | 2): number {
    const { source } = this.kernel;
    if (source.kind !== "space") return index;
    const sizes = source.sizes.map(size => this.capture(size) as number);
    const along = sizes.slice(0, axis).reduce((rest, size) => Math.floor(rest / size), index);
    const size = sizes[axis];
    return size === undefined ? along : along % size;
  }

  /** A place that there is. */
  private checked(name: string, array: ArrayLike<number | bigint>, at: number): number {
    if (!(at >= 0 && at < array.length && Number.isInteger(at))) throw outOfRange(this.userName(name), at, array.length);
    return at;
  }

  private array(name: string): { readonly length: number; [place: number]: number | bigint } {
    const array = this.call.arrays[this.kernel.arrays.findIndex(parameter => parameter.name === name)];
    if (array === undefined) throw new CompilerBug(`the parameter ${name} has no value`);
    return array;
  }

  private userName(name: string): string {
    const parameter = this.kernel.arrays.find(array => array.name === name);
    return parameter === undefined ? name : calledOrigin(parameter.origin);
  }
}

/** Joins two partial results, either of which may be missing: what has no elements is skipped. */
type Join<T> = (left: T, right: T) => T;

function joined<T>(left: T | undefined, right: T | undefined, join: Join<T>): T | undefined {
  if (left === undefined) return right;
  return right === undefined ? left : join(left, right);
}

/** The lanes of one block, joined by halves: j with j+16, then j+8, j+4, j+2 and j+1. */
function joinLanes<T>(lanes: readonly (T | undefined)[], join: Join<T>): T | undefined {
  if (lanes.length === 1) return lanes[0];
  const half = lanes.length / 2;
  return joinLanes(lanes.slice(0, half).map((lane, j) => joined(lane, lanes[j + half], join)), join);
}

/** A run of blocks, split at the largest power of two below its length. */
function joinBlocks<T>(blocks: readonly (T | undefined)[], join: Join<T>): T | undefined {
  if (blocks.length <= 1) return blocks[0];
  let split = 1;
  while (split * 2 < blocks.length) split *= 2;
  return joined(joinBlocks(blocks.slice(0, split), join), joinBlocks(blocks.slice(split), join), join);
}

/** Folds elements 0 … length-1 in the canonical order. `fold` adds an element to what its lane has, undefined for nothing yet. */
function canonical<T>(length: number, fold: (index: number, lane: T | undefined) => T | undefined, join: Join<T>): T | undefined {
  const blocks: (T | undefined)[] = [];
  for (let start = 0; start < length; start += BLOCK) {
    const lanes = new Array<T | undefined>(LANES).fill(undefined);
    for (let index = start; index < Math.min(start + BLOCK, length); index++) {
      const lane = (index - start) % LANES;
      lanes[lane] = fold(index, lanes[lane]);
    }
    blocks.push(joinLanes(lanes, join));
  }
  return joinBlocks(blocks, join);
}

/** The value that changes nothing: what a reduction of no elements gives. */
export function identityOf(op: ReduceOp, type: ScalarType): ScalarValue {
  const big = type === "i64" || type === "u64";
  switch (op) {
    case "add":
      return big ? 0n : type === "i32" || type === "u32" ? 0 : -0;
    case "mul":
      return big ? 1n : 1;
    case "min":
      return extreme(type, 1);
    case "max":
      return extreme(type, -1);
    case "and":
      return type === "bool" ? true : convertValue(type, big ? -1n : -1);
    case "or":
    case "xor":
      return type === "bool" ? false : big ? 0n : 0;
    default:
      return op satisfies never;
  }
}

function extreme(type: ScalarType, sign: 1 | -1): ScalarValue {
  switch (type) {
    case "bool":
      return sign > 0;
    case "i32":
      return sign > 0 ? 2 ** 31 - 1 : -(2 ** 31);
    case "u32":
      return sign > 0 ? 2 ** 32 - 1 : 0;
    case "i64":
      return sign > 0 ? 2n ** 63n - 1n : -(2n ** 63n);
    case "u64":
      return sign > 0 ? 2n ** 64n - 1n : 0n;
    case "f32":
    case "f64":
      return sign * Infinity;
    default:
      return type satisfies never;
  }
}

function reduce(kernel: Kernel, call: KernelCall, sink: SinkOf<"reduce">): KernelResult {
  const interpreter = new Interpreter(kernel, call);
  const join = (left: ScalarValue, right: ScalarValue): ScalarValue => evaluate(sink.op, sink.type, sink.type, [left, right]);
  let count = 0;
  const fold = (index: number, lane: ScalarValue | undefined): ScalarValue | undefined => {
    const outcome = interpreter.element(index);
    if (outcome.kind === "rejected") return lane;
    count++;
    return joined(lane, convertValue(sink.type, outcome.value), join);
  };
  const value = canonical(call.length, fold, join) ?? identityOf(sink.op, sink.type);
  return { ...NOTHING, count: sink.counted ? count : 0, value };
}

/** How a fold with a combine joins two partial results. Of the call it needs the captures. */
export function combineOf(kernel: Kernel, call: KernelCall): Join<ScalarValue> {
  const interpreter = new Interpreter(kernel, call);
  const combine = kernel.sink.kind === "fold" ? kernel.sink.combine : null;
  if (combine === null) throw new CompilerBug("a kernel that joins nothing has no combine");
  return (left, right) => {
    const variables: Variables = new Map([[combine.left, left], [combine.right, right]]);
    interpreter.statements(combine.body, variables, -1);
    return interpreter.value(combine.value, variables, -1);
  };
}

function fold(kernel: Kernel, call: KernelCall, sink: Fold): KernelResult {
  const interpreter = new Interpreter(kernel, call);
  const seed = sink.seed === null ? undefined : interpreter.capture(sink.seed);
  let count = 0;
  const step = (index: number, accumulator: ScalarValue | undefined): ScalarValue | undefined => {
    const outcome = interpreter.element(index, accumulator ?? seed);
    if (outcome.kind === "rejected") return accumulator;
    count++;
    return outcome.value;
  };
  const { combine } = sink;
  let value: ScalarValue | undefined;
  if (combine === null) {
    for (let index = 0; index < call.length; index++) value = step(index, value);
  } else {
    value = canonical(call.length, step, combineOf(kernel, call));
  }
  return { ...NOTHING, count, value: value ?? seed };
}

/** A row of a scan: each element joins the one before it, then the one two before, four, eight and sixteen. */
function scanRow<T>(row: readonly T[], join: Join<T>): readonly T[] {
  let values = row;
  for (let by = 1; by < LANES; by *= 2) {
    const before = values;
    values = before.map((value, at) => (at < by ? value : join(before[at - by] as T, value)));
  }
  return values;
}

/** The running values of all elements in the canonical scan order. */
function canonicalScan<T>(values: readonly T[], seed: T | undefined, join: Join<T>): readonly T[] {
  const results: T[] = [];
  let carried = seed;
  for (let start = 0; start < values.length; start += BLOCK) {
    const block: T[] = [];
    for (let at = start; at < Math.min(start + BLOCK, values.length); at += LANES) {
      const last = block.at(-1);
      const row = scanRow(values.slice(at, Math.min(at + LANES, start + BLOCK)), join);
      for (const value of row) block.push(joined(last, value, join) as T);
    }
    for (const value of block) results.push(joined(carried, value, join) as T);
    carried = results.at(-1);
  }
  return results;
}

function scan(kernel: Kernel, call: KernelCall, sink: Scan): KernelResult {
  const interpreter = new Interpreter(kernel, call);
  const seed = sink.seed === null ? undefined : interpreter.capture(sink.seed);
  const running: ScalarValue[] = [];
  let accumulator = seed;
  for (let index = 0; index < call.length; index++) {
    const outcome = interpreter.element(index, accumulator);
    if (outcome.kind === "rejected") throw new CompilerBug("a scan leaves out an element");
    running.push(outcome.value);
    if (sink.order.kind === "left") accumulator = outcome.value;
  }
  const { order, type } = sink;
  const join = (left: ScalarValue, right: ScalarValue): ScalarValue => (order.kind === "canonical" ? evaluate(order.op, type, type, [left, right]) : right);
  // A row that is not full ends in identities, so that what is carried on is the last of a row.
  const rest = order.kind === "left" ? [] : new Array<ScalarValue>(-call.length & (LANES - 1)).fill(identityOf(order.op, type));
  const all = order.kind === "left" ? running : canonicalScan([...running.map(value => convertValue(type, value)), ...rest], seed, join);
  const inclusive = all.slice(0, call.length);
  const values = sink.exclusive ? [seed as ScalarValue, ...inclusive].slice(0, call.length) : inclusive;
  const output = call.output === null ? newArray(sink.element, call.length) : call.output.subarray(0, call.length);
  values.forEach((value, place) => {
    const stored = interpreter.value(sink.stored, new Map([[sink.running, value]]), -1);
    output[place] = storedValue(sink.element, stored as number | bigint);
  });
  return { ...NOTHING, count: call.length, value: all.at(-1), output };
}

/** What a store keeps of a value: the low bits of an integer; a float as it is. */
export function storedValue(element: ElementType, value: number | bigint): number | bigint {
  return element === "u8c" ? Number(value) & 255 : value;
}

function collect(kernel: Kernel, call: KernelCall, element: ElementType): KernelResult {
  const interpreter = new Interpreter(kernel, call);
  const values: (number | bigint)[] = [];
  for (let index = 0; index < call.length; index++) {
    const outcome = interpreter.element(index);
    if (outcome.kind !== "rejected") values.push(storedValue(element, outcome.value as number | bigint));
  }
  const output = call.output === null ? newArray(element, values.length) : call.output.subarray(0, values.length);
  values.forEach((value, place) => (output[place] = value));
  return { ...NOTHING, count: values.length, output };
}

function first(kernel: Kernel, call: KernelCall): KernelResult {
  const interpreter = new Interpreter(kernel, call);
  for (let index = 0; index < call.length; index++) {
    const outcome = interpreter.element(index);
    if (outcome.kind !== "rejected") return { ...NOTHING, position: index, rank: Math.max(0, interpreter.visits - 1), value: outcome.value };
  }
  return NOTHING;
}

/** Every element is run, in order, so that an element that fails does so whether or not a later one yields. */
function last(kernel: Kernel, call: KernelCall): KernelResult {
  const interpreter = new Interpreter(kernel, call);
  let result: KernelResult = NOTHING;
  for (let index = 0; index < call.length; index++) {
    const outcome = interpreter.element(index);
    if (outcome.kind !== "rejected") result = { ...NOTHING, position: index, value: outcome.value };
  }
  return result;
}

/** Elements run in order, whatever order they may run in. */
function store(kernel: Kernel, call: KernelCall): KernelResult {
  const interpreter = new Interpreter(kernel, call);
  for (let index = 0; index < call.length; index++) interpreter.element(index);
  return { ...NOTHING, count: call.length };
}

function countYields(kernel: Kernel, call: KernelCall): KernelResult {
  const interpreter = new Interpreter(kernel, call);
  let count = 0;
  for (let index = 0; index < call.length; index++) if (interpreter.element(index).kind === "yielded") count++;
  return { ...NOTHING, count };
}

/** Each result is what a kernel with that sink alone would give. They fail at the same element: its body is the same. */
function several(kernel: Kernel, call: KernelCall): KernelResult {
  const results = singlesOf(kernel).map(single => interpret(single, call));
  const count = Math.max(...results.map(result => result.count));
  const outputs = results.flatMap(({ output }) => (output === null ? [] : [output]));
  return outputs.length > 0 ? { ...NOTHING, count, outputs } : { ...NOTHING, count, values: results.map(({ value }) => value as ScalarValue) };
}

/** Runs a verified kernel. Throws RangeError where the lambda's own reads and divisions do. */
export function interpret(kernel: Kernel, call: KernelCall): KernelResult {
  const { sink } = kernel;
  switch (sink.kind) {
    case "array":
      return collect(kernel, call, sink.element);
    case "reduce":
      return reduce(kernel, call, sink);
    case "count":
      return countYields(kernel, call);
    case "fold":
      return fold(kernel, call, sink);
    case "scan":
      return scan(kernel, call, sink);
    case "first":
      return first(kernel, call);
    case "last":
      return last(kernel, call);
    case "stores":
      return store(kernel, call);
    case "several":
      return several(kernel, call);
    default:
      return sink satisfies never;
  }
}
