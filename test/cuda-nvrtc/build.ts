/** Which NVRTC the tests compile with: a real one, or the stand-in beside this file where only nvcc is installed. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chosen, openNative } from "../../src/backends/cuda/driver.js";
import { fetchedNvrtc, fetchFailure } from "./fetch.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../..");

export type NvrtcForTests =
  | {
      readonly library: string;
      readonly standIn: boolean;
      /** As in "NVRTC 13.0". */
      readonly name: string;
      /** What a driver must be to take its PTX, and 13.0 at least: 13000. */
      readonly driverVersion: number;
      readonly reason: null;
    }
  | { readonly library: null; readonly reason: string };

/** nvcc on PATH, else that of the newest toolkit in the usual place. */
export function findNvcc(): string | null {
  const onPath = (process.env["PATH"] ?? "").split(path.delimiter).map(folder => path.join(folder, "nvcc"));
  const toolkits = existsSync("/usr/local") ? readdirSync("/usr/local").filter(name => name.startsWith("cuda")).sort().reverse() : [];
  return [...onPath, ...toolkits.map(name => path.join("/usr/local", name, "bin/nvcc"))].find(file => existsSync(file)) ?? null;
}

/**
 * An NVRTC, one that knows this architecture if one is given: a real one if there is one ($DOTCOMPUTE_NVRTC, the one that was
 * fetched into build/nvrtc, the system's), else the stand-in, built if need be.
 */
export function nvrtcForTests(architecture?: number): NvrtcForTests {
  const { native, reason } = openNative();
  if (native === null) return { library: null, reason };
  const opened = (candidate: string | null, standIn: boolean): NvrtcForTests | null => {
    const found = native.openCompiler(candidate);
    if (found.reason !== null || (architecture !== undefined && !found.architectures.includes(architecture))) return null;
    const { path: library, major, minor } = found;
    const name = `${standIn ? "nvcc" : "NVRTC"} ${major}.${minor}`;
    return { library, standIn, name, driverVersion: Math.max(13000, major * 1000 + minor * 10), reason: null };
  };
  for (const candidate of [chosen(undefined, "DOTCOMPUTE_NVRTC"), ...fetchedNvrtc(), null]) {
    const found = opened(candidate, false);
    if (found !== null) return found;
  }
  const failure = fetchFailure();
  const none = failure === null ? "neither libnvrtc nor nvcc is installed" : `neither libnvrtc nor nvcc is installed, and libnvrtc could not be fetched: ${failure}`;
  const nvcc = findNvcc();
  if (nvcc === null) return { library: null, reason: architecture === undefined ? none : `no NVRTC for compute_${architecture} is installed, nor nvcc` };
  try {
    return opened(buildStandIn(nvcc), true) ?? { library: null, reason: `${nvcc} does not compile for compute_${architecture}` };
  } catch (error) {
    return { library: null, reason: `the stand-in for NVRTC cannot be built: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function buildStandIn(nvcc: string): string {
  const compiler = [process.env["CXX"], "c++", "g++", "clang++"].find(name => name !== undefined && name !== "" && spawnSync(name, ["--version"]).status === 0);
  if (compiler === undefined) throw new Error("there is no C++ compiler");
  const version = /release (\d+)\.(\d+)/.exec(execFileSync(nvcc, ["--version"], { encoding: "utf8" }));
  if (version === null) throw new Error(`${nvcc} does not say its version`);
  const architectures = execFileSync(nvcc, ["--list-gpu-arch"], { encoding: "utf8" }).match(/\d+/g) ?? [];
  const source = path.join(here, "nvrtc.cpp");
  const folder = path.join(root, "build", "cuda-nvrtc");
  const stamp = createHash("sha256").update(readFileSync(source)).update(nvcc).update(version[0]).digest("hex").slice(0, 16);
  const library = path.join(folder, `libnvrtc-stand-in-${stamp}.so`);
  if (existsSync(library)) return library;
  mkdirSync(folder, { recursive: true });
  const temporary = `${library}.${process.pid}`;
  const defines = [`-DNVCC="${nvcc}"`, `-DVERSION_MAJOR=${version[1]}`, `-DVERSION_MINOR=${version[2]}`, `-DARCHITECTURES=${architectures.join()}`];
  execFileSync(compiler, ["-std=c++20", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", ...defines, "-o", temporary, source], { stdio: "pipe" });
  renameSync(temporary, library);
  return library;
}
