import { describe, expect, it } from "vitest";
import { compute, createRuntime, range, stream } from "../../src/index.js";

const scripted = createRuntime({ backend: "js" });
const floats = new Float32Array(1000);
const rate = 0.5;

describe("explain", () => {
  it("shows one fused kernel for map, filter and sum", () => {
    expect(scripted.compute(floats).map(x => x * rate, { rate }).filter(x => x > 0).sum().explain()).toBe(
      [
        "compute(Float32Array(1000))",
        "  .map((x) => x * rate, { rate: 0.5 })",
        "  .filter((x) => x > 0)",
        "  .sum()",
        "",
        "kernel 1 of 1: map, filter, sum",
        "  reads the Float32Array",
        "  folds with add as f64 in the canonical order: 32 lanes, blocks of 1024, a pairwise tree, the same on every backend",
        "  js: this runtime runs everything here",
        "",
      ].join("\n"),
    );
  });

  it("gives the reason of a barrier", () => {
    expect(scripted.compute(Int32Array.of(1, 2)).filter(x => x > 0).map((x, i) => x / (i + 1), Float64Array).explain()).toBe(
      [
        "compute(Int32Array(2))",
        "  .filter((x) => x > 0)",
        "  .map((x, i) => x / (i + 1), Float64Array)",
        "  .toArray()",
        "",
        "kernel 1 of 2: filter",
        "  reads the Int32Array",
        "  stores an Int32Array",
        "  barrier: map uses the index after a filter: an element's place is known only once the filter has passed over all elements before it",
        "  js: this runtime runs everything here",
        "kernel 2 of 2: map, toArray",
        "  reads what kernel 1 stored",
        "  stores a Float64Array",
        "  js: this runtime runs everything here",
        "",
      ].join("\n"),
    );
  });

  it("says why a fold is sequential", () => {
    const lines = (text: string): string => text.split("\n").find(line => line.startsWith("  folds")) ?? "";
    const numbers = scripted.compute(range(10));
    expect(lines(numbers.reduce((a, x) => a / 2 + x, 0).explain())).toBe(
      "  folds from left to right, one element after the other: it has no seed, or is not of the form acc ⊕ f(x), and no combine was given",
    );
    expect(lines(numbers.reduce((a, x) => a + x, 0, {}, { sequential: true }).explain())).toBe(
      "  folds from left to right, one element after the other: { sequential: true } asks for it",
    );
    expect(lines(numbers.reduce((a, x) => (x > a ? x : a), 0, {}, { combine: (a, b) => Math.max(a, b) }).explain())).toBe(
      "  folds each lane apart and joins them with combine in the canonical order: 32 lanes, blocks of 1024, a pairwise tree, the same on every backend",
    );
    expect(scripted.compute(new Uint8Array(4)).sum().explain()).toContain("\n  adds exactly, in 64-bit integers\n");
  });

  it("shows every terminal as it would be written", () => {
    const query = scripted.compute([1, 2]).as(Float32Array);
    const table = new Uint8Array(7);
    const at = (lazy: { explain(): string }): string => lazy.explain().split("\n")[2] ?? "";
    expect(at(query.some(x => x === table[0], { table }))).toBe("  .some((x) => x === table[0], { table: Uint8Array(7) })");
    expect(at(query.indexOf(-0))).toBe("  .indexOf(-0)");
    expect(at(query.reduce((a, x) => a + x))).toBe("  .reduce((a, x) => a + x)");
    expect(at(query.reduce((a, x) => a + x * rate, 1, { rate }))).toBe("  .reduce((a, x) => a + x * rate, 1, { rate: 0.5 })");
    expect(at(query.reduce((a, x) => a + x * rate, undefined, { rate }, { sequential: true }))).toBe(
      "  .reduce((a, x) => a + x * rate, undefined, { rate: 0.5 }, { sequential: true })",
    );
    expect(at(query.reduce((a, x) => a + x, 1, {}, { combine: (a, b) => a + b }))).toBe("  .reduce((a, x) => a + x, 1, {}, { combine: (a, b) => a + b })");
    expect(query.explain().split("\n")[0]).toBe("compute(Array(2))");
    expect(query.explain()).toContain("\n  reads a Float64Array copied from the array of numbers\n");
    expect(scripted.compute(range(3)).first().explain()).toBe(
      "compute(range(3))\n  .first()\n\nkernel 1 of 1: first\n  reads nothing: its elements are their own places\n  stops at the first that matches\n  js: this runtime runs everything here\n",
    );
  });

  it('says what .on("js") means', () => {
    expect(compute(floats).on("js").explain()).toContain('\n  js: the query says .on("js")\n');
  });
});

describe("source", () => {
  it("shows the code of every kernel", () => {
    const query = scripted.compute(floats).map(x => x * 2).filter(x => x > 1);
    expect(query.source("js")).toMatch(/^\/\/ kernel 1 of 1: map, filter, toArray\n/);
    expect(query.source("cpp")).toMatch(/^#include "rt\/loops.hpp"\n\n\/\/ kernel 1 of 1: map, filter, toArray\n/);
    const cut = query.map((x, i) => x + i).sum();
    expect(cut.source("js")).toMatch(/^\/\/ kernel 1 of 2: map, filter\n[^]*\n\/\/ kernel 2 of 2: map, sum\n/);
    expect(cut.source("cpp")).toMatch(/^#include "rt\/loops.hpp"\n\n\/\/ kernel 1 of 2: map, filter\n[^]*\n\/\/ kernel 2 of 2: map, sum\n/);
  });
});

describe("explain of streams", () => {
  it("says how they are read, and how pieces join", () => {
    const prices = scripted.compute(stream([] as Float64Array[], Float64Array));
    expect(prices.map(x => x * rate, { rate }).sum().explain()).toBe(
      [
        "compute(stream(chunks, Float64Array))",
        "  .map((x) => x * rate, { rate: 0.5 })",
        "  .sum()",
        "",
        "kernel 1 of 1: map, sum",
        "  reads the stream, in pieces of 65536 elements",
        "  folds with add as f64 in the canonical order: 32 lanes, blocks of 1024, a pairwise tree, the same on every backend",
        "  the pieces' values join by add as a pairwise tree, 64 blocks each: the bits of the whole array",
        "  js: this runtime runs everything here",
        "",
      ].join("\n"),
    );
    expect(prices.reduce((a, x) => (x > a ? x : a)).explain()).toContain("  each piece goes on from the value of the one before, by a second kernel that begins with a value\n");
    expect(prices.find(x => x > 1).explain()).toContain("  stops at the first that matches\n  no more of the stream is read then\n");
    expect(scripted.compute(stream([] as { a: Int8Array; b: Int8Array }[], { a: Int8Array, b: Int8Array })).filter(r => r.a > 0).explain()).toBe(
      [
        "compute(stream(chunks, { a: Int8Array, b: Int8Array }))",
        "  .filter((r) => r.a > 0)",
        "  .toColumns()",
        "",
        "kernel 1 of 1: filter, toColumns",
        "  reads the columns a, b of the stream, in pieces of at most 65536 elements",
        "  stores the columns a: Int8Array, b: Int8Array",
        "  chunk by chunk, as they come: nothing waits for what comes later",
        "  js: this runtime runs everything here",
        "",
      ].join("\n"),
    );
  });

  it("says that filters are counted between pieces", () => {
    expect(scripted.compute(stream([] as Float64Array[], Float64Array)).filter(x => x > 0).indexOf(3).explain()).toContain(
      "  barrier: indexOf gives a place among what a filter lets through, which is counted over all pieces\n",
    );
  });
});

it("explain writes slices from the end as they were asked for", () => {
  const query = createRuntime({ backend: "js" }).compute(Float64Array.of(1, 2, 3));
  expect(query.slice(-2).explain()).toContain("\n  .slice(-2)\n");
  expect(query.skip(2).explain()).toContain("\n  .skip(2)\n");
});
