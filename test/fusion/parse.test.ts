import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SurfaceExpr, SurfaceStmt } from "../../fusion/parse/surface.js";
import { CAPTURES, EXPRESSIONS, NAMES, PAIRS, SPECIAL, STATEMENTS } from "./parse-cases.js";
import type { Cases, Lambda } from "./parse-cases.js";
import { evaluate, parse } from "./surface-evaluate.js";
import type { Captures, Value } from "./surface-evaluate.js";

/** The lambda's own results and those of its surface form, or the error either throws. */
function results(lambda: Lambda, captures: Captures, inputs: readonly (readonly Value[])[]): { readonly real: unknown[]; readonly parsed: unknown[] } {
  const surface = parse(lambda.toString(), captures);
  return {
    real: inputs.map((args) => lambda(...(args as never[]))),
    parsed: inputs.map((args) => evaluate(surface, args, captures)),
  };
}

/** Each lambda is written as one would; the text is what `toString` gives under this test runner. */
function check(cases: Cases, inputs: readonly (readonly Value[])[]): void {
  it.each(Object.entries(cases))("%s", (_, given) => {
    const { lambda, captures = {} } = typeof given === "function" ? { lambda: given } : given;
    const { real, parsed } = results(lambda, captures, inputs);
    expect(parsed).toEqual(real);
  });
}

describe("expressions", () => {
  check(EXPRESSIONS, PAIRS);
});

describe("statements", () => {
  check(STATEMENTS, PAIRS);
});

describe("names", () => {
  check(NAMES, PAIRS);

  it("are unique, legal in C, and never those of captures", () => {
    const { parameters, body } = parse("(double, k) => { let y = 1; { let y = 2; y++; } const int = y; const rt_x = 1; const $ = int; return $ + double + rt_x; }", { k: 1, y: 2 });
    expect(parameters).toEqual(["double_2", "k_2"]);
    expect(body.map((statement) => (statement.kind === "declare" ? statement.name : statement.kind))).toEqual(["y_2", "y_3", "assign", "int_2", "v_rt_x", "v"]);
  });
});

describe("captures", () => {
  check(CAPTURES, PAIRS);

  const k = 2.5;
  const offset = -3;
  const lut = Float64Array.of(10, 20);
  const square = (v: number): number => v * v;
  const cube = (v: number): number => v * square(v);
  const poly = (x: number): number => cube(x) + k * square(x) + offset;

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
      return statement.kind === "leave" ? `leave ${statement.label}` : `${statement.kind} ${statement.kind === "store" ? statement.array : statement.name}`;
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

  const square = (v: number): number => v * v;

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
    const text = "(x, i) => { for (let n = 0; n < i; n++) { if (n > x) return square(n + 1); } return square(x) + 1; }";
    expect(parse(text, { square })).toEqual(parse(text, { square }));
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
    "x => (x + 1, x + 2)",
    "x => { let n = 0; const twice = (v) => v + v; return twice(x, (n = 7), n++) + n; }",
    "async => async * 2",
    "x => (0, Math.max)(x, 1) + (0, isNaN)(x)",
    "(x) => (((((((x)))))))",
  ])("%s", (text) => {
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the text is all there is
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
