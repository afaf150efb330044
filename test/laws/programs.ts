/** Generated programs: a source, a chain of stages and a terminal, each lambda in both texts. */
import { ELEMENT_TYPES, ELEMENTS, type ElementType } from "../../fusion/types.js";
import { Choices, choices } from "./choices.js";
import { LambdaGenerator, type Kind, type Lambda, type Surroundings, type Term } from "./lambdas.js";
import { specialElements } from "./special.js";

export type Stage =
  | { readonly kind: "map"; readonly to: ElementType; readonly named: boolean; readonly lambda: Lambda }
  | { readonly kind: "filter"; readonly lambda: Lambda }
  | { readonly kind: "as"; readonly to: ElementType };

export const OPERATORS = ["+", "*", "Math.min", "Math.max", "&", "|", "^", "&&", "||"] as const;
export type ReduceOperator = (typeof OPERATORS)[number];

export type Seed = number | bigint | boolean | undefined;

export type Terminal =
  | { readonly kind: "toArray" | "sum" | "count" | "average" | "min" | "max" | "first" | "last" }
  | { readonly kind: "some" | "every" | "find" | "findIndex"; readonly lambda: Lambda }
  | { readonly kind: "indexOf" | "includes"; readonly value: number | bigint }
  /** `acc ⊕ f(x)`: the oracle has the operator and the text of f alone. `parallel`: in the canonical order. */
  | { readonly kind: "reduce"; readonly lambda: Lambda; readonly operator: ReduceOperator; readonly term: string; readonly seed: Seed; readonly sequential: boolean }
  /** Any other reducer: a left fold, or with `combine` lane by lane. */
  | { readonly kind: "fold"; readonly lambda: Lambda; readonly seed: Seed; readonly combine: Lambda | null; readonly sequential: boolean };

export interface Program {
  readonly source: ElementType | "range";
  readonly stages: readonly Stage[];
  readonly terminal: Terminal;
  /** Element type of the sequence that the terminal sees. */
  readonly element: ElementType;
  readonly canFail: boolean;
}

const kindOfElement = (element: ElementType): Kind => (element === "i64" || element === "u64" || element === "f32" ? element : "f64");
const isBig = (element: ElementType): boolean => element === "i64" || element === "u64";

class ProgramGenerator {
  private element: ElementType;
  private range: boolean;

  constructor(
    private readonly from: Choices,
    private readonly source: ElementType | "range",
    private readonly mayFail: boolean,
  ) {
    this.range = source === "range";
    this.element = source === "range" ? "f64" : source;
  }

  program(): Program {
    const { from } = this;
    const stages = Array.from({ length: from.pick([0, 1, 1, 2, 2, 3, 4]) }, () => this.stage());
    const terminal = this.terminal();
    const lambdas = [...stages, terminal].flatMap(part => ("lambda" in part ? [part.lambda] : []));
    return { source: this.source, stages, terminal, element: this.element, canFail: lambdas.some(({ canFail }) => canFail) };
  }

  private parameters(): { name: string; kind: Kind; integral: boolean }[] {
    const integral = this.range || ELEMENTS[this.element].integer;
    return [
      { name: "x", kind: kindOfElement(this.element), integral },
      { name: "i", kind: "f64", integral: true },
    ];
  }

  private generator(...before: { name: string; kind: Kind; integral: boolean }[]): LambdaGenerator {
    return new LambdaGenerator(this.from, { parameters: [...before, ...this.parameters()], mayFail: this.mayFail });
  }

  private stage(): Stage {
    const { from } = this;
    return from.weighted<Stage>(
      [6, () => this.map()],
      [3, () => {
        const lambda = this.predicate();
        // What is left of a range may be stored, and then its numbers are doubles like any other.
        this.range = false;
        return { kind: "filter", lambda };
      }],
      [1, () => {
        const float = !ELEMENTS[this.element].integer && !this.range;
        // Of a range too: its numbers are doubles like any other's.
        const to = from.pick(ELEMENT_TYPES.filter(type => !(isBig(type) && (float || this.range || this.element === "f64"))));
        this.element = to;
        this.range = false;
        return { kind: "as", to };
      }],
    );
  }

  private map(): Stage {
    const { from } = this;
    const to = from.chance(30) ? from.pick([...ELEMENT_TYPES].reverse()) : this.element;
    const named = to !== this.element || from.chance(10);
    const generator = this.generator();
    const asBool = from.chance(5);
    const depth = from.pick([1, 2, 2, 3]);
    const lambda = generator.lambda(() => (asBool ? generator.bool(2) : generator.forElement(to, depth)));
    this.element = to;
    this.range = false;
    return { kind: "map", to, named, lambda };
  }

  private predicate(): Lambda {
    const generator = this.generator();
    const asNumber = this.from.chance(10);
    return generator.lambda(() => (asNumber && !isBig(this.element) ? generator.number(2) : generator.bool(2)));
  }

  private terminal(): Terminal {
    const { from } = this;
    const big = isBig(this.element);
    return from.weighted<Terminal>(
      [14, () => ({ kind: "toArray" })],
      [3, () => ({ kind: "sum" })],
      [1, () => ({ kind: "count" })],
      [big ? 0 : 1, () => ({ kind: "average" })],
      [2, () => ({ kind: from.pick(["min", "max"] as const) })],
      [2, () => ({ kind: from.pick(["first", "last"] as const) })],
      [4, () => ({ kind: from.pick(["some", "every", "find", "findIndex"] as const), lambda: this.predicate() })],
      [2, () => {
        const far: readonly (number | bigint)[] = big ? [2n ** 70n, -(2n ** 64n)] : [0.1, NaN, -0, 2 ** 40];
        const value = from.chance(80) ? from.pick(specialElements(this.element)) : from.pick(far);
        return { kind: from.pick(["indexOf", "includes"] as const), value };
      }],
      [5, () => this.reduce()],
      [3, () => this.fold()],
    );
  }

  private seed(kind: "number" | "bigint" | "boolean"): Seed {
    const { from } = this;
    switch (kind) {
      case "number":
        return from.pick([0, 1, -0, 0.1, -3, 2.5, NaN, Infinity, 1e300]);
      case "bigint":
        return from.pick([0n, 1n, 5n, 2n ** 62n + 1n]);
      case "boolean":
        return from.chance(50);
      default:
        return kind satisfies never;
    }
  }

  private reduce(): Terminal {
    const { from } = this;
    const { element } = this;
    const big = isBig(element);
    const operator = from.pick(big ? (["+", "*", "&", "|", "^"] as const) : OPERATORS);
    const logical = operator === "&&" || operator === "||";
    const plain = !logical && from.chance(30);
    const generator = this.generator();
    const make = (): Term => {
      if (plain) return { user: "x", oracle: "x", kind: kindOfElement(element), integral: false, fixed: false };
      if (logical) return generator.bool(2);
      return big ? generator.typedBig(element as "i64" | "u64", 2) : generator.forElement("f64", from.pick([1, 2, 3]));
    };
    const { statements, result, surroundings } = plain ? { statements: null, result: make(), surroundings: NONE } : generator.straight(make);
    const header = surroundings.usesIndex ? "(a, x, i)" : "(a, x)";
    const both = (a: string, b: string): string => (operator.startsWith("Math") ? `${operator}(${a}, ${b})` : `${a} ${operator} ${b}`);
    // `false && f(x)` does not ask f: only with the accumulator on the left is JavaScript's answer the same at no cost.
    const whole = from.chance(70) || logical ? both("a", result.user) : both(result.user, "a");
    const user = statements === null ? `${header} => ${whole}` : `${header} => { ${statements.user}return ${whole}; }`;
    const term = statements === null ? `(x, i) => ${result.oracle}` : `(x, i) => { ${statements.oracle}return ${result.oracle}; }`;
    const seed = plain && from.chance(50) ? undefined : this.seed(logical ? "boolean" : big ? "bigint" : "number");
    return { kind: "reduce", lambda: { ...surroundings, user, oracle: user }, operator, term, seed, sequential: from.chance(20) };
  }

  private fold(): Terminal {
    const { from } = this;
    const { element } = this;
    const type = from.weighted<"number" | "bigint" | "boolean">(
      [6, () => (isBig(element) ? "bigint" : "number")],
      [1, () => "number"],
      [1, () => "boolean"],
    );
    const kind: Kind = type === "number" ? "f64" : type === "boolean" ? "bool" : (element as Kind);
    const seed = type !== "boolean" && (type === "bigint") === isBig(element) && from.chance(30) ? undefined : this.seed(type);
    const reducer = this.accumulating(kind, { name: "a", kind, integral: false }, null);
    const combine = from.chance(35) ? this.accumulating(kind, { name: "p", kind, integral: false }, { name: "q", kind, integral: false }) : null;
    return { kind: "fold", lambda: reducer, seed, combine, sequential: combine === null && from.chance(30) };
  }

  /** A function of an accumulator whose form is none that may run in parallel. */
  private accumulating(kind: Kind, first: { name: string; kind: Kind; integral: boolean }, second: { name: string; kind: Kind; integral: boolean } | null): Lambda {
    const { from } = this;
    const parameters = second === null ? [first, ...this.parameters()] : [first, second];
    const generator = new LambdaGenerator(from, { parameters, mayFail: this.mayFail && second === null, firstName: second === null ? 0 : 2000 });
    const { name } = first;
    const other = second?.name;
    return generator.lambda(() => {
      if (kind === "bool") {
        const b = generator.bool(2);
        return { user: `(!${name} !== ${b.user})`, oracle: `(!${name} !== ${b.oracle})`, kind, integral: true, fixed: false };
      }
      if (kind === "i64" || kind === "u64") {
        const b = generator.typedBig(kind, 2);
        const wrap = kind === "i64" ? "BigInt.asIntN" : "BigInt.asUintN";
        const tail = other === undefined ? "" : ` ^ ${other}`;
        return { user: `(${name} * 3n - ${b.user}${tail})`, oracle: `(${wrap}(64, ${wrap}(64, ${name} * 3n) - ${b.oracle})${tail})`, kind, integral: true, fixed: false };
      }
      const b = generator.number(2);
      const tail = other === undefined ? "" : ` + ${other}`;
      return { user: `(${name} * 0.75 - ${b.user}${tail})`, oracle: `(${name} * 0.75 - ${b.oracle}${tail})`, kind, integral: false, fixed: false };
    });
  }
}

const NONE: Surroundings = { values: {}, helpers: {}, usesIndex: false, canFail: false };

/** The program that a list of choices makes. */
export function makeProgram(list: readonly number[]): Program {
  const from = new Choices(list);
  const mayFail = from.chance(15);
  const source = from.weighted<ElementType | "range">([2, () => "f64"], [3, () => "f32"], [9, () => from.pick(ELEMENT_TYPES)], [1, () => "range"]);
  return new ProgramGenerator(from, source, mayFail).program();
}

export const programChoices = choices(30, 260);

/** What a program captures, helpers as their texts. */
export function showProgram({ source, stages, terminal }: Program): string {
  const show = (lambda: Lambda): string => {
    const captures = [
      ...Object.entries(lambda.values).map(([name, value]) => `${name}: ${showValue(value)}`),
      ...Object.entries(lambda.helpers).map(([name, { user, oracle }]) => `${name}: ${user}${oracle === user ? "" : ` /* oracle: ${oracle} */`}`),
    ];
    return `${lambda.user}${captures.length > 0 ? `, { ${captures.join(", ")} }` : ""}${lambda.oracle === lambda.user ? "" : `  /* oracle: ${lambda.oracle} */`}`;
  };
  const lines = stages.map(stage => {
    switch (stage.kind) {
      case "map":
        return `  .map${stage.named ? ` to ${stage.to}` : ""}(${show(stage.lambda)})`;
      case "filter":
        return `  .filter(${show(stage.lambda)})`;
      case "as":
        return `  .as(${stage.to})`;
      default:
        return stage satisfies never;
    }
  });
  return [`compute(${source})`, ...lines, `  .${showTerminal(terminal, show)}`].join("\n");
}

function showTerminal(terminal: Terminal, show: (lambda: Lambda) => string): string {
  switch (terminal.kind) {
    case "some":
    case "every":
    case "find":
    case "findIndex":
      return `${terminal.kind}(${show(terminal.lambda)})`;
    case "indexOf":
    case "includes":
      return `${terminal.kind}(${showValue(terminal.value)})`;
    case "reduce":
      return `reduce(${show(terminal.lambda)}, seed ${showValue(terminal.seed)}, term ${terminal.term}${terminal.sequential ? ", sequential" : ""})`;
    case "fold":
      return `reduce(${show(terminal.lambda)}, seed ${showValue(terminal.seed)}${terminal.combine === null ? "" : `, combine ${show(terminal.combine)}`}${terminal.sequential ? ", sequential" : ""})`;
    case "toArray":
    case "sum":
    case "count":
    case "average":
    case "min":
    case "max":
    case "first":
    case "last":
      return `${terminal.kind}()`;
    default:
      return terminal satisfies never;
  }
}

export function showValue(value: unknown): string {
  if (typeof value === "bigint") return `${String(value)}n`;
  if (ArrayBuffer.isView(value)) return `${(value as unknown as Record<symbol, string>)[Symbol.toStringTag] as string}[${Array.from(value as Float64Array, item => showValue(item)).join(", ")}]`;
  return Object.is(value, -0) ? "-0" : String(value);
}
