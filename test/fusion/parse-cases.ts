/* eslint eqeqeq: off, no-constant-binary-expression: off, no-extra-boolean-cast: off, no-constant-condition: off,
   no-shadow-restricted-names: off, @typescript-eslint/no-unused-expressions: off --
   lambdas are written in every way that JavaScript allows */
/** Lambdas of every supported form, by what they show. Each takes an element and its index. */
import { clamp, scale, smoothstep, table } from "./parse-helpers.js";
import type { Captures } from "./surface-evaluate.js";

export type Lambda = (...args: never[]) => unknown;

export interface Case {
  readonly lambda: Lambda;
  readonly captures?: Captures;
}

export type Cases = Readonly<Record<string, Case | Lambda>>;

export const SPECIAL = [0, -0, 1, -1, 0.5, -2.5, 2, 3, 5, 10, 17, 100.25, -7, 2 ** 31, -(2 ** 31), 4294967296.5, 1e300, NaN, Infinity, -Infinity];
export const PAIRS = SPECIAL.flatMap((x, i) => [[x, i] as const, [x, SPECIAL.length - i] as const]);

export const EXPRESSIONS: Cases = {
  identity: (x: number) => x,
  constant: () => 5,
  arithmetic: (x: number, i: number) => (x + i) * 3 - x / (i + 1) + (x % 7) - -x + +i,
  power: (x: number) => x ** 2 + (-x) ** 3,
  comparisons: (x: number, i: number) => (x < i ? 1 : 0) + (x <= i ? 2 : 0) + (x > i ? 4 : 0) + (x >= i ? 8 : 0),
  equality: (x: number, i: number) => (x === i ? 1 : 0) + (x !== i ? 2 : 0) + (x == i ? 4 : 0) + (x != i ? 8 : 0),
  bits: (x: number, i: number) => (x & i) + (x | i) * 2 + (x ^ i) * 3 + (x << i) + (x >> i) + (x >>> i) + ~x,
  logical: (x: number, i: number) => (x && i) || (!x && -1) || 7,
  booleans: (x: number) => x > 0 && x < 10,
  "boolean literals": (x: number) => (x > 0 ? true : false),
  conditional: (x: number) => (x > 0 ? (x > 10 ? 2 : 1) : x === 0 ? 0 : -1),
  "negative literals": (x: number) => x * -1 - -0 + -(2 ** 31),
  minified: (x: number) => (!0 && !1) || x / 1e3 + 0x10 + 0b11 + 1_000,
  "Math functions": (x: number, i: number) =>
    Math.abs(x) + Math.max(x, i, 3) + Math.min(x, i) + Math.sign(x) + Math.trunc(x) + Math.imul(x, i) + Math.clz32(x) + Math.round(x) + Math.fround(x),
  "Math without arguments": () => Math.max() - Math.min() + Math.hypot(),
  "Math constants": (x: number) => x * Math.PI + Math.E - Math.SQRT2 + Math.LN2 * Math.LOG10E,
  "Number constants": (x: number) => (x > Number.MAX_SAFE_INTEGER ? Number.EPSILON : x === Number.NEGATIVE_INFINITY ? Number.MIN_VALUE : Number.NaN),
  predicates: (x: number) => (Number.isInteger(x) ? 1 : 0) + (Number.isFinite(x) ? 2 : 0) + (Number.isNaN(x) ? 4 : 0) + (isNaN(x) ? 8 : 0) + (isFinite(x) ? 16 : 0) + (Number.isSafeInteger(x) ? 32 : 0),
  "NaN and Infinity": (x: number) => (x > 0 ? Infinity : x < 0 ? -Infinity : NaN),
  conversions: (x: number) => Number(x > 0) + (Boolean(x) ? 1 : 0),
  "function expression": function (x: number) {
    return x + 1;
  },
  "named function": function increment(x: number) {
    return x + 1;
  },
  method: { lambda: { twice(x: number) { return x * 2; } }.twice },
  "keyword method": { lambda: { if(x: number) { return x * 2; } }.if },
};

export const STATEMENTS: Cases = {
  "const and let": (x: number) => {
    const a = x * 2,
      b = a + 1;
    let c = b;
    c = c * a;
    return c - b;
  },
  "compound assignment": (x: number, i: number) => {
    let a = x;
    a += i;
    a -= 1;
    a *= 3;
    a /= 7;
    a %= 100;
    let b = i;
    b <<= 3;
    b |= 5;
    b ^= x;
    b &= 0xffff;
    b >>= 1;
    b >>>= 1;
    b **= 2;
    return a + b;
  },
  "logical assignment": (x: number, i: number) => {
    let a = x;
    a &&= i;
    let b = x;
    b ||= i + 1;
    return a * 1000 + b;
  },
  "logical assignment as a value": (x: number, i: number) => {
    let a = x;
    const b = (a &&= i) + (a ||= 5);
    return a * 1000 + b;
  },
  "assigned parameter": (x: number, i: number) => {
    x = x + 1;
    x *= i;
    return x;
  },
  "incremented parameter as a value": (x: number) => x++ + x++ * 10 + --x * 100,
  "prefix and postfix": (x: number) => {
    let a = x | 0;
    const b = a++ + ++a;
    const c = a-- - --a;
    return a * 10000 + b * 100 + c;
  },
  "order of operands": (x: number) => {
    let a = x | 0;
    return a + (a = 5) * a + a++ - a;
  },
  "chained assignment": (x: number) => {
    let a = 0;
    let b = 1;
    a = b = x + 1;
    a += b -= 3;
    return a * 10 + b;
  },
  "assigned in a condition": (x: number) => {
    let y;
    if ((y = x * 2) > 10) return y;
    return -y;
  },
  "assigned in a logical": (x: number) => {
    let y = 1;
    if (x > 0 && (y = x) > 3) return y * 100;
    return y;
  },
  "assigned in a conditional": (x: number) => {
    let y = 1;
    const z = x > 0 ? (y += 2) : y++;
    return y * 100 + z;
  },
  "effects as statements": (x: number) => {
    let a = 0;
    x > 0 && (a = 1);
    x > 5 || (a += 10);
    x > 10 ? a++ : (a -= 5);
    (a *= 2), (a += 1);
    x + 1;
    return a;
  },
  "if without else": (x: number) => {
    let y = x;
    if (x > 0) y = 1;
    if (x > 5) {
      y = 2;
    } else if (x > 3) y = 3;
    else {
      y += 4;
    }
    return y;
  },
  "early return": (x: number) => {
    if (x < 0) return -1;
    if (x > 10) return 1;
    return 0;
  },
  "return after work": (x: number) => {
    let y = x * 2;
    if (y < 0) {
      y = -y;
      return y;
    }
    y += 1;
    if (y > 10) return y * 3;
    const z = y - 1;
    return z;
  },
  "return on some paths of a branch": (x: number) => {
    let y = 1;
    if (x > 0) {
      y = 2;
      if (x > 5) return 100;
      y = 3;
    } else {
      if (x < -5) return -100;
    }
    return y + x;
  },
  "nothing after a return": (x: number) => {
    return x;
    return x + 1;
  },
  "one path returns in a loop": (x: number) => {
    for (let i = 0; i < 20; i++) {
      if (i * i > x) return i;
    }
    return -1;
  },
  "endless loop with return": (x: number) => {
    let n = 0;
    for (;;) {
      n++;
      if (n > x || n > 50) return n;
    }
  },
  "while with break": (x: number) => {
    let n = 0;
    while (true) {
      if (n >= 7) break;
      n += 2;
      if (n > x) break;
    }
    return n;
  },
  "do while": (x: number) => {
    let n = 0;
    do {
      n += 3;
      if (n === 6) continue;
      n++;
    } while (n < x && n < 40);
    return n;
  },
  "do once": (x: number) => {
    let n = x;
    do {
      n++;
      if (n > 5) break;
      n *= 2;
    } while (false);
    return n;
  },
  "for with continue": (x: number) => {
    let sum = 0;
    for (let i = 0, j = 10; i < j; i++, j--) {
      if (i === 2) continue;
      sum += i * j + x;
    }
    return sum;
  },
  "for without its parts": (x: number) => {
    let i = 0;
    for (; i < 5; ) i++;
    for (i = 2; ; i++) if (i > 8) break;
    return x + i;
  },
  "nested loops with labels": (x: number) => {
    let n = 0;
    outer: for (let i = 0; i < 6; i++) {
      for (let j = 0; j < 6; j++) {
        if (j === 3) continue outer;
        if (i * j > x) break outer;
        n += i + j;
      }
    }
    return n;
  },
  "labelled block": (x: number) => {
    let n = 1;
    done: {
      if (x > 3) break done;
      n = 2;
      if (x > 1) break done;
      n = 3;
    }
    return n;
  },
  "labels within labels": (x: number) => {
    let n = 0;
    a: while (n < 10) {
      inner: {
        n++;
        if (n > x) break;
        if (n === 3) continue a;
        if (n === 5) break inner;
        n++;
      }
      n += 0.5;
    }
    return n;
  },
  "return from nested loops": (x: number) => {
    for (let i = 0; i < 5; i++) {
      let j = 0;
      while (j < 5) {
        if (i * j === 6 && x > 2) return i * 10 + j;
        j++;
      }
      if (i > x) return -i;
    }
    return 99;
  },
  "escape time": (x: number, i: number) => {
    const cr = x / 10;
    const ci = i / 10;
    let zr = 0;
    let zi = 0;
    let n = 0;
    while (n < 50 && zr * zr + zi * zi < 4) {
      const t = zr * zr - zi * zi + cr;
      zi = 2 * zr * zi + ci;
      zr = t;
      n++;
    }
    return n;
  },
  "variable declared in a loop": (x: number) => {
    let sum = 0;
    for (let i = 0; i < 4; i++) {
      let y;
      if (i % 2 === 0) y = x;
      else y = i;
      sum += y;
    }
    return sum;
  },
  "assigned before a break": (x: number) => {
    let y;
    while (true) {
      y = x;
      if (y > 0) break;
      y = -x;
      break;
    }
    return y;
  },
  "functions inside": (x: number) => {
    const half = (v: number): number => v / 2;
    const both = (v: number): number => half(v) + late(v);
    function late(v: number): number {
      return v * 3;
    }
    return both(x) + half(half(x));
  },
  "a function that changes what surrounds it": (x: number) => {
    let count = 0;
    const next = (step: number): number => {
      count += step;
      return count;
    };
    return next(1) + count * 10 + next(x) * 100 + (next(0) > 2 && next(1) > 3 ? count : -count);
  },
  "called at once": (x: number) => ((v: number) => v * v + 1)(x + 1),
  "use strict": (x: number) => {
    "use strict";
    return x;
  },
};

const k = 2.5;
const offset = -3;
const flag = true;
const lut = Float64Array.of(10, 20, 30, 40, 50);
const square = (v: number): number => v * v;
const cube = (v: number): number => v * square(v);
const poly = (x: number): number => cube(x) + k * square(x) + offset;
function firstAbove(limit: number): number {
  for (let i = 0; i < lut.length; i++) if (lut[i]! > limit) return i;
  return -1;
}
const twice = (v: number): number => v + v;
const pick = (values: Float64Array, at: number): number => values[at]!;
const sumOf = (values: Float64Array): number => {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i]!;
  return total;
};


export const NAMES: Cases = {
  shadowing: (x: number) => {
    let y = x;
    {
      let y = 2;
      y += 1;
      {
        const y = 10;
        x = y;
      }
      x += y;
    }
    for (let y = 0; y < 3; y++) x += y;
    return x * 100 + y;
  },
  "shadowed captures and globals": {
    lambda: (x: number) => {
      const k = 3;
      const Math = 4;
      let NaN = 5;
      NaN += 1;
      return x * k + Math + NaN;
    },
    captures: { k },
  },
  "keywords of C": (double: number, float: number) => {
    let int = double + 1;
    const unsigned = float * 2;
    int += unsigned;
    const rt_add = int;
    const $ = 1;
    const größe = 2;
    const __x = 3;
    const _ = 4;
    const int_2 = 5;
    return rt_add + $ * größe - __x + _ + int_2;
  },
  "parameter named like a capture": { lambda: (k: number) => k + 1, captures: { k } },
};

export const CAPTURES: Cases = {
  scalars: { lambda: (x: number) => x * k + offset, captures: { k, offset } },
  booleans: { lambda: (x: number) => (flag ? x : -x), captures: { flag } },
  arrays: { lambda: (_: number, i: number) => lut[i % lut.length]! + lut.length, captures: { lut } },
  "an array by another name": {
    lambda: (_: number, i: number) => {
      const values = lut;
      return values[i % values.length]!;
    },
    captures: { lut },
  },
  helpers: { lambda: (x: number) => square(x) + twice(x + 1), captures: { square, twice } },
  "helpers of helpers": { lambda: (x: number) => poly(x) - cube(x), captures: { square, cube, poly, k, offset } },
  "helper within its own argument": { lambda: (x: number) => twice(twice(square(x))), captures: { square, twice } },
  "helper with a loop and early return": { lambda: (x: number) => firstAbove(x) + firstAbove(x * 2), captures: { firstAbove, lut } },
  "helper in a loop": {
    lambda: (x: number) => {
      let sum = 0;
      for (let i = 0; i < 4 && square(i) < 10; i++) sum += twice(sum) + square(i + x);
      return sum;
    },
    captures: { square, twice },
  },
  "arrays handed to helpers": { lambda: (_: number, i: number) => pick(lut, i % 5) + sumOf(lut), captures: { pick, sumOf, lut } },
  "arguments are evaluated once": {
    lambda: (x: number) => {
      let n = x | 0;
      return square(n++) + n;
    },
    captures: { square },
  },
  "imported helpers, which the test runner rewrites": { lambda: (x: number) => clamp(x, 0, 1) + smoothstep(x), captures: { clamp, smoothstep } },
  "imported values, which the test runner rewrites": { lambda: (x: number, i: number) => x * scale + table[i % table.length]!, captures: { scale, table } },
  "a helper's parameter is assigned": {
    lambda: (x: number) => {
      const down = (v: number): number => {
        v -= 1;
        return v;
      };
      return down(x) + x;
    },
  },
};
