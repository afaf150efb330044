/**
 * From CUDA C to code that the driver loads: compiled by NVRTC for the device at hand, and kept in the disk cache like the C++
 * backend's kernels. Knows nothing of kernels.
 */
import { lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { LINE_INFO } from "../../../fusion/emit/cuda.js";
import { crypto } from "../../builtin.js";
import { sourceOf, type Ingredients } from "../../cache/entry.js";
import type { KernelCache, Maker } from "../../cache/kernels.js";
import { unheard, type Making } from "../making.js";
import { orName } from "./driver.js";
import { CudaError, guarded, guardedLater } from "./errors.js";
import type { CodeForm, Handle, NativeCuda } from "./native.js";

/** Raised when what is stored under the same ingredients changes its meaning. */
const CUDA_ABI = 1;

/** What the source includes, by the names that `#include` has for them. */
export interface CudaHeaders {
  readonly texts: Readonly<Record<string, string>>;
  readonly hash: string;
}

/** The run-time headers of the package (native/rt). Throws if it has lost them. */
export function readCudaHeaders(root: string): CudaHeaders {
  const folder = path.join(root, "native", "rt");
  const texts: Record<string, string> = {};
  const hash = crypto().createHash("sha256");
  for (const name of readdirSync(folder).filter(file => /\.(cuh|h)$/.test(file)).sort()) {
    const text = readFileSync(path.join(folder, name), "utf8");
    // Headers include each other by their bare names, and NVRTC, which has no folders, looks for just that.
    texts[`rt/${name}`] = texts[name] = text;
    hash.update(`${name}\0`).update(text).update("\0");
  }
  return { texts, hash: hash.digest("hex") };
}

/** What code is made for. */
export interface CudaTarget {
  readonly form: CodeForm;
  /** NVRTC's name: sm_90, compute_90. */
  readonly architecture: string;
}

/** An opened NVRTC. */
export interface OpenedNvrtc {
  readonly handle: Handle;
  readonly path: string;
  readonly major: number;
  readonly minor: number;
  /** 75, 80, 90 …; empty if it does not say. */
  readonly architectures: readonly number[];
}

/** NVRTC at this path, or the system's; or why there is none. */
export function openNvrtc(native: NativeCuda, library: string | null): { readonly nvrtc: OpenedNvrtc; readonly reason: null } | { readonly nvrtc: null; readonly reason: string } {
  const opened = native.openCompiler(library);
  if (opened.reason !== null) return { nvrtc: null, reason: orName(opened.reason, "NVRTC", "nvrtc", "DOTCOMPUTE_NVRTC") };
  const { compiler: handle, path: file, major, minor, architectures } = opened;
  return { nvrtc: { handle, path: file, major, minor, architectures }, reason: null };
}

/**
 * The device's own machine code where NVRTC knows the device; else PTX for the newest older architecture that it knows, which
 * the driver assembles. `least`: PTX for all devices from this one on, 80 for 8.0. Throws CudaError if NVRTC knows none that the device runs.
 */
export function targetFor({ major, minor }: { readonly major: number; readonly minor: number }, nvrtc: OpenedNvrtc, form?: CodeForm, least?: number): CudaTarget {
  const device = major * 10 + minor;
  const { architectures } = nvrtc;
  if (least !== undefined) return targetFrom(least, device, nvrtc);
  if (form !== "ptx" && architectures.includes(device)) return { form: "cubin", architecture: `sm_${device}` };
  // Such an old one does not say what it knows: it will say so if this is too much.
  const known = architectures.length === 0 ? device : Math.max(-1, ...architectures.filter(architecture => architecture <= device));
  if (form === "cubin" || known < 0) {
    const range = architectures.length === 0 ? "" : `: it compiles for ${architectures.map(architecture => architecture / 10).join(", ")}`;
    throw new CudaError("programmer", `NVRTC ${nvrtc.major}.${nvrtc.minor} (${nvrtc.path}) cannot compile for a device of compute capability ${major}.${minor}${range}. Install an NVRTC that can, or name one in $DOTCOMPUTE_NVRTC`);
  }
  return { form: "ptx", architecture: `compute_${known}` };
}

/** PTX for all devices from this compute capability on. */
function targetFrom(least: number, device: number, { architectures, major, minor, path }: OpenedNvrtc): CudaTarget {
  const told = `kernels are to be compiled for compute capability ${(least / 10).toFixed(1)}`;
  if (least > device) throw new CudaError("programmer", `${told}, and the device has ${(device / 10).toFixed(1)}`);
  if (architectures.length > 0 && !architectures.includes(least)) {
    throw new CudaError("programmer", `${told}, and NVRTC ${major}.${minor} (${path}) compiles for ${architectures.map(one => (one / 10).toFixed(1)).join(", ")}`);
  }
  return { form: "ptx", architecture: `compute_${least}` };
}

export interface CudaCompiler {
  readonly nvrtc: OpenedNvrtc;
  /** The code of this source, if it has been compiled before. Fast: compiles nothing. */
  cached(source: string, flags: readonly string[], target: CudaTarget): Uint8Array | null;
  /** `title`: what it is, for people. Throws CudaError with NVRTC's log; BackendError DC405 if there is nowhere to keep it. */
  compile(source: string, flags: readonly string[], target: CudaTarget, title?: () => string, making?: Making): Uint8Array;
  /** On another thread. */
  compileLater(source: string, flags: readonly string[], target: CudaTarget, title?: () => string, making?: Making): Promise<Uint8Array>;
  /** Throws code away that the driver would not load. True if it came from the shared store: it is compiled here next. */
  discard(source: string, flags: readonly string[], target: CudaTarget): boolean;
}

/** NVRTC takes a lambda within a device function for a function of the host's, and refuses it; nvcc does not. */
const LAMBDAS = "--device-as-default-execution-space";

/** What NVRTC calls the source in its log. */
const NAME = "kernel.cu";

export function createCudaCompiler(native: NativeCuda, nvrtc: OpenedNvrtc, cache: KernelCache, headers: CudaHeaders): CudaCompiler {
  const maker = makerOf(nvrtc);
  const optionsOf = (flags: readonly string[], { architecture }: CudaTarget): readonly string[] => [...flags, LAMBDAS, `--gpu-architecture=${architecture}`];
  const ingredients = (source: string, flags: readonly string[], target: CudaTarget, title?: () => string): Ingredients => ({
    source,
    headersHash: headers.hash,
    abi: CUDA_ABI,
    flags: optionsOf(flags, target),
    target: `cuda ${target.form}`,
    local: flags.includes(LINE_INFO),
    label: title === undefined ? undefined : { backend: "cuda", title },
  });
  const find = (made: Ingredients): string | null => cache.find(made, maker);
  const fetched = async (made: Ingredients, making: Making): Promise<string | null> => {
    const answer = cache.fetch(made, maker);
    answer.hold(); // NVRTC would keep the process alive, too
    const object = await answer.done;
    if (object !== null) making.found("shared");
    return object;
  };
  /** Line information names the source that is kept beside the code. */
  const argumentsOf = (source: string, flags: readonly string[], target: CudaTarget, entry: string) =>
    [nvrtc.handle, source, flags.includes(LINE_INFO) ? sourceOf(entry, "cuda") : NAME, headers.texts, optionsOf(flags, target), target.form] as const;

  return {
    nvrtc,

    cached(source, flags, target) {
      const object = find(ingredients(source, flags, target));
      return object === null ? null : readFileSync(object);
    },

    compile(source, flags, target, title, making = unheard("cuda")) {
      const made = ingredients(source, flags, target, title);
      const present = find(made);
      if (present !== null) making.found("disk");
      const compiled = (entry: string): Uint8Array => making.compiledNow(() => guarded(() => native.compile(...argumentsOf(source, flags, target, entry))).code);
      const object = present ?? cache.storeSync(made, maker, (file, _, entry) => writeFileSync(file, compiled(entry)));
      return readFileSync(object);
    },

    async compileLater(source, flags, target, title, making = unheard("cuda")) {
      const made = ingredients(source, flags, target, title);
      const present = find(made);
      if (present !== null) making.found("disk");
      const object =
        present ??
        (await fetched(made, making)) ??
        (await cache.store(made, maker, async (file, _, entry) => {
          const compiled = await making.compiledLater(() => guardedLater(guarded(() => native.compileLater(...argumentsOf(source, flags, target, entry)))));
          await writeFile(file, compiled.code);
        }));
      return readFileSync(object);
    },

    discard(source, flags, target) {
      const object = find(ingredients(source, flags, target));
      return object !== null && cache.discard(object);
    },
  };
}

/** Builds of one version are told apart by their files: here by their dates, too. */
function makerOf({ path: file, major, minor }: OpenedNvrtc): Maker {
  const facts = lstatSync(file, { throwIfNoEntry: false });
  const version = `nvrtc ${major}.${minor}`;
  return { here: `${version}\n${file}${facts === undefined ? "" : ` ${facts.size} ${facts.mtimeMs}`}`, anywhere: `${version} ${facts?.size ?? ""}` };
}
