/**
 * From a translation unit's text to its shared object: found in the disk cache, or compiled into it. Knows compilers and
 * folders; knows nothing of kernels.
 */
import { lstatSync } from "node:fs";
import path from "node:path";
import { BackendError } from "../../../fusion/errors.js";
import { sha256 } from "../../cache/digest.js";
import { sourceOf, type Ingredients } from "../../cache/entry.js";
import type { KernelCache, Maker } from "../../cache/kernels.js";
import type { Making } from "../making.js";
import { ABI_VERSION } from "./addon.js";
import { examine, examineLater, findCompiler, OPTIONAL_FLAG, type CompilerFacts, type CompilerSearch, type Examination, type FoundCompiler } from "./compiler.js";
import type { Headers } from "./headers.js";
import { compileLevels, compileLevelsSync, type Level } from "./levels.js";
import { wasStopped, type Compilation, type CompileRequest, type Toolchain } from "./toolchain.js";

export interface UnitsOptions {
  readonly cache: KernelCache;
  readonly toolchain: Toolchain;
  readonly headers: Headers;
  /** The processor, or what stands for all that portable kernels run on. */
  readonly target: string;
  /** What objects need of the system that loads them. */
  readonly system: () => string;
  /** Of portable kernels: the instruction sets that each is compiled for. */
  readonly levels?: readonly Level[] | undefined;
  readonly flags: readonly string[];
  /** Whether debuggers are to find the sources that are kept beside the objects. */
  readonly debug?: boolean | undefined;
  readonly libraries: readonly string[];
  /** Instead of $CXX or a usual one. */
  readonly compiler: string | undefined;
  /** Milliseconds after which it is given up when it is asked what it is. */
  readonly timeLimit?: number | undefined;
}

/** A shared object in the making. */
export interface PendingUnit {
  /** Rejects with BackendError. */
  readonly object: Promise<string>;
  /** Keeps the process alive until it is done. */
  hold(): void;
}

export interface Units {
  /** The shared object of this text, if it has been compiled before. Fast: starts no compiler. */
  cached(text: string): string | null;
  /** `title`: what it is, for people. */
  compile(text: string, title: () => string, making: Making): PendingUnit;
  compileSync(text: string, title: () => string, making: Making): string;
  /** Why nothing can be compiled, as far as that is known without running anything; null if it may be. */
  readonly lacks: string | null;
  /** Ends what is at work, and begins nothing from then on. */
  stop(): void;
}

/** A compiler with all that is known of it. */
interface Compiler extends FoundCompiler, CompilerFacts {
  readonly maker: Maker;
}

export function createUnits(options: UnitsOptions): Units {
  const { cache, toolchain, headers, flags, levels } = options;
  let search: CompilerSearch | null = null;
  let compiler: Compiler | null = null;
  /** What it last said when it was asked what it is, if it did not say that. */
  let unanswered: string | null = null;

  const found = (): CompilerSearch => (search ??= findCompiler(options.compiler));

  /** Facts that an earlier process found out hold as long as the compiler's file is the same. */
  const factsName = ({ fingerprint }: FoundCompiler): string =>
    `compiler-${sha256(JSON.stringify([fingerprint, flags, options.target])).slice(0, 32)}.json`;

  const complete = (known: FoundCompiler, facts: CompilerFacts): Compiler => ({
    ...known,
    ...facts,
    maker: { here: `${known.fingerprint}\n${facts.version}`, anywhere: [...known.args, facts.version].join("\n") },
  });

  /** The compiler, if nothing has to be run to know it. */
  const known = (): Compiler | null => {
    const { found: candidate } = found();
    if (compiler !== null || candidate === null) return compiler;
    const facts = parseFacts(cache.recall(factsName(candidate)));
    return facts === null ? null : (compiler = complete(candidate, facts));
  };

  /** Throws BackendError DC403 if there is none. */
  const candidate = (): FoundCompiler => {
    const { found: wanted, reason } = found();
    if (wanted === null) throw new BackendError("DC403", reason);
    return wanted;
  };

  const learn = (from: FoundCompiler, facts: CompilerFacts | string): Compiler => {
    if (typeof facts === "string") {
      unanswered = `the compiler does not answer: ${facts}`;
      throw new BackendError("DC403", unanswered);
    }
    unanswered = null;
    cache.remember(factsName(from), JSON.stringify(facts));
    return (compiler = complete(from, facts));
  };

  const needed = (): Compiler => known() ?? learn(candidate(), examine(candidate(), flags, options));

  /** One examination serves all who ask meanwhile. */
  let examining: Examination | null = null;
  let stopped = false;
  const neededLater = async (begun: (examination: Examination) => void): Promise<Compiler> => {
    if (stopped) throw wasStopped();
    const ready = known();
    if (ready !== null) return ready;
    const from = candidate();
    const examination = (examining ??= examineLater(from, flags, options));
    begun(examination);
    const facts = await examination.facts.finally(() => (examining = null));
    return compiler ?? learn(from, facts);
  };

  const ingredients = (source: string, used: readonly string[], title?: () => string): Ingredients => ({
    source,
    headersHash: headers.hash,
    abi: ABI_VERSION,
    flags: used,
    target: options.target,
    system: options.system,
    local: options.debug,
    label: title === undefined ? undefined : { backend: "cpu", title },
  });

  /** Without a compiler any compiler's work will do, be it made with all flags or with those it took. */
  const byAnybody = (text: string, title?: () => string): readonly Ingredients[] =>
    flags.includes(OPTIONAL_FLAG) ? [flags, flags.filter(flag => flag !== OPTIONAL_FLAG)].map(taken => ingredients(text, taken, title)) : [ingredients(text, flags, title)];

  const request = (by: Compiler, source: string, object: string, temporary: string, entry: string): CompileRequest => ({
    command: by.command,
    args: [...by.args, ...by.flags, "-I", headers.include],
    libraries: options.libraries,
    source: options.debug === true ? `#line 1 ${JSON.stringify(sourceOf(entry, "cpu"))}\n${source}` : source,
    object,
    temporary,
  });

  const compiled = (wanted: CompileRequest, begin: (work: Compilation) => void): Promise<void> => {
    if (levels !== undefined) return compileLevels(toolchain, wanted, levels, begin);
    const compilation = toolchain.compile(wanted);
    begin(compilation);
    return compilation.done;
  };

  return {
    get lacks() {
      return found().reason ?? unanswered;
    },

    cached(text) {
      const by = known();
      if (by !== null) return cache.find(ingredients(text, by.flags), by.maker);
      if (found().found !== null) return null;
      for (const one of byAnybody(text)) {
        const object = cache.find(one, null);
        if (object !== null) return object;
      }
      return null;
    },

    compile(text, title, making) {
      /** What is at work: the compiler's examination, if need be, the shared store's answer, the compilations. */
      const working: { hold(): void }[] = [];
      let held = false;
      const begin = (work: { hold(): void }): void => {
        working.push(work);
        if (held) work.hold();
      };
      const shared = async (made: Ingredients, maker: Maker | null): Promise<string | null> => {
        const answer = cache.fetch(made, maker);
        begin(answer);
        const object = await answer.done;
        if (object !== null) making.found("shared");
        return object;
      };
      const make = async (): Promise<string> => {
        if (found().found === null) {
          for (const one of byAnybody(text, title)) {
            const object = await shared(one, null);
            if (object !== null) return object;
          }
        }
        const by = await neededLater(begin);
        const made = ingredients(text, by.flags, title);
        const present = cache.find(made, by.maker);
        if (present !== null) {
          making.found("disk");
          return present;
        }
        const elsewhere = await shared(made, by.maker);
        if (elsewhere !== null) return elsewhere;
        return cache.store(made, by.maker, async (object, temporary, entry) => {
          await making.compiledLater(() => compiled(request(by, text, object, temporary, entry), begin));
          checkWritten(by, object);
        });
      };
      return {
        object: make(),
        hold() {
          held = true;
          for (const work of working) work.hold();
        },
      };
    },

    compileSync(text, title, making) {
      const by = needed();
      const made = ingredients(text, by.flags, title);
      const present = cache.find(made, by.maker);
      if (present !== null) {
        making.found("disk");
        return present;
      }
      return cache.storeSync(made, by.maker, (object, temporary, entry) => {
        const wanted = request(by, text, object, temporary, entry);
        making.compiledNow(() => (levels === undefined ? toolchain.compileSync(wanted) : compileLevelsSync(toolchain, wanted, levels)));
        checkWritten(by, object);
      });
    },

    stop() {
      stopped = true;
      examining?.stop();
      toolchain.stop();
    },
  };
}

/** A compiler that says all is well may have written nothing: no fault of the folder. */
function checkWritten({ command }: FoundCompiler, object: string): void {
  if (lstatSync(object, { throwIfNoEntry: false })?.isFile() === true) return;
  throw new BackendError("DC403", `${path.basename(command)} ended without an error, but wrote no shared object`);
}

function parseFacts(text: string | null): CompilerFacts | null {
  if (text === null) return null;
  try {
    const { version, flags } = JSON.parse(text) as Partial<CompilerFacts>;
    return typeof version === "string" && Array.isArray(flags) && flags.every(flag => typeof flag === "string") ? { version, flags } : null;
  } catch {
    return null;
  }
}
