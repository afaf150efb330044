/** Kernels that need not run: what they would store is there already. What the user is given is an array of its own all the same. */
import { describe, expect, it } from "vitest";
import { createRuntime, range, type RunInfo } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

const NOTHING_RUNS = /nothing runs: the arrays? (?:is|are) handed on as (?:it is|they are)/;

describe.each(["js", "cpu"] as const)("on %s", backend => {
  const runs: RunInfo[] = [];
  const { compute } = createRuntime({ backend, onRun: info => void runs.push(info) });
  const kernels = (run: () => unknown): number => {
    runs.length = 0;
    run();
    return runs.at(-1)?.kernels.length ?? 0;
  };

  describe.skipIf(backend === "cpu" && whyNoCpu !== null)("a sort", () => {
    const values = Float32Array.of(3, NaN, -0, 0, -1, 3);

    it("of values by themselves runs no kernel, and leaves the source as it was", () => {
      const query = compute(values).orderByDescending(x => x);
      expect(query.explain().split(NOTHING_RUNS)).toHaveLength(3);
      expect(query.explain()).toContain(`on the calling thread, ${backend === "cpu" ? "native" : "as JavaScript"}\n`);
      const sorted = query.toArray();
      expect(sorted).toEqual(Float32Array.of(3, 3, 0, -0, -1, NaN));
      expect(sorted.buffer).not.toBe(values.buffer);
      expect(kernels(() => query.toArray())).toBe(0);
      expect(values).toEqual(Float32Array.of(3, NaN, -0, 0, -1, 3));
    });

    it("puts what it gives where it is wanted", () => {
      const into = new Float32Array(8);
      expect(compute(values).orderBy(x => x).toArray({ into })).toEqual(Float32Array.of(-1, -0, 0, 3, 3, NaN));
      expect(compute(values).orderBy(x => x).take(2).toArray({ into: values.slice() })).toEqual(Float32Array.of(-1, -0));
    });

    it("by what was computed computes it once", () => {
      const query = compute(values).map(x => x * 2).orderBy(x => x);
      expect(query.explain()).toContain("stores the columns element: Float32Array, key 1, which is element");
      expect(query.toArray()).toEqual(Float32Array.of(-2, -0, 0, 6, 6, NaN));
      expect(kernels(() => query.toArray())).toBe(1);
    });

    it("of rows hands on their columns", () => {
      const a = Int8Array.of(2, 1, 2, 1);
      const b = BigInt64Array.of(1n, 2n, 3n, 4n);
      const query = compute({ a, b }).orderBy(r => r.a);
      expect(query.toColumns()).toEqual({ a: Int8Array.of(1, 1, 2, 2), b: BigInt64Array.of(2n, 4n, 1n, 3n) });
      expect(kernels(() => query.toColumns())).toBe(0);
    });
  });

  it.skipIf(backend === "cpu" && whyNoCpu !== null)("columns of one array are two arrays", () => {
    const { a, b } = compute({ x: Float64Array.of(2, 1) }).orderBy(r => r.x).map(r => ({ a: r.x, b: r.x })).toColumns();
    expect([a, b]).toEqual([Float64Array.of(1, 2), Float64Array.of(1, 2)]);
    a[0] = 7;
    expect(b[0]).toBe(1);
  });

  it.skipIf(backend === "cpu" && whyNoCpu !== null)("views of a source are copied", () => {
    const x = Float64Array.of(1, 2, 3);
    const taken = compute({ x }).take(2).toColumns().x;
    const zipped = compute(x).zip(compute(x), (a, _b) => a).toArray();
    const back = compute(x).orderBy(v => v).skip(1).toArray();
    taken[0] = zipped[0] = back[0] = 9;
    expect(x).toEqual(Float64Array.of(1, 2, 3));
    expect(back.buffer.byteLength).toBe(16);
  });
});

it("what all count is known: nothing runs, however long a range is", () => {
  for (const backend of ["js", "cpu"] as const) {
    const ran: number[] = [];
    const { compute: start } = createRuntime({ backend, onRun: ({ kernels }) => void ran.push(kernels.length) });
    expect(start(range(1e15)).map(x => x * 2).count().value()).toBe(1e15);
    expect(start(range(1e15)).skip(10).count().value()).toBe(1e15 - 10);
    expect(ran).toEqual([]);
    expect(start(range(1e15)).count().explain()).toContain("nothing runs: all elements count");
    const lut = Float64Array.of(1, 2);
    expect(() => start(range(5)).map(i => lut[i] as number, { lut }).count().value()).toThrow("DC401");
    expect(start(range(5)).filter(i => i > 1).count().value()).toBe(3);
  }
});
