/** Buffers as arguments of kernels: the same results as of arrays, states and transfers as queries have them. */
import { describe, expect, it } from "vitest";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";

const saxpy = (i: number, x: Float32Array, y: Float32Array, out: Float32Array, a: number): void => { out[i] = a * x[i]! + y[i]!; };
const shifted = (i: number, x: Float32Array, out: Float32Array): void => { out[i] = x[i + 1]!; };
const turned = (x: number, y: number, from: Int32Array, to: Int32Array, width: number): void => { to[x * (from.length / width) + y] = from[y * width + x]!; };

const xs = Float32Array.from({ length: 1000 }, (_, i) => i * 0.3 - 20);
const ys = Float32Array.from({ length: 1000 }, (_, i) => 7 - i);
const expected = (a: number): Float32Array => xs.map((value, i) => Math.fround(Math.fround(a * value) + ys[i]!));

describe.each(["js", "cpu"] as const)("buffers as arguments on %s", backend => {
  const runtime = createRuntime({ backend: backend === "js" ? "js" : ["cpu"] });
  const kernel = runtime.kernel("saxpy", saxpy);

  it("give what arrays give, now and later, and may be mixed with them", async () => {
    const [bx, out] = [runtime.buffer(xs), runtime.buffer(Float32Array, 1000)];
    kernel(bx, ys, out, 2);
    expect(out.toArray()).toEqual(expected(2));
    await kernel.async(bx, ys, out, 3);
    expect(out.toArray()).toEqual(expected(3));
    runtime.execute<typeof kernel>("saxpy", bx, ys, out, 4);
    expect(out.toArray()).toEqual(expected(4));
    expect(bx.toArray()).toEqual(xs);
    expect([bx.state, out.state]).toEqual(["hostOnly", "hostOnly"]);
    kernel(out, ys, out, 1); // in place
    expect(out.toArray()).toEqual(expected(4).map((value, i) => value + ys[i]!));
    expect(kernel.explain()).toContain("called with buffer(Float32Array, 1000), Float32Array(1000), buffer(Float32Array, 1000), number");
  });

  it("may be slices, whose elements alone are written; overlapping ones are refused", () => {
    const [bx, out] = [runtime.buffer(xs), runtime.buffer(new Float32Array(1000).fill(-1))];
    kernel(bx.slice(100, 200), ys.subarray(100, 200), out.slice(300, 400), 2);
    expect(out.toArray()).toEqual(new Float32Array(1000).fill(-1).map((value, i) => (i >= 300 && i < 400 ? expected(2)[i - 200]! : value)));
    expect(() => kernel(out.slice(0, 10), ys.subarray(0, 10), out.slice(5, 15), 1)).toThrow("DC313: x and out share memory");
  });

  it("are what a size function sees: only their lengths are to be had of them", () => {
    const transpose = runtime.kernel("turned", { dimensions: 2, size: (from: Int32Array, _to: Int32Array, width: number) => [width, from.length / width] }, turned);
    const [from, to] = [runtime.buffer(Int32Array.of(1, 2, 3, 4, 5, 6)), runtime.buffer(Int32Array, 6)];
    transpose(from, to, 3);
    expect([...to.toArray()]).toEqual([1, 4, 2, 5, 3, 6]);
    const odd = runtime.kernel("odd", { size: (from: Int32Array) => from[0]! }, (i, from: Int32Array, to: Int32Array) => { to[i] = from[i]!; });
    odd(Int32Array.of(2, 3), to);
    expect(() => odd(from, to)).toThrow("DC313: what the size function of odd gives is undefined where a whole number is needed");
  });

  it("that have ended, or hold other elements, are refused", () => {
    const gone = runtime.buffer(xs);
    gone.dispose();
    expect(() => kernel(gone, ys, new Float32Array(1000), 1)).toThrow("DC320: buffer(Float32Array, 1000) has been disposed of");
    expect(() => kernel(runtime.buffer(xs), ys, 1 as never, 1)).toThrow();
  });

  it("are written to where they lie: nobody else reads or writes them meanwhile, or replaces them", async () => {
    const out = runtime.buffer(Float32Array, 1000);
    const refused = "DC305: buffer(Float32Array, 1000) is used while a kernel writes to it";
    let kept: Float32Array | null = null;
    const running = kernel.async(xs, ys, out, 2);
    const uses: readonly (() => unknown)[] = [
      () => runtime.compute(ys).toBuffer({ into: out }),
      () => runtime.compute(ys.subarray(1)).toBuffer({ into: out }),
      () => out.edit(x => void (kept = x)),
      () => out.slice(0, 2).edit(x => void (kept = x)),
      () => out.write(ys),
      () => out.write(Float32Array.of(1), 3),
      () => out.host(),
      () => out.slice(5, 6).toArray(),
      () => runtime.compute(out).sum().value(),
      () => runtime.compute({ out }).map(({ out: x }) => x).sum().value(),
      () => kernel(out, ys, new Float32Array(1000), 1),
      () => kernel(xs, ys, out, 1),
    ];
    for (const use of uses) expect(use).toThrow(refused);
    const later: readonly (() => Promise<unknown>)[] = [() => out.toArrayAsync(), () => runtime.compute(out).sum().run(), () => kernel.async(xs, ys, out, 1)];
    await Promise.all(later.map(use => expect(use()).rejects.toThrow(refused)));
    await running;
    expect(kept).toBeNull();
    expect(out.toArray()).toEqual(expected(2));
    out.edit(x => void (kept = x));
    expect(kept).toHaveLength(0);
  });

  it("may be used again behind a run that fails", async () => {
    const out = runtime.buffer(Float32Array, 1000);
    await expect(kernel.async(xs.subarray(1), ys, out, 2)).rejects.toMatchObject({ code: "DC401" });
    await expect(kernel.async(xs, ys, out, 2, { signal: AbortSignal.abort(new Error("called off")) })).rejects.toThrow("called off");
    out.write(ys);
    expect(runtime.compute(out).max().value()).toBe(7);
  });

  it("may be written to and read at once in slices that lie apart", async () => {
    const both = runtime.buffer(Float32Array, 2000);
    const third = both.slice(0, 1000);
    const running = [kernel.async(xs, ys, third, 2), kernel.async(xs, ys, both.slice(1000), 3)];
    expect(runtime.compute(both.slice(0, 0)).count().value()).toBe(0);
    await Promise.all(running);
    expect(both.toArray()).toEqual(Float32Array.of(...expected(2), ...expected(3)));
    const again = kernel.async(xs, ys, third, 4);
    expect(runtime.compute(both.slice(1000)).max().value()).toBe(Math.max(...expected(3)));
    await again;
    expect(third.toArray()).toEqual(expected(4));
  });

  it("cannot be written to by kernels while they are edited", async () => {
    const out = runtime.buffer(Float32Array, 1000);
    const refused = "DC305: buffer(Float32Array, 1000) is written to while edit() is at work on it";
    const started: Promise<void>[] = [];
    out.edit(() => {
      expect(() => kernel(xs, ys, out, 2)).toThrow(refused);
      started.push(kernel.async(xs, ys, out, 2));
    });
    await expect(started[0]).rejects.toThrow(refused);
  });

  it("that are disposed of amid a run reject it, and are nobody else's until it has ended", async () => {
    const out = runtime.buffer(Float32Array, 1000);
    const again = kernel.async(xs, ys, out, 3);
    out.dispose();
    const next = runtime.buffer(new Float32Array(1000).fill(5));
    await expect(again).rejects.toThrow("DC307: buffer(Float32Array, 1000) was disposed of while the kernel saxpy wrote to it");
    expect(next.toArray()).toEqual(new Float32Array(1000).fill(5));
    expect(() => out.toArray()).toThrow("DC320");
  });
});

describe.skipIf(unavailable !== null)(`buffers as arguments on the stand-in driver${unavailable === null ? "" : `: ${unavailable}`}`, () => {
  const standIn = unavailable === null ? newStandIn() : null;
  const backends = { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => standIn!.backend() };
  const cuda = runtimeOn({ backend: "cuda" }, backends);
  const kernel = cuda.kernel("saxpy", saxpy);

  it("that are read are brought once and stay; what is written is newer on the host", async () => {
    const [bx, by, out] = [cuda.buffer(xs), cuda.buffer(ys), cuda.buffer(Float32Array, 1000)];
    kernel(bx, by, out, 2);
    await kernel.async(bx, by, out, 3);
    kernel(bx, by, out, 4);
    expect(out.host()).toEqual(expected(4));
    expect([bx.state, by.state, out.state]).toEqual(["synchronized", "synchronized", "hostOnly"]);
    expect(bx.statistics).toEqual({ uploads: 1, bytesUp: 4000, downloads: 0, bytesDown: 0 });
    // A query over it brings it, and another call makes that older.
    expect(cuda.compute(out).max().value()).toBe(Math.max(...expected(4)));
    expect(out.state).toBe("synchronized");
    kernel(bx, by, out, 5);
    expect(out.state).toBe("hostDirty");
    expect(cuda.compute(out).max().value()).toBe(Math.max(...expected(5)));
    expect(out.statistics).toEqual({ uploads: 2, bytesUp: 8000, downloads: 0, bytesDown: 0 });
  });

  it("that only a device has are read there, and brought home to be written to", () => {
    const doubled = cuda.compute(cuda.buffer(xs)).map(v => v * 2).toBuffer();
    const out = new Float32Array(1000);
    kernel(doubled, ys, out, 1);
    expect(out).toEqual(xs.map((value, i) => Math.fround(Math.fround(value * 2) + ys[i]!)));
    expect([doubled.state, doubled.statistics.downloads]).toEqual(["deviceOnly", 0]);
    kernel(xs, ys, doubled, 2); // all is written, but nobody knows beforehand
    expect([doubled.state, doubled.statistics.downloads]).toEqual(["hostDirty", 1]);
    expect(doubled.toArray()).toEqual(expected(2));
    kernel(doubled, ys, doubled, 1); // in place
    expect(doubled.toArray()).toEqual(expected(2).map((value, i) => Math.fround(value + ys[i]!)));
  });

  it("that only a device has are brought to whoever else runs the kernel", async () => {
    const either = runtimeOn({ backend: ["cuda", "cpu"], log: () => undefined }, backends);
    const doubled = either.compute(either.buffer(xs)).on("cuda").map(v => v * 2).toBuffer();
    const prefix = either.kernel("prefix", (i, from: Float32Array, sums: Float64Array) => { if (i > 0) sums[i] = sums[i - 1]! + from[i]!; });
    const sums = either.buffer(Float64Array, 1000);
    await prefix.async(doubled, sums); // one index after the other: cuda refuses it
    const told = new Float64Array(1000);
    for (let i = 1; i < 1000; i += 1) told[i] = told[i - 1]! + Math.fround(xs[i]! * 2);
    expect(sums.toArray()).toEqual(told);
    const onJs = either.kernel("saxpy", saxpy).on("js");
    const out = new Float32Array(1000);
    onJs(doubled, ys, out, 1);
    expect(out).toEqual(xs.map((value, i) => Math.fround(Math.fround(value * 2) + ys[i]!)));
  });

  it("are newer on the host behind a kernel that fails", () => {
    const [bx, out] = [cuda.buffer(xs), cuda.buffer(Float32Array, 1000)];
    const before = cuda.compute(out).sum().value();
    expect(before).toBe(0);
    expect(() => cuda.kernel("shifted", shifted)(bx, out)).toThrow("DC401: x[1000] is out of range");
    expect(out.state).toBe("hostDirty");
  });
});
