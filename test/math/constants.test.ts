/** The digits of 2/π: every backend has the same ones, so no comparison of backends would find a wrong one. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { TWO_OVER_PI, twoOverPi } from "../../fusion/math/bits.js";
import { PI_WIDE } from "./reference/series.js";

/** For 2 ** 1023 the reduction of angles begins with digit 42, and reads seven. */
const DIGITS = 48;

it("twoOverPi gives the digits of 2/π in base 2 ** 24", () => {
  const places = 24n * BigInt(DIGITS);
  const twoOverPiWide = (1n << (1401n + places)) / PI_WIDE;
  const digit = (i: number): number => Number((twoOverPiWide >> (places - 24n * BigInt(i + 1))) & 0xffffffn);
  const digits = Array.from({ length: DIGITS }, (_, i) => i);
  expect(digits.map(i => twoOverPi(i).toString(16))).toEqual(digits.map(i => digit(i).toString(16)));
  expect([-1, -100, DIGITS + 20, 1e6].map(twoOverPi)).toEqual([0, 0, 0, 0]);
});

it("C has the same digits", () => {
  const header = readFileSync(new URL("../../native/rt/scalar.h", import.meta.url), "utf8");
  const table = /digits\[\] = \{([^}]*)\}/.exec(header)?.[1] ?? "";
  expect(table.split(",").map(Number)).toEqual([...TWO_OVER_PI]);
});
