/** The digits of 2/π, against π itself. */
import { expect, it } from "vitest";
import { twoOverPi } from "../../fusion/math/bits.js";

/** 1/n as an angle: its tangent is 1/n. In units of 10 ** -400 (Machin's formula adds few of them). */
function arcTangentOf(n: bigint): bigint {
  let term = 10n ** 400n / n;
  let sum = term;
  for (let k = 1n; term !== 0n; k += 1n) {
    term /= -n * n;
    sum += term / (2n * k + 1n);
  }
  return sum;
}

it("2/π has the digits of its table, and no others", () => {
  const pi = 4n * (4n * arcTangentOf(5n) - arcTangentOf(239n));
  const digits = Array.from({ length: 48 }, (_, i) => Number((((2n * 10n ** 400n) << BigInt(24 * (i + 1))) / pi) & 0xffffffn));
  expect(digits.map((_, i) => twoOverPi(i))).toEqual(digits);
  expect([-1, -5, 48, 1000].map(twoOverPi)).toEqual([0, 0, 0, 0]);
});
