/**
 * The native backend: kernels as C++, compiled by the machine's own compiler into shared objects that the addon runs. All state
 * belongs to the backend's instance.
 */
import { statSync } from "node:fs";
import { BackendError } from "../../../fusion/errors.js";
import type { CodeOptions } from "../../../fusion/emit/code.js";
import { cppPreludeOf, emitCpp } from "../../../fusion/emit/cpp.js";
import { CPP_LIBRARIES, cppFlagsFor } from "../../../fusion/emit/constants.js";
import type { Kernel } from "../../../fusion/ir.js";
import { printTitle } from "../../../fusion/print.js";
import { calledOrigin } from "../../../fusion/texts.js";
import { messageOf } from "../../../fusion/thrown.js";
import { createKernelCache, type KernelCache } from "../../cache/kernels.js";
import { Events } from "../../runtime/events.js";
import { reasonOf } from "../../runtime/reasons.js";
import type { Mover } from "../../table/move.js";
import type { AcceleratorMemory } from "../accelerator.js";
import type { CompiledKernel } from "../backend.js";
import { textOf } from "../emitted.js";
import { Making } from "../making.js";
import { partsOf, wholeOf } from "../parts.js";
import { CpuCompiledKernel, signatureOf, Workspace } from "./compiled.js";
import { headersIn } from "./headers.js";
import { bestOf, levelInWords, levelsOf, namedLevel, portableFlags, symbolIn, type Target } from "./levels.js";
import { NO_FOLDER, ownAddon, ownRoot, type LoadedAddon } from "./load-addon.js";
import { nativeMover } from "./moves.js";
import { systemOf } from "./system.js";
import { threadsFor } from "./threads.js";
import { createToolchain } from "./toolchain.js";
import { createUnits, type PendingUnit, type Units } from "./units.js";

export interface CpuBackendOptions {
  /** Where compiled kernels are kept, instead of $DOTCOMPUTE_CACHE, $XDG_CACHE_HOME/dotcompute or ~/.cache/dotcompute. */
  readonly cacheFolder?: string | undefined;
  /** The runtime's, instead of one in that folder. */
  readonly cache?: KernelCache | undefined;
  /** The C++ compiler with its first arguments, instead of $CXX or the first of c++, g++ and clang++ on PATH. */
  readonly compiler?: string | undefined;
  /** Milliseconds after which a compiler is stopped; a minute by default. */
  readonly compileTimeLimit?: number | undefined;
  /** For which processors kernels are compiled; for this one by default. */
  readonly target?: Target | undefined;
  /** How kernels are compiled. */
  readonly code?: CodeOptions | undefined;
  /** Instead of all flags, for tests that instrument kernels or compile thousands of them. */
  readonly flags?: readonly string[] | undefined;
  /** By how many threads a run may be shared, instead of $DOTCOMPUTE_THREADS or as many as there are processors to be had. */
  readonly threads?: number | undefined;
  /** How many loaded kernels are kept at hand. */
  readonly mostKernels?: number | undefined;
  /** Who is told what is looked for, emitted, compiled and loaded. */
  readonly events?: Events | undefined;
  /** Instead of loading the addon. @internal */
  readonly loaded?: LoadedAddon | undefined;
}

export interface CompileOptions {
  /** Nobody waits for it yet: the process may end meanwhile, and the compiler with it. */
  readonly background?: boolean;
}

export interface CpuBackend {
  /** Whether there is an addon. Compiled kernels then run even where there is no compiler. */
  readonly available: boolean;
  /** Why it is not available; null if it is. */
  readonly reason: string | null;
  /** Why it only runs what is compiled already; null if it compiles. */
  readonly lacks: string | null;
  /** By how many threads a run may be shared. */
  readonly threads: number;
  /** Which code of portable kernels runs here, or for which level kernels are compiled; null where they are those of the very processor. */
  readonly level: string | null;
  /** That of results. */
  memory(): AcceleratorMemory | null;
  /** The kernel, if it is compiled already: in memory or on disk. Never starts a compiler. */
  cached(kernel: Kernel): CompiledKernel | null;
  /** Compiles and waits. Throws BackendError. */
  compile(kernel: Kernel): CompiledKernel;
  /** Compiles in another process; the same kernel only once at a time. Asking again without `background` keeps the process alive. */
  compileAsync(kernel: Kernel, options?: CompileOptions): Promise<CompiledKernel>;
  /** Ends the compilers that are at work, and begins none from then on. */
  stop(): void;
  /** Many kernels as one translation unit: much faster than one by one. */
  compileBatch(kernels: readonly Kernel[]): CpuCompiledKernel[];
  compileBatchAsync(kernels: readonly Kernel[]): Promise<CpuCompiledKernel[]>;
  /** Moves rows natively; null without an addon. */
  readonly mover: Mover | null;
  /** Where compiled kernels are kept, and why not in the usual place; null if there. */
  readonly cacheState: { readonly folder: string; readonly reason: string | null };
}

/** The exported function of a kernel that is compiled alone. */
const SYMBOL = "kernel";

/** A kernel's translation unit, and what tells its loaded form from those of other kernels. */
interface Named {
  readonly text: string;
  readonly key: string;
}

export function createCpuBackend(options: CpuBackendOptions = {}): CpuBackend {
  const root = ownRoot();
  const loaded = options.loaded ?? ownAddon();
  const cache = options.cache ?? createKernelCache({ place: { folder: options.cacheFolder } });
  if (root === null || loaded.addon === null) return unavailable(loaded.reason ?? NO_FOLDER, cache);
  const { addon } = loaded;
  const { events = new Events() } = options;
  const threads = threadsFor(options.threads);
  const workspace = new Workspace(addon, threads);
  const toolchain = createToolchain({ timeLimit: options.compileTimeLimit });

  const { target: wanted = "native", code = {} } = options;
  const portable = wanted === "portable";
  const levels = levelsOf(process.arch);
  const level = portable ? bestOf(levels, addon.levels) : null;
  if (portable && level === null) return unavailable(`portable kernels are compiled for ${levels.map(({ name }) => name).join(", ")}, and this processor has ${addon.levels.join(", ") || "none of them"}`, cache);
  const only = portable || wanted === "native" ? null : namedLevel(wanted, levels, addon.levels);
  if (only !== null && only.level === null) return unavailable(only.reason, cache);

  /** What a target means for a compiler. */
  const targetOf = (flags: readonly string[]) => {
    if (portable) return { target: JSON.stringify(levels.map(({ name, flags }) => ({ name, flags }))), levels, flags: portableFlags(flags) };
    return only === null ? { target: addon.target, flags } : { target: only.level.name, flags: [...portableFlags(flags), ...only.level.flags] };
  };

  const names = new WeakMap<Kernel, Named>();
  /** Equal kernels of different queries share what was loaded. */
  const memory = cache.memory<CpuCompiledKernel>(options.mostKernels);
  const pending = new Map<string, PendingUnit & { readonly compiled: Promise<string> }>();

  let units: Units | null = null;
  const unitsNow = (): Units => {
    if (units === null) {
      const settings = { cache, toolchain, ...targetOf(options.flags ?? cppFlagsFor(code)), system: systemOf, debug: code.debug, libraries: CPP_LIBRARIES, compiler: options.compiler, timeLimit: options.compileTimeLimit };
      try {
        units = createUnits({ ...settings, headers: headersIn(root) });
      } catch (error) {
        throw new BackendError("DC403", `the run-time headers of the package cannot be read: ${messageOf(error)}`, { cause: error });
      }
    }
    return units;
  };

  const whyNoUnits = (): string | null => {
    try {
      return unitsNow().lacks;
    } catch (error) {
      return reasonOf(error);
    }
  };

  const named = (kernel: Kernel): Named => {
    let name = names.get(kernel);
    if (name === undefined) {
      const text = textOf(kernel, () => events.phase("emit", "cpu", () => cppPreludeOf([kernel]) + emitCpp(kernel, { symbol: SYMBOL })));
      // The same code serves both kinds of byte arrays and captures of any name; checks and errors tell them apart.
      name = { text, key: JSON.stringify([text, signatureOf(kernel), kernel.arrays.map(({ origin }) => calledOrigin(origin))]) };
      names.set(kernel, name);
    }
    return name;
  };

  const mapped = code.debug === true ? { mapped: true } : {};
  const open = (object: string, symbol: string, kernel: Kernel): CpuCompiledKernel => events.phase("load", "cpu", () => new CpuCompiledKernel(kernel, addon.load(object, level === null ? symbol : symbolIn(level, symbol), { ...signatureOf(kernel), ...mapped }), workspace));

  const openAndKeep = (object: string, kernel: Kernel): CpuCompiledKernel => {
    const compiled = open(object, SYMBOL, kernel);
    memory.put(named(kernel).key, compiled, sizeOf(object));
    return compiled;
  };

  /** Opens what was just compiled. If the system refuses to run files of that folder, says so for the next attempt. */
  const openFresh = <Result>(object: string, use: () => Result): Result | null => {
    try {
      return use();
    } catch (error) {
      // What came from elsewhere says nothing of the folder: it is compiled here next.
      if (!cache.discard(object)) cache.abandon(messageOf(error));
      return null;
    }
  };

  const compiledSync = <Result>(text: string, title: () => string, kernels: readonly Kernel[], use: (object: string) => Result): Result => {
    for (;;) {
      const object = unitsNow().compileSync(text, title, new Making(events, "cpu", kernels));
      const result = openFresh(object, () => use(object));
      if (result !== null) return result;
    }
  };

  const compiledAsync = async <Result>(text: string, title: () => string, kernels: readonly Kernel[], background: boolean, use: (object: string) => Result): Promise<Result> => {
    const making = new Making(events, "cpu", kernels);
    for (;;) {
      let unit = pending.get(text);
      if (unit === undefined) {
        const begun = unitsNow().compile(text, title, making);
        unit = { ...begun, compiled: begun.object.finally(() => pending.delete(text)) };
        pending.set(text, unit);
      }
      if (!background) unit.hold();
      const object = await unit.compiled;
      const result = openFresh(object, () => making.within(() => use(object)));
      if (result !== null) return result;
    }
  };

  const cachedAlone = (kernel: Kernel): CpuCompiledKernel | null => {
    const { text, key } = named(kernel);
    const making = new Making(events, "cpu", [kernel]);
    const ready = memory.get(key);
    if (ready !== undefined) {
      making.found("memory");
      return ready;
    }
    const object = unitsNow().cached(text);
    making.found(object === null ? null : "disk");
    if (object === null) return null;
    try {
      return openAndKeep(object, kernel);
    } catch {
      cache.discard(object); // sound by its checksum, but not for this system: to be compiled anew
      return null;
    }
  };

  const compileAlone = (kernel: Kernel): CpuCompiledKernel => {
    const { text, key } = named(kernel);
    return memory.get(key) ?? compiledSync(text, () => printTitle(kernel), [kernel], object => openAndKeep(object, kernel));
  };

  const compileAloneAsync = async (kernel: Kernel, background: boolean): Promise<CpuCompiledKernel> => {
    const { text, key } = named(kernel);
    return memory.get(key) ?? compiledAsync(text, () => printTitle(kernel), [kernel], background, object => memory.get(key) ?? openAndKeep(object, kernel));
  };

  const batchOf = (kernels: readonly Kernel[]) => ({
    title: () => `${kernels.length} kernels`,
    text: cppPreludeOf(kernels) + kernels.map((kernel, place) => emitCpp(kernel, { symbol: `${SYMBOL}_${place}` })).join("\n"),
    use: (object: string) => kernels.map((kernel, place) => open(object, `${SYMBOL}_${place}`, kernel)),
  });

  return {
    available: true,
    reason: null,
    get lacks() {
      const reason = whyNoUnits();
      return reason === null ? null : `it compiles nothing, and runs only kernels that have been compiled before (by dotcompute build, or in a cache): ${reason}`;
    },
    threads,
    level: level !== null ? `portable, by the code for ${levelInWords(level)}` : only !== null ? `compiled for ${levelInWords(only.level)}` : null,
    memory: () => ({ total: null, free: null, pool: addon.memory() }),

    cached(kernel) {
      const parts = partsOf("cpu", kernel).map(part => cachedAlone(part));
      return parts.includes(null) ? null : wholeOf(kernel, parts as readonly CpuCompiledKernel[]);
    },

    compile(kernel) {
      return wholeOf(kernel, partsOf("cpu", kernel).map(compileAlone));
    },

    async compileAsync(kernel, { background = false } = {}) {
      return wholeOf(kernel, await Promise.all(partsOf("cpu", kernel).map(part => compileAloneAsync(part, background))));
    },

    compileBatch(kernels) {
      const { text, title, use } = batchOf(kernels);
      return compiledSync(text, title, kernels, use);
    },

    compileBatchAsync(kernels) {
      const { text, title, use } = batchOf(kernels);
      return compiledAsync(text, title, kernels, false, use);
    },

    stop: () => units?.stop(),

    mover: nativeMover(addon, threads),

    get cacheState() {
      return { folder: cache.folder, reason: cache.reason };
    },
  };
}

function unavailable(reason: string, cache: KernelCache): CpuBackend {
  const error = (): BackendError => new BackendError("DC404", reason);
  const refuse = (): never => {
    throw error();
  };
  return {
    available: false,
    reason,
    lacks: null,
    threads: 1,
    level: null,
    memory: () => null,
    cached: () => null,
    compile: refuse,
    compileAsync: () => Promise.reject(error()),
    compileBatch: refuse,
    compileBatchAsync: () => Promise.reject(error()),
    stop: () => undefined,
    mover: null,
    cacheState: { folder: cache.folder, reason: cache.reason },
  };
}

const sizeOf = (object: string): number => statSync(object, { throwIfNoEntry: false })?.size ?? 0;
