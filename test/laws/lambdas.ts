/**
 * Generated lambdas, each as two texts: what a user writes, and the same in plain JavaScript with the contract's rounding
 * spelt out (`Math.fround` around every f32 operation, `BigInt.asIntN` around every 64-bit one). The generator knows every
 * type, so it prints both at once. Where no f32 and no BigInt is near, the two texts are the same.
 */
import { FUNCTIONS, type ElementaryName } from "../../fusion/math/functions.js";
import { usualArity } from "../../fusion/ops.js";
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { Choices } from "./choices.js";
import { inputArray } from "./inputs.js";
import { SPECIAL } from "./special.js";

/** What a value is, by the contract: `weak` are literals, captured numbers and what is made of these alone. */
export type Kind = "weak" | "f32" | "f64" | "bool" | "i64" | "u64";
export type BigKind = "i64" | "u64";
type NumberKind = "weak" | "f32" | "f64";

export interface Term {
  readonly user: string;
  readonly oracle: string;
  readonly kind: Kind;
  /** Never a fraction. */
  readonly integral: boolean;
  /** Made of literals alone. */
  readonly fixed: boolean;
  /** A BigInt literal, capture or count, which suits both kinds of array. */
  readonly loose?: boolean;
}

export type CaptureValue = number | bigint | boolean | AnyTypedArray;

/** What a lambda refers to by name. */
export interface Surroundings {
  readonly values: Record<string, CaptureValue>;
  /** Helper functions. */
  readonly helpers: Record<string, { readonly user: string; readonly oracle: string }>;
  readonly usesIndex: boolean;
  /** May throw a RangeError. */
  canFail: boolean;
}

export interface Lambda extends Surroundings {
  readonly user: string;
  readonly oracle: string;
}

interface Variable {
  readonly name: string;
  readonly kind: Kind;
  readonly integral: boolean;
  readonly mutable: boolean;
  readonly loose?: boolean;
}

const RANK: Readonly<Record<NumberKind, number>> = { weak: 0, f32: 1, f64: 2 };
const join = (...kinds: readonly Kind[]): NumberKind => (kinds as readonly NumberKind[]).reduce((a, b) => (RANK[a] >= RANK[b] ? a : b));

/** An operation's result, rounded as its kind says. */
const rounded = (kind: Kind, oracle: string): string => {
  switch (kind) {
    case "f32":
      return `Math.fround(${oracle})`;
    case "i64":
      return `BigInt.asIntN(64, ${oracle})`;
    case "u64":
      return `BigInt.asUintN(64, ${oracle})`;
    case "weak":
    case "f64":
    case "bool":
      return oracle;
    default:
      return kind satisfies never;
  }
};

const numberText = (value: number): string => (Object.is(value, -0) ? "(-0)" : value < 0 ? `(${String(value)})` : String(value));
const bigText = (value: bigint): string => (value < 0n ? `(${String(value)}n)` : `${String(value)}n`);

/** Sums and products carry what went wrong before them into the result; remainders and quotients often lose it. */
const ARITHMETIC = ["+", "-", "*", "+", "-", "*", "/", "%"] as const;
const ELEMENTARY = Object.keys(FUNCTIONS) as readonly ElementaryName[];
const COMPARISONS = ["<", "<=", ">", ">=", "===", "!==", "==", "!="] as const;
const BITS = ["|", "&", "^", "<<", ">>", ">>>"] as const;
const ROUNDING = ["Math.trunc", "Math.floor", "Math.ceil", "Math.round"] as const;

export interface LambdaOptions {
  /** Names and kinds of the parameters; a name that is used as the index is called `i`. */
  readonly parameters: readonly { readonly name: string; readonly kind: Kind; readonly integral: boolean }[];
  /** Reads out of range, BigInt division by zero and the like may happen. */
  readonly mayFail: boolean;
  /** Names are numbered from here, where two lambdas share their captures. */
  readonly firstName?: number;
}

const CAPTURE_LENGTHS = [8, 4, 16, 1];

export class LambdaGenerator {
  private scope: Variable[];
  private names: number;
  private readonly surroundings: Surroundings = { values: {}, helpers: {}, usesIndex: false, canFail: false };
  private returns: Term[] = [];
  private readonly labels: string[] = [];

  constructor(
    private readonly from: Choices,
    private readonly options: LambdaOptions,
  ) {
    this.names = options.firstName ?? 0;
    // A parameter that is assigned may hold fractions from then on.
    this.scope = options.parameters.map(parameter => (from.chance(10) ? { ...parameter, integral: false, mutable: true } : { ...parameter, mutable: false }));
  }

  // ---- whole lambdas ----

  /** A lambda whose result `make` gives; sometimes with statements before it. */
  lambda(make: () => Term): Lambda {
    const { from } = this;
    const { statements, result } = from.chance(40) ? this.body(make) : { statements: null, result: make() };
    return this.wrapped(statements, result);
  }

  /** The same, but the statements never return: the result is the one at the end. Gives its parts. */
  straight(make: () => Term): { readonly statements: { readonly user: string; readonly oracle: string } | null; readonly result: Term; readonly surroundings: Surroundings } {
    const { from } = this;
    const statements = from.chance(30) ? this.list(2, 1 + from.below(3), null) : null;
    const result = make();
    return { statements, result, surroundings: this.used(`${statements?.user ?? ""} ${result.user}`) };
  }

  private body(make: () => Term): { statements: { user: string; oracle: string }; result: Term } {
    const statements = this.list(2, 1 + this.from.below(4), make);
    return { statements, result: make() };
  }

  private wrapped(statements: { user: string; oracle: string } | null, result: Term): Lambda {
    const surroundings = this.used(`${statements?.user ?? ""} ${result.user}`);
    const names = this.options.parameters.map(({ name }) => name);
    while (names.length > 1 && names.at(-1) === "i" && !surroundings.usesIndex) names.pop();
    const header = `(${names.join(", ")})`;
    this.gives = statements === null ? result.kind : this.returnKind(result);
    if (statements === null) return { ...surroundings, user: `${header} => ${result.user}`, oracle: `${header} => ${result.oracle}` };
    const user = `{ ${statements.user}return ${result.user}; }`;
    const oracle = `{ ${statements.oracle}return $R(${result.oracle}); }`.replaceAll("$R(", this.gives === "f32" ? "Math.fround(" : "(");
    if (this.from.below(4) === 3) return { ...surroundings, user: `function ${header} ${user}`, oracle: `function ${header} ${oracle}` };
    return { ...surroundings, user: `${header} => ${user}`, oracle: `${header} => ${oracle}` };
  }

  /** What of the surroundings the text mentions: parts of it may have been thrown away. */
  private used(text: string): Surroundings {
    const helpers = new Set<string>();
    let all = text;
    // Helpers call helpers.
    for (let before = -1; before !== helpers.size; ) {
      before = helpers.size;
      for (const [name, { user }] of Object.entries(this.surroundings.helpers)) {
        if (helpers.has(name) || !mentions(all, name)) continue;
        helpers.add(name);
        all += ` ${user}`;
      }
    }
    const values = Object.fromEntries(Object.entries(this.surroundings.values).filter(([name]) => mentions(all, name)));
    const kept = Object.fromEntries(Object.entries(this.surroundings.helpers).filter(([name]) => helpers.has(name)));
    return { values, helpers: kept, usesIndex: mentions(text, "i"), canFail: this.surroundings.canFail };
  }

  /** A function gives values of one kind, whichever way it returns. */
  private returnKind(result: Term): Kind {
    const all = [...this.returns, result].map(({ kind }) => kind);
    return result.kind === "weak" || result.kind === "f32" || result.kind === "f64" ? join(...all) : result.kind;
  }

  // ---- statements ----

  private fresh(prefix: string): string {
    return `${prefix}${String(++this.names)}`;
  }

  private list(depth: number, count: number, result: (() => Term) | null): { user: string; oracle: string } {
    let [user, oracle] = ["", ""];
    for (let n = 0; n < count; n++) {
      const made = this.statement(depth, result);
      user += made.user;
      oracle += made.oracle;
    }
    return { user, oracle };
  }

  private nested(depth: number, count: number, result: (() => Term) | null, end = ""): { user: string; oracle: string } {
    const outer = this.scope;
    const { user, oracle } = this.list(depth, count, result);
    this.scope = outer;
    return { user: `{ ${user}${end}} `, oracle: `{ ${oracle}${end}} ` };
  }

  private statement(depth: number, result: (() => Term) | null): { user: string; oracle: string } {
    const { from } = this;
    const changing = this.scope.filter(({ mutable }) => mutable);
    return from.weighted<{ user: string; oracle: string }>(
      [4, () => this.declaration()],
      [changing.length > 0 ? 4 : 0, () => this.assignment(from.pick(changing))],
      [depth > 0 ? 3 : 0, () => this.branch(depth, result)],
      [depth > 0 ? 3 : 0, () => this.loop(depth, result)],
      [depth > 0 ? 2 : 0, () => this.accumulation(depth)],
      [1, () => this.declaredLater()],
      [1, () => this.localFunction()],
      [result === null ? 0 : 1, () => {
        const test = this.condition(1);
        const value = (result as () => Term)();
        this.returns.push(value);
        return { user: `if (${test.user}) return ${value.user}; `, oracle: `if (${test.oracle}) return $R(${value.oracle}); ` };
      }],
    );
  }

  private declaration(): { user: string; oracle: string } {
    const value = this.any(2);
    const name = this.fresh("v");
    const mutable = this.from.chance(60);
    this.scope = [...this.scope, { name, kind: value.kind, integral: value.integral && (!mutable || this.from.chance(50)), mutable, ...(value.loose ? { loose: true } : {}) }];
    const keyword = mutable ? "let" : "const";
    return { user: `${keyword} ${name} = ${value.user}; `, oracle: `${keyword} ${name} = ${value.oracle}; ` };
  }

  /** A value that the variable can take. */
  private valueFor({ kind, integral, loose }: Variable, depth: number): Term {
    if (loose === true) return this.looseBig();
    if (kind === "bool") return this.bool(depth);
    if (kind === "i64" || kind === "u64") return this.big(kind, depth);
    let value = this.number(depth);
    if (kind === "weak" && value.kind !== "weak") value = this.literal();
    if (kind === "f32" && value.kind === "f64") value = { ...value, kind: "f32", user: `Math.fround(${value.user})`, oracle: `Math.fround(${value.oracle})` };
    return integral ? this.whole(value) : value;
  }

  /** What a variable of a kind holds of a value. */
  private stored(kind: Kind, value: Term): string {
    return kind === "f32" && value.kind === "weak" ? `Math.fround(${value.oracle})` : value.oracle;
  }

  private assignment(variable: Variable): { user: string; oracle: string } {
    const { name, kind } = variable;
    const { from } = this;
    const plain = (): { user: string; oracle: string } => {
      const value = this.valueFor(variable, 2);
      return { user: `${name} = ${value.user}; `, oracle: `${name} = ${this.stored(kind, value)}; ` };
    };
    if (kind === "bool" || variable.loose) return plain();
    return from.weighted(
      [3, plain],
      [2, () => {
        const big = kind === "i64" || kind === "u64";
        const operator = from.pick(big ? (["+", "-", "*", "&", "|", "^"] as const) : variable.integral ? (["+", "-", "*"] as const) : ARITHMETIC);
        const value = this.valueFor(variable, 2);
        return { user: `${name} ${operator}= ${value.user}; `, oracle: `${name} = ${rounded(kind, `${name} ${operator} ${value.oracle}`)}; ` };
      }],
      [2, () => {
        const operator = from.pick(["++", "--"] as const);
        const one = kind === "i64" || kind === "u64" ? "1n" : "1";
        const user = from.chance(50) ? `${name}${operator}; ` : `${operator}${name}; `;
        return { user, oracle: `${name} = ${rounded(kind, `${name} ${operator[0] as string} ${one}`)}; ` };
      }],
      [1, () => {
        const value = this.valueFor(variable, 2);
        const operator = from.pick(["&&=", "||="] as const);
        return { user: `${name} ${operator} ${value.user}; `, oracle: `${name} ${operator} ${this.stored(kind, value)}; ` };
      }],
      [kind === "f64" ? 1 : 0, () => {
        const value = this.number(2);
        const operator = from.pick(BITS);
        return { user: `${name} ${operator}= ${value.user}; `, oracle: `${name} ${operator}= ${value.oracle}; ` };
      }],
    );
  }

  /** A variable that gets its value on every path, but not where it is declared. */
  private declaredLater(): { user: string; oracle: string } {
    const name = this.fresh("v");
    const test = this.condition(1);
    const [a, b] = [this.number(2), this.number(2)];
    const kind = join(a.kind, b.kind);
    this.scope = [...this.scope, { name, kind, integral: a.integral && b.integral, mutable: false }];
    const text = (when: string, yes: string, no: string): string => `let ${name}; if (${when}) ${name} = ${yes}; else { ${name} = ${no}; } `;
    return { user: text(test.user, a.user, b.user), oracle: text(test.oracle, this.stored(kind, a), this.stored(kind, b)) };
  }

  /** A function in the lambda that sees the variables around it, and one call. */
  private localFunction(): { user: string; oracle: string } {
    const [f, parameter, name] = [this.fresh("f"), this.fresh("q"), this.fresh("v")];
    const argument = this.moving(1);
    const outer = this.scope;
    this.scope = [...outer, { name: parameter, kind: argument.kind, integral: argument.integral, mutable: false }];
    const body = this.number(2);
    this.scope = [...outer, { name, kind: body.kind, integral: body.integral, mutable: false }];
    const text = (inner: string, given: string): string => `const ${f} = (${parameter}) => ${inner}; const ${name} = ${f}(${given}); `;
    return { user: text(body.user, argument.user), oracle: text(body.oracle, argument.oracle) };
  }

  private branch(depth: number, result: (() => Term) | null): { user: string; oracle: string } {
    const { from } = this;
    const test = this.condition(2);
    const named = this.labels.filter(label => label.startsWith("l")).flatMap(label => [`break ${label}; `, `continue ${label}; `]);
    const jump = this.labels.length > 0 && from.chance(25) ? from.pick(["break; ", "continue; ", ...named]) : "";
    const then = this.nested(depth - 1, jump === "" ? 1 + from.below(2) : from.below(2), result, jump);
    const head = { user: `if (${test.user}) ${then.user}`, oracle: `if (${test.oracle}) ${then.oracle}` };
    if (!from.chance(50)) return head;
    const otherwise = this.nested(depth - 1, 1 + from.below(2), result);
    return { user: `${head.user}else ${otherwise.user}`, oracle: `${head.oracle}else ${otherwise.oracle}` };
  }

  private loop(depth: number, result: (() => Term) | null): { user: string; oracle: string } {
    const { from } = this;
    const counter = this.fresh("n");
    const most = String(1 + from.below(7));
    const outer = this.scope;
    this.scope = [...outer, { name: counter, kind: "weak", integral: true, mutable: false }];
    const form = from.below(4);
    const extra = form === 0 || from.chance(50) ? null : this.condition(1);
    const label = from.chance(25) ? this.fresh("l") : "";
    this.labels.push(label);
    const inner = this.list(depth - 1, 1 + from.below(3), result);
    this.labels.pop();
    this.scope = outer;
    const texts = (body: string, test: string | undefined): string => {
      const also = test === undefined ? "" : ` && ${test}`;
      const at = label === "" ? "" : `${label}: `;
      switch (form) {
        case 0:
          return `${at}for (let ${counter} = 0; ${counter} < ${most}; ${counter}++) { ${body}} `;
        case 1:
          return `${at}for (let ${counter} = ${most}; ${counter} > 0${also}; ${counter} -= 1) { ${body}} `;
        case 2:
          return `let ${counter} = 0; ${at}while (${counter} < ${most}${also}) { ${counter}++; ${body}} `;
        default:
          return `let ${counter} = 0; ${at}do { ${counter}++; ${body}} while (${counter} < ${most}${also}); `;
      }
    };
    return { user: texts(inner.user, extra?.user), oracle: texts(inner.oracle, extra?.oracle) };
  }

  /** A variable that starts with a literal and takes the kind of what a loop gives it. */
  private accumulation(depth: number): { user: string; oracle: string } {
    const { from } = this;
    const [counter, name] = [this.fresh("n"), this.fresh("s")];
    const outer = this.scope;
    this.scope = [...outer, { name: counter, kind: "weak", integral: true, mutable: false }];
    const step = this.number(depth);
    this.scope = outer;
    const start = numberText(from.pick([0, 1, 0.5, -0, 3]));
    const operator = from.pick(["+", "*", "-"] as const);
    const most = String(1 + from.below(6));
    this.scope = [...outer, { name, kind: step.kind, integral: false, mutable: true }];
    const text = (value: string, init: string): string => `let ${name} = ${init}; for (let ${counter} = 0; ${counter} < ${most}; ${counter}++) { ${name} = ${value}; } `;
    return { user: text(`${name} ${operator} ${step.user}`, start), oracle: text(rounded(step.kind, `${name} ${operator} ${step.oracle}`), start) };
  }

  // ---- expressions ----

  /** A value of any kind that is at hand here. */
  any(depth: number): Term {
    const bigs = this.bigKinds();
    return this.from.weighted(
      [bigs.length > 0 ? 2 : 6, () => this.number(depth)],
      [bigs.length > 0 ? 4 : 0, () => this.big(this.from.pick(bigs), depth)],
      [1, () => this.bool(depth)],
    );
  }

  private get isSingle(): boolean {
    return this.scope.some(({ kind }) => kind === "f32");
  }

  private bigKinds(): BigKind[] {
    const found = new Set(this.scope.map(({ kind }) => kind));
    return (["i64", "u64"] as const).filter(kind => found.has(kind));
  }

  /** A value that an array of this type can hold. */
  forElement(element: ElementType, depth: number): Term {
    if (element === "i64" || element === "u64") return this.withLocal(element, this.big(element, depth));
    const value = this.withLocal("number", this.number(depth));
    return ELEMENTS[element].integer && element !== "u8c" ? this.whole(value) : value;
  }

  /** The value and the last local: what statements computed must show in the result. */
  private withLocal(kind: BigKind | "number", value: Term): Term {
    const last = this.scope.slice(this.options.parameters.length).findLast(variable => (kind === "number" ? !(variable.kind === "bool" || variable.kind === "i64" || variable.kind === "u64") : variable.kind === kind && !variable.loose));
    if (last === undefined || !this.from.chance(75)) return value;
    const other = this.variable(last);
    const result = kind === "number" ? join(value.kind, other.kind) : kind;
    const operator = this.from.pick(["+", "-"] as const);
    return { user: `(${value.user} ${operator} ${other.user})`, oracle: rounded(result, `(${value.oracle} ${operator} ${other.oracle})`), kind: result, integral: value.integral && other.integral, fixed: false };
  }

  /** The value without a fraction. */
  private whole(value: Term): Term {
    if (value.integral) return value;
    const f = this.from.pick([...ROUNDING, "|0"]);
    if (f === "|0") return { ...value, kind: "f64", user: `(${value.user} | 0)`, oracle: `(${value.oracle} | 0)`, integral: true };
    return { ...value, user: `${f}(${value.user})`, oracle: `${f}(${value.oracle})`, integral: true };
  }

  /** What an `if` asks: a boolean, or a value of which JavaScript takes the truth. Never of literals alone. */
  condition(depth: number): Term {
    const term = this.from.weighted(
      [6, () => this.bool(depth)],
      [1, () => this.number(depth)],
      [this.bigKinds().length > 0 ? 1 : 0, () => this.big(this.from.pick(this.bigKinds()), depth)],
    );
    return term.fixed ? this.comparison(1) : term;
  }

  bool(depth: number): Term {
    const { from } = this;
    if (depth <= 0) return this.comparison(0);
    return from.weighted<Term>(
      [5, () => this.comparison(depth)],
      [2, () => {
        const [a, b] = [this.condition(depth - 1), this.condition(depth - 1)];
        const operator = from.pick(["&&", "||"] as const);
        return this.boolOf(`(!!${a.user} ${operator} !!${b.user})`, `(!!${a.oracle} ${operator} !!${b.oracle})`);
      }],
      [1, () => {
        const [a, b] = [this.comparison(depth - 1), this.bool(depth - 1)];
        const operator = from.pick(["&&", "||", "===", "!=="] as const);
        return this.boolOf(`(${a.user} ${operator} ${b.user})`, `(${a.oracle} ${operator} ${b.oracle})`);
      }],
      [1, () => {
        const a = this.condition(depth - 1);
        return this.boolOf(`!${a.user}`, `!${a.oracle}`);
      }],
      [2, () => {
        const f = from.pick(["Number.isNaN", "Number.isFinite", "Number.isInteger", "Number.isSafeInteger", "isNaN", "isFinite", "Boolean"]);
        const a = this.moving(depth - 1);
        return this.boolOf(`${f}(${a.user})`, `${f}(${a.oracle})`);
      }],
      [1, () => {
        const [test, a, b] = [this.condition(depth - 1), this.bool(depth - 1), this.bool(depth - 1)];
        return this.boolOf(`(${test.user} ? ${a.user} : ${b.user})`, `(${test.oracle} ? ${a.oracle} : ${b.oracle})`);
      }],
      [1, () => {
        const known = this.scope.filter(({ kind }) => kind === "bool");
        const name = known.length > 0 && from.chance(70) ? from.pick(known).name : this.capture(from.chance(50));
        return this.boolOf(name, name);
      }],
    );
  }

  private boolOf(user: string, oracle: string): Term {
    return { user, oracle, kind: "bool", integral: true, fixed: false };
  }

  /** An elementary function: the library's own, so the oracle asks for it by name. */
  private elementary(depth: number): Term {
    const { from } = this;
    const name = from.pick(ELEMENTARY);
    const args = [this.number(depth - 1)];
    if (usualArity(name) === 2) {
      const other = this.number(depth - 1);
      // Beside an f32, whether the f32 function is meant depends on the value of a literal or a capture.
      args.push(other.kind === args[0]?.kind ? other : { ...(args[0] as Term), user: `(-${args[0]?.user ?? ""})`, oracle: `(-${args[0]?.oracle ?? ""})` });
    }
    const kind = join(...args.map(arg => arg.kind));
    const user = args.map(arg => arg.user).join(", ");
    return {
      user: name === "exp2" ? `(2 ** ${user})` : `Math.${name}(${user})`,
      oracle: `$math("${name}", ${String(kind === "f32")}, ${args.map(arg => arg.oracle).join(", ")})`,
      kind,
      integral: false,
      fixed: args.every(({ fixed }) => fixed),
    };
  }

  /** A number that is not made of literals alone. */
  private moving(depth: number): Term {
    const term = this.number(depth);
    return term.fixed ? this.leaf(true) : term;
  }

  private comparison(depth: number): Term {
    const { from } = this;
    const bigs = this.bigKinds();
    const operator = from.pick(COMPARISONS);
    if (bigs.length > 0 && from.chance(60)) {
      const kind = from.pick(bigs);
      const a = this.typedBig(kind, depth - 1);
      if (operator.length < 3 && from.chance(20)) {
        const literal = String(from.below(100));
        return this.boolOf(`(${a.user} ${operator} ${literal})`, `(${a.oracle} ${operator} ${literal})`);
      }
      const b = this.big(kind, depth - 1);
      return this.boolOf(`(${a.user} ${operator} ${b.user})`, `(${a.oracle} ${operator} ${b.oracle})`);
    }
    const [a, b] = [this.moving(depth - 1), this.number(depth - 1)];
    return this.boolOf(`(${a.user} ${operator} ${b.user})`, `(${a.oracle} ${operator} ${b.oracle})`);
  }

  number(depth: number): Term {
    const { from } = this;
    if (depth <= 0) return this.leaf(false);
    return from.weighted<Term>(
      [4, () => this.leaf(false)],
      [22, () => this.arithmetic(depth)],
      [5, () => {
        const f = from.pick(["Math.abs", "-", "Math.floor", "Math.ceil", "Math.trunc", "Math.round", "Math.sign", "Math.sqrt", "+", "Number"] as const);
        const a = this.number(depth - 1);
        const text = (inner: string): string => (f === "-" ? `(-${inner})` : f === "+" ? `(+${inner})` : `${f}(${inner})`);
        const keeps = f === "-" || f === "+" || f === "Math.abs" || f === "Number";
        return { user: text(a.user), oracle: rounded(a.kind, text(a.oracle)), kind: a.kind, integral: keeps ? a.integral : f !== "Math.sqrt", fixed: a.fixed };
      }],
      [4, () => {
        const args = Array.from({ length: 1 + from.below(3) }, () => this.number(depth - 1));
        const f = from.pick(["Math.min", "Math.max"] as const);
        const kind = join(...args.map(arg => arg.kind));
        return {
          user: `${f}(${args.map(({ user }) => user).join(", ")})`,
          oracle: rounded(kind, `${f}(${args.map(({ oracle }) => oracle).join(", ")})`),
          kind,
          integral: args.every(({ integral }) => integral),
          fixed: args.every(({ fixed }) => fixed),
        };
      }],
      [this.isSingle ? 2 : 6, () => this.bits(depth)],
      [4, () => {
        const test = this.condition(depth - 1);
        const [a, b] = [this.number(depth - 1), this.number(depth - 1)];
        return this.choice(`${test.user} ? ${a.user} : ${b.user}`, `${test.oracle} ? ${a.oracle} : ${b.oracle}`, a, b);
      }],
      [1, () => {
        const [a, b] = [this.moving(depth - 1), this.number(depth - 1)];
        const operator = from.pick(["&&", "||"] as const);
        return this.choice(`${a.user} ${operator} ${b.user}`, `${a.oracle} ${operator} ${b.oracle}`, a, b);
      }],
      [2, () => {
        const a = this.number(depth - 1);
        return { ...a, kind: "f32", user: `Math.fround(${a.user})`, oracle: `Math.fround(${a.oracle})` };
      }],
      [1, () => {
        const a = this.number(depth - 1);
        return { user: `(${a.user} ** 2)`, oracle: `$square(${a.oracle}, ${String(a.kind === "f32")})`, kind: a.kind, integral: a.integral, fixed: a.fixed };
      }],
      [1, () => this.elementary(depth)],
      [3, () => this.read(depth, ["f64", "f32", "i32", "u8", "i16", "u32", "i8", "u16", "u8c"])],
      [1, () => {
        const a = this.bool(depth - 1);
        const f = from.pick(["+", "Number"] as const);
        return { user: f === "+" ? `(+${a.user})` : `Number(${a.user})`, oracle: f === "+" ? `(+${a.oracle})` : `Number(${a.oracle})`, kind: "weak", integral: true, fixed: false };
      }],
      [this.bigKinds().length > 0 ? 6 : 0, () => {
        const a = this.big(from.pick(this.bigKinds()), depth - 1);
        return { user: `Number(${a.user})`, oracle: `Number(${a.oracle})`, kind: "f64", integral: true, fixed: a.fixed };
      }],
      [2, () => this.helper(depth)],
      [this.isSingle ? 1 : 3, () => this.integers(from.pick([1, 2]))],
      [this.isSingle ? 3 : 0, () => {
        // Integers that are exact in single precision, or just not.
        const a = this.integers(1);
        return { ...a, kind: "f32", user: `Math.fround(${a.user})`, oracle: `Math.fround(${a.oracle})` };
      }],
      [1, () => {
        // A boolean beside a number, where only its value as a number counts.
        const [test, a, b] = [this.bool(depth - 1), this.number(depth - 1), this.number(depth - 1)];
        const mixed = this.choice(`${test.user} && ${a.user}`, `${test.oracle} && ${a.oracle}`, test, a);
        const kind = join(mixed.kind, b.kind);
        const operator = from.pick(["+", "*", "-"] as const);
        return { user: `(${mixed.user} ${operator} ${b.user})`, oracle: rounded(kind, `(${mixed.oracle} ${operator} ${b.oracle})`), kind, integral: a.integral && b.integral, fixed: false };
      }],
      [2, () => this.changed(depth)],
    );
  }

  private arithmetic(depth: number): Term {
    const { from } = this;
    const [a, b] = [this.number(depth - 1), this.number(depth - 1)];
    const operator = from.pick(ARITHMETIC);
    const kind = join(a.kind, b.kind);
    return {
      user: `(${a.user} ${operator} ${b.user})`,
      oracle: rounded(kind, `(${a.oracle} ${operator} ${b.oracle})`),
      kind,
      integral: operator !== "/" && a.integral && b.integral,
      fixed: a.fixed && b.fixed,
    };
  }

  private choice(user: string, oracle: string, a: Term, b: Term): Term {
    const kind = a.kind === "bool" ? b.kind : join(a.kind, b.kind);
    return { user: `(${user})`, oracle: rounded(kind, `(${oracle})`), kind, integral: a.integral && b.integral, fixed: false };
  }

  /** Arithmetic on integers alone, large ones too: what may or may not be computed in 32 bits. */
  private integers(depth: number): Term {
    const { from } = this;
    if (depth <= 0) {
      const known = this.scope.filter(({ kind, integral }) => integral && (kind === "f64" || kind === "weak"));
      if (known.length > 0 && from.chance(60)) return this.variable(from.pick(known));
      const a = this.leaf(true);
      const text = from.pick([(x: string) => `(${x} | 0)`, (x: string) => `(${x} & 65535)`, (x: string) => `(${x} & 67108863)`, (x: string) => `(${x} >>> 0)`, (x: string) => `(${x} >> 3)`]);
      return { user: text(a.user), oracle: text(a.oracle), kind: "f64", integral: true, fixed: false };
    }
    const [a, b] = [this.integers(depth - 1), from.chance(70) ? this.integers(depth - 1) : this.literal()];
    const operator = from.pick(["*", "+", "-", "*"] as const);
    return { user: `(${a.user} ${operator} ${b.user})`, oracle: `(${a.oracle} ${operator} ${b.oracle})`, kind: join(a.kind, b.kind), integral: a.integral && b.integral, fixed: false };
  }

  private bits(depth: number): Term {
    const { from } = this;
    const a = from.chance(30) ? this.integers(from.pick([1, 2])) : this.number(depth - 1);
    const f = from.pick([...BITS, "~", "Math.imul", "Math.clz32"] as const);
    const whole = { kind: "f64", integral: true } as const;
    if (f === "~" || f === "Math.clz32") return { user: `(${f}(${a.user}))`, oracle: `(${f}(${a.oracle}))`, fixed: a.fixed, ...whole };
    const b = this.number(depth - 1);
    const text = (x: string, y: string): string => (f === "Math.imul" ? `Math.imul(${x}, ${y})` : `(${x} ${f} ${y})`);
    return { user: text(a.user, b.user), oracle: text(a.oracle, b.oracle), fixed: a.fixed && b.fixed, ...whole };
  }

  private literal(): Term {
    const value = this.from.weighted<number>(
      [8, () => this.from.below(10)],
      [10, () => this.from.pick([0.5, 0.1, -1, 1.5, 0.3, 2, -0.25, 100, 1e-3, 255, 65536, 1 / 3, 16777217, 1e7])],
      [2, () => this.from.pick((SPECIAL.f64 as readonly number[]).filter(value => Number.isFinite(value)))],
      [1, () => this.from.pick([NaN, Infinity, -Infinity])],
    );
    const text = numberText(value);
    return { user: text, oracle: text, kind: "weak", integral: !Number.isFinite(value) || Number.isInteger(value), fixed: true };
  }

  private leaf(moving: boolean): Term {
    const { from } = this;
    const known = this.scope.filter(({ kind }) => kind === "weak" || kind === "f32" || kind === "f64");
    // One double makes everything double, so in single precision they are kept few.
    const singles = known.some(({ kind }) => kind === "f32") ? known.filter(({ kind }) => kind !== "f64") : [];
    return from.weighted<Term>(
      [known.length > 0 ? 9 : 0, () => {
        const candidates = singles.length > 0 && from.chance(80) ? singles : known;
        return this.variable(from.chance(40) ? (candidates[0] as Variable) : from.pick(candidates));
      }],
      [moving ? 0 : 3, () => this.literal()],
      [Object.values(this.surroundings.values).some(value => typeof value === "object") ? 1 : 0, () => {
        const name = from.pick(Object.entries(this.surroundings.values).filter(([, value]) => typeof value === "object"))[0];
        return { user: `${name}.length`, oracle: `${name}.length`, kind: "f64", integral: true, fixed: false };
      }],
      [2, () => {
        const known = Object.entries(this.surroundings.values).filter(([, value]) => typeof value === "number");
        const name = known.length > 0 && from.chance(40) ? (from.pick(known)[0]) : this.capture(from.pick([0.5, 2, 0.1, -3, 1e-3, 7, 0.7, 1.5, 16777217, 1e300, -0, 2 ** 31, 0, NaN]));
        return { user: name, oracle: name, kind: "weak", integral: Number.isInteger(this.surroundings.values[name]), fixed: false };
      }],
    );
  }

  private variable({ name, kind, integral, loose }: Variable): Term {
    return { user: name, oracle: name, kind, integral, fixed: false, ...(loose ? { loose: true } : {}) };
  }

  private capture(value: CaptureValue): string {
    const name = this.fresh("k");
    this.surroundings.values[name] = value;
    return name;
  }

  /** An element of a captured array, mostly one that is there. */
  private read(depth: number, elements: readonly ElementType[]): Term {
    const { from } = this;
    const known = Object.entries(this.surroundings.values).filter((entry): entry is [string, AnyTypedArray] => typeof entry[1] === "object" && elements.includes(elementOf(entry[1])));
    let name = known.length > 0 && from.chance(60) ? (from.pick(known)[0]) : null;
    if (name === null) name = this.capture(inputArray(elements.includes("f32") && this.isSingle && from.chance(70) ? "f32" : from.pick(elements), from.pick(CAPTURE_LENGTHS), from.below(1000)));
    const array = this.surroundings.values[name] as AnyTypedArray;
    const element = elementOf(array);
    const index = this.place(name, array.length, depth - 1);
    // Reading an array is an effect even where the place is certain.
    this.surroundings.canFail = true;
    const { integer } = ELEMENTS[element];
    const kind: Kind = element === "f32" || element === "i64" || element === "u64" ? element : "f64";
    return { user: `${name}[${index.user}]`, oracle: `$at(${name}, "${name}", ${index.oracle})`, kind, integral: integer, fixed: false };
  }

  private place(name: string, length: number, depth: number): { user: string; oracle: string } {
    const { from } = this;
    const at = this.number(depth);
    const wrap = (text: (inner: string) => string): { user: string; oracle: string } => ({ user: text(at.user), oracle: text(at.oracle) });
    return from.weighted(
      [4, () => wrap(inner => `${inner} & ${String(length - 1)}`)],
      [2, () => wrap(inner => `Math.abs(${inner} | 0) % ${name}.length`)],
      [2, () => wrap(inner => `Math.min(Math.max(${inner} | 0, 0), ${name}.length - 1)`)],
      [1, () => wrap(inner => `(${inner} >>> 0) % ${String(length)}`)],
      [this.options.mayFail ? 1 : 0, () => wrap(inner => `${inner} & ${String(2 * length - 1)}`)],
      [this.options.mayFail ? 1 : 0, () => wrap(inner => `${inner}`)],
    );
  }

  /** A call of a helper function that is handed over by name. */
  private helper(depth: number): Term {
    const { from } = this;
    if (Object.keys(this.surroundings.helpers).length > 2) return this.leaf(false);
    const args = Array.from({ length: 1 + from.below(2) }, () => this.moving(depth - 1));
    const parameters = args.map(({ kind, integral }, at) => ({ name: `p${String(at)}`, kind, integral }));
    const inner = new LambdaGenerator(from, { parameters, mayFail: false, firstName: this.names + 100 });
    const made = inner.lambda(() => inner.number(2));
    this.names = inner.names;
    Object.assign(this.surroundings.values, made.values);
    Object.assign(this.surroundings.helpers, made.helpers);
    this.surroundings.canFail ||= made.canFail;
    const name = this.fresh("h");
    this.surroundings.helpers[name] = { user: made.user, oracle: made.oracle };
    const kind = inner.lastKind as Kind;
    return {
      user: `${name}(${args.map(({ user }) => user).join(", ")})`,
      oracle: `${name}(${args.map(({ oracle }) => oracle).join(", ")})`,
      kind,
      integral: false,
      fixed: false,
    };
  }

  /** The kind of what a lambda of numbers gives, for who calls it. */
  get lastKind(): Kind | null {
    return this.gives;
  }
  private gives: Kind | null = null;

  /** An assignment as a value. */
  private changed(depth: number): Term {
    const variables = this.scope.filter(({ mutable, kind }) => mutable && (kind === "weak" || kind === "f32" || kind === "f64"));
    if (variables.length === 0) return this.arithmetic(depth);
    const variable = this.from.pick(variables);
    const { name, kind, integral } = variable;
    if (kind !== "f32" && this.from.chance(30)) {
      const text = this.from.pick([`${name}++`, `++${name}`, `${name}--`]);
      return { user: `(${text})`, oracle: `(${text})`, kind, integral, fixed: false };
    }
    const value = this.valueFor(variable, depth - 1);
    if (this.from.chance(20)) {
      const then = this.number(depth - 1);
      return { ...then, fixed: false, user: `(${name} = ${value.user}, ${then.user})`, oracle: `(${name} = ${this.stored(kind, value)}, ${then.oracle})` };
    }
    return { user: `(${name} = ${value.user})`, oracle: `(${name} = ${this.stored(kind, value)})`, kind, integral, fixed: false };
  }

  // ---- BigInts ----

  /** A BigInt that may be a literal or a capture, which suit both kinds of array. */
  big(kind: BigKind, depth: number): Term {
    if (this.from.chance(25)) return this.looseBig();
    return this.typedBig(kind, depth);
  }

  private looseBig(): Term {
    const { from } = this;
    if (!from.chance(30)) return this.looseLeaf();
    // Among themselves they are what the sequence's elements are: unsigned where those are.
    const kind: BigKind = this.options.parameters.some(parameter => parameter.kind === "u64") ? "u64" : "i64";
    const name = this.capture(from.pick(SPECIAL.i64.filter(big => (big as bigint) >= 0n)) as bigint);
    const other = from.chance(30) ? this.looseBig() : this.looseLeaf();
    const operator = from.pick(["+", "-", "*", "&", "|", "^", "-", ">>"] as const);
    const text = operator === ">>" ? `$shr(${name}, ${other.oracle})` : `(${name} ${operator} ${other.oracle})`;
    return { user: `(${name} ${operator} ${other.user})`, oracle: rounded(kind, text), kind: "i64", integral: true, fixed: false, loose: true };
  }

  private looseLeaf(): Term {
    const { from } = this;
    const known = this.scope.filter(({ loose }) => loose === true);
    if (known.length > 0 && from.chance(40)) return this.variable(from.pick(known));
    const value = from.weighted<bigint>(
      [3, () => BigInt(from.below(20))],
      [1, () => from.pick((SPECIAL.i64 as readonly bigint[]).filter(big => big >= 0n))],
    );
    const user = from.chance(60) ? bigText(value) : this.capture(value);
    return { user, oracle: user, kind: "i64", integral: true, fixed: user.endsWith("n"), loose: true };
  }

  /** A BigInt of exactly this kind. */
  typedBig(kind: BigKind, depth: number): Term {
    const { from } = this;
    const term = (user: string, oracle: string): Term => ({ user, oracle, kind, integral: true, fixed: false });
    const known = this.scope.filter(variable => variable.kind === kind && !variable.loose);
    const cast = kind === "i64" ? "BigInt.asIntN" : "BigInt.asUintN";
    const leaf = (): Term => {
      if (known.length > 0) return this.variable(from.pick(known));
      const name = this.capture(from.pick(SPECIAL.i64.filter(big => (big as bigint) >= 0n)) as bigint);
      return term(`${cast}(64, ${name})`, `${cast}(64, ${name})`);
    };
    if (depth <= 0) return leaf();
    return from.weighted<Term>(
      [3, leaf],
      [5, () => {
        const operator = from.pick(["+", "-", "*", "&", "|", "^"] as const);
        const [a, b] = this.bigPair(kind, depth);
        return term(`(${a.user} ${operator} ${b.user})`, rounded(kind, `(${a.oracle} ${operator} ${b.oracle})`));
      }],
      [2, () => {
        const operator = from.pick(["/", "%"] as const);
        const a = this.typedBig(kind, depth - 1);
        const b = this.big(kind, depth - 1);
        this.surroundings.canFail = true;
        const safe = !this.options.mayFail || from.chance(85);
        const divisor = safe ? { user: `(${b.user} | 1n)`, oracle: `(${b.oracle} | 1n)` } : b;
        return term(`(${a.user} ${operator} ${divisor.user})`, rounded(kind, `(${a.oracle} ${operator} ${divisor.oracle})`));
      }],
      [2, () => {
        const operator = from.pick(["<<", ">>"] as const);
        const [a, b] = [this.typedBig(kind, depth - 1), this.big(kind, depth - 1)];
        return term(`(${a.user} ${operator} ${b.user})`, rounded(kind, `${operator === "<<" ? "$shl" : "$shr"}(${a.oracle}, ${b.oracle})`));
      }],
      [1, () => {
        const a = this.typedBig(kind, depth - 1);
        const operator = from.pick(["-", "~"] as const);
        return term(`(${operator}${a.user})`, rounded(kind, `(${operator}${a.oracle})`));
      }],
      [1, () => {
        const [test, a, b] = [this.condition(depth - 1), this.typedBig(kind, depth - 1), this.big(kind, depth - 1)];
        return term(`(${test.user} ? ${a.user} : ${b.user})`, `(${test.oracle} ? ${a.oracle} : ${b.oracle})`);
      }],
      [1, () => {
        const other = from.pick(["i64", "u64"] as const);
        const a = this.typedBig(other, depth - 1);
        const bits = from.pick([64, 32, 8, 1, 63]);
        return term(`${cast}(${String(bits)}, ${a.user})`, `${cast}(${String(bits)}, ${a.oracle})`);
      }],
      [1, () => {
        const a = this.number(depth - 1);
        return term(`${cast}(64, BigInt(${a.user} | 0))`, `${cast}(64, BigInt(${a.oracle} | 0))`);
      }],
      [1, () => {
        const a = this.number(depth - 1);
        this.surroundings.canFail = true;
        const f = from.pick(ROUNDING);
        if (this.options.mayFail) return term(`${cast}(64, BigInt(${f}(${a.user})))`, `${cast}(64, BigInt(${f}(${a.oracle})))`);
        const safe = (inner: string): string => `${cast}(64, BigInt(${f}(Math.min(Math.max(${inner} || 0, -1099511627776), 1099511627776))))`;
        return term(safe(a.fixed ? "0.5" : a.user), safe(a.fixed ? "0.5" : a.oracle));
      }],
      [1, () => this.read(depth, [kind])],
    );
  }

  private bigPair(kind: BigKind, depth: number): [Term, Term] {
    const [a, b] = [this.typedBig(kind, depth - 1), this.big(kind, depth - 1)];
    return this.from.chance(30) ? [b, a] : [a, b];
  }
}

const mentions = (text: string, name: string): boolean => new RegExp(`\\b${name}\\b`).test(text);

const BY_TAG = new Map<string, ElementType>(Object.entries(ELEMENTS).map(([element, { array }]) => [array, element as ElementType]));
export const elementOf = (array: AnyTypedArray): ElementType => BY_TAG.get(array[Symbol.toStringTag]) as ElementType;
