/**
 * The contract's last sentence, tried on thousands of generated programs: every backend gives the bits that JavaScript itself
 * gives. The seed is the run's (vitest.config.ts); DOTCOMPUTE_LONG runs ten times as many programs.
 */
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { KernelCall } from "../../src/backends/backend.js";
import { interpret } from "../../fusion/interpret.js";
import type { Plan } from "../../fusion/query.js";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import { BACKENDS, compileOn, COMPILED, compileTogether, newRuntimes, whyNot, type Tried } from "./backends.js";
import { minimise } from "./choices.js";
import { Coverage } from "./coverage.js";
import { cudaGoesOn, cudaInWords, cudaSchedules, lastFault, takeTurn } from "./cuda.js";
import { inputArray } from "./inputs.js";
import { OPERATOR_CASES, REDUCE_CASES } from "./operators.js";
import { oracle, unfused } from "./oracle.js";
import { makeProgram, programChoices, showProgram, showValue, type Program } from "./programs.js";
import { exactOf, outcomeOf, outcomeOfAsync, queryOf, sameOutcome, type Runnable } from "./run.js";

const LONG = process.env["DOTCOMPUTE_LONG"] !== undefined;
const SEED = Number(process.env["DOTCOMPUTE_SEED"]);
/** Kernels take longer to compile for CUDA than to run on an interpreter: a normal run tries so many programs there. */
const ON_CUDA = LONG || process.env["DOTCOMPUTE_TEST_GPU"] !== undefined ? Infinity : 1_024;
const takesPart = (backend: Tried, program: number): boolean => backend !== "cuda" || program < ON_CUDA;

const PROGRAMS = Number(process.env["DOTCOMPUTE_PROGRAMS"] ?? (LONG ? 20_000 : 2_000));
/** Programs whose kernels make one translation unit. */
const TOGETHER = 64;
const MINUTE = 60_000;

const coverage = new Coverage();
const tally = { programs: 0, cases: 0, raised: 0, refused: [] as string[] };

interface Input {
  readonly source: AnyTypedArray | number;
  readonly length: number;
  readonly told: string;
}

/** Lengths around lanes, blocks and what threads and caches share, a few for each program. */
function inputsOf(program: Program, number: number): readonly Input[] {
  const turn = (lengths: readonly number[]): number => lengths[number % lengths.length] as number;
  const lengths = [0, 1, turn([31, 32, 33]), turn([1023, 1024, 1025]), turn([4095, 4096, 4097]), ...(number % 25 === 24 ? [20_000] : []), ...(number % 200 === 99 ? [150_001] : [])];
  return lengths.map((length, at) => {
    if (program.source === "range") return { source: length, length, told: `range(${String(length)})` };
    const seed = number * 7 + at;
    const layout = { offset: number % 3 === 1 ? 1 + (number % 7) : 0, shared: number % 9 === 4 };
    const told = `${program.source}[${String(length)}], seed ${String(seed)}, offset ${String(layout.offset)}${layout.shared ? ", shared" : ""}`;
    return { source: inputArray(program.source, length, seed, layout), length, told };
  });
}

/** Only as many elements as the slowest backend can do in the time there is. */
const INTERPRETED = 40;

interface Trial {
  readonly inputs: readonly Input[];
  /** What JavaScript gives for each input, once asked. */
  readonly expected: (Outcome | undefined)[];
  readonly number: number;
  readonly list: readonly number[];
  readonly program: Program;
  readonly plan: Plan;
}

interface Failure {
  readonly backend: Tried | "unfused";
  readonly message: string;
}

let runtimes = newRuntimes();

const queryOn = (backend: Tried, program: Program, { source }: Input): Runnable =>
  backend === "interpreter" ? queryOf(runtimes.interpreter, program, source, null) : queryOf(runtimes.product, program, source, backend);

/** The first input for which a backend does not give what the oracle gives, or throws what no program may. */
async function failureOf(trial: Trial, backend: Tried): Promise<Failure | null> {
  for (const [at, input] of trial.inputs.entries()) {
    if (backend === "interpreter" && input.length > INTERPRETED) continue;
    try {
      const failure = await differenceAt(trial, backend, at, input);
      if (failure !== null) return failure;
    } catch (error) {
      const fault = backend === "cuda" ? lastFault() : "";
      return { backend, message: `over ${input.told}\nraised ${error instanceof Error ? (error.stack ?? error.message) : String(error)}${fault === "" ? "" : `\n${fault}`}` };
    }
  }
  return null;
}

async function differenceAt({ program, plan, number, expected: known }: Trial, backend: Tried, at: number, input: Input): Promise<Failure | null> {
  const expected = (known[at] ??= outcomeOf(() => oracle(program, input.source, { exact: exactOf(plan) })));
  const query = queryOn(backend, program, input);
  const found = outcomeOf(query.now);
  for (const { kernel } of plan.kernels) coverage.note(kernel, backend);
  tally.cases++;
  if ("error" in expected) tally.raised++;
  if (!sameOutcome(expected, found)) return { backend, message: difference(input, expected, found) };
  if (backend === "js" && !program.canFail && program.terminal.kind === "toArray") {
    const whole = outcomeOf(() => unfused(program, input.source));
    if (!sameOutcome(whole, found)) return { backend: "unfused", message: difference(input, whole, found) };
  }
  if (backend !== "interpreter" && query.into !== null && number % 5 === at) {
    const failure = intoFailure(backend, program, input, expected, query.into);
    if (failure !== null) return { backend, message: failure };
  }
  // Off the main thread; workers take time to start, so not too often.
  if (backend !== "interpreter" && (number + input.length) % 29 === 0) {
    const later = await outcomeOfAsync(query.later);
    if (!sameOutcome(expected, later)) return { backend, message: `off the main thread: ${difference(input, expected, later)}` };
  }
  return null;
}

/** Results written into a given array, which may be the source itself. */
function intoFailure(backend: Tried, program: Program, input: Input, expected: Outcome, into: NonNullable<Runnable["into"]>): string | null {
  const whole = newArray(program.element, input.length + 3);
  const bytes = new Uint8Array(whole.buffer).fill(7);
  const room = whole.subarray(1, input.length + 2) as AnyTypedArray;
  const elsewhere = outcomeOf(() => into(room));
  if (!sameOutcome(expected, elsewhere)) return `into another array: ${difference(input, expected, elsewhere)}`;
  const size = whole.BYTES_PER_ELEMENT;
  if ("value" in elsewhere) {
    const behind = bytes.subarray((1 + (elsewhere.value as AnyTypedArray).length) * size);
    if (behind.some(byte => byte !== 7)) return `into another array over ${input.told}: wrote behind its results`;
  }
  if ([...bytes.subarray(0, size), ...bytes.subarray(-size)].some(byte => byte !== 7)) return `into another array over ${input.told}: wrote beside it`;
  if (program.source !== program.element || typeof input.source === "number") return null;
  const copy = input.source.slice();
  const inPlace = outcomeOf(() => (queryOn(backend, program, { ...input, source: copy }).into as NonNullable<Runnable["into"]>)(copy));
  return sameOutcome(expected, inPlace) ? null : `in place: ${difference(input, expected, inPlace)}`;
}

type Outcome = ReturnType<typeof outcomeOf>;

function difference({ told, source }: Input, expected: Outcome, found: Outcome): string {
  const text = (outcome: Outcome): string => ("error" in outcome ? outcome.error : shortened(outcome.value));
  let where = "";
  if (!("error" in expected) && !("error" in found) && ArrayBuffer.isView(expected.value) && ArrayBuffer.isView(found.value)) {
    const [a, b] = [expected.value as Float64Array, found.value as Float64Array];
    const at = a.findIndex((value, place) => !Object.is(value, b[place]));
    if (at >= 0) where = `\nfirst at ${String(at)}: expected ${showValue(a[at])}, found ${showValue(b[at])}${typeof source === "number" || a.length !== source.length ? "" : `, of the element ${showValue(source[at])}`}`;
  }
  return `over ${told}\nexpected ${text(expected)}\nfound    ${text(found)}${where}`;
}

const shortened = (value: unknown): string => {
  const text = showValue(value);
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
};

/** A program with its plan; null where the compiler refuses it, which is counted. */
function trialOf(list: readonly number[], number: number): Trial | null {
  const program = makeProgram(list);
  try {
    const inputs = inputsOf(program, number);
    return { list, number, program, inputs, expected: [], plan: queryOn("js", program, inputs[0] as Input).plan() };
  } catch (error) {
    const message = (error as Error).message.split("\n", 1)[0] as string;
    tally.refused.push(`${message}\n${showProgram(program)}`);
    if (error instanceof Error && (error.name === "LambdaError" || error.name === "QueryError")) return null;
    throw new Error(`${message}\n${showProgram(program)}`, { cause: error });
  }
}

/** The same failure of a simpler program. */
async function explained(trial: Trial, failure: Failure): Promise<string> {
  const backend = failure.backend === "unfused" ? "js" : failure.backend;
  let [simplest, told] = [trial, failure];
  await minimise(
    trial.list,
    async list => {
      // A simpler program that finds no device any more would seem to fail, too.
      if (backend === "cuda" && !cudaGoesOn()) return false;
      try {
        const smaller = trialOf(list, trial.number);
        const found = smaller && (await failureOf(smaller, backend));
        if (!smaller || !found) return false;
        [simplest, told] = [smaller, found];
        return true;
      } catch {
        return false;
      }
    },
    backend === "cpu" || backend === "cuda" ? 150 : 800,
  );
  if (backend === "cuda") cudaGoesOn();
  const where = backend === "cuda" ? `cuda (${cudaInWords()})` : told.backend;
  return `${where} disagrees with JavaScript (seed ${String(SEED)}, program ${String(trial.number)}, choices [${simplest.list.join(",")}])\n${showProgram(simplest.program)}\n${told.message}\n`;
}

describe("generated programs", () => {
  const lists = fc.sample(programChoices, { numRuns: PROGRAMS, seed: SEED });

  it(`give the same bits on ${BACKENDS.join(", ")} as in JavaScript`, { timeout: 10 * MINUTE + PROGRAMS * 2_000 }, async () => {
    const failures: string[] = [];
    const chunks: Trial[][] = [];
    const prepare = (start: number): void => {
      // Shapes are kept for ever by a runtime; these are used once.
      const trials = lists.slice(start, start + TOGETHER).map((list, at) => trialOf(list, start + at));
      chunks.push(trials.filter(trial => trial !== null));
    };
    /** What came of each batch's compilation, by backend: null, or why it failed. */
    const compiling: Readonly<Record<string, Promise<unknown>>>[] = [];
    const compileChunk = (at: number): void => {
      const kernels = (chunks[at] ?? []).flatMap(({ plan }) => plan.kernels.map(({ kernel }) => kernel));
      compiling[at] = Object.fromEntries(COMPILED.filter(backend => takesPart(backend, at * TOGETHER)).map(backend => [backend, compileTogether(backend, kernels, at).then(() => null, (error: unknown) => error)]));
    };
    for (let start = 0, at = 0; start < lists.length && failures.length < 3; start += TOGETHER, at++) {
      // Two chunks are being compiled while the one before runs.
      for (let ahead = chunks.length; ahead <= at + 2 && ahead * TOGETHER < lists.length; ahead++) {
        prepare(ahead * TOGETHER);
        compileChunk(ahead);
      }
      takeTurn(at);
      for (const backend of BACKENDS.filter(name => takesPart(name, start))) {
        const before = failures.length;
        // After a failure each kernel is compiled alone when it runs, and the one that is to blame says so.
        const apart = (await compiling[at]?.[backend]) ?? null;
        for (const trial of chunks[at] as Trial[]) {
          const failure = await failureOf(trial, backend);
          if (failure !== null) failures.push(await explained(trial, failure));
          if (failures.length >= 3) break;
        }
        if (apart !== null && failures.length === before) failures.push(`${backend} compiles programs ${String(start)} to ${String(start + TOGETHER - 1)} one by one, but not together: ${String(apart)}`);
      }
      tally.programs += (chunks[at] as Trial[]).length;
      chunks[at] = [];
      if (at % 50 === 49) runtimes = newRuntimes();
    }
    expect(failures.join("\n\n")).toBe("");
  });

  it("are accepted: the generator knows the rules", () => {
    expect(tally.refused.join("\n\n")).toBe("");
  });
});

describe("every operator alone", () => {
  const kernels = [...OPERATOR_CASES, ...REDUCE_CASES].map(({ kernel }) => kernel);

  it("gives on every backend what the table says", { timeout: 10 * MINUTE }, async () => {
    takeTurn(0);
    for (let at = 0; at < kernels.length; at += TOGETHER) await Promise.all(COMPILED.map(backend => compileTogether(backend, kernels.slice(at, at + TOGETHER), 0)));
    const wrong: string[] = [];
    for (const backend of BACKENDS) {
      for (const { name, kernel, source, other, expected } of OPERATOR_CASES) {
        const compiled = compileOn(backend, kernel);
        const call = (from: AnyTypedArray, second: AnyTypedArray): KernelCall => ({ source: from, length: from.length, output: null, scalars: [], arrays: kernel.arrays.length > 0 ? [second] : [] });
        const fine = expected.flatMap((outcome, at) => ("value" in outcome ? [at] : []));
        const only = (array: AnyTypedArray, places: readonly number[]): AnyTypedArray => {
          const kept = new (array.constructor as Float64ArrayConstructor)(places.length);
          places.forEach((place, at) => (kept[at] = array[place] as number));
          return kept;
        };
        const output = compiled.run(call(only(source, fine), only(other, fine))).output as AnyTypedArray;
        coverage.note(kernel, backend);
        fine.forEach((place, at) => {
          const outcome = expected[place];
          if (outcome !== undefined && "value" in outcome && !Object.is(output[at], outcome.value) && wrong.length < 20) {
            wrong.push(`${name} on ${backend}: of ${showValue(source[place])}, ${showValue(other[place])} is ${showValue(output[at])}, not ${showValue(outcome.value)}`);
          }
        });
        for (const [place, outcome] of expected.entries()) {
          if (!("error" in outcome)) continue;
          const raised = outcomeOf(() => compiled.run(call(only(source, [place]), only(other, [place]))).output);
          if (!("error" in raised) || raised.error !== `RangeError: ${outcome.error}`) wrong.push(`${name} on ${backend}: of ${showValue(source[place])}, ${showValue(other[place])} must raise ${outcome.error}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it("reduces to what the interpreter says", { timeout: 10 * MINUTE }, () => {
    const wrong: string[] = [];
    for (const { name, kernel } of REDUCE_CASES) {
      const { source } = kernel as { source: { kind: "array"; element: "f64" } };
      for (const [at, length] of [0, 1, 2, 31, 32, 33, 64, 1023, 1024, 1025, 2048, 3000, 5000, 5000, 5000, 7000, 7000, 7000].entries()) {
        const array = inputArray(source.element, length, at);
        const call: KernelCall = { source: array, length, output: null, scalars: [], arrays: [] };
        const expected = interpret(kernel, call);
        takeTurn(at);
        for (const backend of BACKENDS) {
          const found = compileOn(backend, kernel).run(call);
          coverage.note(kernel, backend);
          if (!Object.is(found.value, expected.value)) wrong.push(`${name} of ${String(length)} on ${backend}: ${showValue(found.value)}, not ${showValue(expected.value)}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe("coverage", () => {
  it.each(BACKENDS.map(backend => ({ backend })))("every exact operator ran for every type it exists for on $backend", ({ backend }) => {
    expect(coverage.missing(backend)).toEqual([]);
  });

  it.skipIf(!BACKENDS.includes("cpu"))("programs ran in lanes of 16 bits", () => {
    expect(coverage.words).toBeGreaterThan(200);
  });
});

for (const [backend, reason] of Object.entries(whyNot)) {
  if (reason === null) continue;
  describe.skip(`the ${backend} backend cannot be tried here: ${reason}`, () => {
    it("gives the same bits", () => undefined);
  });
}

afterAll(() => {
  const table = coverage.table(BACKENDS);
  coverage.write(table);
  process.stdout.write(`\n${table}\n\n${String(tally.programs)} programs, ${String(tally.cases)} comparisons (${String(tally.raised)} of errors), seed ${String(SEED)}; native kernels: ${whyNot.cpu ?? `tried, ${String(coverage.words)} times in lanes of 16 bits`}${ON_CUDA < tally.programs ? `; the first ${String(ON_CUDA)} programs on CUDA` : ""}; CUDA: ${whyNot.cuda ?? cudaSchedules()}\n`);
});

