/** Buffers on the stand-in driver: what queries over them transfer, and what becomes of them where memory is short or the device is lost. */
import { describe, expect, it } from "vitest";
import { STATE_BYTES } from "../../fusion/emit/cuda.js";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime, range, type Buffer, type Runtime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import type { RuntimeOptions } from "../../src/runtime/runtime.js";
import { drain, onStandIn } from "./cuda-cases.js";
import { newStandIn, type StandIn } from "./cuda-stand-in.js";

const LENGTH = 3001;
const BYTES = 8 * LENGTH;
const data = Float64Array.from({ length: LENGTH }, (_, at) => [NaN, -0, Infinity][at - 7] ?? Math.sin(at));
const more = Float64Array.from(data, (x, at) => x * at);

onStandIn("buffers on CUDA", () => {
  const standIn = newStandIn();
  const on = (device: StandIn, options: RuntimeOptions = { backend: "cuda" }, chunkBytes?: number): Runtime =>
    runtimeOn({ log: () => undefined, ...options }, { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => device.backend({ chunkBytes }) });
  const cuda = on(standIn);

  /** What is transferred meanwhile, but for what says how runs have ended. */
  function moved(act: () => unknown, device = standIn): readonly [up: number, down: number] {
    const before = device.driver.counters();
    act();
    const after = device.driver.counters();
    return [after.bytesToDevice - before.bytesToDevice, (after.bytesToHost - before.bytesToHost) & ~(STATE_BYTES - 1) & ~15];
  }
  const downIn = (act: () => unknown, device = standIn): number => {
    const before = device.driver.counters().bytesToHost;
    act();
    return device.driver.counters().bytesToHost - before;
  };

  it("bring their elements once, and results stay until somebody reads them", () => {
    using source = cuda.buffer(data);
    expect([source.state, cuda.compute(source).explain()]).toEqual(["hostOnly", expect.stringContaining("reads the Float64Array of a buffer, in the host's memory\n")]);
    const query = cuda.compute(source).map(x => x * 2);
    expect(downIn(() => query.toBuffer().dispose())).toBe(STATE_BYTES);
    expect([source.state, source.statistics]).toEqual(["synchronized", { uploads: 1, bytesUp: BYTES, downloads: 0, bytesDown: 0 }]);
    expect(moved(() => query.toBuffer().dispose())[0]).toBe(0);
    using doubled = query.toBuffer();
    expect(doubled.state).toBe("deviceOnly");
    using kept = cuda.compute(doubled).filter(x => x > 1).toBuffer();
    const sum = cuda.compute(kept).sum();
    expect([moved(() => sum.value())[0], downIn(() => sum.value())]).toEqual([0, STATE_BYTES]);
    expect([doubled.state, kept.state, kept.statistics]).toEqual(["deviceOnly", "deviceOnly", { uploads: 0, bytesUp: 0, downloads: 0, bytesDown: 0 }]);
    expect(cuda.compute(kept).explain()).toContain("reads the Float64Array of a buffer, on the device\n");
    const wanted = data.map(x => x * 2).filter(x => x > 1);
    expect(downIn(() => expect(kept.host()).toEqual(wanted))).toBe(wanted.byteLength);
    expect(downIn(() => expect(kept.toArray()).toEqual(wanted))).toBe(0);
    expect([kept.state, kept.statistics]).toEqual(["synchronized", { uploads: 0, bytesUp: 0, downloads: 1, bytesDown: wanted.byteLength }]);
    expect(doubled.toArray()).toEqual(data.map(x => x * 2));
  });

  it("are given back on the device, too", () => {
    const use = (): number => {
      const source = cuda.buffer(data);
      const result = cuda.compute(source).filter(x => x > 1).toBuffer();
      const { aliveBytes } = standIn.driver.counters();
      result.dispose();
      source.dispose();
      return aliveBytes;
    };
    use();
    const before = standIn.driver.counters().aliveBytes;
    expect(use()).toBeGreaterThanOrEqual(before + BYTES);
    expect(standIn.driver.counters().aliveBytes).toBe(before);
  });

  describe("queries over elements that are on the device alone bring nothing there", () => {
    const here = cuda.buffer(data);
    const x = cuda.compute(here).map(v => v * 2).toBuffer();
    const y = cuda.compute(cuda.buffer(more)).map(v => v * 2).toBuffer();
    const [xs, ys] = [data.map(v => v * 2), more.map(v => v * 2)];
    const js = createRuntime({ backend: "js" });
    type Query = (runtime: Runtime, x: Buffer<Float64Array>, y: Buffer<Float64Array>) => unknown;
    // `down`: of what the host gets, all but the states of kernels.
    const QUERIES: readonly (readonly [string, Query, down: number])[] = [
      ["a map", (r, a) => r.compute(a).map(v => v + 1).toArray(), BYTES],
      ["a sum", (r, a) => r.compute(a).filter(v => v < 1).sum().value(), 0],
      ["a search", (r, a) => r.compute(a).findIndex(v => v > 1.9).value(), 0],
      ["columns", (r, a, b) => r.compute({ a, b }).sum(row => row.a * row.b).value(), 0],
      ["places behind a filter: the second kernel finds the first one's results there", (r, a) => r.compute(a).filter(v => v > 1).sum().value() + r.compute(a).filter(v => v > 1).map((v, i) => v * i).max().value(), 0],
      ["windows, which begin anywhere", (r, a) => r.compute(a).window(3).map(([p, q, s]) => p - 2 * q + s).min().value(), 0],
      ["parts, slices among them", (r, a) => r.compute(a.slice(11, -3)).skip(1).take(1000).map(v => v + 1).sum().value(), 0],
      ["a zip", (r, a, b) => r.compute(a).zip(r.compute(b), (p, q) => p - q).max().value(), 0],
    ];

    it.each(QUERIES)("%s", async (_, query, down) => {
      using a = js.buffer(xs);
      using b = js.buffer(ys);
      const wanted = query(js, a, b);
      query(cuda, x, y); // compiles
      const before = standIn.driver.counters();
      expect(query(cuda, x, y)).toEqual(wanted);
      const after = standIn.driver.counters();
      expect(after.bytesToDevice).toBe(before.bytesToDevice);
      expect((after.bytesToHost - before.bytesToHost - down) % STATE_BYTES).toBe(0);
      expect(after.bytesToHost - before.bytesToHost - down).toBeLessThanOrEqual(4 * STATE_BYTES);
      expect([x.state, y.state]).toEqual(["deviceOnly", "deviceOnly"]);
      expect(after.aliveBytes).toBe(before.aliveBytes);
    });
  });

  it("results are written to a buffer that is there, on the device, and the host knows that it is behind", async () => {
    using state = cuda.buffer(data);
    const step = cuda.compute(state).map(v => v * 2);
    expect([step.toBuffer({ into: state }), state.state]).toEqual([state, "deviceDirty"]);
    expect(moved(() => step.toBuffer({ into: state }))[0]).toBe(0);
    await step.toBufferAsync({ into: state });
    expect([state.state, state.statistics.uploads, state.toArray()]).toEqual(["deviceDirty", 1, data.map(v => v * 8)]);
    expect(state.state).toBe("synchronized");
    state.edit(v => v.fill(1));
    expect([state.state, step.max().value(), state.state]).toEqual(["hostDirty", 2, "synchronized"]);
    step.toBuffer({ into: state });
    // All of it is written: what the device has is of no use.
    const { downloads } = state.statistics;
    state.write(data);
    expect([state.state, state.statistics.downloads]).toEqual(["hostDirty", downloads]);
    // A part of it is put into the host's copy.
    step.toBuffer({ into: state });
    const part = cuda.compute(state).filter(v => v > 1.9).toBuffer({ into: state.slice(1) });
    const twice = data.map(v => v * 2);
    const few = twice.filter(v => v > 1.9);
    expect([state.state, part.toArray()]).toEqual(["hostDirty", few]);
    twice.set(few, 1);
    expect(state.toArray()).toEqual(twice);
    using zeros = cuda.buffer(Float64Array, 5);
    expect([cuda.compute(zeros).max().value(), zeros.state]).toEqual([0, "synchronized"]);
    using fresh = cuda.buffer(Float64Array, LENGTH);
    step.toBuffer({ into: fresh });
    expect(fresh.state).toBe("deviceOnly");
  });

  it("what moves rows, other backends and other runtimes read the host's copy", async () => {
    using x = cuda.compute(data).map(v => v * 2).toBuffer();
    const twice = data.map(v => v * 2);
    expect(cuda.compute(x).orderBy(v => v).take(3).toArray()).toEqual(twice.toSorted().slice(0, 3));
    expect([x.state, x.statistics.downloads]).toEqual(["synchronized", 1]);
    using y = cuda.compute(data).map(v => v * 2).toBuffer();
    expect(await createRuntime({ backend: "js" }).compute(y).map(v => v + 1).toArrayAsync()).toEqual(twice.map(v => v + 1));
    expect(y.state).toBe("synchronized");
    const other = on(newStandIn());
    using z = cuda.compute(data).map(v => v * 2).toBuffer();
    expect(other.compute(z).max().value()).toBe(NaN);
    expect(z.statistics).toEqual({ uploads: 0, bytesUp: 0, downloads: 1, bytesDown: BYTES });
    using theirs: Buffer<Float64Array> = other.buffer(data);
    const into = other.compute(z).map(v => v * 2).toBuffer({ into: theirs });
    cuda.compute(z).map(v => v * 2).toBuffer({ into });
    expect([into.state, into.toArray()]).toEqual(["hostDirty", data.map(v => v * 4)]);
    // On the js backend of a runtime that prefers the device.
    const mixed = on(standIn, { backend: ["cuda", "cpu"] });
    using own = mixed.compute(data).map(v => v * 2).on("cuda").toBuffer();
    expect(own.state).toBe("deviceOnly");
    expect([await mixed.compute(own).on("js").filter(v => v > 1.9).toArrayAsync(), own.state]).toEqual([twice.filter(v => v > 1.9), "synchronized"]);
  });

  it("an element that fails is found by the host, and nothing is written", async () => {
    const table = new Float64Array(2000);
    using places = cuda.compute(range(LENGTH)).map(i => i * 1).toBuffer();
    const look = cuda.compute(places).map(i => table[i] as number, { table });
    expect(places.state).toBe("deviceOnly");
    expect(() => look.toBuffer({ into: places })).toThrow(new RangeError("DC401: table[2000] is out of range: table has 2000 elements"));
    await expect(look.toBufferAsync()).rejects.toThrow("DC401: table[2000]");
    expect([places.state, places.toArray()]).toEqual(["synchronized", Float64Array.from({ length: LENGTH }, (_, at) => at)]);
  });

  it("runs in flight end well, or say why not, whatever becomes of their buffers", async () => {
    const slow = newStandIn({ deferred: true });
    const later = on(slow);
    const double = (b: Buffer<Float64Array>) => later.compute(b).map(v => v * 2);
    for (let seed = 1; seed <= 8; seed++) {
      slow.driver.configure({ seed });
      const source = later.buffer(data);
      // Both bring it; one copy stays.
      const [a, b] = await Promise.all([double(source).toBufferAsync(), double(source).toBufferAsync()]);
      expect([source.state, source.statistics.uploads, a.toArray(), await b.toArrayAsync()]).toEqual(["synchronized", 2, data.map(v => v * 2), data.map(v => v * 2)]);
      a.dispose();
      const running = double(b).toBufferAsync();
      const reading = double(source).toArrayAsync();
      source.edit(v => v.fill(1));
      b.dispose();
      await expect(running).rejects.toThrow(/^DC307: /);
      await expect(reading).rejects.toThrow(/^DC307: /);
      const controller = new AbortController();
      const aborted = double(source).toBufferAsync({ into: source, signal: controller.signal });
      controller.abort("enough");
      await expect(aborted).rejects.toBe("enough");
      expect([source.state, await double(source).max()]).toEqual(["hostDirty", 2]);
      source.dispose();
    }
    // What is left is of modules.
    await expect.poll(() => (drain(slow), slow.driver.counters().aliveBytes), { interval: 1 }).toBeLessThan(BYTES);
  });

  it("where the device is short of memory they come in chunks, and results leave", async () => {
    const count = 40_000;
    const long = Float64Array.from({ length: count }, (_, at) => at);
    const short = newStandIn({ memory: 500_000 });
    const runtime = on(short, { backend: "cuda" }, 65_536);
    const source = runtime.buffer(long);
    using result = await runtime.compute(source).map(v => v * 2).toBufferAsync();
    // With both of them there is no room for anything else.
    expect([source.state, result.state]).toEqual(["hostOnly", "hostOnly"]);
    expect(result.toArray()).toEqual(long.map(v => v * 2));
    using kept = runtime.compute(result).filter(v => v % 3 === 0).toBuffer();
    expect(kept.toArray()).toEqual(long.map(v => v * 2).filter(v => v % 3 === 0));
    source.dispose();
    // No more memory than the results need, though all might have been kept.
    using half = runtime.buffer(long.subarray(0, 15_000));
    using few = runtime.compute(half).filter(v => v >= 14_500).toBuffer();
    expect([half.state, few.state, few.toArray()]).toEqual(["synchronized", "deviceOnly", long.slice(14_500, 15_000)]);
    expect(short.driver.counters().aliveBytes).toBeLessThan(15_500 * 8 + 1000);
  });

  it("a buffer that was nowhere but on a device that is lost is lost, and says so; others go on elsewhere", async () => {
    for (const later of [false, true]) {
      const lossy = newStandIn();
      const lines: string[] = [];
      const runtime = on(lossy, { backend: ["cuda", "cpu"], log: line => void lines.push(line) });
      using source = runtime.buffer(data);
      const doubled = runtime.compute(source).map(v => v * 2);
      using alone = doubled.on("cuda").toBuffer();
      runtime.compute(source).filter(v => v > 0.5).map((v, i) => v * i).on("cuda").toArray(); // compiles
      const between = runtime.compute(source).filter(v => v > 0.5).map((v, i) => v * i);
      expect([source.state, alone.state]).toEqual(["synchronized", "deviceOnly"]);
      // Launches of the first kernel, a filter, go well.
      lossy.driver.configure({ loseDevice: 4 });
      const wanted = data.filter(v => v > 0.5).map((v, i) => v * i);
      expect(later ? await between.toArrayAsync() : between.toArray()).toEqual(wanted);
      expect([source.state, lines.length]).toEqual(["hostOnly", 1]);
      const lost = /^DC321: the elements of buffer\(Float64Array, 3001\) are lost: they were nowhere but on a device, and .*\nCompute them anew, or write all of them: buffer\.write\(array\)\. What must outlive a device is read in time: buffer\.host\(\)\.$/;
      for (const use of [() => alone.host(), () => alone.edit(() => 0), () => alone.state, () => runtime.compute(alone).max().value(), () => runtime.compute({ alone, source }).sum(r => r.alone).value()]) expect(use).toThrow(lost);
      await expect(alone.toArrayAsync()).rejects.toThrow(lost);
      await expect(runtime.compute(alone).max().run()).rejects.toThrow(lost);
      expect(doubled.toBuffer({ into: alone })).toBe(alone);
      expect([alone.state, alone.toArray()]).toEqual(["hostOnly", data.map(v => v * 2)]);
    }
  });
});
