/** What processes leave for later ones about queries: with it a query gives the same, says the same, and is not planned again. */
import { mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync, readFileSync, chmodSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { cppPreludeOf, emitCpp } from "../../fusion/emit/cpp.js";
import type { Kernel } from "../../fusion/ir.js";
import { knownText, textOf } from "../../src/backends/emitted.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { packed, unpacked } from "../../src/cache/packed.js";
import { planFolder, type PlanFolder } from "../../src/cache/plans.js";
import { KnownQueries } from "../../src/query/known.js";
import { Query as QueryClass } from "../../src/query/query.js";
import { Rows as RowsClass } from "../../src/query/rows.js";
import type { LazyValue, Query, Rows } from "../../src/index.js";
import { runtimeOn, type Runtime } from "../../src/runtime/create.js";
import { chains, type Chain } from "../json/chains.js";
import { inputArray } from "../laws/inputs.js";
import { makeProgram, programChoices, showProgram } from "../laws/programs.js";
import { outcomeOf, queryOf, sameOutcome } from "../laws/run.js";

const SEED = Number(process.env["DOTCOMPUTE_SEED"]);
const temporary = mkdtempSync(path.join(os.tmpdir(), "dotcompute-known-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

const emitted = (kernel: Kernel): string => cppPreludeOf([kernel]) + emitCpp(kernel, { symbol: "kernel" });

/** A native backend that has no kernel yet, as a cold process finds it: asked for one, it knows its C++. */
const cold = { cached: (kernel: Kernel) => (textOf(kernel, () => emitted(kernel)), null), compile: () => { throw new Error("not now"); }, compileAsync: () => new Promise<never>(() => undefined) };

/** Where processes leave what they know; and how often nothing was found there. */
function place(): PlanFolder & { readonly texts: Map<string, string>; missed: number } {
  const texts = new Map<string, string>();
  return {
    texts,
    missed: 0,
    recall(key) {
      const text = texts.get(key) ?? null;
      if (text === null) this.missed += 1;
      return text;
    },
    remember: (key, text) => void texts.set(key, text),
    trim: () => undefined,
  };
}

/** A process: it runs its queries as JavaScript, as a cold one does, and leaves what it has found out when it ends. */
function started(folder: PlanFolder, build = "a build"): { readonly runtime: Runtime; readonly end: () => void } {
  const known = new KnownQueries(folder, build);
  return { runtime: runtimeOn({ log: () => undefined }, { js: createJsBackend, cpu: () => cold }, undefined, () => known), end: () => known.leave() };
}

function resultOf(query: unknown): unknown {
  if (query instanceof RowsClass) return (query as Rows<Record<string, Float64Array>>).toColumns();
  if (query instanceof QueryClass) return (query as Query<Float64Array>).toArray();
  return (query as LazyValue<unknown>).value();
}

const explained = (query: unknown): string => (query as Query<Float64Array>).explain();

describe("what a process leaves about its queries", () => {
  it("gives the next one the same bits and the same explanation, without planning: generated programs", () => {
    let found = 0;
    for (const [number, list] of fc.sample(programChoices, { seed: SEED, numRuns: 150 }).entries()) {
      const program = makeProgram(list);
      const folder = place();
      const outcomes = [0, 1].map(() => {
        const { runtime, end } = started(folder);
        const misses = folder.missed;
        const results = [0, 1, 40].map(length => outcomeOf(queryOf(runtime, program, program.source === "range" ? length : inputArray(program.source, length, number), null).now));
        const missed = folder.missed - misses;
        end();
        return { results, missed, told: explained(queryOf(runtime, program, program.source === "range" ? 40 : inputArray(program.source, 40, number), null).query) };
      });
      const [first, second] = outcomes as [(typeof outcomes)[0], (typeof outcomes)[0]];
      first.results.forEach((result, at) => sameOutcome(result, second.results[at] as typeof result) || expect.fail(showProgram(program)));
      expect(second.told).toBe(first.told);
      if (folder.texts.size > 0) found += 1;
      expect(second.missed, showProgram(program)).toBe(folder.texts.size > 0 ? 0 : first.missed);
    }
    expect(found).toBe(150);
  });

  it("is the plan itself, and the C++ of its kernels", () => {
    for (const list of fc.sample(programChoices, { seed: SEED + 1, numRuns: 150 })) {
      const program = makeProgram(list);
      const plan = queryOf(started(place()).runtime, program, program.source === "range" ? 3 : inputArray(program.source, 3, 1), null).plan();
      const again = unpacked(packed(plan, Infinity) as string) as typeof plan;
      expect(again).toEqual(plan);
      plan.kernels.forEach(({ kernel }, at) => expect(emitted(again.kernels[at]?.kernel as Kernel)).toBe(emitted(kernel)));
    }
  });

  it("gives the next one the same results: chains of all verbs, over arrays and tables", () => {
    fc.assert(
      fc.property(chains, (chain: Chain) => {
        const folder = place();
        const run = (): { readonly result: unknown; readonly told: string } => {
          const { runtime, end } = started(folder);
          const [query] = chain.build(runtime.compute);
          const result = resultOf(query);
          end();
          return { result, told: explained(query) };
        };
        const first = run();
        expect(run()).toEqual(first);
      }),
      { seed: SEED, numRuns: 120 },
    );
  });

  it("is told once, and never what another build has planned", () => {
    const folder = place();
    const run = (build: string): number => {
      const misses = folder.missed;
      const { runtime, end } = started(folder, build);
      expect(runtime.compute(Float64Array.of(1, 2, 3)).map(x => x * 3).filter(x => x > 4).sum().value()).toBe(15);
      const missed = folder.missed - misses;
      end();
      return missed;
    };
    expect(run("a build")).toBe(3);
    expect(folder.texts.size).toBe(3);
    expect(run("a build")).toBe(0);
    expect(run("another build")).toBe(3);
    expect(folder.texts.size).toBe(6);
  });

  it("keeps apart what types, captures, targets and fastMath keep apart", () => {
    const folder = place();
    const all = (): unknown[] => {
      const { runtime, end } = started(folder);
      const { compute } = runtime;
      const k = 3;
      const results = [
        compute(Float64Array.of(0.1, 2)).map(x => x * k, { k }).toArray(),
        compute(Float32Array.of(0.1, 2)).map(x => x * k, { k }).toArray(),
        compute(Float32Array.of(0.1, 2)).map(x => x * k, { k: 0.1 }).toArray(),
        compute(Float64Array.of(1, 2)).map(x => Math.trunc(x * k), Int32Array, { k }).toArray(),
        compute(Float64Array.of(1, 2)).map(x => Math.trunc(x * k), { k }).toArray(),
        compute(Float64Array.of(0.1, 2), { fastMath: true }).map(x => x * k, { k }).toArray(),
        compute({ x: Float64Array.of(0.1, 2) }).map(row => row.x * k, { k }).toArray(),
        compute({ x: Float32Array.of(0.1, 2) }).map(row => row.x * k, { k }).toArray(),
        compute(Float64Array.of(1, 2, 3)).reduce((a, x) => a - x * k, 1, { k }).value(),
        compute(Float64Array.of(1, 2, 3)).reduce((a, x) => a - x * k, undefined, { k }).value(),
      ];
      end();
      return results;
    };
    const first = all();
    const misses = folder.missed;
    expect(all()).toEqual(first);
    expect(folder.missed).toBe(misses);
  });

  it("does not keep the values of captures", async () => {
    const folder = place();
    const run = (): WeakRef<Float64Array> => {
      const { runtime, end } = started(folder);
      const table = new Float64Array(1000);
      const key = (x: number): number => table[x % 10]!;
      kept.push(runtime.compute(Float64Array.of(1, 2)).groupBy(key, { table }).aggregate({ n: g => g.count(), s: g => g.sum(x => table[x % 10]!, { table }) }).bound.shape);
      runtime.compute(Float64Array.of(1, 2)).groupBy(key, { table }).aggregate({ n: g => g.count(), s: g => g.sum(x => table[x % 10]!, { table }) }).toColumns();
      end();
      return new WeakRef(table);
    };
    const kept: unknown[] = [];
    run();
    const known = run();
    const { setFlagsFromString } = await import("node:v8");
    setFlagsFromString("--expose-gc");
    const { runInNewContext } = await import("node:vm");
    await new Promise(resolve => setTimeout(resolve, 10));
    (runInNewContext("gc") as () => void)();
    expect(kept).toHaveLength(2);
    expect(known.deref()).toBeUndefined();
  });

  it("finds a mistake in a lambda where it is written, whatever else is known", () => {
    const folder = place();
    for (let process = 0; process < 2; process += 1) {
      const { runtime, end } = started(folder);
      const query = runtime.compute(Float64Array.of(1)).map(x => x + 1);
      expect(query.toArray()).toEqual(Float64Array.of(2));
      expect(() => query.map(x => Math.random() * x)).toThrow(/Math.random/);
      expect(() => query.reduce((a, x) => a + unknownName * x, 0)).toThrow(/unknownName/);
      end();
    }
  });
});

declare const unknownName: number;

describe("the folder of plans", () => {
  const folderOf = (name: string): string => path.join(temporary, name);
  const only = (folder: string): string => path.join(folder, readdirSync(folder)[0] as string);

  it("keeps a text, whole and closed to others", () => {
    planFolder(folderOf("whole")).remember("a", "text\nof lines");
    expect(planFolder(folderOf("whole")).recall("a")).toBe("text\nof lines");
    expect(planFolder(folderOf("whole")).recall("b")).toBeNull();
    expect(statSync(only(folderOf("whole"))).mode & 0o777).toBe(0o600);
  });

  it.each<[string, (file: string) => void]>([
    ["damaged", file => writeFileSync(file, readFileSync(file, "utf8").replace("lines", "lions"))],
    ["cut short", file => writeFileSync(file, readFileSync(file).subarray(0, -1))],
    ["empty", file => writeFileSync(file, "")],
    ["open to others", file => chmodSync(file, 0o666)],
  ])("finds nothing in a file that is %s", (name, spoil) => {
    const folder = folderOf(name.replaceAll(" ", "-"));
    planFolder(folder).remember("a", "text\nof lines");
    spoil(only(folder));
    expect(planFolder(folder).recall("a")).toBeNull();
  });

  it("finds nothing in a file that has been given another's name", () => {
    const folder = planFolder(folderOf("renamed"));
    folder.remember("a", "text of a");
    renameSync(only(folderOf("renamed")), path.join(folderOf("renamed"), "plan-b"));
    expect(planFolder(folderOf("renamed")).recall("b")).toBeNull();
  });

  it("does without where there can be no folder", () => {
    writeFileSync(folderOf("a-file"), "");
    const folder = planFolder(path.join(folderOf("a-file"), "below"));
    folder.remember("a", "text");
    expect(folder.recall("a")).toBeNull();
    folder.trim();
  });
});

describe("packed data", () => {
  const data = fc.letrec<{ value: unknown }>(tie => ({
    value: fc.oneof({ maxDepth: 4 }, fc.double(), fc.constantFrom(-0, NaN, Infinity, -Infinity, null, true, "$", ""), fc.bigInt(), fc.string(), fc.array(tie("value")), fc.dictionary(fc.string().filter(name => name !== "$" && name !== "__proto__"), tie("value"), { noNullPrototype: true }), fc.array(fc.tuple(fc.string(), tie("value"))).map(entries => new Map(entries))),
  }));

  it("are what they were", () => {
    fc.assert(fc.property(data.value, value => {
      expect(unpacked(packed(value, Infinity) as string)).toEqual(value);
    }), { seed: SEED });
  });

  it.each<[string, unknown]>([["a function", () => 1], ["a class", new (class A {})()], ["a typed array", new Float64Array(2)], ["a set", new Set()], ["a symbol", Symbol("a")], ["the mark", { $: 1 }], ["a map by numbers", new Map([[1, 2]])]])("are nothing else: %s", (_, value) => {
    expect(packed({ value }, Infinity)).toBeNull();
  });

  it("are not too many", () => {
    let shared: unknown = [1];
    for (let turn = 0; turn < 60; turn += 1) shared = [shared, shared];
    expect(packed(shared, 1000)).toBeNull();
  });
});

describe("the C++ of kernels", () => {
  it("is made once", () => {
    const kernel: Kernel = { source: { kind: "range" }, scalars: [], arrays: [], body: [{ kind: "yield", values: [] }], sink: { kind: "count" } };
    expect(knownText(kernel)).toBeNull();
    expect(textOf(kernel, () => "text")).toBe("text");
    expect(textOf(kernel, () => "another")).toBe("text");
  });
});
