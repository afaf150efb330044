/** Generated kernels: typed IR straight from the operator table, with locals, branches, loops, reads and every sink. */
import type { KernelCall } from "../../fusion/call.js";
import { constant, local } from "../../fusion/build.js";
import { ELEMENT_LABEL, type Expr, type Kernel, type ReduceOp, type Sink, type Stmt } from "../../fusion/ir.js";
import { OP_NAMES, operator, type OpName, usualArity } from "../../fusion/ops.js";
import { ELEMENTS, ELEMENT_TYPES, type ElementType, type ScalarType, type ScalarValue } from "../../fusion/types.js";
import { newArray } from "../../fusion/values.js";
import { Choices, choices } from "../laws/choices.js";
import { SPECIAL, specialElements } from "../laws/special.js";

const TYPES: readonly ScalarType[] = ["f64", "i32", "f32", "u32", "bool", "i64", "u64"];

interface Row {
  readonly op: OpName;
  readonly over: ScalarType;
}

/** The operators that are defined everywhere and cannot fail, by their result's type. */
const ROWS: Readonly<Record<ScalarType, readonly Row[]>> = Object.fromEntries(
  TYPES.map(type => [
    type,
    OP_NAMES.flatMap(op => {
      const { over, gives, fails, domain } = operator(op);
      if (domain !== undefined || op === "convert") return [];
      return over.filter(from => (gives === "same" ? from : gives) === type && !fails.includes(from)).map(from => ({ op, over: from }));
    }),
  ]),
) as unknown as Record<ScalarType, readonly Row[]>;

const fails = (from: ScalarType, to: ScalarType): boolean => (from === "f64" || from === "f32") && (to === "i64" || to === "u64");

interface Variable {
  readonly name: string;
  readonly type: ScalarType;
  readonly mutable: boolean;
}

class Generator {
  private names = 0;
  private readonly scalars: { name: string; type: ScalarType; origin: { stage: number; name: string } }[] = [];
  private readonly arrays: { name: string; element: ElementType; origin: { stage: number; name: string } }[] = [];
  private scope: Variable[] = [];
  /** Most kernels keep to few types, so that statements meet each other's variables. */
  private readonly types: readonly ScalarType[];

  constructor(
    private readonly from: Choices,
    private readonly source: Kernel["source"],
  ) {
    this.types = from.weighted<readonly ScalarType[]>([2, () => ["f64", "i32"]], [1, () => TYPES], [1, () => ["f64", "f32", "i32"]]);
  }

  kernel(): Kernel {
    const { from } = this;
    const body = this.statements(2, 1 + from.below(7), []);
    if (from.chance(30)) body.push({ kind: "if", test: this.expr("bool", 2), then: [{ kind: "leave", label: ELEMENT_LABEL }], otherwise: [] });
    const last = this.scope.at(-1);
    if (last !== undefined && from.chance(70)) {
      // What the statements computed is what the kernel gives.
      const type = last.type === "bool" ? "i32" : last.type;
      const known = local(last.type, last.name);
      const value: Expr = last.type === "bool" ? { kind: "apply", op: "convert", type, args: [known] } : known;
      const sink: Sink = from.chance(70) ? { kind: "array", element: from.pick(ELEMENT_TYPES.filter(element => ELEMENTS[element].scalar === type)) } : { kind: "last", type };
      return { source: this.source, scalars: this.scalars, arrays: this.arrays, body: [...body, { kind: "yield", values: [value] }], sink };
    }
    const { sink, type } = this.sink();
    body.push({ kind: "yield", values: type === null ? [] : [this.expr(type, 4)] });
    return { source: this.source, scalars: this.scalars, arrays: this.arrays, body, sink };
  }

  private sink(): { sink: Sink; type: ScalarType | null } {
    const { from } = this;
    return from.weighted<{ sink: Sink; type: ScalarType | null }>(
      [6, () => {
        const element = from.pick([...ELEMENT_TYPES].reverse());
        return { sink: { kind: "array", element }, type: ELEMENTS[element].scalar };
      }],
      [3, () => {
        const op: ReduceOp = from.pick(["add", "min", "max", "mul", "and", "or", "xor"]);
        const types: readonly ScalarType[] = op === "and" || op === "or" || op === "xor" ? ["i32", "bool", "i64", "u64"] : ["f64", "f32", "i64", "u64"];
        const term = from.pick(types);
        const type = term === "f32" && (op === "add" || op === "mul") ? "f64" : term;
        return { sink: { kind: "reduce", op, type, term, counted: from.chance(30) }, type: term };
      }],
      [1, () => ({ sink: { kind: "count" }, type: null })],
      [1, () => {
        const type = from.pick(TYPES);
        return { sink: { kind: "first", type, ranked: false }, type };
      }],
      [1, () => {
        const type = from.pick(TYPES);
        return { sink: { kind: "last", type }, type };
      }],
    );
  }

  private name(prefix: string): string {
    return `${prefix}${String(++this.names)}`;
  }

  private statements(depth: number, count: number, labels: readonly string[]): Stmt[] {
    const list: Stmt[] = [];
    const outer = this.scope;
    for (let n = 0; n < count; n++) list.push(...this.statement(depth, labels));
    // What a nested list declares is not known outside of it.
    if (labels.length > 0 || depth < 2) this.scope = outer;
    return list;
  }

  private declare(type: ScalarType, value: Expr, mutable: boolean): Stmt {
    const name = this.name("v");
    this.scope = [...this.scope, { name, type, mutable }];
    return { kind: "declare", name, type, value, mutable };
  }

  private statement(depth: number, labels: readonly string[]): Stmt[] {
    const { from } = this;
    return from.weighted<Stmt[]>(
      [4, () => {
        const type = this.from.weighted([4, () => "f64" as ScalarType], [3, () => from.pick(this.types)]);
        return [this.declare(type, this.expr(type, 3), from.chance(50))];
      }],
      [3, () => {
        const mutable = this.scope.filter(variable => variable.mutable);
        if (mutable.length === 0) return [];
        const { name, type } = from.pick(mutable);
        return [{ kind: "assign", name, value: this.expr(type, 3) }];
      }],
      [2, () => {
        const element = from.pick(ELEMENT_TYPES);
        const name = this.name("a");
        this.arrays.push({ name, element, origin: { stage: 0, name } });
        const { scalar } = ELEMENTS[element];
        // Eight elements are handed over, so that any three bits are a place.
        const at: Expr = { kind: "apply", op: "and", type: "i32", args: [this.expr("i32", 2), constant("i32", 7)] };
        const place: Expr = from.chance(50) ? at : { kind: "apply", op: "convert", type: "f64", args: [at] };
        return [this.declare(scalar, { kind: "read", type: scalar, array: name, at: place }, false)];
      }],
      [depth > 0 ? 2 : 0, () => [{ kind: "if", test: this.expr("bool", 2), then: this.branch(depth, labels), otherwise: from.chance(50) ? this.branch(depth, labels) : [] }]],
      [depth > 0 ? 3 : 0, () => this.guard(depth, labels)],
      [depth > 0 ? 2 : 0, () => this.sometimes()],
      [depth > 0 ? 2 : 0, () => this.loop(depth, labels)],
      [depth > 0 ? 1 : 0, () => {
        const label = this.name("block");
        return [{ kind: "block", label, body: this.statements(depth - 1, 1 + from.below(3), [...labels, label]) }];
      }],
    );
  }

  /** A number is compared with a constant, and what follows on both sides computes with it. */
  private guard(depth: number, labels: readonly string[]): Stmt[] {
    const { from } = this;
    const known = this.scope.filter(({ type }) => type === "f64" || type === "i32" || type === "f32" || type === "u32");
    if (known.length === 0) return [];
    const variable = from.pick(known);
    const { type } = variable;
    const op = from.pick<OpName>(["lt", "le", "gt", "ge", "eq"]);
    const compared: Expr = { kind: "apply", op, type: "bool", args: [local(type, variable.name), this.constant(type)] };
    const test: Expr = from.chance(25) ? { kind: "apply", op: "not", type: "bool", args: [compared] } : compared;
    const side = (): Stmt[] => {
      const outer = this.scope;
      const made = from.chance(60) ? [this.uses(variable)] : [...this.statements(depth - 1, 1, labels), this.uses(variable)];
      if (labels.length > 0 && from.chance(30)) made.push({ kind: "leave", label: from.pick(labels) });
      this.scope = outer;
      return made;
    };
    return [{ kind: "if", test, then: side(), otherwise: from.chance(70) ? side() : [] }, this.uses(variable)];
  }

  /** A new variable that is computed from one. */
  private uses({ name, type }: Variable): Stmt {
    const { from } = this;
    const op = from.pick<OpName>(type === "u32" ? ["lt"] : ["add", "sub", "mul", "neg", "min"]);
    const args: Expr[] = [local(type, name)];
    if (operator(op).arity === 2) args.push(from.chance(70) ? this.constant(type) : this.leaf(type));
    return this.declare(op === "lt" ? "bool" : type, { kind: "apply", op, type: op === "lt" ? "bool" : type, args }, from.chance(30));
  }

  /** A variable that gets one value, and sometimes another. */
  private sometimes(): Stmt[] {
    const changing = this.scope.filter(({ mutable, type }) => mutable && (type === "f64" || type === "i32"));
    if (changing.length === 0) return [];
    const variable = this.from.pick(changing);
    const assign = (): Stmt => ({ kind: "assign", name: variable.name, value: this.from.chance(70) ? this.constant(variable.type) : this.leaf(variable.type) });
    return [assign(), { kind: "if", test: this.expr("bool", 1), then: [assign()], otherwise: [] }, this.uses(variable)];
  }

  private branch(depth: number, labels: readonly string[]): Stmt[] {
    const body = this.statements(depth - 1, 1 + this.from.below(2), labels);
    if (labels.length > 0 && this.from.chance(30)) body.push({ kind: "leave", label: this.from.pick(labels) });
    return body;
  }

  /** A loop that counts up or down, at most a dozen times. */
  private loop(depth: number, labels: readonly string[]): Stmt[] {
    const { from } = this;
    const type = from.pick<ScalarType>(["f64", "i32", "i64"]);
    const value = (n: number): Expr => constant(type, type === "i64" ? BigInt(n) : n);
    const [start, end] = [from.below(5) - 2, from.below(7)];
    const down = from.chance(30);
    const counter = this.name("n");
    const count = local(type, counter);
    const label = this.name("loop");
    const outer = this.scope;
    this.scope = [...outer, { name: counter, type, mutable: false }];
    const inner = this.statements(depth - 1, 1 + from.below(3), [...labels, label]);
    this.scope = outer;
    const test: Expr = { kind: "apply", op: down ? "ge" : "lt", type: "bool", args: [count, value(down ? start : end)] };
    const next: Expr = { kind: "apply", op: down ? "sub" : "add", type, args: [count, value(1 + from.below(2))] };
    return [
      { kind: "declare", name: counter, type, value: value(down ? end : start), mutable: true },
      {
        kind: "loop",
        label,
        body: [
          { kind: "if", test, then: [], otherwise: [{ kind: "leave", label }] },
          // What the body leaves to may skip the step: the step comes first then, and the body reads the next count.
          { kind: "assign", name: counter, value: next },
          ...inner,
        ],
      },
    ];
  }

  expr(type: ScalarType, depth: number): Expr {
    const { from } = this;
    if (depth === 0) return this.leaf(type);
    return from.weighted<Expr>(
      [2, () => this.leaf(type)],
      [5, () => this.apply(type, depth)],
      [3, () => this.convert(type, depth)],
      [1, () => ({ kind: "select", type, test: this.expr("bool", depth - 1), yes: this.expr(type, depth - 1), no: this.expr(type, depth - 1) })],
    );
  }

  private apply(type: ScalarType, depth: number): Expr {
    // Arithmetic on numbers is what narrowing looks for, so it is made more often.
    const common = ["add", "sub", "mul", "min", "max", "neg", "lt"];
    const rows = ROWS[type];
    if (rows.length === 0) return this.leaf(type);
    const usual = rows.filter(({ op }) => common.includes(op));
    const { op, over } = this.from.pick(usual.length > 0 && this.from.chance(50) ? usual : rows);
    const args = Array.from({ length: usualArity(op) }, () => this.expr(over, depth - 1));
    return { kind: "apply", op, type, args };
  }

  /** An integer as a double: what user's arithmetic on integers is made of, and what narrowing undoes. */
  private whole(depth: number): Expr {
    const { from } = this;
    if (depth === 0) {
      return from.weighted<Expr>(
        [3, () => this.wide("i32", this.leaf("i32"))],
        [3, () => this.wide("i32", { kind: "apply", op: "and", type: "i32", args: [this.leaf("i32"), constant("i32", from.pick([255, 1, 0xffff, 0xffffff, 0x3ffffff, 2 ** 31 - 1]))] })],
        [1, () => this.wide("u32", this.leaf("u32"))],
        [2, () => constant("f64", from.pick([1, 2, -1, 3, 255, 65536, 2 ** 24, 2 ** 31, -(2 ** 31), 2 ** 53, 0, -0]))],
        [2, () => this.leaf("f64")],
      );
    }
    if (from.chance(25)) return this.divided(depth);
    const op = from.pick<OpName>(["add", "mul", "sub", "min", "max", "neg", "abs", "floor", "rem"]);
    const args = Array.from({ length: usualArity(op) }, () => this.whole(depth - 1));
    return { kind: "apply", op, type: "f64", args };
  }

  /** A division by a constant, rounded; or its remainder. */
  private divided(depth: number): Expr {
    const { from } = this;
    const divisor = constant("f64", from.pick([2, 3, 4, 5, 7, 10, 16, 100, 255, 641, 65536, 65535]));
    const small = this.wide("i32", { kind: "apply", op: from.pick<OpName>(["wrapU8", "wrapI8", "wrapI16", "wrapU16"]), type: "i32", args: [this.leaf("i32")] });
    const dividend = from.chance(70) ? small : this.whole(depth - 1);
    if (from.chance(25)) return { kind: "apply", op: "rem", type: "f64", args: [dividend, divisor] };
    const division: Expr = { kind: "apply", op: "div", type: "f64", args: [dividend, divisor] };
    return { kind: "apply", op: from.pick<OpName>(["floor", "ceil", "round", "trunc"]), type: "f64", args: [division] };
  }

  /** Double arithmetic on what may be exact in single precision, rounded to single precision. */
  private single(): Expr {
    const { from } = this;
    const operand = (): Expr =>
      from.weighted<Expr>(
        [2, () => this.wide("f32", this.leaf("f32"))],
        [2, () => this.wide("i32", { kind: "apply", op: "and", type: "i32", args: [this.leaf("i32"), constant("i32", from.pick([2 ** 24 - 1, 2 ** 25 - 1, 2 ** 26 - 1]))] })],
        [1, () => constant("f64", from.pick(SPECIAL.f64))],
      );
    const sum: Expr = { kind: "apply", op: from.pick<OpName>(["add", "mul", "sub", "div"]), type: "f64", args: [operand(), operand()] };
    return { kind: "apply", op: "convert", type: "f32", args: [sum] };
  }

  private wide(type: ScalarType, arg: Expr): Expr {
    return { kind: "apply", op: "convert", type: "f64", args: [type === arg.type ? arg : constant(type, 0)] };
  }

  private convert(type: ScalarType, depth: number): Expr {
    const { from } = this;
    if (type === "f64" && from.chance(40)) return this.whole(Math.min(2, depth));
    if (type === "f32" && from.chance(50)) return this.single();
    if ((type === "i32" || type === "u32" || type === "f32" || type === "bool") && from.chance(60)) {
      return { kind: "apply", op: "convert", type, args: [this.whole(Math.min(2, depth))] };
    }
    const other = from.weighted(
      [3, () => (type === "f64" ? from.pick<ScalarType>(["i32", "f32", "u32"]) : "f64")],
      [2, () => from.pick(TYPES)],
    );
    if (other === type || fails(other, type)) return this.leaf(type);
    return { kind: "apply", op: "convert", type, args: [this.expr(other, depth - 1)] };
  }

  private leaf(type: ScalarType): Expr {
    const { from } = this;
    const known = this.scope.filter(variable => variable.type === type);
    const isElement = this.source.kind === "array" ? ELEMENTS[this.source.element].scalar === type : type === "f64";
    return from.weighted<Expr>(
      [2, () => this.constant(type)],
      [isElement ? 4 : 0, () => ({ kind: "element", type })],
      [known.length > 0 ? 7 : 0, () => local(type, (from.chance(40) ? (known.at(-1) as Variable) : from.pick(known)).name)],
      [1, () => this.capture(type)],
      [type === "f64" ? 1 : 0, () => ({ kind: "index", type: "f64" })],
    );
  }

  private constant(type: ScalarType): Expr {
    const { from } = this;
    const value = from.weighted<ScalarValue>(
      [4, () => (type === "bool" ? false : type === "i64" || type === "u64" ? BigInt(from.below(9)) : from.below(9))],
      [2, () => from.pick(SPECIAL[type])],
    );
    return constant(type, value);
  }

  private capture(type: ScalarType): Expr {
    const same = this.scalars.filter(scalar => scalar.type === type);
    if (same.length > 0 && this.from.chance(60)) return { kind: "capture", type, name: this.from.pick(same).name };
    const name = this.name("k");
    this.scalars.push({ name, type, origin: { stage: 0, name } });
    return { kind: "capture", type, name };
  }
}

export interface Case {
  readonly kernel: Kernel;
  readonly call: KernelCall;
}

/** A kernel, and a call of it on special values. */
export function makeCase(list: readonly number[], length = 40): Case {
  const from = new Choices(list);
  const element = from.pick([...ELEMENT_TYPES].reverse());
  const source: Kernel["source"] = from.chance(10) ? { kind: "range" } : { kind: "array", element };
  const kernel = new Generator(from, source).kernel();
  const fill = (type: ElementType, size: number) => {
    const array = newArray(type, size);
    const values = specialElements(type);
    const start = from.below(values.length);
    // Coprime to every list's length, so that all values come by.
    for (let at = 0; at < size; at++) array[at] = values[(start + at * 7) % values.length] as number;
    return array;
  };
  return {
    kernel,
    call: {
      source: source.kind === "range" ? null : fill(source.element, length),
      length,
      output: null,
      scalars: kernel.scalars.map(({ type }) => from.pick(SPECIAL[type])),
      arrays: kernel.arrays.map(({ element: type }) => fill(type, 8)),
    },
  };
}

export const caseChoices = choices(20, 200);
