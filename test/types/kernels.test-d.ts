/** The types of index-space kernels: what they are called with is what stands behind the places in their lambda. */
import { buffer, createRuntime, kernel, precompile, type NamedKernel, type OptimalChoice, type Precompiled } from "../../src/index.js";
import { expectType } from "./expect.js";

const saxpy = kernel("saxpy", (i, x: Float32Array, y: Float32Array, out: Float32Array, a: number) => {
  expectType<number>()(i);
  out[i] = a * x[i]! + y[i]!;
});
const x = new Float32Array(3);
expectType<void>()(saxpy(x, x, x, 2));
expectType<Promise<void>>()(saxpy.async(x, x, x, 2, { signal: AbortSignal.timeout(10), size: 3 }));
saxpy(x, x, x, 2, { size: 2 });
// @ts-expect-error -- one array is missing
saxpy(x, x, 2);
// @ts-expect-error -- an array of other elements
saxpy(x, x, new Float64Array(3), 2);
// @ts-expect-error -- it has one dimension
saxpy(x, x, x, 2, { size: [1, 2] });
// @ts-expect-error -- nothing ends a run that is over when it returns
saxpy(x, x, x, 2, { signal: AbortSignal.timeout(10) });

const blur = kernel("blur", { dimensions: 2, size: (src: Float32Array, _dst: Float32Array, width: number) => [width, src.length / width] }, (x, y, src: Float32Array, dst: Float32Array, width: number) => {
  expectType<number>()(y);
  dst[y * width + x] = src[y * width + x]!;
});
blur(x, x, 3, { size: [3, 1] });
// @ts-expect-error -- it has two dimensions
blur(x, x, 3, { size: 3 });

const volume = kernel("volume", { dimensions: 3 }, (x, y, z, out: Int32Array, big: bigint, flag: boolean) => {
  if (flag && big > 0n) out[x + y + z] = 1;
});
expectType<NamedKernel<[out: Int32Array, big: bigint, flag: boolean], 3>>()(volume);

const runtime = createRuntime();
runtime.execute<typeof saxpy>("saxpy", x, x, x, 2);
runtime.execute("saxpy", x, x, x, 2);
// @ts-expect-error -- a text is no number
runtime.execute<typeof saxpy>("saxpy", x, x, x, "2");
expectType<Promise<void>>()(runtime.executeAsync<typeof saxpy>("saxpy", x, x, x, 2));
using bx = buffer(x);
saxpy(bx, x, bx, 2);
expectType<Promise<void>>()(saxpy.async(bx, x, buffer(Float32Array, 3), 2, { timeout: 100, onProgress: ({ fraction }) => void fraction }));
// @ts-expect-error -- a buffer of other elements
saxpy(buffer(new Float64Array(3)), x, x, 2);
expectType<typeof saxpy>()(saxpy.on("js"));
expectType<string>()(saxpy.explain({ arguments: [bx, x, x, 2], size: 3 }));
expectType<OptimalChoice>()(runtime.optimalAccelerator(saxpy, { arguments: [x, bx, x, 2], size: 3, length: 10 }));
expectType<Promise<readonly Precompiled[]>>()(runtime.precompile(saxpy, { arguments: [x, x, x, 2], accelerator: "cpu" }));
expectType<Promise<readonly Precompiled[]>>()(precompile<typeof saxpy>("saxpy", { arguments: [x, x, x, 2] }));
void runtime.precompile(saxpy, "cpu");
// @ts-expect-error -- a text is no number
void runtime.precompile(saxpy, { arguments: [x, x, x, "2"] });
// @ts-expect-error -- it has one dimension
runtime.optimalAccelerator(saxpy, { size: [1, 2] });

// @ts-expect-error -- kernels take no plain arrays
kernel("plain", (i, out: number[]) => { out[i] = 1; });
