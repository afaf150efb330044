/** Index-space kernels that insist on CUDA, on the stand-in driver: what they write is what they write as JavaScript. */
import { describe, expect, it } from "vitest";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import { newStandIn, unavailable } from "../native/cuda-stand-in.js";

const saxpy = (i: number, x: Float32Array, y: Float32Array, out: Float32Array, a: number): void => { out[i] = a * x[i]! + y[i]!; };
const edges = (x: number, y: number, src: Float64Array, dst: Float64Array, width: number): void => {
  if (x === 0 || x === width - 1) return;
  dst[y * width + x]! += src[y * width + x - 1]! - src[y * width + x + 1]!;
};
const turn = (x: number, y: number, z: number, from: Int16Array, to: Int32Array, w: number, h: number, d: number): void => {
  to[(x * h + y) * d + z] = from[(z * h + y) * w + x]! * 2 - z;
};
const shifted = (i: number, x: Float32Array, out: Float32Array): void => { out[i] = x[i + 1]!; };
const prefix = (i: number, x: Float64Array): void => { if (i > 0) x[i]! += x[i - 1]!; };

describe.skipIf(unavailable !== null)(`on the stand-in driver${unavailable === null ? "" : `: ${unavailable}`}`, () => {
  const standIn = unavailable === null ? newStandIn() : null;
  const backends = { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => standIn!.backend() };
  const cuda = runtimeOn({ backend: "cuda" }, backends);
  const js = createRuntime({ backend: "js" });

  it("one, two and three dimensions: the bits of the js backend", async () => {
    const x = Float32Array.from({ length: 300 }, (_, i) => (i % 7 === 0 ? NaN : i * 0.3 - 20));
    const results = await Promise.all([cuda, js].map(async runtime => {
      const [y, out] = [x.slice().reverse(), new Float32Array(300)];
      const kernel = runtime.kernel("saxpy", saxpy);
      kernel(x, y, out, 0.1);
      await kernel.async(x, y, y, 3); // in place
      const dst = new Float64Array(110).fill(-0);
      runtime.kernel("edges", { dimensions: 2 }, edges)(Float64Array.from({ length: 110 }, (_, i) => i * i), dst, 11, { size: [11, 10] });
      const to = new Int32Array(60);
      runtime.kernel("turn", { dimensions: 3 }, turn)(Int16Array.from({ length: 60 }, (_, i) => i * 311), to, 3, 4, 5, { size: [3, 4, 5] });
      return { y, out, dst, to };
    }));
    expect(results[0]).toEqual(results[1]);
  });

  it("a place out of range is the first one's error, and what is on the device stays there", () => {
    const [x, out] = [new Float32Array(50).fill(2), new Float32Array(50)];
    expect(() => cuda.kernel("shifted", shifted)(x, out)).toThrow("DC401: x[50] is out of range: x has 50 elements");
    expect([...out.subarray(0, 49)]).toEqual(new Array(49).fill(0));
  });

  it("what must run in order runs elsewhere, and explain says why", () => {
    expect(() => cuda.kernel("prefix", prefix)(new Float64Array(3))).toThrow("its indices run one after the other, and a device runs many at once");
    const either = runtimeOn({ backend: ["cuda", "cpu"], log: () => undefined }, backends);
    const kernel = either.kernel("prefix", prefix);
    const sums = Float64Array.of(1, 2, 3);
    kernel(sums);
    expect([...sums]).toEqual([1, 3, 6]);
    expect(kernel.explain()).toContain("its indices run one after the other");
  });
});
