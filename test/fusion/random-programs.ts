/** Random lambdas of statements: branches, loops, jumps, early returns, helpers, and assignments within expressions. */
import fc from "fast-check";

/** What a statement may use where it stands. */
interface Place {
  readonly depth: number;
  /** Variables that may be read and assigned. */
  readonly names: readonly string[];
  /** Labels to break from, and those of loops, to continue. */
  readonly labels: readonly string[];
  readonly loops: readonly string[];
  readonly inLoop: boolean;
}

/** Reads a stream of random numbers as decisions. */
export class Choices {
  private at = 0;
  private fresh = 0;
  constructor(private readonly numbers: readonly number[]) {}

  below(count: number): number {
    const number = this.numbers[this.at % this.numbers.length] ?? 0;
    this.at += 1;
    return (number + Math.floor(this.at / this.numbers.length) * 7) % count;
  }

  of<T>(options: readonly T[]): T {
    return options[this.below(options.length)] as T;
  }

  name(base: string): string {
    this.fresh += 1;
    return `${base}${this.fresh}`;
  }
}

function expression(choices: Choices, { names, depth }: Place): string {
  const inner = (): string => expression(choices, { depth: depth - 1, names, labels: [], loops: [], inLoop: false });
  if (depth <= 0) return choices.of([...names, "x", "0", "1", "2.5", "-3", "k"]);
  switch (choices.below(12)) {
    case 0:
      return `(${inner()} ${choices.of(["+", "-", "*", "%", "|", "&", "<<"])} ${inner()})`;
    case 1:
      return `(${inner()} ${choices.of(["&&", "||"])} ${inner()})`;
    case 2:
      return `(${inner()} ${choices.of(["<", ">", "<=", "==="])} ${inner()} ? ${inner()} : ${inner()})`;
    case 3:
      return `(${choices.of(names)} ${choices.of(["=", "+=", "-=", "|=", "&&=", "||="])} ${inner()})`;
    case 4:
      return `(${choices.of(["++", "--"])}${choices.of(names)})`;
    case 5:
      return `(${choices.of(names)}${choices.of(["++", "--"])})`;
    case 6:
      return `early(${inner()})`;
    case 7:
      return `search(${inner()}, ${inner()})`;
    case 8:
      return `Math.max(${inner()}, ${inner()})`;
    case 9:
      return `(${inner()}, ${inner()})`;
    case 10:
      return `bump(${inner()})`;
    default:
      return `(-${choices.of(names)})`;
  }
}

function block(choices: Choices, place: Place): string {
  const count = 1 + choices.below(3);
  const statements: string[] = [];
  let inner = place;
  for (let i = 0; i < count; i++) {
    if (choices.below(4) === 0) {
      // Now and then under the name of an outer variable, read before only by its own block's rules.
      const name = choices.name("v");
      statements.push(`let ${name} = ${expression(choices, { ...inner, depth: 2 })};`);
      inner = { ...inner, names: [...inner.names, name] };
    } else {
      statements.push(statement(choices, inner));
    }
  }
  return `{ ${statements.join(" ")} }`;
}

function statement(choices: Choices, place: Place): string {
  const value = (): string => expression(choices, { ...place, depth: 2 });
  const inner = { ...place, depth: place.depth - 1 };
  if (place.depth <= 0) return `${choices.of(place.names)} = ${value()};`;
  switch (choices.below(13)) {
    case 0:
      return `if (${value()}) ${block(choices, inner)}`;
    case 1:
      return `if (${value()}) ${block(choices, inner)} else ${block(choices, inner)}`;
    case 2:
    case 3: {
      const counter = choices.name("i");
      const label = choices.name("loop");
      const within = { ...inner, labels: [...place.labels, label], loops: [...place.loops, label], inLoop: true };
      return `${label}: for (let ${counter} = 0; ${counter} < ${1 + choices.below(4)}; ${counter}++) ${block(choices, within)}`;
    }
    case 4: {
      // The fuel is spent first, so that `continue` cannot make it endless.
      const label = choices.name("loop");
      const within = { ...inner, labels: [...place.labels, label], loops: [...place.loops, label], inLoop: true };
      const body = block(choices, within);
      return choices.of([`${label}: while (fuel-- > 0 && ${value()}) ${body}`, `${label}: do ${body} while (fuel-- > 0 && ${value()});`]);
    }
    case 5: {
      const label = choices.name("part");
      return `${label}: ${block(choices, { ...inner, labels: [...place.labels, label] })}`;
    }
    case 6:
      return place.labels.length > 0 ? `if (${value()}) break ${choices.of(place.labels)};` : `${value()};`;
    case 7:
      return place.loops.length > 0 ? `if (${value()}) continue ${choices.of(place.loops)};` : `${value()};`;
    case 8:
      return place.inLoop ? choices.of(["break;", "continue;", `if (${value()}) break;`, `if (${value()}) continue;`]) : `${value()};`;
    case 9:
      return `return ${value()};`;
    case 10:
      return `if (${value()}) return ${value()};`;
    default:
      return `${value()};`;
  }
}

/** Helpers that return early, return from a loop, and change a variable around them. */
export const HELPERS = {
  early: "v => { if (v > 2) return v - 1; v += k; if (v < 0) { v = -v; } else return v * 2; return v; }",
  search: "function search(v, w) { for (let n = 0; n < 5; n++) { if (n * v > w) return n; if (n > v) break; } return early(w); }",
};

/** A lambda of one parameter that calls the helpers and reads the capture k. It always ends. */
export function program(choices: Choices): string {
  const place: Place = { depth: 3, names: ["a", "b", "x"], labels: [], loops: [], inLoop: false };
  const bump = "const bump = (step) => { if (step > 1) a += 1; else b = step; return a - b; };";
  return `(x) => { let fuel = 20; let a = 1; let b = x; ${bump} ${block(choices, place)} ${block(choices, place)} return a * 1000 + b * 10 + x; }`;
}

export const k = 1.5;

/** The program as JavaScript runs it. */
export const real = (text: string): ((x: number) => number) =>
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the program is made here
  new Function("k", `const early = ${HELPERS.early}; const search = ${HELPERS.search}; return (${text});`)(k) as never;

/** Random numbers to make a program of. */
export const decisions = fc.array(fc.nat(1000), { minLength: 5, maxLength: 60 });
