/** Which NVRTC the tests compile with: a real one, or the stand-in beside this file where only nvcc is installed. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { chosen, openNative } from "../../src/backends/cuda/driver.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../..");

export type NvrtcForTests =
  | { readonly library: string; readonly standIn: boolean; readonly reason: null }
  | { readonly library: null; readonly reason: string };

/** nvcc on PATH, else that of the newest toolkit in the usual place. */
export function findNvcc(): string | null {
  const onPath = (process.env["PATH"] ?? "").split(path.delimiter).map(folder => path.join(folder, "nvcc"));
  const toolkits = existsSync("/usr/local") ? readdirSync("/usr/local").filter(name => name.startsWith("cuda")).sort().reverse() : [];
  return [...onPath, ...toolkits.map(name => path.join("/usr/local", name, "bin/nvcc"))].find(file => existsSync(file)) ?? null;
}

/** A real NVRTC if there is one ($DOTCOMPUTE_NVRTC, a library in build/nvrtc, the system's), else the stand-in, built if need be. */
export function nvrtcForTests(): NvrtcForTests {
  const { native, reason } = openNative();
  if (native === null) return { library: null, reason };
  const fetched = path.join(root, "build", "nvrtc");
  const beside = existsSync(fetched) ? readdirSync(fetched).filter(name => /^libnvrtc\.so/.test(name)).map(name => path.join(fetched, name)) : [];
  for (const candidate of [chosen(undefined, "DOTCOMPUTE_NVRTC"), ...beside, null]) {
    const opened = native.openCompiler(candidate);
    if (opened.reason === null) return { library: opened.path, standIn: false, reason: null };
  }
  const nvcc = findNvcc();
  if (nvcc === null) return { library: null, reason: "neither libnvrtc nor nvcc is installed" };
  try {
    return { library: buildStandIn(nvcc), standIn: true, reason: null };
  } catch (error) {
    return { library: null, reason: `the stand-in for NVRTC cannot be built: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function buildStandIn(nvcc: string): string {
  const compiler = [process.env["CXX"], "c++", "g++", "clang++"].find(name => name !== undefined && name !== "" && spawnSync(name, ["--version"]).status === 0);
  if (compiler === undefined) throw new Error("there is no C++ compiler");
  const version = /release (\d+)\.(\d+)/.exec(execFileSync(nvcc, ["--version"], { encoding: "utf8" }));
  if (version === null) throw new Error(`${nvcc} does not say its version`);
  const source = path.join(here, "nvrtc.cpp");
  const folder = path.join(root, "build", "cuda-nvrtc");
  const stamp = createHash("sha256").update(readFileSync(source)).update(nvcc).update(version[0]).digest("hex").slice(0, 16);
  const library = path.join(folder, `libnvrtc-stand-in-${stamp}.so`);
  if (existsSync(library)) return library;
  mkdirSync(folder, { recursive: true });
  const temporary = `${library}.${process.pid}`;
  const defines = [`-DNVCC="${nvcc}"`, `-DVERSION_MAJOR=${version[1]}`, `-DVERSION_MINOR=${version[2]}`];
  execFileSync(compiler, ["-std=c++20", "-O1", "-shared", "-fPIC", "-fvisibility=hidden", ...defines, "-o", temporary, source], { stdio: "pipe" });
  renameSync(temporary, library);
  return library;
}
