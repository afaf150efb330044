/** Which elementary functions are timed, and for which arguments. */

export type FloatType = "f64" | "f32";

/** How arguments are spread over their interval. */
export type Spread =
  /** Evenly. */
  | readonly [kind: "even", least: number, most: number]
  /** Evenly by their logarithms; `both` signs alike. */
  | readonly [kind: "scaled" | "both", least: number, most: number]
  /** One half like this, the other like that, mingled. */
  | readonly [kind: "mixed", one: Spread, other: Spread];

export interface Timed {
  readonly name: string;
  /** The call, of `x` and of `y`. */
  readonly code: string;
  /** For each type: how `x` is spread, and `y` where there is one. */
  readonly spread: Readonly<Record<FloatType, readonly Spread[]>>;
  /** Tells rows of one function apart. */
  readonly part?: string;
  /** The most that it may take, in times of SLEEF's function. */
  readonly limit?: number;
}

const even = (least: number, most: number): Spread => ["even", least, most];
const scaled = (least: number, most: number): Spread => ["scaled", least, most];
const both = (least: number, most: number): Spread => ["both", least, most];
const mixed = (one: Spread, other: Spread): Spread => ["mixed", one, other];

const call = (name: string): string => `Math.${name}(x)`;
const same = (...spread: readonly Spread[]): Timed["spread"] => ({ f64: spread, f32: spread });
const each = (f64: Spread, f32: Spread): Timed["spread"] => ({ f64: [f64], f32: [f32] });

const LOGARITHM = each(mixed(scaled(1e-300, 1e300), even(0.5, 2)), mixed(scaled(1e-37, 1e37), even(0.5, 2)));
const HYPERBOLIC = each(even(-700, 700), even(-87, 88));
const TURN = same(even(-Math.PI, Math.PI));
const TURNS = same(even(-1e4, 1e4));

export const FUNCTIONS: readonly Timed[] = [
  { name: "exp", code: call("exp"), spread: each(even(-700, 700), even(-87, 88)), limit: 1.5 },
  { name: "exp2", code: "2 ** x", spread: each(even(-1000, 1000), even(-126, 127)) },
  { name: "expm1", code: call("expm1"), spread: each(mixed(even(-1, 1), even(-40, 700)), mixed(even(-1, 1), even(-18, 88))) },
  { name: "log", code: call("log"), spread: LOGARITHM, limit: 1.5 },
  { name: "log1p", code: call("log1p"), spread: each(mixed(scaled(1e-20, 1e300), even(-0.9, 1)), mixed(scaled(1e-10, 1e37), even(-0.9, 1))) },
  { name: "log2", code: call("log2"), spread: LOGARITHM },
  { name: "log10", code: call("log10"), spread: LOGARITHM },
  { name: "sin", code: call("sin"), part: "±π", spread: TURN, limit: 2 },
  { name: "sin", code: call("sin"), part: "±1e4", spread: TURNS, limit: 2 },
  { name: "cos", code: call("cos"), part: "±π", spread: TURN, limit: 2 },
  { name: "cos", code: call("cos"), part: "±1e4", spread: TURNS, limit: 2 },
  { name: "tan", code: call("tan"), part: "±π", spread: TURN },
  { name: "tan", code: call("tan"), part: "±1e4", spread: TURNS },
  { name: "asin", code: call("asin"), spread: same(even(-1, 1)) },
  { name: "acos", code: call("acos"), spread: same(even(-1, 1)) },
  { name: "atan", code: call("atan"), spread: same(both(1e-3, 1e3)) },
  { name: "atan2", code: "Math.atan2(x, y)", spread: same(even(-10, 10), even(-10, 10)) },
  { name: "sinh", code: call("sinh"), spread: HYPERBOLIC },
  { name: "cosh", code: call("cosh"), spread: HYPERBOLIC },
  { name: "tanh", code: call("tanh"), spread: same(even(-10, 10)) },
  { name: "asinh", code: call("asinh"), spread: same(both(1e-3, 1e6)) },
  { name: "acosh", code: call("acosh"), spread: same(scaled(1, 1e6)) },
  { name: "atanh", code: call("atanh"), spread: same(even(-1, 1)) },
  { name: "cbrt", code: call("cbrt"), spread: each(both(1e-300, 1e300), both(1e-37, 1e37)) },
  { name: "hypot", code: "Math.hypot(x, y)", spread: same(even(-1e3, 1e3), even(-1e3, 1e3)) },
  { name: "pow", code: "Math.pow(x, y)", spread: { f64: [even(0, 100), even(-50, 50)], f32: [even(0, 100), even(-15, 15)] }, limit: 2.5 },
];

/** Its kernel is to compile in half a second. */
export const SIX_FUNCTIONS = "Math.exp(-x) * Math.sin(x) + Math.log(x + 1) * Math.cos(x) + Math.atan(x) * Math.pow(x, 0.3)";

/** As a reader of the table wants it. */
export function describeSpread(spread: readonly Spread[]): string {
  const number = (value: number): string => {
    if (Math.abs(value) === Math.PI) return value < 0 ? "-π" : "π";
    const short = value.toExponential().replace("e+", "e");
    return short.length < String(value).length ? short : String(value);
  };
  const one = (part: Spread): string => {
    switch (part[0]) {
      case "even":
        return part[1] === -part[2] ? `±${number(part[2])}` : `${number(part[1])} … ${number(part[2])}`;
      case "scaled":
        return `${number(part[1])} … ${number(part[2])} by logarithm`;
      case "both":
        return `±${number(part[1])} … ±${number(part[2])} by logarithm`;
      case "mixed":
        return `${one(part[1])}, and ${one(part[2])}`;
      default:
        return part satisfies never;
    }
  };
  return spread.map((part, at) => (spread.length === 1 ? one(part) : `${"xy"[at] ?? "?"} ${one(part)}`)).join(", ");
}

/** Arguments, always the same ones, in no order. */
export function fill(array: Float64Array | Float32Array, spread: Spread, seed: number): void {
  let state = seed;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const draw = (from: Spread): number => {
    switch (from[0]) {
      case "even":
        return from[1] + (from[2] - from[1]) * random();
      case "scaled":
      case "both": {
        const size = from[1] * Math.exp(random() * Math.log(from[2] / from[1]));
        return from[0] === "both" && random() < 0.5 ? -size : size;
      }
      case "mixed":
        return draw(random() < 0.5 ? from[1] : from[2]);
      default:
        return from satisfies never;
    }
  };
  for (let at = 0; at < array.length; at += 1) array[at] = draw(spread);
}
