/** The smallest forms of wrong answers that generated programs have found. */
import { describe, expect, it } from "vitest";
import { range } from "../../src/index.js";
import { runtimeFor, whyNot } from "./backends.js";

describe.each((["js", "cpu", "cuda"] as const).map(backend => ({ backend })))("on $backend", ({ backend }) => {
  const { compute } = runtimeFor(backend);

  describe.skipIf(whyNot[backend] !== null)(whyNot[backend] ?? "", () => {
    it("-0 times a positive number is -0, in integers too", () => {
      expect(compute(Int8Array.of(0, 1)).map(x => 1 / (-x * 3), Float64Array).toArray()).toEqual(Float64Array.of(-Infinity, 1 / -3));
    });

    it("64-bit integers are clamped, not cut, to clamped bytes", () => {
      const bytes = compute(BigInt64Array.of(300n, -1n, 7n)).as(Uint8ClampedArray);
      expect(bytes.toArray()).toEqual(Uint8ClampedArray.of(255, 0, 7));
      expect(bytes.map(x => x - 1, Int32Array).toArray()).toEqual(Int32Array.of(254, -1, 6));
    });

    it("numbers that were stored in 16 bits stay so when they are widened again", () => {
      expect(compute(Int32Array.of(-16)).as(Uint16Array).as(Int32Array).toArray()).toEqual(Int32Array.of(65520));
      expect(compute(Int32Array.of(200)).map(x => x, Int8Array).as(Float64Array).toArray()).toEqual(Float64Array.of(-56));
    });

    it("a boolean beside a number is a number, and what would tell them apart is refused", () => {
      const source = Float64Array.of(-1, 0, 2);
      expect(compute(source).map(x => (x > 0 && x) as number).toArray()).toEqual(Float64Array.of(0, 0, 2));
      expect(compute(source).map(x => ((x > 0 && x) as number) + 1).toArray()).toEqual(Float64Array.of(1, 1, 3));
      const strict = compute(source).map(x => ((x > 0 && x) === 0 ? 1 : 2));
      expect(() => strict.toArray()).toThrow("DC204");
      const predicate = compute(source).map(x => {
        const v = x > 0 && x;
        return Number.isInteger(v) ? 1 : 2;
      });
      expect(() => predicate.toArray()).toThrow("DC204");
      expect(() => compute(source).reduce((a, x) => (x > 0 && a - x) as number, 0).value()).toThrow("DC206");
    });

    it("a constant result is an element like any other", () => {
      const unsigned = compute(BigUint64Array.of(1n));
      expect(unsigned.map(() => 18446744073709551615n).map(x => x + 1n).toArray()).toEqual(BigUint64Array.of(0n));
      expect(unsigned.map(() => 14n).map(x => -x | 1n).toArray()).toEqual(BigUint64Array.of(2n ** 64n - 13n));
      const signed = compute(BigInt64Array.of(1n));
      expect(signed.map(() => 4611686018427387904n).map(x => (x << 2n) + x).toArray()).toEqual(BigInt64Array.of(4611686018427387904n));
      expect(signed.map(() => 9223372036854775807n).map(x => (x * x) / 3n).toArray()).toEqual(BigInt64Array.of(0n));
    });

    it("a reduction of nothing is its seed, as it is", () => {
      const nothing = compute(Int32Array.of(1, 2)).filter(x => x > 5);
      expect(nothing.reduce((a, x) => a + x, -0).value()).toBe(-0);
      expect(nothing.reduce((a, x) => a | x, 2.5).value()).toBe(2.5);
      expect(nothing.reduce((a, x) => Math.min(a, x), 0.5).value()).toBe(0.5);
      expect(nothing.reduce((a, x, i) => a + x * i, -0).value()).toBe(-0);
      expect(compute(range(3)).filter(x => x > 5).reduce((a, x) => a & x, 1e300).value()).toBe(1e300);
    });

    it("BigInt constants wrap at 64 bits as results, and are refused as literals that do not fit", () => {
      const signed = compute(BigInt64Array.of(-1n, 5n));
      const unsigned = compute(BigUint64Array.of(2n ** 64n - 1n, 5n));
      expect(unsigned.map(x => x & (1n << 63n)).toArray()).toEqual(BigUint64Array.of(2n ** 63n, 0n));
      expect(unsigned.map(x => x & ~3n).toArray()).toEqual(BigUint64Array.of(2n ** 64n - 4n, 4n));
      expect(signed.map(x => x & (1n << 63n)).toArray()).toEqual(BigInt64Array.of(-(2n ** 63n), 0n));
      expect(signed.map(x => x + (9223372036854775807n + 2n)).toArray()).toEqual(BigInt64Array.of(-(2n ** 63n), -(2n ** 63n) + 6n));
      expect(signed.map(x => x ^ BigInt.asIntN(64, 18446744073709551615n)).toArray()).toEqual(BigInt64Array.of(0n, -6n));
      const message = (query: { toArray(): unknown }): string => {
        try {
          query.toArray();
          return "no error";
        } catch (error) {
          return (error as Error).message;
        }
      };
      expect(message(signed.filter(x => x < 18446744073709551615n))).toMatch(/^DC207: 18446744073709551615n does not fit/);
      expect(message(signed.map(x => x << 100000000000000000000n))).toMatch(/^DC207/);
      expect(message(unsigned.filter(x => x > -1n))).toMatch(/write BigInt\.asUintN\(64, -1n\)$/);
    });

    it("captures and literals among themselves are unsigned where the sequence is", () => {
      const a = BigUint64Array.of(0n, 1n, 2n ** 63n, 2n ** 64n - 1n, 77n);
      const k = 2n ** 63n + 5n;
      expect(compute(a).map(x => k + 1n + x, { k }).toArray()).toEqual(a.map(x => k + 1n + x));
      expect(compute(a).map(x => x + k / 2n, { k }).toArray()).toEqual(a.map(x => x + k / 2n));
      expect(compute(a).filter(x => k > 5n && x > 1n, { k }).toArray()).toEqual(a.filter(x => k > 5n && x > 1n));
      const third = (x: bigint): bigint => {
        let s = 100n;
        s = s / 3n;
        return s + x;
      };
      expect(compute(a).map(third).toArray()).toEqual(a.map(third));
    });

    it("what is cut down to 0 has no sign, element by element and in captured numbers", () => {
      const [a, k] = [Float64Array.of(-0.5, -0), -0.5];
      expect(compute(a).reduce((sum, x) => sum + 1 / (x | 0), 0, {}, { sequential: true }).value()).toBe(Infinity);
      expect(compute(a).reduce((sum, x) => sum + 1 / Number(BigInt(Math.trunc(x))), 0, {}, { sequential: true }).value()).toBe(Infinity);
      expect(compute(a).map(x => x + 1 / (k | 0), { k }).toArray()).toEqual(Float64Array.of(Infinity, Infinity));
    });

    it("captures may have any name that JavaScript allows", () => {
      const [$k, π, é] = [2, 3, Float64Array.of(5, 7)];
      expect(compute(Float64Array.of(1, 2)).map((x, i) => x * $k + π + é[i]!, { $k, π, é }).toArray()).toEqual(Float64Array.of(10, 14));
      expect(compute(Float32Array.of(1, 2)).reduce((a, x) => a * $k + x, 0, { $k }).value()).toBe(4);
    });
  });
});
