/** Meters and spans, by the real SDK with exporters in memory. */
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { createRuntime, type TypedArray } from "../../src/index.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";
import { sdk, type SpanData } from "./sdk.js";

const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-telemetry-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const found = sdk();
const { api, within, register, unregister } = found ?? ({} as NonNullable<typeof found>);
afterEach(() => unregister?.());

const data = Float64Array.from({ length: 100 }, (_, i) => i);

const nameOf = ({ name }: SpanData) => name.replace("dotcompute ", "");
const milliseconds = ([seconds, nanoseconds]: readonly [number, number]) => seconds * 1000 + nanoseconds / 1e6;
const parentOf = (span: SpanData) => span.parentSpanContext?.spanId;

describe.skipIf(found === null)("spans", () => {
  it("of a run are within the caller's, and hold what was compiled and run for it, awaited or not", async () => {
    const { spans, forget } = register();
    const runtime = createRuntime({ backend: "cpu", cacheFolder: path.join(folder, "spans"), telemetry: api });
    const query = runtime.compute(data).map(x => x * 1.75).filter(x => x > 1).count();
    const run = async (how: () => unknown) =>
      within("request", async () => {
        const others = Promise.all([1, 2, 3].map(async () => runtime.compute(data).max()));
        const result = await how();
        await others;
        return result;
      });
    for (const how of [() => query.value(), () => query.run()]) {
      forget();
      const before = Date.now();
      expect(await run(how)).toBe(99);
      const all = spans();
      const request = all.find(({ name }) => name === "request")!;
      const own = all.find(span => nameOf(span) === "count")!;
      expect(parentOf(own)).toBe(request.spanContext().spanId);
      expect(own.attributes).toEqual({ "dotcompute.terminal": "count", "dotcompute.backend": "cpu" });
      const parts = all.filter(span => parentOf(span) === own.spanContext().spanId);
      expect(parts.map(nameOf)).toEqual(parts.length === 2 ? ["compile", "kernel"] : ["kernel"]);
      for (const part of parts) {
        expect(milliseconds(part.startTime)).toBeGreaterThanOrEqual(milliseconds(own.startTime));
        expect(milliseconds(part.endTime)).toBeLessThanOrEqual(milliseconds(own.endTime));
        expect(part.attributes).toEqual({ "dotcompute.backend": "cpu" });
      }
      expect(milliseconds(own.startTime)).toBeGreaterThanOrEqual(before - 5);
      expect(milliseconds(own.endTime)).toBeLessThanOrEqual(Date.now() + 5);
      expect(all.filter(span => nameOf(span) === "max").every(span => parentOf(span) === request.spanContext().spanId)).toBe(true);
      expect(all.filter(span => nameOf(span) === "kernel")).toHaveLength(4);
    }
  });

  it("of a query within another are within its; failures say of which type", async () => {
    const { spans } = register();
    const runtime = createRuntime({ backend: "js", telemetry: api });
    const right = runtime.compute({ id: data }).filter(r => r.id > 97);
    await runtime.compute({ id: data }).semiJoin(right, l => l.id, r => r.id).toColumnsAsync();
    const [outer, ...inner] = spans().filter(span => nameOf(span) === "toColumns").sort((a, b) => milliseconds(a.startTime) - milliseconds(b.startTime));
    expect(inner.length).toBeGreaterThan(0);
    for (const span of inner) expect(parentOf(span)).toBe(outer!.spanContext().spanId);
    const lut = Float64Array.of(1);
    expect(() => runtime.compute(data).map(x => lut[x]!, { lut }).toArray()).toThrow("DC401");
    const failed = spans().filter(span => nameOf(span) === "toArray" || (nameOf(span) === "kernel" && span.status.code === 2));
    expect(failed.map(({ attributes, status }) => [attributes["error.type"], status.code])).toEqual([["DC401", 2], ["DC401", 2]]);
  });
});

describe.skipIf(found === null)("meters", () => {
  it("count runs, failures, caches and compilers, with few attributes", async () => {
    const { measured } = register();
    const cacheFolder = path.join(folder, "meters");
    const runtime = createRuntime({ backend: "cpu", cacheFolder, telemetry: api });
    const query = (source: TypedArray) => runtime.compute(source as Float64Array).map(x => x * 2.25).sum();
    await query(data);
    query(data.subarray(1)).value();
    const lut = Float64Array.of(1);
    expect(() => runtime.compute(data).map(x => lut[x]!, { lut }).toArray()).toThrow("DC401");
    createRuntime({ backend: "cpu", cacheFolder, telemetry: api }).compute(data).map(x => x * 2.25).sum().value();
    const all = await measured();
    const points = (name: string) => all.get(name)!.points.map(({ value, attributes }) => [value, attributes]);
    const of = { "dotcompute.backend": "cpu" };
    expect(points("dotcompute.executions")).toEqual([[3, { ...of, "dotcompute.terminal": "sum" }], [1, { "dotcompute.terminal": "toArray" }]]);
    expect(points("dotcompute.failures")).toEqual([[1, { "dotcompute.terminal": "toArray", "error.type": "DC401" }]]);
    expect(points("dotcompute.cache.hits")).toEqual([[1, { ...of, "dotcompute.cache.level": "disk" }]]);
    expect(points("dotcompute.cache.misses")).toEqual([[2, of]]);
    const kernel = all.get("dotcompute.kernel.duration")!;
    expect(kernel.unit).toBe("s");
    expect(kernel.points.map(({ value, attributes }) => [(value as { readonly count: number }).count, attributes])).toEqual([[3, of], [1, { ...of, "error.type": "DC401" }]]);
    expect((kernel.points[0]!.value as { readonly sum: number }).sum).toBeLessThan(1);
    const compile = all.get("dotcompute.compile.duration")!.points.map(({ value, attributes }) => [(value as { readonly count: number }).count, attributes]);
    expect(compile).toEqual([[2, of]]);
    expect(points("dotcompute.pool.usage").map(([, attributes]) => attributes)).toEqual(expect.arrayContaining([{ "dotcompute.pool.state": "used" }, { "dotcompute.pool.state": "kept" }]));
    expect([...all.keys()].every(name => /^dotcompute(\.[a-z]+)+$/.test(name))).toBe(true);
  });

  it.skipIf(unavailable !== null)("count bytes to and from a device, and what went elsewhere", async () => {
    const { measured, spans } = register();
    const standIn = newStandIn();
    const runtime = runtimeOn({ backend: ["cuda", "js"], telemetry: api, log: () => undefined }, { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: events => standIn.backend({ events }) });
    const query = runtime.compute(data).map(x => x + 3).on("cuda");
    expect(query.toArray()).toEqual(data.map(x => x + 3));
    const [own] = spans().filter(span => nameOf(span) === "toArray");
    expect(new Set(spans().filter(span => parentOf(span) === own!.spanContext().spanId).map(nameOf))).toEqual(new Set(["transfer", "kernel", ...(spans().some(span => nameOf(span) === "compile") ? ["compile"] : [])]));
    const all = await measured();
    const moved = Object.fromEntries(all.get("dotcompute.transfer.io")!.points.map(({ value, attributes }) => [attributes["dotcompute.transfer.direction"] as string, value as number]));
    expect(moved["to device"]).toBeGreaterThanOrEqual(800);
    expect(moved["to host"]).toBeGreaterThanOrEqual(800);
  });
});

describe.skipIf(found === null)("an API without an SDK", () => {
  it("is not listened for, and one that is nothing of the kind is refused", () => {
    const runtime = createRuntime({ backend: "js", telemetry: api });
    expect(runtime.compute(data).bound.runtime.events.listening).toBe(false);
    expect(() => createRuntime({ telemetry: {} as never })).toThrow("DC305: the option telemetry of createRuntime() is OpenTelemetry's API");
    register();
    expect(createRuntime({ backend: "js", telemetry: api }).compute(data).bound.runtime.events.listening).toBe(true);
  });
});
