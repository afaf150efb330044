/** Strings in tables: what JavaScript gives for the same rows, on every backend. */
import { describe, expect, it } from "vitest";
import { createRuntime, fromJSON, LambdaError, nullable, QueryError, strings, type LazyValue, type Rows } from "../../src/index.js";
import { seeded } from "../../src/runtime/random.js";

interface Flight {
  readonly carrier: string;
  readonly origin: string;
  readonly delay: number;
}

/** Empty strings, pairs of surrogates and halves of them, and strings that begin with others. */
const NAMES = ["AA", "", "UA", "A", "AAA", "Ünï", "🛫", "\ud83d", "\udeeb", "\uffff", "zz", "é", "e\u0301", "AA\0", " AA"];

function flightsOf(count: number, seed: number): readonly Flight[] {
  const next = seeded(seed);
  const name = (): string => NAMES[Math.floor(next() * NAMES.length)] as string;
  return Array.from({ length: count }, () => ({ carrier: name(), origin: name(), delay: Math.floor(next() * 60) - 20 }));
}

const columnsOf = (rows: readonly Flight[]) => ({ carrier: rows.map(r => r.carrier), origin: rows.map(r => r.origin), delay: Float64Array.from(rows, r => r.delay) });

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Named in lambdas, and handed over. */
declare const wanted: string;
declare const listed: readonly string[];
declare const least: string;

function countsOf<T>(values: readonly T[]): readonly { readonly key: T; readonly count: number }[] {
  const counts = new Map<T, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([key, count]) => ({ key, count }));
}

describe.each(["js", "cpu"] as const)("on %s", backend => {
  const { compute } = createRuntime({ backend });

  describe.each([0, 1, 33, 1025])("%i rows", count => {
    const rows = flightsOf(count, count + 1);
    const table = () => compute(columnsOf(rows));

    it("compares with literals, captures and columns", () => {
      expect(table().filter(r => r.carrier === "AA").toRows()).toEqual(rows.filter(r => r.carrier === "AA"));
      expect(table().filter(r => "AA" !== r.carrier).toRows()).toEqual(rows.filter(r => "AA" !== r.carrier));
      // eslint-disable-next-line eqeqeq -- is the same
      expect(table().filter(r => r.carrier == "").count().value()).toBe(rows.filter(r => r.carrier === "").length);
      expect(table().filter(r => r.carrier === "not there").toRows()).toEqual([]);
      expect(table().filter(r => r.carrier !== r.origin).toRows()).toEqual(rows.filter(r => r.carrier !== r.origin));
      for (const code of ["UA", "🛫", "none"]) expect(table().filter(r => r.carrier === code, { code }).toRows()).toEqual(rows.filter(r => r.carrier === code));
      expect(table().filter(r => ["AA", "", "🛫", "none"].includes(r.carrier)).toRows()).toEqual(rows.filter(r => ["AA", "", "🛫", "none"].includes(r.carrier)));
      expect(table().filter(r => ![3, 4].includes(r.delay) && ["UA"].includes(r.delay > 0 ? r.carrier : "UA")).toRows()).toEqual(rows.filter(r => ![3, 4].includes(r.delay) && ["UA"].includes(r.delay > 0 ? r.carrier : "UA")));
      for (const list of [["AA", "zz", "none"], [], ["late"]]) {
        expect(table().filter(r => listed.includes(r.carrier), { listed: list }).toRows()).toEqual(rows.filter(r => list.includes(r.carrier)));
        expect(table().map(r => ({ x: listed.includes(r.delay > 15 ? "late" : r.carrier) ? "in" : "out" }), { listed: list }).toColumns().x).toEqual(rows.map(r => (list.includes(r.delay > 15 ? "late" : r.carrier) ? "in" : "out")));
      }
      expect(table().some(r => r.origin === "zz").value()).toBe(rows.some(r => r.origin === "zz"));
      expect(table().findIndex(r => r.origin === "zz").value()).toBe(rows.findIndex(r => r.origin === "zz"));
    });

    it("makes new columns, of literals and of others", () => {
      const made = rows.map((r, i) => ({ ...r, late: r.delay > 15 ? "late" : "on time", either: i % 2 === 0 ? r.carrier : r.origin, same: r.carrier }));
      expect(table().map((r, i) => ({ ...r, late: r.delay > 15 ? "late" : "on time", either: i % 2 === 0 ? r.carrier : r.origin, same: r.carrier })).toRows()).toEqual(made);
      const named = table().map(r => {
        let name = "";
        for (let k = 0; k < 3; k++) if (r.delay > 10 * k) name = r.origin;
        if (name === "UA") return { name: "United" };
        return { name };
      });
      expect(named.toColumns().name).toEqual(rows.map(r => (r.delay > 0 ? r.origin : "")).map(name => (name === "UA" ? "United" : name)));
    });

    it("computes of them what JavaScript computes", () => {
      const tests = table().map(r => ({
        starts: r.carrier.startsWith("A"), from: r.carrier.startsWith("A", 1), ends: r.carrier.endsWith("A"), to: r.carrier.endsWith("A", 1), has: r.origin.includes("n"), half: r.origin.includes("\ud83d"),
        length: r.carrier.length, at: r.carrier.indexOf("A"), last: r.carrier.lastIndexOf("A"), code: r.carrier.charCodeAt(1), first: r.carrier.charCodeAt(0),
      }));
      expect(tests.toRows()).toEqual(rows.map(r => ({
        starts: Number(r.carrier.startsWith("A")), from: Number(r.carrier.startsWith("A", 1)), ends: Number(r.carrier.endsWith("A")), to: Number(r.carrier.endsWith("A", 1)), has: Number(r.origin.includes("n")), half: Number(r.origin.includes("\ud83d")),
        length: r.carrier.length, at: r.carrier.indexOf("A"), last: r.carrier.lastIndexOf("A"), code: r.carrier.charCodeAt(1), first: r.carrier.charCodeAt(0),
      })));
      const made = table().map(r => ({
        low: r.carrier.toLowerCase(), up: r.origin.toUpperCase(), trimmed: r.carrier.trim(), start: r.carrier.trimStart(), end: r.carrier.trimEnd(), first: r.carrier.charAt(0), cut: r.carrier.slice(1, 2), tail: r.carrier.slice(-1), part: r.carrier.substring(2, 0),
        more: r.carrier + "x", less: "x" + r.carrier, both: `<${r.origin}>`, same: `${r.origin}`, one: r.carrier.replace("A", "$&-"), all: r.carrier.replaceAll("A", "b"), chain: r.carrier.slice(0, 1).toLowerCase() === "a" ? r.carrier.trim().slice(1) : `${r.origin.toLowerCase()}!`,
      }));
      expect(made.toRows()).toEqual(rows.map(r => ({
        low: r.carrier.toLowerCase(), up: r.origin.toUpperCase(), trimmed: r.carrier.trim(), start: r.carrier.trimStart(), end: r.carrier.trimEnd(), first: r.carrier.charAt(0), cut: r.carrier.slice(1, 2), tail: r.carrier.slice(-1), part: r.carrier.substring(2, 0),
        more: `${r.carrier}x`, less: `x${r.carrier}`, both: `<${r.origin}>`, same: r.origin, one: r.carrier.replace("A", "$&-"), all: r.carrier.replaceAll("A", "b"), chain: r.carrier.slice(0, 1).toLowerCase() === "a" ? r.carrier.trim().slice(1) : `${r.origin.toLowerCase()}!`,
      })));
      for (const [prefix, end] of [["A", 1], ["", -1], ["none", Infinity]] as const) {
        expect(table().filter(r => r.carrier.startsWith(prefix) && r.origin.slice(0, end) !== "A", { prefix, end }).toRows()).toEqual(rows.filter(r => r.carrier.startsWith(prefix) && r.origin.slice(0, end) !== "A"));
      }
      const twice = table().map(r => ({ k: r.carrier.slice(0, 1) })).groupBy(r => r.k.toLowerCase()).aggregate({ n: g => g.count(), short: g => g.sum(r => r.k.length) }).toRows();
      expect(twice).toEqual(countsOf(rows.map(r => r.carrier.slice(0, 1).toLowerCase())).map(({ key, count: n }) => ({ key, n, short: rows.filter(r => r.carrier.slice(0, 1).toLowerCase() === key).reduce((sum, r) => sum + r.carrier.slice(0, 1).length, 0) })));
      const { low, n } = table().aggregate({ low: q => q.filter(r => r.carrier.toLowerCase().startsWith("a")).count(), n: q => q.filter(r => listed.includes(r.origin.trim().toUpperCase()), { listed: ["AA", "ZZ"] }).sum(r => r.origin.length) }).value();
      expect([low, n]).toEqual([rows.filter(r => r.carrier.toLowerCase().startsWith("a")).length, rows.filter(r => ["AA", "ZZ"].includes(r.origin.trim().toUpperCase())).reduce((sum, r) => sum + r.origin.length, 0)]);
    });

    it("knows their order", () => {
      expect(table().map(r => ({ a: r.carrier < "B", b: r.carrier <= "AA", c: r.carrier > "e", d: r.carrier >= "\ud83d", e: "AA" < r.carrier, f: r.carrier < r.origin, g: r.carrier <= r.origin, h: r.carrier.slice(1) > r.origin, i: r.carrier >= r.origin.toLowerCase() })).toRows()).toEqual(
        rows.map(r => ({ a: Number(r.carrier < "B"), b: Number(r.carrier <= "AA"), c: Number(r.carrier > "e"), d: Number(r.carrier >= "\ud83d"), e: Number(r.carrier > "AA"), f: Number(r.carrier < r.origin), g: Number(r.carrier <= r.origin), h: Number(r.carrier.slice(1) > r.origin), i: Number(r.carrier >= r.origin.toLowerCase()) })),
      );
      const sorted = rows.map(r => r.origin).toSorted(compare);
      expect(table().minBy(r => r.carrier).value()).toEqual(rows.toSorted((a, b) => compare(a.carrier, b.carrier))[0]);
      expect(table().filter(r => r.delay > 0).maxBy(r => r.origin.toLowerCase()).value()).toEqual(rows.filter(r => r.delay > 0).toSorted((a, b) => compare(b.origin.toLowerCase(), a.origin.toLowerCase()))[0]);
      expect(table().column("origin").maxBy(x => x).value()).toBe(sorted.at(-1));
      if (rows.length > 0) {
        expect([table().min(r => r.origin).value(), table().column("origin").max().value()]).toEqual([sorted[0], sorted.at(-1)]);
        const both = table().aggregate({ low: q => q.min(r => r.origin), last: q => q.maxBy(r => r.origin.slice(0, 1)), cut: q => q.max(r => r.origin.slice(0, 1)), n: q => q.count() }).value();
        expect(both).toEqual({ low: sorted[0], last: rows.toSorted((a, b) => compare(b.origin.slice(0, 1), a.origin.slice(0, 1)))[0], cut: sorted.map(x => x.slice(0, 1)).toSorted(compare).at(-1), n: rows.length });
      } else expect(() => table().max(r => r.origin).value()).toThrow(new TypeError("The max of no strings does not exist"));
      expect(table().filter(r => r.carrier > least && r.delay > 0, { least: "A" }).toRows()).toEqual(rows.filter(r => r.carrier > "A" && r.delay > 0));
    });

    it("orders by UTF-16 code units, stably", () => {
      expect(table().orderBy(r => r.carrier).toRows()).toEqual(rows.toSorted((a, b) => compare(a.carrier, b.carrier)));
      expect(table().orderByDescending(r => r.origin).thenBy(r => r.carrier).toRows()).toEqual(rows.toSorted((a, b) => compare(b.origin, a.origin) || compare(a.carrier, b.carrier)));
      expect(table().map(r => ({ ...r, k: r.delay > 3 ? "B" : r.carrier })).orderBy(r => r.k).thenByDescending(r => r.delay).map(r => r.k).toArray()).toEqual(rows.map(r => (r.delay > 3 ? "B" : r.carrier)).toSorted(compare));
      expect(table().top(5, r => r.carrier).toRows()).toEqual(rows.toSorted((a, b) => compare(b.carrier, a.carrier)).slice(0, 5));
      expect(table().bottom(5, r => r.origin).toRows()).toEqual(rows.toSorted((a, b) => compare(a.origin, b.origin)).slice(0, 5));
    });

    it("groups, counts and tells apart", () => {
      expect(table().countBy(r => r.carrier).toRows()).toEqual(countsOf(rows.map(r => r.carrier)));
      const pairs = countsOf(rows.map(r => JSON.stringify([r.carrier, r.delay > 0]))).map(({ key, count }) => ({ c: (JSON.parse(key) as [string, boolean])[0], d: Number((JSON.parse(key) as [string, boolean])[1]), count }));
      expect(table().countBy(r => ({ c: r.carrier, d: r.delay > 0 })).toRows()).toEqual(pairs);
      const groups = [...new Set(rows.map(r => r.origin))].map(key => ({ key, of: rows.filter(r => r.origin === key) })).map(({ key, of }) => ({ key, sum: of.reduce((sum, r) => sum + r.delay, 0), first: of[0]!.carrier, last: of.at(-1)!.carrier }));
      expect(table().groupBy(r => r.origin).aggregate({ sum: g => g.sum(r => r.delay), first: g => g.first(r => r.carrier), last: g => g.last(r => r.carrier) }).toRows()).toEqual(groups);
      expect(table().map(r => ({ c: r.carrier })).distinct().toRows()).toEqual([...new Set(rows.map(r => r.carrier))].map(c => ({ c })));
    });

    it("joins tables whose strings have other codes", () => {
      const airlines = NAMES.toReversed().filter((_, at) => at % 3 !== 0).map((id, at) => ({ id, name: `airline ${at}`, size: at }));
      const joined = rows.flatMap(r => airlines.filter(a => a.id === r.carrier).map(a => ({ delay: r.delay, name: a.name, carrier: r.carrier })));
      expect(table().join(compute(airlines), r => r.carrier, a => a.id, (r, a) => ({ delay: r.delay, name: a.name, carrier: r.carrier })).toRows()).toEqual(joined);
      const left = rows.map(r => ({ name: airlines.find(a => a.id === r.carrier)?.name ?? "unknown", delay: r.delay }));
      expect(table().leftJoin(compute(airlines), r => r.carrier, a => a.id, (r, a) => ({ name: a?.name ?? "unknown", delay: r.delay })).toRows()).toEqual(left);
      expect(table().semiJoin(compute(airlines).filter(a => a.size > 2), r => r.carrier, a => a.id).toRows()).toEqual(rows.filter(r => airlines.some(a => a.size > 2 && a.id === r.carrier)));
      expect(table().antiJoin(compute(airlines), r => r.carrier, a => a.id).toRows()).toEqual(rows.filter(r => !airlines.some(a => a.id === r.carrier)));
      expect(compute(airlines).groupJoin(table(), a => a.id, r => r.carrier, { n: g => g.count(), d: g => g.sum(r => r.delay) }).toRows())
        .toEqual(airlines.map(a => ({ ...a, n: rows.filter(r => r.carrier === a.id).length, d: rows.filter(r => r.carrier === a.id).reduce((sum, r) => sum + r.delay, 0) })));
      const two = rows.slice(0, 40);
      expect(compute(columnsOf(two)).join(table(), r => ({ a: r.carrier, b: r.delay }), r => ({ a: r.origin, b: r.delay }), (l, r) => ({ l: l.carrier, r: r.carrier })).toRows())
        .toEqual(two.flatMap(l => rows.filter(r => l.carrier === r.origin && l.delay === r.delay).map(r => ({ l: l.carrier, r: r.carrier }))));
    });

    it("puts tables together", async () => {
      const others = flightsOf(50, 7).map(r => ({ ...r, carrier: `${r.carrier}${r.delay > 10 ? "x" : ""}` }));
      const more = () => compute(columnsOf(others));
      const key = (r: Flight): string => JSON.stringify(r);
      const [own, other] = [new Set(rows.map(key)), new Set(others.map(key))];
      const parse = (set: Iterable<string>): unknown[] => [...set].map(text => JSON.parse(text) as unknown);
      expect(table().concat(more()).toRows()).toEqual([...rows, ...others]);
      expect(table().union(more()).toRows()).toEqual(parse(new Set([...own, ...other])));
      expect(table().intersect(more()).toRows()).toEqual(parse(own).filter(r => other.has(JSON.stringify(r))));
      expect(await table().except(more()).toColumnsAsync()).toEqual(columnsOf(parse(own).filter(r => !other.has(JSON.stringify(r))) as Flight[]));
      expect(table().zip(more(), (a, b) => ({ a: a.carrier, b: b.carrier, same: a.carrier === b.carrier })).toRows())
        .toEqual(rows.slice(0, 50).map((a, at) => ({ a: a.carrier, b: others[at]!.carrier, same: Number(a.carrier === others[at]!.carrier) })));
    });

    it("gives rows and single strings", async () => {
      expect(table().first().value()).toEqual(rows[0]);
      expect(table().find(r => r.origin === "A").value()).toEqual(rows.find(r => r.origin === "A"));
      expect(await table().last(r => r.carrier !== "A")).toEqual(rows.findLast(r => r.carrier !== "A"));
      expect(table().minBy(r => r.delay).value()).toEqual(rows.toSorted((a, b) => a.delay - b.delay)[0]);
      expect(table().column("carrier").distinct().toArray()).toEqual([...new Set(rows.map(r => r.carrier))]);
      expect(table().map(r => r.origin).filter(x => x !== "AA").first().value()).toBe(rows.find(r => r.origin !== "AA")?.origin);
      const chunks: string[] = [];
      await table().filter(r => r.delay > 0).forEach(({ carrier }) => chunks.push(...carrier), { chunk: 100 });
      expect(chunks).toEqual(rows.filter(r => r.delay > 0).map(r => r.carrier));
      const seen: unknown[] = [];
      table().filter(r => r.delay > 0).tap(r => seen.push(r)).count().value();
      expect(seen).toEqual(rows.filter(r => r.delay > 0));
    });
  });

  it("takes sequences of strings", async () => {
    const values = flightsOf(100, 5).map(r => r.carrier);
    expect(compute(values).distinct().toArray()).toEqual([...new Set(values)]);
    expect(compute(values).filter(x => x === "AA").toArray()).toEqual(values.filter(x => x === "AA"));
    expect(compute(values).countBy(x => x).toRows()).toEqual(countsOf(values));
    expect(compute(values).orderBy(x => x).take(3).toArray()).toEqual(values.toSorted(compare).slice(0, 3));
    expect(compute(values).top(3).toArray()).toEqual(values.toSorted((a, b) => compare(b, a)).slice(0, 3));
    expect(compute(values).reverse().toArray()).toEqual(values.toReversed());
    expect(compute(values).indexOf("zz").value()).toBe(values.indexOf("zz"));
    expect(await compute(values).includes("none")).toBe(false);
    expect(compute(values).map(x => (x === "AA" ? 1 : 0)).sum().value()).toBe(values.filter(x => x === "AA").length);
    expect(compute(values).map(x => (x === "AA" ? "American" : x)).toArray()).toEqual(values.map(x => (x === "AA" ? "American" : x)));
    expect(compute(Float64Array.of(1, 20)).map(x => (x > 15 ? "late" : "on time")).toArray()).toEqual(["on time", "late"]);
    expect(compute(values).window(2).map(([a, b]) => (a === b ? 1 : 0), Uint8Array).toArray()).toEqual(Uint8Array.from(values.slice(1), (x, at) => Number(x === values[at])));
    expect(compute(values).concat(compute(["new"])).last().value()).toBe("new");
    expect(compute(["a", "b"]).flatMap(x => [x, "-"]).toArray()).toEqual(["a", "-", "b", "-"]);
    expect(compute(["a", "b"]).zip(compute([1, 2]), (x, y) => ({ x, y })).toRows()).toEqual([{ x: "a", y: 1 }, { x: "b", y: 2 }]);
    expect(compute(["a", "b", "b"]).reduce((n, x) => n + (x === "b" ? 1 : 0), 0).value()).toBe(2);
  });

  it("knows nulls", () => {
    const rows = flightsOf(500, 9).map((r, i) => ({ ...r, carrier: i % 3 === 0 ? null : r.carrier }));
    const table = () => compute({ carrier: rows.map(r => r.carrier), delay: Float64Array.from(rows, r => r.delay) });
    expect(compute(rows).toRows()).toEqual(rows);
    expect(table().toColumns().carrier).toEqual(rows.map(r => r.carrier));
    expect(table().filter(r => r.carrier === "AA").count().value()).toBe(rows.filter(r => r.carrier === "AA").length);
    expect(table().filter(r => r.carrier !== "AA").count().value()).toBe(rows.filter(r => r.carrier !== "AA").length);
    expect(table().filter(r => r.carrier === null).count().value()).toBe(rows.filter(r => r.carrier === null).length);
    expect(table().filter(r => ["AA", "UA"].includes(r.carrier as string)).count().value()).toBe(rows.filter(r => ["AA", "UA"].includes(r.carrier as string)).length);
    expect(table().filter(r => !listed.includes(r.carrier as string), { listed: ["AA", "UA"] }).count().value()).toBe(rows.filter(r => !["AA", "UA"].includes(r.carrier as string)).length);
    expect(table().filter(r => r.carrier !== null && r.carrier.startsWith("A")).count().value()).toBe(rows.filter(r => r.carrier?.startsWith("A")).length);
    expect(table().map(r => ({ n: r.carrier === null ? -1 : r.carrier.toLowerCase().length, c: (r.carrier ?? "none").slice(0, 2) })).toColumns()).toEqual({ n: Float64Array.from(rows, r => r.carrier?.toLowerCase().length ?? -1), c: rows.map(r => (r.carrier ?? "none").slice(0, 2)) });
    expect(table().map(r => ({ c: r.carrier ?? "??" })).toColumns().c).toEqual(rows.map(r => r.carrier ?? "??"));
    expect(table().map(r => ({ c: r.delay > 0 ? "late" : null })).toColumns().c).toEqual(rows.map(r => (r.delay > 0 ? "late" : null)));
    expect(table().fillNulls({ carrier: "AA" }).filter(r => r.carrier === "AA").count().value()).toBe(rows.filter(r => (r.carrier ?? "AA") === "AA").length);
    expect(table().dropNulls().toColumns().carrier).toEqual(rows.flatMap(r => r.carrier ?? []));
    expect(table().countBy(r => r.carrier).toRows()).toEqual(countsOf(rows.map(r => r.carrier)));
    expect(table().orderBy(r => r.carrier).toColumns().carrier).toEqual(rows.map(r => r.carrier).toSorted((a, b) => (a === null || b === null ? Number(a === null) - Number(b === null) : compare(a, b))));
    expect(table().min(r => r.carrier).value()).toBe(rows.flatMap(r => r.carrier ?? []).toSorted(compare)[0]);
    expect(table().join(compute([{ id: "AA" }, { id: null }]), r => r.carrier, a => a.id, r => r.delay).count().value()).toBe(rows.filter(r => r.carrier === "AA").length);
  });

  it("puts columns with nulls and without behind one another, and makes nulls", () => {
    const [plain, holed] = [[{ k: "A", n: 1 }, { k: "B", n: 2 }], [{ k: null, n: 3 }, { k: "A", n: null }]];
    const [one, other] = [compute({ k: ["A", "B"], n: Int16Array.of(1, 2) }), compute({ k: [null, "A"], n: nullable(Int16Array.of(3, 0), [true, false]) })];
    expect(one.concat(other as never).toRows()).toEqual([...plain, ...holed]);
    expect((other as unknown as typeof one).concat(one).toRows()).toEqual([...holed, ...plain]);
    expect((one.concat(other as never).toColumns() as { n: unknown }).n).toEqual(nullable(Int16Array.of(1, 2, 3, 0), [true, true, true, false]));
    expect(one.concat(one).toRows()).toEqual([...plain, ...plain]);
    expect(one.map(r => ({ k: r.n > 1 ? null : r.k, m: r.k === "A" ? null : r.n })).toRows()).toEqual([{ k: "A", m: null }, { k: null, m: 2 }]);
    expect(one.join(other as never, x => [x.k, x.n], (y: { k: string | null; n: number | null }) => [y.k ?? "B", (y.n ?? 4) - 1], (x, y: { n: number | null }) => ({ k: x.k, n: y.n ?? -1 })).toRows()).toEqual([{ k: "B", n: 3 }]);
    expect(one.semiJoin(one, x => [x.k, x.n], y => [y.k, y.n * 2 - 1]).toRows()).toEqual([{ k: "A", n: 1 }]);
  });

  it("reads strings that were encoded once", () => {
    const [carrier, origin] = [strings(["AA", "UA", null, "AA"]), strings(["UA", "LH", "AA", "x"])];
    expect(compute({ carrier, origin }).filter(r => r.origin !== "x").toColumns()).toEqual({ carrier: ["AA", "UA", null], origin: ["UA", "LH", "AA"] });
    expect(compute({ carrier, origin }).filter(r => r.carrier === r.origin).count().value()).toBe(0);
    expect(compute({ carrier: origin, origin: strings(["x", "LH", "AA", "UA"]) }).filter(r => r.carrier === r.origin).toRows()).toEqual([{ carrier: "LH", origin: "LH" }, { carrier: "AA", origin: "AA" }]);
    expect(compute(origin).toArray()).toEqual(["UA", "LH", "AA", "x"]);
  });

  it("has room for very many", () => {
    const next = seeded(3);
    const ids = Array.from({ length: 100_000 }, (_, at) => `id ${Math.floor(next() * 1e9)}-${at}`);
    const right = ids.filter((_, at) => at % 7 === 0).toReversed();
    expect(compute({ id: ids }).distinct().count().value()).toBe(ids.length);
    expect(compute({ id: ids }).semiJoin(compute({ key: right }), r => r.id, r => r.key).count().value()).toBe(right.length);
    expect(compute({ id: ids }).orderBy(r => r.id).take(10).toColumns().id).toEqual(ids.toSorted(compare).slice(0, 10));
  });

  it("can be stored", () => {
    const rows = flightsOf(100, 11);
    const query = compute(rows).map(r => ({ ...r, late: r.delay > 15 ? "late" : "on time" })).filter(r => r.carrier === wanted, { wanted: "AA" });
    expect(fromJSON<Rows<{ carrier: string[]; late: string[] }>>(JSON.stringify(query), rows).toColumns()).toEqual(query.toColumns());
    const count = compute(rows).fillNulls({}).filter(r => r.origin !== "UA" && listed.includes(r.carrier), { listed: ["AA", "UA"] }).count();
    expect(fromJSON<LazyValue<number>>(JSON.stringify(count), rows).value()).toBe(count.value());
    expect(fromJSON<LazyValue<number>>(JSON.stringify(compute(["a", "b"]).indexOf("b")), ["b"]).value()).toBe(0);
    expect(() => fromJSON(JSON.stringify(compute(rows)), { carrier: new Float64Array(1), origin: ["a"], delay: new Float64Array(1) })).toThrow(QueryError);
  });
});

describe("what kernels do not do with strings", () => {
  const { compute } = createRuntime({ backend: "js" });
  const table = compute([{ carrier: "AA", delay: 3 }]);
  const loose = table as unknown as { readonly [verb: string]: (...args: readonly unknown[]) => { readonly value: () => unknown; readonly toColumns: () => unknown } };
  const alone = compute(["a", "b"]) as unknown as { readonly [verb: string]: (...args: readonly unknown[]) => { readonly value: () => unknown; readonly toArray: () => unknown } };
  it.each([
    ["+ of a number", () => loose["map"]!((r: { carrier: string; delay: number }) => ({ x: r.carrier + r.delay })), "DC209: + is given a string"],
    ["+ of a number written out", () => loose["map"]!((r: { delay: number }) => ({ x: `${r.delay}!` })), "DC209: + is given a string and a number"],
    ["+ of two columns", () => loose["map"]!((r: { carrier: string }) => ({ x: r.carrier + r.carrier })), "DC209: + puts together two strings that both differ from row to row"],
    ["<", () => loose["filter"]!((r: { delay: unknown }) => (r.delay as string) < "B").toColumns(), "DC204: a number is compared with a string"],
    ["a number", () => loose["filter"]!((r: { carrier: unknown }) => r.carrier === 3).toColumns(), "DC204: a string is compared with a number"],
    ["a number, too", () => loose["filter"]!((r: { delay: unknown }) => r.delay === "3").toColumns(), "DC204: a number is compared with a string"],
    ["a truth value", () => loose["filter"]!((r: { carrier: string }) => r.carrier).toColumns(), 'DC209: a string is used as a truth value'],
    ["a length of a number", () => loose["map"]!((r: { delay: unknown }) => ({ x: (r.delay as string).length })), "DC102: a number has no length in a kernel"],
    ["a length of a captured number", () => loose["map"]!((r: { delay: number }) => ({ x: r.delay + (least as unknown as string).length }), { least: 3 }), "DC111: least is a single value and is used as an array"],
    ["a method of a number", () => loose["map"]!((r: { delay: unknown }) => ({ x: (r.delay as string).trim() })), "DC106: a number has no method trim in a kernel"],
    ["another property", () => loose["map"]!((r: { carrier: { size: number } }) => ({ x: r.carrier.size })), "DC102: numbers and strings have no such property in a kernel"],
    ["a place", () => loose["map"]!((r: { carrier: string }) => ({ x: r.carrier[0] })), "of a string write r.carrier.charAt(0)"],
    ["another method", () => loose["filter"]!((r: { carrier: string }) => r.carrier.localeCompare("A") < 0), "DC106: a kernel has no localeCompare() of strings"],
    ["an argument of each row", () => loose["filter"]!((r: { carrier: string }) => r.carrier.startsWith(r.carrier)).toColumns(), "DC209: what startsWith is given differs from row to row"],
    ["an argument of another type", () => loose["filter"]!((r: { carrier: string }) => r.carrier.startsWith(3 as unknown as string)).toColumns(), "DC204: startsWith is given a number where it takes a string"],
    ["too many arguments", () => loose["map"]!((r: { carrier: string }) => ({ x: (r.carrier.trim as (a: string) => string)("x") })), "DC106: trim takes 0 arguments and is given 1"],
    ["an expression", () => loose["map"]!((r: { carrier: string }) => ({ x: r.carrier.replace(/A/, "B") })), "DC102: a kernel has no regular expressions"],
    ["a string made in a loop", () => loose["map"]!((r: { carrier: string }) => { let x = r.carrier; for (let i = 0; i < 3; i++) x = x.slice(1); return { x }; }), "DC209: a string is made of another in a loop"],
    ["a list as a value", () => loose["filter"]!((r: { carrier: string }) => r.carrier === (listed as unknown as string), { listed: ["a"] }), "DC111: listed is a list of strings and is used as a single value"],
    ["a number in a list of strings", () => loose["filter"]!((r: { delay: unknown }) => listed.includes(r.delay as string), { listed: ["a"] }).toColumns(), "DC204: listed is a list of strings, and a number is never in it"],
    ["a list of others", () => loose["filter"]!((r: { carrier: string }) => listed.includes(r.carrier), { listed: ["a", 1] }).toColumns(), "DC302: element 1 of the captured list listed is 1, not a string"],
    ["a list of variables", () => loose["filter"]!((r: { carrier: string; delay: number }) => [r.delay].includes(3)), "DC102: a list that is searched holds values written out"],
    ["nulls", () => compute({ a: ["x", null] }).column("a" as never), 'Say what null becomes, row.a ?? "", or deal with nulls before: .dropNulls("a") or .fillNulls({ a: "" })'],
    ["a minus", () => loose["map"]!((r: { carrier: number }) => ({ x: -r.carrier })), "DC209: unary - is given a string"],
    ["Math", () => loose["map"]!((r: { carrier: number }) => ({ x: Math.abs(r.carrier) })), "DC209: a string is used as a number"],
    ["a mixture", () => loose["map"]!((r: { delay: number }) => ({ x: r.delay > 3 ? "late" : 0 })), "DC205: this gives a string or a number"],
    ["a sum", () => loose["sum"]!((r: { carrier: number }) => r.carrier).value(), "DC306: strings have no sum"],
    ["a sum of a group", () => (loose["groupBy"]!((r: { delay: number }) => r.delay) as unknown as { aggregate: (given: object) => { toRows: () => unknown } }).aggregate({ x: (g: { max: (f: unknown) => unknown }) => g.max((r: { carrier: string }) => r.carrier) }).toRows(), "DC306: strings have no max"],
    ["a key of numbers", () => loose["join"]!(compute([{ id: 1 }]), (r: { carrier: string }) => r.carrier, (r: { id: number }) => r.id, () => 1), "DC305: the key of a join is a string on the left and a number on the right"],
    ["keys of numbers", () => loose["semiJoin"]!(compute([{ a: "x", b: 1 }]), (r: { carrier: string; delay: number }) => ({ b: r.carrier, a: r.delay }), (r: { a: string; b: number }) => ({ a: r.a, b: r.b })).toColumns(), "DC305: b of the keys of a join is a string on the left and a number on the right"],
    ["another array", () => loose["map"]!((r: { carrier: string }) => ({ x: r.carrier }), { x: Float64Array }), "DC206: map gives a string, but a Float64Array holds numbers"],
    ["a column of numbers", () => loose["concat"]!(compute([{ carrier: 1, delay: 3 }])), "DC308: concat() puts rows of carrier (Float64Array)"],
    ["a fill that is none", () => compute([{ a: "x" }, { a: null }]).fillNulls({ a: 1 } as never), "DC305: fillNulls() is given 1 for a, a column of strings"],
    ["as", () => loose["as"]!({ carrier: Float64Array }).toColumns(), "DC305: as(Float64Array) cannot take strings"],
    ["a median", () => alone["median"]!().value(), "DC306: strings have no median"],
    ["an average", () => alone["average"]!().value(), "DC306: strings have no average"],
    ["a scan", () => alone["scan"]!((a: string) => a).toArray(), "DC306: strings have no running values"],
    ["a fold", () => alone["reduce"]!((a: string) => a).value(), "DC306: strings have no reduction without a seed"],
    ["a number to look for", () => alone["indexOf"]!(1), "DC305: indexOf() looks for a string among strings, not for 1"],
    ["into", () => (compute(["a"]).toArray as (o: unknown) => unknown)({ into: ["b"] }), "DC304: strings cannot be put into an array that is there"],
    ["null among single strings", () => compute(["a", null] as unknown as string[]), "DC301: the source has nulls among its strings"],
    ["null before single strings", () => compute([null, "a"] as unknown as string[]), "DC301: the source has nulls among its strings"],
    ["null as a single value", () => loose["map"]!((r: { delay: number; carrier: string }) => (r.delay > 3 ? null : r.carrier)), "DC208: this may be null"],
    ["a question for null", () => loose["filter"]!((r: { carrier: unknown }) => r.carrier === null), "DC102: a kernel has no null"],
    ["a place in a list", () => loose["filter"]!((r: { carrier: string }) => r.carrier === listed[0], { listed: ["a"] }), "DC111: listed is a list of strings and is indexed"],
    ["the length of a list", () => loose["map"]!((r: { delay: number }) => r.delay + listed.length, { listed: ["a"] }), "DC111: listed is a list of strings and is asked for its length"],
    ["a method of a list", () => loose["map"]!((r: { carrier: string }) => listed.indexOf(r.carrier), { listed: ["a"] }), "DC111: listed is a list of strings and is asked for indexOf()"],
    ["a list as a group's key", () => loose["groupBy"]!((r: { carrier: string; delay: number }) => [r.carrier, r.delay]) && loose["countBy"]!((r: { carrier: string; delay: number }) => [r.carrier, r.delay]), "{ a: r.a, b: r.b }"],
    ["an object among strings", () => compute({ a: ["x", {}] } as never), "DC301: element 1 of the column a is an object, not a string"],
    ["another value later", () => compute([{ a: "x" }, { a: 1 }] as never).count().value(), "DC308: the column a of row 1 is a number, but a string in the first row"],
  ])("%s", (_, run, words) => {
    let error: unknown;
    try {
      run();
    } catch (thrown) {
      error = thrown;
    }
    expect(error instanceof LambdaError || error instanceof QueryError ? error.message : error).toContain(words);
  });

  it("explain() knows them", () => {
    const text = compute({ carrier: ["AA", null], delay: Float64Array.of(1, 2) }).filter(r => r.carrier === wanted, { wanted: "A\"" }).explain();
    expect(text).toContain("{ carrier: strings with nulls, delay: Float64Array } × 2");
    expect(text).toContain('{ wanted: "A\\"" }');
    expect(compute(["a"]).filter(x => listed.includes(x), { listed: ["a", "b"] }).explain()).toContain('compute(strings(1))\n  .filter((x) => listed.includes(x), { listed: ["a","b"] })');
  });

  it("says where and what to do", () => {
    expect(() => table.filter(r => (r.carrier as unknown) === 3).toRows()).toThrow('r.carrier === 3');
    expect(() => table.filter(r => (r.carrier as unknown) === 3).toRows()).toThrow('Compare strings with strings: r.carrier === "AA"');
  });
});
