import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SurfaceExpr, SurfaceStmt } from "../../fusion/parse/surface.js";
import { clamp, scale, smoothstep, table } from "./parse-helpers.js";
import { evaluate, parse } from "./surface-evaluate.js";
import type { Captures, Value } from "./surface-evaluate.js";

type Lambda = (...args: never[]) => unknown;
interface Case {
  readonly lambda: Lambda;
  readonly captures?: Captures;
}

const SPECIAL = [0, -0, 1, -1, 0.5, -2.5, 2, 3, 5, 10, 17, 100.25, -7, 2 ** 31, -(2 ** 31), 4294967296.5, 1e300, NaN, Infinity, -Infinity];

/** The lambda's own results and those of its surface form, or the error either throws. */
function results(lambda: Lambda, captures: Captures, inputs: readonly (readonly Value[])[]): { readonly real: unknown[]; readonly parsed: unknown[] } {
  const surface = parse(lambda.toString(), captures);
  return {
    real: inputs.map((args) => lambda(...(args as never[]))),
    parsed: inputs.map((args) => evaluate(surface, args, captures)),
  };
}

/** Each lambda is written as one would; the text is what `toString` gives under this test runner. */
function check(cases: Readonly<Record<string, Case | Lambda>>, inputs: readonly (readonly Value[])[]): void {
  it.each(Object.entries(cases))("%s", (_, given) => {
    const { lambda, captures = {} } = typeof given === "function" ? { lambda: given } : given;
    const { real, parsed } = results(lambda, captures, inputs);
    expect(parsed).toEqual(real);
  });
}

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

const PAIRS = SPECIAL.flatMap((x, i) => [[x, i] as const, [x, SPECIAL.length - i] as const]);

describe("expressions", () => {
  check(
    {
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
      comma: (x: number) => (x + 1, x + 2),
      "negative literals": (x: number) => x * -1 - -0 + -(2 ** 31),
      minified: (x: number) => (!0 && !1) || x / 1e3 + 0x10 + 0b11 + 1_000,
      "Math functions": (x: number, i: number) =>
        Math.abs(x) + Math.max(x, i, 3) + Math.min(x, i) + Math.sign(x) + Math.trunc(x) + Math.imul(x, i) + Math.clz32(x) + Math.atan2(x, i) + Math.hypot(x, i, 1),
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
    },
    PAIRS,
  );
});

describe("statements", () => {
  check(
    {
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
    },
    PAIRS,
  );
});

describe("names", () => {
  check(
    {
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
    },
    PAIRS,
  );

  it("are unique, legal in C, and never those of captures", () => {
    const { parameters, body } = parse("(double, k) => { let y = 1; { let y = 2; y++; } const int = y; const rt_x = 1; const $ = int; return $ + double + rt_x; }", { k: 1, y: 2 });
    expect(parameters).toEqual(["double_2", "k_2"]);
    expect(body.map((statement) => (statement.kind === "declare" ? statement.name : statement.kind))).toEqual(["y_2", "y_3", "assign", "int_2", "v_rt_x", "v"]);
  });
});

describe("captures", () => {
  check(
    {
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
      "too many arguments": {
        lambda: (x: number) => {
          let n = 0;
          return (twice as (...values: number[]) => number)(x, (n = 7)) + n;
        },
        captures: { twice },
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
    },
    PAIRS,
  );

  it("are listed in order of first use, those of helpers included", () => {
    const { captures } = parse("x => poly(x) * lut[0] + k", { k, lut, offset, square, cube, poly });
    expect(captures).toEqual({ scalars: ["k", "offset"], arrays: ["lut"] });
  });

  it.each([
    ["(0, __vite_ssr_import_3__.helper)(x)", "vite"],
    ["(0,__vi_import_0__.helper)(x)", "vitest"],
    ["(0, lib_1.helper)(x)", "tsc"],
    ["(0, _lib.helper)(x)", "babel"],
    ["ns.helper(x)", "a namespace import"],
    ["(0, helper)(x)", "an indirect call"],
  ])("%s is understood (%s)", (body) => {
    const helper = (v: number): number => v + 1;
    expect(evaluate(parse(`x => ${body}`, { helper }), [4], { helper })).toBe(5);
  });

  it("understands the calls by which esbuild keeps names", () => {
    const text = 'x => { const f = /* @__PURE__ */ __name((v) => v * 2, "f"); function g(v) { return f(v) + 1; } __name(g, "g"); return g(x); }';
    expect(evaluate(parse(text), [4])).toBe(9);
  });
});

describe("BigInts", () => {
  const inputs = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 12345n].map((x) => [x]);
  check(
    {
      arithmetic: (x: bigint) => x * 2n + 1n - -5n,
      steps: (x: bigint) => {
        let n = x;
        n++;
        const before = n--;
        return before * 3n + --n;
      },
      conversions: (x: bigint) => BigInt.asIntN(64, x * x) + BigInt.asUintN(8, x) + BigInt(7) + BigInt(Number(x) > 0),
      loop: (x: bigint) => {
        let sum = 0n;
        for (let i = 0n; i < 5n; i++) sum += i * x;
        return sum;
      },
    },
    inputs,
  );
});

describe("the form of the result", () => {
  const kinds = (text: string): unknown => shapeOf(parse(text).body);
  const shapeOf = (body: readonly SurfaceStmt[]): unknown =>
    body.map((statement) => {
      if (statement.kind === "if") return { if: shapeOf(statement.then), else: shapeOf(statement.otherwise) };
      if (statement.kind === "loop" || statement.kind === "block") return { [`${statement.kind} ${statement.label}`]: shapeOf(statement.body) };
      return statement.kind === "leave" ? `leave ${statement.label}` : `${statement.kind} ${statement.name}`;
    });
  const written = ({ span }: SurfaceExpr): string => span.source.text.slice(span.start, span.end);

  it("an early return of values alone is a conditional expression", () => {
    const { body, result } = parse("x => { const y = x * 2; if (y > 1) return 1; if (y < -1) { return -1; } else return y; }");
    expect(shapeOf(body)).toEqual(["declare y"]);
    expect(result).toMatchObject({ kind: "conditional", yes: { value: 1 }, no: { kind: "conditional", yes: { value: -1 }, no: { kind: "variable", name: "y" } } });
  });

  it("early returns outside loops leave nothing", () => {
    expect(kinds("x => { if (x > 1) { let y = x; y++; return y; } let z = 0; z += x; return z; }")).toEqual([
      "declare result",
      { if: ["declare y", "assign y", "assign result"], else: ["declare z", "assign z", "assign result"] },
    ]);
  });

  it("returns inside loops leave one block", () => {
    expect(kinds("x => { let i = 0; while (i < 9) { if (i > x) return i; i++; } return -1; }")).toEqual([
      "declare i",
      "declare result",
      { "block returned": [{ "loop loop": [{ if: ["leave loop"], else: [] }, { if: ["assign result", "leave returned"], else: [] }, "assign i"] }, "assign result"] },
    ]);
  });

  it("a helper of one expression is that expression", () => {
    const { body, result } = parse("(acc, x) => acc + square(x)", { square });
    expect(body).toEqual([]);
    expect(result).toMatchObject({ kind: "binary", operator: "+", right: { kind: "binary", operator: "*", left: { name: "x" }, right: { name: "x" } } });
    expect(result.kind === "binary" && written(result.right)).toBe("v * v");
  });

  it("code that cannot be reached is left out", () => {
    expect(kinds("x => { while (true) { if (x > 1) { break; x + 1; } return 2; let y = 1; } return 3; }")).toEqual([
      "declare result",
      { "block returned": [{ "loop loop": [{ if: ["leave loop"], else: [] }, "assign result", "leave returned"] }, "assign result"] },
    ]);
  });

  it("spans are those of the text as it was handed over", () => {
    for (const text of ["x => x * 2", "function (x) { return x * 2; }", "f(x) { return x * 2; }"]) expect(written(parse(text).result)).toBe("x * 2");
  });

  it("the same text parses to the same form", () => {
    const text = poly.toString();
    const captures = { k, offset, square, cube };
    expect(parse(text, captures)).toEqual(parse(text, captures));
  });
});

describe("texts that the test runner cannot hold", () => {
  it.each([
    "x => { let n = 0; a: b: while (n < 10) { n++; if (n > x) break a; if (n === 3) continue b; if (n === 5) continue a; n += 0.5; } return n; }",
    "x => { a: { if (x > 0) break a; x = -x; } return x; }",
    "x => { a: if (x > 0) { if (x > 5) break a; x = 0; } return x; }",
    "x => { if (x) { function f(v) { return v + 1; } return f(x); } return f2(x); function f2(v) { return v - 1; } }",
    "(x) => /* a comment */ x // and another\n + 1",
    "x=>{let a,i;for(a=0,i=1;i<3;i++)a+=i;return a+x}",
    "  x => x + 1  ",
    "function\n(x) { return x; }",
    "async => async * 2",
    "(x) => (((((((x)))))))",
  ])("%s", (text) => {
    const real = new Function(`return (${text}\n)`)() as (x: number) => number;
    const surface = parse(text);
    for (const x of SPECIAL) expect(evaluate(surface, [x])).toEqual(real(x));
  });
});

describe("random inputs", () => {
  it("give what the lambda gives", () => {
    const collatz = (x: number, limit: number): number => {
      let n = Math.abs(x | 0);
      let steps = 0;
      for (; steps < (limit & 63); steps++) {
        if (n <= 1) break;
        if (n % 2 === 0) {
          n /= 2;
          continue;
        }
        n = n * 3 + 1;
        if (n > 1e6) return -steps;
      }
      return steps;
    };
    const surface = parse(collatz.toString());
    fc.assert(
      fc.property(fc.integer(), fc.nat(), (x, limit) => {
        expect(evaluate(surface, [x, limit])).toBe(collatz(x, limit));
      }),
      { seed: 42 },
    );
  });
});
