/** Queries that insist on CUDA: on the stand-in driver, a PTX interpreter; and where there is no driver. */
import { describe, expect, it } from "vitest";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime, range } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";

const data = Float64Array.from({ length: 3001 }, (_, i) => (i - 1500) * 0.01);
const singles = Float32Array.from(data);
const big = BigInt64Array.from(data, x => BigInt(Math.trunc(x * 1e15)));

declare const listed: readonly string[];

describe.skipIf(unavailable !== null)(`on the stand-in driver${unavailable === null ? "" : `: ${unavailable}`}`, () => {
  const standIn = unavailable === null ? newStandIn() : null;
  const ran: string[] = [];
  const device = () => standIn!.backend();
  const cuda = runtimeOn({ backend: "cuda", onRun: ({ backend }) => void ran.push(backend) }, { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: device });
  const js = createRuntime({ backend: "js" });
  const k = 0.25;

  it.each([
    ["map", (r: typeof js) => r.compute(data).map(x => Math.exp(x) * k + Math.sin(x), { k }).toArray()],
    ["map of f32", (r: typeof js) => r.compute(singles).map(x => Math.sqrt(Math.abs(x)) / 3).toArray()],
    ["filter", (r: typeof js) => r.compute(data).filter(x => x > 0.5).map(x => x * x).toArray()],
    ["sum", (r: typeof js) => r.compute(data).map(x => x * 1.1).sum().value()],
    ["reduce", (r: typeof js) => r.compute(singles).filter(x => x < 3).reduce((a, x) => a + x * x, 1).value()],
    ["BigInts", (r: typeof js) => r.compute(big).map(x => x * 3n - 1n).max().value()],
    ["statements", (r: typeof js) => r.compute(range(2000)).map(i => { let n = i + 1, steps = 0; while (n > 1 && steps < 200) { n = n % 2 === 0 ? n / 2 : 3 * n + 1; steps++; } return steps; }).toArray()],
    ["find", (r: typeof js) => r.compute(data).find(x => x > 7.77).value()],
    ["index after a filter", (r: typeof js) => r.compute(data).filter(x => x > 0).map((x, i) => x * i).toArray()],
    ["running sums", (r: typeof js) => r.compute(data).map(x => x * 1.1).scan((a, x) => a + x, 0.5, {}, { exclusive: true }).toArray()],
    ["a moving average from left to right", (r: typeof js) => r.compute(singles).scan((a, x) => a * 0.75 + x, 1).toArray()],
    ["windows", (r: typeof js) => r.compute(data).window(3, { edge: "clamp" }).map(([a, b, c]) => a - 2 * b + c).filter(x => x !== 0).toArray()],
    ["average", (r: typeof js) => r.compute(data).average().value()],
  ] as const)("%s: the bits of the js backend", (_, query) => {
    ran.length = 0;
    expect(query(cuda)).toEqual(query(js));
    expect(ran).toEqual(["cuda"]);
  });

  const left = { id: Int16Array.from({ length: 100 }, (_, i) => i % 40), x: data.slice(0, 100) };
  const names = Array.from({ length: 100 }, (_, i) => ["a", "b", "c", "d"][i % 7 % 4] as string);
  const right = { id: Uint8Array.of(3, 5, 3, 7), y: Float32Array.of(0.5, 1.5, 2.5, NaN) };
  it.each([
    ["leftJoin", (r: typeof js) => r.compute(left).leftJoin(r.compute(right), l => l.id, m => m.id, (l, m) => ({ x: l.x, y: m?.y ?? -1, none: m === null })).toColumns()],
    ["groupJoin", (r: typeof js) => r.compute(left).groupJoin(r.compute(right), l => l.id, m => m.id, { n: g => g.count(), most: g => g.max(m => m.y) }).map(l => l.n + l.x).toArray()],
    ["top", (r: typeof js) => r.compute(left).top(7, l => Math.abs(l.x)).toColumns()],
    ["strings", (r: typeof js) => r.compute({ name: names, other: names.toReversed(), x: left.x }).filter(l => l.name !== "b" && listed.includes(l.other), { listed: ["a", "c"] }).map(l => ({ ...l, late: l.x > 0 ? "late" : l.name })).countBy(l => l.late).filter(l => l.key !== "none").toColumns()],
    ["except", (r: typeof js) => r.compute(left.x).except(r.compute(left.x).filter(x => x > -14.5)).map(x => x * 2).toArray()],
  ] as const)("%s: kernels on cuda, rows moved elsewhere", (_, query) => {
    ran.length = 0;
    expect(query(cuda)).toEqual(query(js));
    expect(new Set(ran)).toEqual(new Set(["cuda"]));
  });

  it("several terminals: one kernel on cuda, with launches for each result", () => {
    const query = (r: typeof js) => r.compute({ x: data, s: singles }).filter(row => row.x < 9).aggregate({ n: q => q.count(), total: q => q.sum(row => row.x * row.s), few: q => q.filter(row => row.s > 3).max(row => row.x), some: q => q.filter(row => row.s > 3).count() });
    ran.length = 0;
    expect(query(cuda).value()).toEqual(query(js).value());
    expect(ran).toEqual(["cuda"]);
  });

  it("several columns: kernels on cuda, with launches for each column", async () => {
    const query = (r: typeof js) => r.compute({ x: data, s: singles, b: big }).filter(row => row.x > 0.5).map(row => ({ ...row, y: row.x * row.s, first: row.b > 0n }));
    ran.length = 0;
    expect(query(cuda).toColumns()).toEqual(query(js).toColumns());
    expect(await query(cuda).toColumnsAsync()).toEqual(query(js).toColumns());
    expect(ran).toEqual(["cuda", "cuda"]);
    expect(query(cuda).explain()).toContain("kernel 1 of 1: filter, map, toColumns");
    expect(query(cuda).explain()).toContain("; each of its 5 results has launches of its own\n");
    expect(() => cuda.compute({ x: data }).map(row => ({ x: row.x, y: data[Math.trunc(row.x)] as number }), { data }).toColumns()).toThrow("DC401: data[-15] is out of range: data has 3001 elements");
  });

  it("runs off the main thread", async () => {
    expect(await cuda.compute(data).map(x => x * k, { k }).toArrayAsync()).toEqual(data.map(x => x * k));
    expect(await cuda.compute(data).max()).toBe(15);
  });

  it("throws what JavaScript throws", () => {
    expect(() => cuda.compute(data).map(x => data[Math.trunc(x)] as number, { data }).toArray()).toThrow("DC401: data[-15] is out of range: data has 3001 elements");
  });

  it("explain() names the device, which is no GPU", () => {
    expect(cuda.compute(data).map(x => x + 1).explain()).toContain("cuda: this runtime runs everything here; on PTX interpreter (test)");
  });
});

it("source() shows the CUDA C of a query", () => {
  expect(createRuntime({ backend: "js" }).compute(data).map(x => x * 2).source("cuda")).toMatch(/^#include "rt\/loops\.cuh"\n[^]*x \* 2\.0/);
});

it("without a driver it is refused, with the reason, and other backends go on", async () => {
  const runtime = createRuntime({ cuda: { driver: "/nowhere/libcuda.so.1" }, log: () => undefined });
  const query = runtime.compute(data).map(x => x + 1);
  expect(() => query.on("cuda").toArray()).toThrow(/^DC402: the query insists on the cuda backend, which cannot run it: the CUDA driver's library cannot be opened: \/nowhere\/libcuda\.so\.1/);
  await expect(query.on("cuda").toArrayAsync()).rejects.toThrow("DC402: the query insists on the cuda backend");
  expect(query.on("cuda").explain()).toMatch(/cuda: the query says \.on\("cuda"\); but .*nowhere/);
  expect(query.toArray()).toEqual(data.map(x => x + 1));
});
