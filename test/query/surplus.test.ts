/** Arguments and options that a method does not have are refused: other libraries give them a meaning, and a misspelt one none. */
import { expect, it } from "vitest";
import { createRuntime, fromJSON, nullable } from "../../src/index.js";

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
  ["aggregate", [{ n: (q: typeof loose) => q["count"]?.() }, { k: 1 }]],
])("%s refuses what it would ignore", (verb, given) => {
  expect(() => loose[verb]?.(...given)).toThrow(`DC305: ${verb}() was given`);
});

it.each<[string, () => unknown, string]>([
  ["toArray", () => loose["toArray"]?.({ inot: array }), "toArray() has no option inot\nIts only one is into."],
  ["compute", () => compute(array, { fastmath: true } as never), "compute() has no option fastmath\nIts options are fastMath, runtime."],
  ["createRuntime", () => createRuntime({ backends: "js" } as never), "createRuntime() has no option backends\nIts options are backend, "],
  ["reduce", () => loose["reduce"]?.((a: number, x: number) => a + x, 0, {}, { sequental: true }), "reduce() has no option sequental\nIts options are combine, sequential."],
  ["scan", () => loose["scan"]?.((a: number, x: number) => a + x, 0, {}, { inclusive: true }), "scan() has no option inclusive\nIts options are exclusive, sequential, to."],
  ["window", () => loose["window"]?.(3, { edges: "clamp" }), "window() has no option edges\nIts options are edge, value."],
  ["variance", () => loose["variance"]?.({ samples: true }), "variance() has no option samples\nIts only one is sample."],
  ["explain", () => loose["explain"]?.({ as: "json" }), "explain() has no option as\nIts only one is format."],
  ["fromJSON", () => fromJSON(compute(array).toJSON(), array, { other: [] } as never), "fromJSON() has no option other\nIts options are others, runtime."],
])("%s refuses options that it does not have", (_, call, words) => {
  expect(call).toThrow(`DC305: ${words}`);
});

it("a run refuses them too", async () => {
  await expect(compute(array).sum().run({ signl: undefined } as never)).rejects.toThrow("DC305: run() has no option signl");
  await expect(loose["toArrayAsync"]?.({ chunk: 3 })).rejects.toThrow("DC305: toArrayAsync() has no option chunk");
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

it("tap says whose memory it took away", () => {
  const [own, other] = [Float64Array.of(1, 2, 3), Float64Array.of(4, 5, 6)];
  const take = ({ buffer }: Float64Array<ArrayBuffer>) => void (buffer.byteLength > 0 && structuredClone(buffer, { transfer: [buffer] }));
  expect(() => compute(own).tap(() => take(own)).map(x => x + 1).toArray()).toThrow("DC307: what tap() is called with, a Float64Array, has lost its buffer");
  expect(() => compute({ other }).tap(() => take(other)).map(r => r.other + 1).toArray()).toThrow("DC307: the column other, a Float64Array, has lost its buffer");
});
