/** CUDA C to code, by NVRTC where there is one, else by the stand-in of test/cuda-nvrtc (nvcc in a process of its own). */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { LINE_INFO } from "../../fusion/emit/cuda.js";
import { createCudaCompiler, openNvrtc, readCudaHeaders, targetFor, type CudaCompiler, type CudaHeaders, type OpenedNvrtc } from "../../src/backends/cuda/compiler.js";
import { openNative } from "../../src/backends/cuda/driver.js";
import { CudaError } from "../../src/backends/cuda/errors.js";
import type { NativeCuda } from "../../src/backends/cuda/native.js";
import { packageRoot } from "../../src/backends/cpu/load-addon.js";
import { createKernelCache } from "../../src/cache/kernels.js";
import { nvrtcForTests } from "../cuda-nvrtc/build.js";

const found = nvrtcForTests();
const text = (code: Uint8Array): string => Buffer.from(code).toString("latin1");

describe("the target that code is compiled for", () => {
  const nvrtc = (...architectures: readonly number[]): OpenedNvrtc => ({ handle: 1, path: "/usr/lib/libnvrtc.so.13", major: 13, minor: 0, architectures });
  it.each([
    ["the device's own", { major: 9, minor: 0 }, nvrtc(75, 80, 90), undefined, { form: "cubin", architecture: "sm_90" }],
    ["PTX of an older one", { major: 8, minor: 9 }, nvrtc(75, 80, 90), undefined, { form: "ptx", architecture: "compute_80" }],
    ["PTX of its own, if asked for", { major: 9, minor: 0 }, nvrtc(75, 80, 90), "ptx", { form: "ptx", architecture: "compute_90" }],
    ["a newer device", { major: 15, minor: 0 }, nvrtc(75, 80, 120), undefined, { form: "ptx", architecture: "compute_120" }],
    ["an NVRTC that does not say what it knows", { major: 7, minor: 5 }, nvrtc(), undefined, { form: "ptx", architecture: "compute_75" }],
  ] as const)("is %s", (_, device, by, form, target) => {
    expect(targetFor(device, by, form)).toEqual(target);
  });

  it("is PTX for all devices from the compute capability that is asked for", () => {
    expect(targetFor({ major: 9, minor: 0 }, nvrtc(75, 80, 90), undefined, 80)).toEqual({ form: "ptx", architecture: "compute_80" });
    expect(() => targetFor({ major: 7, minor: 5 }, nvrtc(75, 80), undefined, 80)).toThrow("kernels are to be compiled for compute capability 8.0, and the device has 7.5");
    expect(() => targetFor({ major: 9, minor: 0 }, nvrtc(75, 90), undefined, 80)).toThrow("compute capability 8.0, and NVRTC 13.0 (/usr/lib/libnvrtc.so.13) compiles for 7.5, 9.0");
  });

  it("is none where NVRTC and the device have none in common", () => {
    expect(() => targetFor({ major: 6, minor: 1 }, nvrtc(75, 80))).toThrow(
      "DC406: NVRTC 13.0 (/usr/lib/libnvrtc.so.13) cannot compile for a device of compute capability 6.1: it compiles for 7.5, 8. Install an NVRTC that can, or name one in $DOTCOMPUTE_NVRTC",
    );
    expect(() => targetFor({ major: 9, minor: 1 }, nvrtc(75, 90), "cubin")).toThrow(CudaError);
  });
});

describe.skipIf(found.library === null)(`CUDA compiler: ${found.reason ?? found.name}`, () => {
  const native = openNative().native as NativeCuda;
  const folder = mkdtempSync(path.join(os.tmpdir(), "dotcompute-nvrtc-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const nvrtc = found.library === null ? null : openNvrtc(native, found.library).nvrtc;
  const headers: CudaHeaders = { texts: { "rt/twice.h": '#include "add.h"\nstatic __device__ double twice(double x) { return add(x, x); }\n', "add.h": "static __device__ double add(double x, double y) { return x + y; }\n" }, hash: "1" };
  let caches = 0;
  const compilerIn = (cacheFolder = path.join(folder, `cache-${++caches}`), with_ = headers): CudaCompiler => createCudaCompiler(native, nvrtc as OpenedNvrtc, createKernelCache({ place: { folder: cacheFolder, fallback: folder } }), with_);
  const ptx = { form: "ptx", architecture: "compute_75" } as const;
  const flags = ["-std=c++17", "--fmad=false", "--prec-div=true", "--prec-sqrt=true", "--ftz=false"];
  const source = `#include "rt/twice.h"\nextern "C" __global__ void kernel(double* x, double y) { x[threadIdx.x] = twice(x[threadIdx.x]) * y + 1.0 / y; }\n`;

  it("gives PTX that holds what the source says, and nothing contracted", () => {
    const code = text(compilerIn().compile(source, flags, ptx));
    expect(code).toMatch(/\.target sm_75/);
    expect(code).toMatch(/\.visible \.entry kernel/);
    expect(code).toMatch(/mul\.rn\.f64/);
    expect(code).not.toMatch(/fma|\.ftz|\.approx|\0/);
    expect(text(compilerIn().compile(source, flags.with(1, "--fmad=true"), ptx))).toMatch(/fma\.rn\.f64/);
  });

  it("gives the device's own code", () => {
    const code = compilerIn().compile(source, flags, { form: "cubin", architecture: "sm_90" });
    expect(text(code.subarray(0, 4))).toBe("\x7fELF");
    const lesser = compilerIn().compile(source, [...flags, "--ptxas-options=-O0", LINE_INFO], { form: "cubin", architecture: "sm_90" });
    expect(text(lesser)).toContain(".debug_line");
  });

  it("does the same on another thread, several at a time", async () => {
    const compiler = compilerIn();
    const [here, ...there] = [compiler.compile(source, flags, ptx), ...(await Promise.all([1, 2, 3].map(place => compiler.compileLater(`${source}// ${place}\n`, flags, ptx))))] as const;
    for (const code of there) expect(text(code)).toBe(text(here));
  });

  it("says what NVRTC says about wrong code", async () => {
    const compiler = compilerIn();
    const wrong = 'extern "C" __global__ void kernel(double* x) {\n  x[0] = nobody;\n}\n';
    const check = (error: unknown): void => {
      expect(error).toBeInstanceOf(CudaError);
      expect(error).toMatchObject({ kind: "programmer", call: "nvrtcCompileProgram", result: expect.stringContaining("NVRTC_ERROR_COMPILATION"), log: expect.stringMatching(/^kernel\.cu\(2\): error: identifier "nobody" is undefined/m) });
      expect((error as Error).message).toContain('identifier "nobody" is undefined');
    };
    expect.assertions(6);
    try {
      compiler.compile(wrong, flags, ptx);
    } catch (error) {
      check(error);
    }
    await compiler.compileLater(wrong, flags, ptx).catch(check);
  });

  it("says that an option is wrong", () => {
    expect(() => compilerIn().compile(source, [...flags, "--no-such-option"], ptx)).toThrow(/NVRTC_ERROR_INVALID_OPTION/);
    expect(() => compilerIn().compile(source, flags, { form: "ptx", architecture: "compute_10" })).toThrow(/nvrtcCompileProgram failed/);
    // There is machine code of a real architecture alone.
    expect(() => compilerIn().compile(source, flags, { form: "cubin", architecture: "compute_90" })).toThrow("NVRTC gave no code");
  });

  it("names the source that is kept beside code with line information", () => {
    const cacheFolder = path.join(folder, "lines");
    const plain = compilerIn(cacheFolder).compile(source, flags, ptx);
    const code = text(compilerIn(cacheFolder).compile(source, [...flags, LINE_INFO, "--ptxas-options=-O1"], ptx, () => "twice and more"));
    const entry = readdirSync(cacheFolder).map(name => path.join(cacheFolder, name)).find(name => existsSync(path.join(name, "kernel.cu"))) as string;
    expect(code).toContain(`"${path.join(entry, "kernel.cu")}"`);
    expect(code).toMatch(/^\s*\.loc\s/m);
    expect(readFileSync(path.join(entry, "kernel.cu"), "utf8")).toBe(source);
    expect(JSON.parse(readFileSync(path.join(entry, "about.json"), "utf8"))).toMatchObject({ backend: "cuda", title: "twice and more", target: "cuda ptx" });
    expect(text(plain)).not.toContain(".loc");
  });

  it("keeps code on disk, by everything that it is made of", () => {
    const cacheFolder = path.join(folder, "kept");
    const compiler = compilerIn(cacheFolder);
    expect(compiler.cached(source, flags, ptx)).toBeNull();
    const code = compiler.compile(source, flags, ptx);
    expect(compilerIn(cacheFolder).cached(source, flags, ptx)).toEqual(code);
    expect(compiler.cached(`${source}//`, flags, ptx)).toBeNull();
    expect(compiler.cached(source, flags.slice(1), ptx)).toBeNull();
    expect(compiler.cached(source, flags, { form: "ptx", architecture: "compute_80" })).toBeNull();
    expect(compilerIn(cacheFolder, { ...headers, hash: "2" }).cached(source, flags, ptx)).toBeNull();
    compiler.discard(source, flags, ptx);
    expect(compiler.cached(source, flags, ptx)).toBeNull();
  });

  it("compiles anew what was damaged on disk", () => {
    const cacheFolder = path.join(folder, "damaged");
    const code = compilerIn(cacheFolder).compile(source, flags, ptx);
    for (const entry of readdirSync(cacheFolder)) writeFileSync(path.join(cacheFolder, entry, "kernel.so"), "nonsense");
    expect(compilerIn(cacheFolder).cached(source, flags, ptx)).toBeNull();
    expect(compilerIn(cacheFolder).compile(source, flags, ptx)).toEqual(code);
  });

  it("hands the package's own headers over", () => {
    const own = readCudaHeaders(packageRoot() as string);
    expect(Object.keys(own.texts)).toEqual(expect.arrayContaining(["rt/loops.cuh", "rt/scalar.h", "scalar.h"]));
    const code = text(compilerIn(undefined, own).compile('#include "rt/loops.cuh"\nextern "C" __global__ void kernel(double* x) { x[0] = rt_round(x[0]); }\n', flags, ptx));
    expect(code).toContain("kernel");
  });

  it("lets the process end while it compiles", () => {
    const addon = path.join(packageRoot() as string, "build/Release/dotcompute.node");
    const script = `const cuda = require(${JSON.stringify(addon)}).cuda();
      const { compiler } = cuda.openCompiler(${JSON.stringify(found.library)});
      for (let i = 0; i < 6; i++) cuda.compileLater(compiler, "__global__ void kernel" + i + "() {}", "k.cu", {}, ["--gpu-architecture=compute_75"], "ptx");
      setTimeout(() => process.exit(4), 20);`;
    const { status, signal, stderr } = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", timeout: 60_000, killSignal: "SIGKILL" });
    expect({ status, signal, stderr }).toEqual({ status: 4, signal: null, stderr: "" });
  });
});
