/**
 * What programs must give, in plain JavaScript, written from the contract alone: every stage's result is stored in a typed
 * array, reductions follow the canonical order word for word. Shares no code with the library but the names of the types, and the elementary functions: what those must give is test/math's business.
 */
import { FUNCTIONS, type ElementaryName } from "../../fusion/math/functions.js";
import type { ElementType } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS, type AnyTypedArray } from "../../fusion/values.js";
import type { Lambda } from "./lambdas.js";
import type { Program, ReduceOperator, Seed, Stage, Terminal } from "./programs.js";

type Value = number | bigint;
type Result = Value | boolean;
type Call = (...args: unknown[]) => Result;

/** What the oracles' texts call: reads that fail as the contract says, shifts by any count, elementary functions, squares. */
const TOOLS = {
  $at(array: AnyTypedArray, name: string, at: number): Value {
    const value = (array as Float64Array)[at];
    if (value !== undefined) return value;
    throw new RangeError(`DC401: ${name}[${String(at)}] is out of range: ${name} has ${String(array.length)} element${array.length === 1 ? "" : "s"}`);
  },
  // No count beyond 64 is ever handed to JavaScript, which would try to make a BigInt of that many bits.
  $shl: (a: bigint, count: bigint): bigint => (count >= 0n ? (count > 64n ? 0n : a << count) : TOOLS.$shr(a, -count)),
  $shr: (a: bigint, count: bigint): bigint => (count >= 0n ? a >> (count > 64n ? 64n : count) : TOOLS.$shl(a, -count)),
  $math(name: ElementaryName, single: boolean, ...args: number[]): number {
    const f = FUNCTIONS[name][single ? "f32" : "f64"] as (...values: number[]) => number;
    return single ? Math.fround(f(...args)) : f(...args);
  },
  $square: (a: number, single: boolean): number => (single ? Math.fround(a * a) : a * a),
};

const COMPILED = new WeakMap<Lambda, Map<string, Call>>();

/** The function of an oracle's text. */
function functionOf(lambda: Lambda, text: string = lambda.oracle): Call {
  const known = COMPILED.get(lambda) ?? new Map<string, Call>();
  COMPILED.set(lambda, known);
  const found = known.get(text);
  if (found !== undefined) return found;
  const helpers = Object.entries(lambda.helpers).map(([name, { oracle }]) => `const ${name} = ${oracle};`);
  const names = [...Object.keys(TOOLS), ...Object.keys(lambda.values)];
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- generated text is the point of these tests
  const made = new Function(...names, `"use strict"; ${helpers.join(" ")} return (${text});`) as (...values: unknown[]) => Call;
  const f = made(...Object.values(TOOLS), ...Object.values(lambda.values));
  known.set(text, f);
  return f;
}

const CELLS = Object.fromEntries(Object.entries(ARRAY_CONSTRUCTORS).map(([element, make]) => [element, new make(1)])) as unknown as Record<ElementType, Result[]>;

/** What an array of this type holds of a value. */
function stored(element: ElementType, value: Result): Value {
  const cell = CELLS[element];
  cell[0] = value;
  return cell[0] as Value;
}

/** `.as(element)`: as `stored`, and BigInts become numbers where numbers are wanted: of integer arrays their low bits. */
function converted(element: ElementType, value: Value): Value {
  const big = element === "i64" || element === "u64";
  if (typeof value === "bigint") {
    if (big) return stored(element, value);
    const exact = element === "f64" || element === "f32" || element === "u8c";
    return stored(element, Number(exact ? value : BigInt.asIntN(32, value)));
  }
  return stored(element, big ? BigInt(value) : value);
}

/** An element on its way: its value, and its place in what the kernel reads. */
interface Item {
  readonly value: Value;
  readonly place: number;
}

interface Sequence {
  readonly items: () => Generator<Item>;
  /** How many elements the places count. */
  readonly length: number;
}

/** One element after the other through all stages up to the next that needs the place after a filter. */
function* through(source: Sequence, stages: readonly Stage[]): Generator<Item> {
  for (const item of source.items()) {
    const value = passed(item, stages);
    if (value !== undefined) yield { value, place: item.place };
  }
}

function passed({ value: start, place }: Item, stages: readonly Stage[]): Value | undefined {
  let value = start;
  for (const stage of stages) {
    switch (stage.kind) {
      case "map":
        value = stored(stage.to, functionOf(stage.lambda)(value, place));
        break;
      case "filter":
        if (!functionOf(stage.lambda)(value, place)) return undefined;
        break;
      case "as":
        value = converted(stage.to, value);
        break;
      default:
        stage satisfies never;
    }
  }
  return value;
}

/** The sequence that the terminal sees. Stages that use the index after a filter see places counted anew. */
function sequence(program: Program, source: AnyTypedArray | number): Sequence {
  const length = typeof source === "number" ? source : source.length;
  let now: Sequence = {
    length,
    *items() {
      for (let place = 0; place < length; place++) yield { value: typeof source === "number" ? place : (source[place] as Value), place };
    },
  };
  let waiting: Stage[] = [];
  let filtered = false;
  const cut = (): void => {
    const values = [...through(now, waiting)].map(({ value }) => value);
    now = {
      length: values.length,
      *items() {
        for (const [place, value] of values.entries()) yield { value, place };
      },
    };
    waiting = [];
    filtered = false;
  };
  for (const stage of program.stages) {
    if (stage.kind !== "as" && stage.lambda.usesIndex && filtered) cut();
    waiting.push(stage);
    filtered ||= stage.kind === "filter";
  }
  const { terminal } = program;
  if ("lambda" in terminal && terminal.lambda.usesIndex && filtered) cut();
  const [base, stages] = [now, waiting];
  return { length: base.length, items: () => through(base, stages) };
}

/** The same by the methods of typed arrays, one whole array after the other: for programs that cannot fail. */
export function unfused(program: Program, source: AnyTypedArray | number): AnyTypedArray {
  let now: AnyTypedArray = typeof source === "number" ? Float64Array.from({ length: source }, (_, place) => place) : source;
  for (const stage of program.stages) {
    switch (stage.kind) {
      case "map": {
        const f = functionOf(stage.lambda);
        const to = ARRAY_CONSTRUCTORS[stage.to] as Float64ArrayConstructor;
        now = stage.named ? to.from(now as Float64Array, f as (x: number, i: number) => number) : ((now as Float64Array).map(f as (x: number, i: number) => number) as AnyTypedArray);
        break;
      }
      case "filter":
        now = (now as Float64Array).filter(functionOf(stage.lambda) as (x: number, i: number) => unknown) as AnyTypedArray;
        break;
      case "as": {
        const to = new ARRAY_CONSTRUCTORS[stage.to](now.length);
        for (let place = 0; place < now.length; place++) to[place] = converted(stage.to, now[place] as Value) as number;
        now = to;
        break;
      }
      default:
        stage satisfies never;
    }
  }
  return now;
}

// ---- reductions ----

type Join<T> = (a: T, b: T) => T;

const or = <T>(a: T | undefined, b: T | undefined, join: Join<T>): T | undefined => (a === undefined ? b : b === undefined ? a : join(a, b));

/**
 * The canonical order. `step(lane, place)` folds the element at a place into its lane, where there is one.
 * Within block b, lane j folds elements b·1024 + j + 32k, k ascending; the 32 lanes fold pairwise by halves; blocks combine as
 * a balanced pairwise tree; lanes and blocks without elements are skipped.
 */
function canonical<T>(length: number, step: (lane: T | undefined, place: number) => T | undefined, join: Join<T>): T | undefined {
  const block = (b: number): T | undefined => {
    let lanes: (T | undefined)[] = [];
    for (let j = 0; j < 32; j++) {
      let lane: T | undefined;
      for (let k = 0; k < 32; k++) {
        const place = b * 1024 + j + 32 * k;
        if (place < length) lane = step(lane, place);
      }
      lanes.push(lane);
    }
    for (let half = 16; half >= 1; half /= 2) {
      const folded: (T | undefined)[] = [];
      for (let j = 0; j < half; j++) folded.push(or(lanes[j], lanes[j + half], join));
      lanes = folded;
    }
    return lanes[0];
  };
  const tree = (from: number, to: number): T | undefined => {
    if (to - from === 1) return block(from);
    let left = 1;
    while (left * 2 < to - from) left *= 2;
    return or(tree(from, from + left), tree(from + left, to), join);
  };
  return length === 0 ? undefined : tree(0, Math.ceil(length / 1024));
}

function joinOf(operator: ReduceOperator, element: ElementType): Join<Result> {
  const wrap = (value: Value): Value => (typeof value === "number" ? value : element === "u64" ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value));
  switch (operator) {
    case "+":
      return (a, b) => wrap((a as number) + (b as number));
    case "*":
      return (a, b) => wrap((a as number) * (b as number));
    case "&":
      return (a, b) => wrap((a as number) & (b as number));
    case "|":
      return (a, b) => wrap((a as number) | (b as number));
    case "^":
      return (a, b) => wrap((a as number) ^ (b as number));
    case "Math.min":
      return (a, b) => Math.min(Number(a), Number(b));
    case "Math.max":
      return (a, b) => Math.max(Number(a), Number(b));
    case "&&":
      return (a, b) => a && b;
    case "||":
      return (a, b) => a || b;
    default:
      return operator satisfies never;
  }
}

/** Float sums and products depend on the order; all others do not, and exact integer sums are exact. */
const ordered = (operator: ReduceOperator, element: ElementType): boolean => (operator === "+" || operator === "*") && element !== "i64" && element !== "u64";

/** The items by their places, for who needs them out of order. */
function byPlace(items: Iterable<Item>, length: number): (Value | undefined)[] {
  const values = new Array<Value | undefined>(length).fill(undefined);
  for (const { value, place } of items) values[place] = value;
  return values;
}

interface Terms {
  readonly terms: readonly (Result | undefined)[];
  readonly count: number;
}

function termsOf({ items, length }: Sequence, f: Call | null): Terms {
  const terms = new Array<Result | undefined>(length).fill(undefined);
  let count = 0;
  for (const { value, place } of items()) {
    const term = f === null ? value : f(value, place);
    terms[place] = typeof term === "boolean" && f === null ? Number(term) : term;
    count++;
  }
  return { terms, count };
}

/** Everything added up, then rounded once. */
function exactSum(terms: readonly (Result | undefined)[]): number {
  let sum = 0n;
  for (const term of terms) if (term !== undefined) sum += BigInt(Number(term));
  return Number(sum);
}

/** The operator over all terms, in the canonical order where that matters; undefined of none. */
function reduced(operator: ReduceOperator, element: ElementType, { terms, count }: Terms, exact: boolean): Result | undefined {
  if (count === 0) return undefined;
  const join = joinOf(operator, element);
  if (operator === "+" && exact) return exactSum(terms);
  if (!ordered(operator, element)) return terms.reduce((a, b) => or(a, b, join), undefined);
  return canonical<Result>(terms.length, (lane, place) => or(lane, terms[place] === undefined ? undefined : Number(terms[place]), join), join);
}

function nothing(): never {
  throw new TypeError("Reduce of empty array with no initial value");
}

export interface OracleFacts {
  /** The plan folds a sum's terms as 32-bit integers, so the sum is exact. */
  readonly exact: boolean;
}

/** What the program gives for a source; throws what the program must throw. */
export function oracle(program: Program, source: AnyTypedArray | number, { exact }: OracleFacts): unknown {
  const all = sequence(program, source);
  const { terminal, element } = program;
  switch (terminal.kind) {
    case "toArray":
      return arrayOf(element, [...all.items()]);
    case "count":
      return [...all.items()].length;
    case "sum": {
      const sum = reduced("+", element, termsOf(all, null), exact);
      if (element === "i64" || element === "u64") return sum ?? 0n;
      return 0 + Number(sum ?? 0);
    }
    case "average": {
      const terms = termsOf(all, null);
      return (0 + Number(reduced("+", element, terms, exact) ?? 0)) / terms.count;
    }
    case "min":
    case "max": {
      const values = [...all.items()].map(({ value }) => value);
      if (element !== "i64" && element !== "u64") return values.reduce<number>((a, b) => (terminal.kind === "min" ? Math.min(a, Number(b)) : Math.max(a, Number(b))), terminal.kind === "min" ? Infinity : -Infinity);
      if (values.length === 0) throw new TypeError(`The ${terminal.kind} of an empty ${element === "i64" ? "BigInt64Array" : "BigUint64Array"} does not exist: there is no infinite BigInt`);
      return values.reduce((a, b) => (terminal.kind === "min" === a < b ? a : b));
    }
    case "first":
      for (const { value } of all.items()) return value;
      return undefined;
    case "last":
      return [...all.items()].at(-1)?.value;
    case "some":
    case "every":
    case "find":
    case "findIndex":
      return searched(terminal, all);
    case "indexOf":
    case "includes": {
      // No 64-bit integer equals it: the answer is known without a look at any element.
      if (typeof terminal.value === "bigint" && stored(element, terminal.value) !== terminal.value) return terminal.kind === "includes" ? false : -1;
      let rank = 0;
      for (const { value } of all.items()) {
        if (value === terminal.value || (terminal.kind === "includes" && Object.is(value, terminal.value))) return terminal.kind === "includes" ? true : rank;
        rank++;
      }
      return terminal.kind === "includes" ? false : -1;
    }
    case "reduce":
      return reduce(terminal, all, element, exact);
    case "fold":
      return fold(terminal, all, element);
    default:
      return terminal satisfies never;
  }
}

function arrayOf(element: ElementType, items: readonly Item[]): AnyTypedArray {
  const array = new ARRAY_CONSTRUCTORS[element](items.length);
  for (const [at, { value }] of items.entries()) array[at] = value as number;
  return array;
}

function searched(terminal: Extract<Terminal, { kind: "some" | "every" | "find" | "findIndex" }>, all: Sequence): unknown {
  const f = functionOf(terminal.lambda);
  let rank = 0;
  for (const { value, place } of all.items()) {
    const truth = Boolean(f(value, place));
    if (truth !== (terminal.kind === "every")) {
      switch (terminal.kind) {
        case "some":
          return true;
        case "every":
          return false;
        case "find":
          return value;
        case "findIndex":
          return rank;
        default:
          return terminal.kind satisfies never;
      }
    }
    rank++;
  }
  return { some: false, every: true, find: undefined, findIndex: -1 }[terminal.kind];
}

function reduce(terminal: Extract<Terminal, { kind: "reduce" }>, all: Sequence, element: ElementType, exact: boolean): Result {
  const { seed, operator, lambda } = terminal;
  const f = functionOf(lambda, terminal.term);
  const join = joinOf(operator, element);
  if (!terminal.sequential) {
    const terms = termsOf(all, f);
    const value = reduced(operator, element, terms, exact);
    if (seed === undefined) return value === undefined ? nothing() : startingValue(operator, terms, value);
    return value === undefined ? seed : join(seed, value);
  }
  let sum: Result | undefined = seed;
  for (const { value, place } of all.items()) {
    const term = f(value, place);
    sum = sum === undefined ? value : join(sum, term);
  }
  return sum ?? nothing();
}

/** Without a seed the first element starts the fold as it is: of one element alone, `a | x` is never computed. */
function startingValue(operator: ReduceOperator, { terms, count }: Terms, value: Result): Result {
  if (count > 1 || (operator !== "&" && operator !== "|" && operator !== "^")) return value;
  return terms.find(term => term !== undefined) as Result;
}

function fold(terminal: Extract<Terminal, { kind: "fold" }>, all: Sequence, element: ElementType): Result {
  const { seed, lambda, combine } = terminal;
  const f = functionOf(lambda);
  const next = (sum: Seed, value: Value, place: number): Result => {
    const start = sum ?? seed;
    return start === undefined ? value : f(start, value, place);
  };
  if (combine === null) {
    let sum: Seed = seed;
    for (const { value, place } of all.items()) sum = next(sum, value, place);
    return sum ?? nothing();
  }
  const values = byPlace(all.items(), all.length);
  const join = functionOf(combine);
  void element;
  const sum = canonical<Result>(all.length, (lane, place) => (values[place] === undefined ? lane : next(lane, values[place], place)), (a, b) => join(a, b));
  return sum ?? seed ?? nothing();
}
