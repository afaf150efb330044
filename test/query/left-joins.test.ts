/** Left joins, whose other row may be missing, against arrays of objects; and what their lambdas may and may not say. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Rows } from "../../src/index.js";
import { anyRows, js, type Row, runtimes, same, tableOf } from "./join-cases.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);

/** Each left row with its matches, or with null. */
const paired = <L, R>(left: readonly L[], right: readonly R[], equal: (l: L, r: R) => boolean): [L, R | null][] =>
  left.flatMap((l): [L, R | null][] => (right.some(r => equal(l, r)) ? right.filter(r => equal(l, r)).map(r => [l, r]) : [[l, null]]));

/** Ways to say what becomes of a pair: each is both the query's lambda and its own oracle. */
const LAMBDAS: readonly (readonly [string, (l: Row, r: Row | null, i: number) => number])[] = [
  ["?? behind ?.", (l, r) => l.v * 10 + (r?.v ?? 7)],
  ["?:", (l, r) => (r ? r.v + l.v : -100)],
  ["=== null", (l, r) => (r === null ? l.k : r.k + r.v)],
  ["null !==", (l, r) => (null !== r ? r.v : l.v)],
  // eslint-disable-next-line eqeqeq -- it must be understood all the same
  ["== undefined", (_, r) => (r == undefined ? 1 : r.v)],
  ["!", (_, r) => (!r ? -1 : r.v * 2)],
  ["!!", (_, r) => (!!r && r.v > 0 ? 1 : 0)],
  ["&&", (l, r) => (r !== null && r.v > l.v ? r.v : 0)],
  ["||", (_, r) => (r === null || r.v < 0 ? 0 : r.v)],
  ["&& of numbers", (l, r) => (r && r.v && l.v ? r.v * l.v : 0.5)],
  ["two tests", (l, r) => (l.v > 0 && r && r.v > 0 ? r.v : l.v)],
  ["a value", (_, r) => Number(r !== null)],
  ["?. is undefined", (l, r) => (r?.v === undefined ? l.v : 2)],
  ["?. chosen among", (l, r) => r?.v ?? r?.k ?? l.v],
  ["the place", (_, r, i) => i + (r === null ? 0 : 0.5)],
  ["if", (l, r) => {
    if (r) return r.v;
    return l.v;
  }],
  ["an early return", (l, r) => {
    if (r === null) return -1;
    return r.v * l.v;
  }],
  ["if, else and assignments", (l, r) => {
    let sum = l.v;
    if (!r) sum = -sum;
    else sum += r.v;
    if (l.k > 0 && r) sum *= 2;
    return sum;
  }],
  ["a loop that goes on where it is missing", (l, r) => {
    let sum = 0;
    for (let at = 0; at < 3; at++) {
      if (r === null) continue;
      sum += r.v + at;
    }
    return sum + l.v;
  }],
  ["another name", (_, r) => {
    const other = r;
    return other === null ? 3 : other.v;
  }],
];

describe.each(runtimes)("left joins on %s", (name, missing, make) => {
  it.skipIf(missing !== null)("come to what arrays of objects do", { timeout: 180_000 }, () => {
    const runtime = make();
    fc.assert(
      fc.property(anyRows, anyRows, (left, right) => {
        const [l, r] = [runtime.compute(tableOf(left)), runtime.compute(tableOf(right)).filter(row => row.v > -3)];
        const kept = right.filter(row => row.v > -3);
        const pairs = paired(left, kept, (a, b) => same(a.k, b.k));
        for (const [words, f] of LAMBDAS) expect([...l.leftJoin(r, a => a.k, b => b.k, f).toArray()], words).toEqual(pairs.map(([a, b], i) => f(a, b, i)));
        const rows = l.leftJoin(r, a => ({ x: a.k, y: a.v }), b => ({ x: b.k, y: b.v }), (a, b) => ({ ...a, there: b !== null, other: b?.v ?? a.v }));
        expect(rows.toRows()).toEqual(paired(left, kept, (a, b) => same(a.k, b.k) && a.v === b.v).map(([a, b]) => ({ ...a, there: Number(b !== null), other: b?.v ?? a.v })));
        const values = l.map(a => a.v, Int32Array).leftJoin(r.map(b => b.k), x => x, y => y, (x, y) => ({ x, y: y ?? 0.25, more: y ? y * 2 : -1, none: y === null }));
        expect(values.toRows()).toEqual(paired(left, kept, (a, b) => same(a.v, b.k)).map(([a, b]) => ({ x: a.v, y: b === null ? 0.25 : b.k, more: b !== null && b.k ? b.k * 2 : -1, none: Number(b === null) })));
      }),
      { numRuns: name === "js" ? 60 : 10, seed: SEED },
    );
  });
});

describe("left joins", () => {
  const left = { id: BigInt64Array.of(1n, 2n, 3n), seats: Int8Array.of(4, 5, 6) };
  const right = { id: BigInt64Array.of(3n, 1n, 3n), age: Float32Array.of(0.5, 1.5, 2.5), big: BigInt64Array.of(9n, 8n, 7n) };

  it("keep types, take helpers, captures, statements in the key, and go on", () => {
    const older = (plane: { age: number } | null, by: number): number => (plane === null ? -1 : plane.age + by);
    const joined = js.compute(left).leftJoin(js.compute(right), l => l.id, r => r.id, (l, r) => ({ seats: l.seats, age: older(r, years), big: r?.big ?? 0n }), { older, years: 10 });
    expect(joined.toColumns()).toEqual({ seats: Int8Array.of(4, 5, 6, 6), age: Float32Array.of(11.5, -1, 10.5, 12.5), big: BigInt64Array.of(8n, 0n, 9n, 7n) });
    expect(joined.filter(r => r.age > 0).sum(r => r.seats).value()).toBe(16);
  });
  const years = 0;

  it("with nothing on one side, or on both", () => {
    const none = { id: new BigInt64Array(0), age: new Float32Array(0), big: new BigInt64Array(0) };
    expect(js.compute(left).leftJoin(js.compute(none), l => l.id, r => r.id, (l, r) => ({ seats: l.seats, age: r?.age ?? NaN })).toColumns()).toEqual({ seats: Int8Array.of(4, 5, 6), age: Float32Array.of(NaN, NaN, NaN) });
    expect(js.compute(none).leftJoin(js.compute(right), l => l.id, r => r.id, (l, r) => r?.age ?? l.age).toArray()).toHaveLength(0);
  });

  it("are explained", () => {
    const text = js.compute(left).leftJoin(js.compute(right), l => l.id, r => r.id, (_, r) => r?.age ?? NaN).explain();
    expect(text).toContain("  .leftJoin(compute({ id: BigInt64Array, age: Float32Array, big: BigInt64Array } × 3), (l) => l.id, …, (_, r) => r?.age ?? NaN)\n");
    expect(text).toContain("\nleftJoin: runs the other query, then a hash table of its keys, on the calling thread, as JavaScript\n");
    expect(text).toContain("reads the columns right age, matched\n");
  });

  const joined = (f: (l: { id: bigint; seats: number }, r: { age: number; big: bigint } | null) => unknown) => () => js.compute(left).leftJoin(js.compute(right), l => l.id, r => r.id, f as () => number).toArray();
  it.each<[string, () => unknown, string]>([
    ["an unguarded column", joined((_, r) => r!.age), "DC113: r may be missing, and its age with it\n  (_, r) => r.age\n              ^^^\nTest it first, or say what to take instead: r?.age ?? NaN"],
    ["a column behind the wrong branch", joined((_, r) => (r === null ? (r as unknown as { age: number }).age : 0)), "DC113: r may be missing"],
    ["a column behind the wrong half of a test", joined((_, r) => (r === null && (r as unknown as { age: number }).age > 0 ? 1 : 0)), "DC113: r may be missing"],
    ["a column behind an if that goes on", joined((l, r) => {
      let n = 0;
      if (r === null) n = l.seats;
      return n + r!.age;
    }), "DC113: r may be missing"],
    ["?. by itself", joined((_, r) => r?.age), "DC113: this is undefined where the row is missing\n  (_, r) => r?.age\n            ^^^^^^\nSay what to take instead: r?.age ?? NaN"],
    ["the row spread", joined((_, r) => ({ ...r })), "DC113: r may be missing, and its id with it"],
    ["the row as a result", joined((_, r) => r), "DC113: r may be missing, and its id with it"],
    ["the row as a number", joined((l, r) => l.seats + (r as unknown as number)), "DC113: r may be missing\n"],
    ["the row taken apart", () => js.compute(left).leftJoin(js.compute(right), l => l.id, r => r.id, ((_: unknown, { age }: { age: number }) => age) as () => number), "DC113: row may be missing, and its age with it"],
    ["another row instead", joined((l, r) => ({ ...(r ?? l) })), "DC102: only a row can be spread"],
    ["=== undefined", joined((_, r) => (r === undefined ? 1 : 0)), "DC113: r is never undefined: where it is missing it is null\n  (_, r) => r === void 0 ? 1 : 0\n            ^\nWrite r === null"],
    ["?. === null", joined((_, r) => (r?.age === null ? 1 : 0)), "DC113: r?.age is never null: where it is missing it is undefined"],
    ["a value that may be missing", () => js.compute(left.seats).leftJoin(js.compute(right.age), x => x, y => y, (x, y) => x + y!), "DC113: y may be missing\n  (x, y) => x + y\n                ^\nTest it first, y === null, or say what to take instead: y ?? NaN"],
    ["a column of a value", () => js.compute(left.seats).leftJoin(js.compute(right.age), x => x, y => y, (_, y) => (y as unknown as { a: number }).a), "DC102: numbers and strings have no such property"],
    ["?. of a row that is there", () => js.compute(left).map(r => r?.seats ?? 3), "DC102: `??` is for missing values"],
    ["null elsewhere", () => js.compute(left).map(r => (r.seats === (null as unknown as number) ? 1 : 2)), "DC102: a kernel has no null"],
    ["an array", () => js.compute(left).leftJoin([] as unknown as Rows<typeof right>, l => l.id, r => r.id, () => 1), "DC305: leftJoin() takes another query, not an array"],
  ])("%s is refused", (_, work, words) => {
    expect(work).toThrow(words);
  });
});
