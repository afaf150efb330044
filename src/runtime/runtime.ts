/** One runtime: the shapes it has seen, the backends it runs them on, and who is told about it. */
import { BackendError } from "../../fusion/errors.js";
import type { CacheOptions } from "../cache/kernels.js";
import type { CodeOptions } from "../../fusion/emit/code.js";
import type { Kernel } from "../../fusion/ir.js";
import type { Accelerator, AcceleratorMaker } from "../backends/accelerator.js";
import type { BackendName } from "../backends/backend.js";
import type { OpenTelemetry } from "../telemetry/api.js";
import type { LogLevel } from "../telemetry/levels.js";
import type { Logger } from "../telemetry/logger.js";
import type { Target } from "../backends/cpu/levels.js";
import { Kernels } from "../kernels/registry.js";
import { knownIn, type KnownQueries } from "../query/known.js";
import { Shapes } from "../query/shape.js";
import type { TerminalNode } from "../query/terminal.js";
import { Events } from "./events.js";
import { Remembered } from "../memory/remembered.js";
import type { Storage } from "../memory/storage.js";
import { Member, type Backend, type Decorate, type Treatment } from "./member.js";
import { logOf, observed } from "./observers.js";
import { Running } from "./running.js";
import { adaptive } from "./selection/adaptive.js";
import { selectionIn, type Selection } from "./selection/selection.js";
import { inOrder } from "./selector.js";
import type { KernelSlot } from "./slot.js";
import { endedBadly } from "./reasons.js";
import { Reports } from "./reports.js";
import { resilienceOf, type ResilienceOptions } from "./resilience.js";
import { Tiers } from "./tiers.js";
import { validating, type Mismatch, type Validate } from "./validation/validation.js";

/** What ran: handed to `onRun` after every run. */
export interface RunInfo {
  /** The terminal that was run: `sum`, `toArray` …; or the name of the kernel. */
  readonly terminal: string;
  /** The backend of the last kernel. */
  readonly backend: BackendName;
  /** In the order they ran; almost always one. */
  readonly kernels: readonly KernelRun[];
}

export interface KernelRun {
  readonly backend: BackendName;
  /** How many elements the kernel was given. */
  readonly length: number;
}

export interface CompileOptions extends CodeOptions {
  /** What `fastMath` is for queries that do not say it themselves: faster, with results that differ a little between backends and machines. */
  readonly fastMath?: boolean | undefined;
}

/** Choices of `target`, `compile` and `cuda.capability` that are not the usual ones. */
export interface UnusualCode extends CodeOptions {
  readonly target?: Target;
  readonly capability?: string;
}

/** What the cuda backend runs on. */
export interface CudaChoice {
  readonly driver?: string | undefined;
  readonly nvrtc?: string | undefined;
  /** The device's number; 0 by default. */
  readonly device?: number | undefined;
  /**
   * Instead of one: the numbers of several. A kernel over many elements is divided among them, with the same result to the bit; what cannot be
   * divided, as `explain()` says of it, the first of them runs alone.
   */
  readonly devices?: readonly number[] | undefined;
  /**
   * How many bytes of each device's memory may be used, together with the thread's other runtimes: where that is too little, sources and
   * results go through in chunks, and what does not fit even so runs elsewhere. By default all that there are.
   */
  readonly memoryBytes?: number | undefined;
  /** Kernels for all devices from this compute capability on (`"8.0"`), instead of for the device at hand. */
  readonly capability?: string | undefined;
}

export interface RuntimeOptions {
  /**
   * One backend: insists on it for every query; `js` never compiles C++, `cpu` and `cuda` throw where they cannot run. Several, in
   * order of preference: the first that can run a kernel runs it, and where it fails (the device is out of memory, or lost) the next
   * does; js stands behind them all. By default `["cpu"]`. Plugins are called by the names that they have.
   */
  readonly backend?: BackendName | readonly BackendName[] | undefined;
  /** Accelerators beside the library's own: used where `backend` or a query's `.on()` names them. */
  readonly plugins?: readonly (Accelerator | AcceleratorMaker)[] | undefined;
  /**
   * Is called with each accelerator, the library's own and plugins, when it is first needed; what it gives is used instead. See
   * `plugin.decorated` for accelerators around accelerators.
   */
  readonly decorate?: Decorate | undefined;
  /** How failures of backends are met: what is tried again, how often and when, and when a backend is left alone. */
  readonly resilience?: ResilienceOptions | undefined;
  /** Where compiled kernels are kept between processes. */
  readonly cacheFolder?: string | undefined;
  /** The C++ compiler, instead of `$CXX` or the first of c++, g++ and clang++ on PATH. */
  readonly compiler?: string | undefined;
  /**
   * Which processors native kernels are for: the one they are compiled on (`native`, by default); all of its architecture, in which case
   * a kernel's file holds code for several instruction sets and the best that there is is taken (`portable`); or all that have one of these
   * instruction sets (`x86-64-v4`, `x86-64-v3`, `x86-64`, `arm64`). The latter two are for kernels that are compiled on one machine and run
   * on others. The results are the same.
   */
  readonly target?: Target | undefined;
  /**
   * By how many threads a native kernel may be shared, the calling thread included; by default `$DOTCOMPUTE_THREADS`, or as many as there
   * are processors that the process may use. All runtimes share one pool of threads. The results are the same for any number.
   */
  readonly threads?: number | undefined;
  /** The limits of the kernel cache, and a store of compiled kernels that machines share. */
  readonly cache?: CacheOptions | undefined;
  /** How kernels are compiled. Each choice has kernels of its own in the cache. */
  readonly compile?: CompileOptions | undefined;
  /** For the cuda backend: the libraries of the driver and of NVRTC, where the system does not find them, and which devices. */
  readonly cuda?: CudaChoice | undefined;
  /**
   * How a backend is chosen among those of `backend` that have a kernel: by their order (`order`, by default), or the one that is
   * likely to be the quickest for so many elements, by what earlier runs have taught (`adaptive`). The results are the same.
   */
  readonly selection?: "order" | "adaptive" | undefined;
  /**
   * Runs kernels on a second backend, too, on the same inputs, and compares the results bit for bit: `"always"`, or a share of runs, 0 to 1.
   * Of all runs the kernel is compiled for a second backend where only one has it; of a share those are left out.
   */
  readonly validate?: "always" | number | undefined;
  /** What happens where two backends disagree, besides the event and a line in the log: `"throw"` makes a MismatchError of it, or a CompilerBug where both are the library's own. */
  readonly onMismatch?: "throw" | ((mismatch: Mismatch) => void) | undefined;
  /**
   * Where meters and spans go: OpenTelemetry's API, `import * as api from "@opentelemetry/api"`, behind which an SDK has been registered. Without
   * one a runtime costs what it costs without this option.
   */
  readonly telemetry?: OpenTelemetry | undefined;
  /**
   * Takes what a runtime has to tell, each line with a code: a logger as pino's, or the console. Like all that listens (`log`, `onRun`,
   * `telemetry`, `onMismatch`, `onProgress`) it has no say: what it throws changes no result, and is a warning of the process, once.
   */
  readonly logger?: Logger | undefined;
  /** From which level on the logger is told, by default `info`: backends that fail, recover, or are lost. `debug` tells of every run. */
  readonly logLevel?: LogLevel | undefined;
  /** Takes the one line about a backend that is lost; by default `console.warn`, or, where there is a logger, nobody: it is told. */
  readonly log?: ((line: string) => void) | undefined;
  /** Is told after every run what ran it. */
  readonly onRun?: ((info: RunInfo) => void) | undefined;
}

/** How a runtime gets its backends, each when it is first needed; one without a device has none. */
export interface Backends {
  readonly js: (events: Events) => Backend;
  readonly cpu: (events: Events) => Backend;
  readonly cuda?: (events: Events) => Backend;
}

const USUAL_ORDER: readonly BackendName[] = ["cpu"];

export class RuntimeCore {
  readonly events = new Events();
  readonly shapes: Shapes;
  readonly tiers: Tiers;
  readonly kernels = new Kernels(this);
  /** That belong to it. */
  readonly buffers = new Remembered<Storage>();
  /** What is known of kernels that belong to no query. */
  private readonly loose = new WeakMap<Kernel, KernelSlot>();
  /** Awaited runs over arrays and buffers. Those over streams are not among them: when the next chunk comes nobody knows. */
  readonly queries: Running = new Running();
  private ending: Promise<void> | null = null;
  readonly log: (line: string) => void;
  /** Of queries that do not say. */
  readonly fastMath: boolean;
  /** How kernels are compiled, as far as that is not the usual; null where nothing is. */
  readonly unusual: UnusualCode | null;

  /** What is known of how long kernels take. */
  get selection(): Selection {
    this.learns ??= selectionIn(this.cacheFolder);
    return this.learns;
  }

  private learns: Selection | null = null;
  private readonly cacheFolder: string | undefined;

  constructor(
    private readonly options: RuntimeOptions,
    /** Or what makes them for options that are a little different. */
    private readonly backends: Backends | ((options: RuntimeOptions) => Backends),
    /** What earlier processes have found out about queries. */
    known: () => KnownQueries | null = () => (compilesNatively(options) ? knownIn(options.cacheFolder) : null),
  ) {
    this.shapes = new Shapes(this.events, known);
    this.cacheFolder = options.cacheFolder;
    this.fastMath = options.compile?.fastMath === true;
    this.unusual = unusualCode(options);
    this.log = logOf(options);
    observed(this.events, options);
    const backend = options.backend ?? USUAL_ORDER;
    const resilience = resilienceOf(options.resilience);
    const validate = this.validation(options, () => members.filter(({ name }) => name === "js" || name === "cpu" || backend.includes(name)));
    const members = membersOf(typeof backends === "function" ? backends(options) : backends, options.plugins ?? [], this.events, { decorate: options.decorate, compileTimeLimit: resilience.compileTimeLimit, events: this.events, validate });
    const runs = new Running();
    const selector = options.selection === "adaptive" ? adaptive(this.selection, runs) : inOrder;
    this.tiers = new Tiers(members, backend, new Reports(this.log, this.events), resilience, selector, runs);
  }

  /** What validates kernels; undefined where nothing is to be. */
  private validation({ validate = 0, onMismatch, decorate }: RuntimeOptions, members: () => readonly Member[]): Validate | undefined {
    return validate === 0 ? undefined : validating({ rate: validate === "always" ? 1 : validate, onMismatch, decorated: decorate !== undefined }, members, this.events, this.log);
  }

  /** The same runtime with other numbers of threads, and nobody who listens: for who compares its results. */
  variant(threads: number): RuntimeCore {
    const { onRun: _, telemetry: __, logger: ___, ...options } = this.options;
    return new Variant(this, { ...options, threads, validate: 0, selection: "order" }, this.backends);
  }

  /** The kernels of a planned query. */
  slots(node: TerminalNode): readonly KernelSlot[] {
    this.tiers.check();
    if (node.slots.length === 0) node.slots = node.plan().kernels.map(({ kernel }) => this.tiers.slot(kernel));
    return node.slots;
  }

  /** What is known of a kernel that belongs to no query. */
  slotOf(kernel: Kernel): KernelSlot {
    let slot = this.loose.get(kernel);
    if (slot === undefined) this.loose.set(kernel, (slot = this.tiers.slot(kernel)));
    return slot;
  }

  /** Throws QueryError once the runtime has been disposed of. */
  check(): void {
    this.tiers.check();
  }

  /** Waits for what is at work, and gives everything back. What failed of that is told once: to who asked first. */
  end(): Promise<void> {
    if (this.ending !== null) return this.ending;
    const failed = this.endAll();
    this.ending = failed.then(() => undefined);
    return failed.then(failure => {
      if (failure !== null) throw failure;
    });
  }

  private async endAll(): Promise<BackendError | null> {
    const failures = await this.tiers.end(this.queries);
    for (const storage of this.buffers.take()) storage.dispose();
    return failures.length === 0 ? null : endedBadly(failures);
  }
}

/** Runs queries of another runtime, whose nodes know that one's kernels. */
class Variant extends RuntimeCore {
  private readonly known = new WeakMap<TerminalNode, readonly KernelSlot[]>();
  /** They read that one's buffers. */
  override readonly queries: Running;

  constructor(
    private readonly of: RuntimeCore,
    ...made: ConstructorParameters<typeof RuntimeCore>
  ) {
    super(...made);
    this.queries = of.queries;
  }

  override slots(node: TerminalNode): readonly KernelSlot[] {
    this.of.check();
    const slots = this.known.get(node) ?? node.plan().kernels.map(({ kernel }) => this.tiers.slot(kernel));
    this.known.set(node, slots);
    return slots;
  }
}

/** What is known of queries spares them the compiler only where their kernels are C++. */
const compilesNatively = ({ backend = USUAL_ORDER }: RuntimeOptions): boolean => backend.includes("cpu");

/** A runtime that runs all as JavaScript compiles nothing. */
function unusualCode({ backend, target = "native", compile: { optimisation = 3, debug = false } = {}, cuda: { capability } = {} }: RuntimeOptions): UnusualCode | null {
  const unusual = { ...(target === "native" ? {} : { target }), ...(optimisation === 3 ? {} : { optimisation }), ...(debug ? { debug } : {}), ...(capability === undefined ? {} : { capability }) };
  return backend === "js" || Object.keys(unusual).length === 0 ? null : unusual;
}

function membersOf({ js, cpu, cuda = noDevice }: Backends, plugins: readonly (Accelerator | AcceleratorMaker)[], events: Events, how: Treatment): readonly Member[] {
  // js compiles in no time, and the C++ compilers' own backend stops them itself.
  const unlimited = { ...how, compileTimeLimit: null };
  const own = [new Member("js", () => js(events), unlimited), new Member("cpu", () => cpu(events), unlimited), new Member("cuda", () => cuda(events), how)];
  return [...own, ...plugins.map(plugin => new Member(plugin.name, "create" in plugin ? () => plugin.create() : () => plugin, how))];
}

function noDevice(): never {
  throw new BackendError("DC402", "this runtime has no cuda backend");
}
