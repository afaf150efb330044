/** Arguments that a method does not have are refused: other libraries give them a meaning. */
import { expect, it } from "vitest";
import { createRuntime, nullable } from "../../src/index.js";

const { compute } = createRuntime({ backend: "js" });
const array = Float64Array.of(1, 2, 3);

type Loose = Readonly<Record<string, (...given: readonly unknown[]) => unknown>>;
const loose = compute(array) as unknown as Loose;

it.each<[string, readonly unknown[]]>([
  ["sum", [(x: number) => x * 10]],
  ["average", [(x: number) => x]],
  ["min", [(x: number) => x]],
  ["max", [(x: number) => x]],
  ["count", [(x: number) => x > 1]],
  ["indexOf", [1, 1]],
  ["includes", [1, 1]],
  ["distinct", [(x: number) => x]],
  ["concat", [compute(array), compute(array)]],
  ["union", [compute(array), (x: number) => x]],
  ["intersect", [compute(array), (x: number) => x]],
  ["except", [compute(array), (x: number) => x]],
])("%s refuses what it would ignore", (verb, given) => {
  expect(() => loose[verb]?.(...given)).toThrow(`DC305: ${verb}() was given`);
});

it("so does the count of a group", () => {
  const groups = compute(array).groupBy(x => x % 2);
  expect(() => groups.aggregate({ n: g => (g as unknown as { count(f: unknown): ReturnType<typeof g.count> }).count(() => true) })).toThrow("DC305: count() was given a function");
});

it("tap sees rows as users know them", () => {
  const seen: unknown[] = [];
  compute({ a: nullable(array, [true, false, true]), n: array }).tap(row => void seen.push(row)).count().value();
  expect(seen).toEqual([{ a: 1, n: 1 }, { a: null, n: 2 }, { a: 3, n: 3 }]);
});
