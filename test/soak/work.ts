/** What a soak's threads run: generated programs, the same few hundred again and again on other elements, and what each must give. */
import fc from "fast-check";
import { newArray, type AnyTypedArray } from "../../fusion/values.js";
import type { Runtime } from "../../src/runtime/create.js";
import { inputArray } from "../laws/inputs.js";
import { oracle } from "../laws/oracle.js";
import { makeProgram, programChoices, showProgram, type Program } from "../laws/programs.js";
import { exactOf, outcomeOf, queryOf, sameOutcome, type Outcome } from "../laws/run.js";
import { makeTableTask } from "./tables.js";
import { shown, type Task } from "./task.js";

/** Around lanes, blocks, and what several threads share. */
const LENGTHS = [0, 1, 31, 33, 1000, 1025, 4096, 20_000, 150_001] as const;

const pick = <T>(items: readonly T[], at: number): T => items[Math.floor(at * items.length)] as T;

export function makeTasks(programs: number, seed: number, random: () => number, scripted: Runtime): () => Task {
  const made = fc.sample(programChoices, { numRuns: programs, seed }).map(makeProgram);
  return () => (random() < 0.3 ? makeTableTask(random, scripted) : programTask(pick(made, random()), random, scripted));
}

function programTask(program: Program, random: () => number, scripted: Runtime): Task {
  const length = pick(LENGTHS, random() ** 2);
  const seed = Math.floor(random() * 1000);
  const source: AnyTypedArray | number = program.source === "range" ? length : inputArray(program.source, length, seed);
  const on = (runtime: Runtime) => queryOf(runtime, program, source, null);
  const exact = exactOf(on(scripted).plan());
  const into = random() < 0.3;
  let expected: Outcome | null = null;
  return {
    told: `${showProgram(program)}\nover ${length} elements of ${program.source}, seed ${seed}`,
    now(runtime) {
      const runnable = on(runtime);
      return into && runnable.into !== null ? (runnable.into(newArray(program.element, length)) as AnyTypedArray).slice() : runnable.now();
    },
    later: (runtime, signal) => on(runtime).later(signal),
    async fault(outcome) {
      expected ??= outcomeOf(() => oracle(program, source, { exact }));
      return sameOutcome(outcome, expected) ? null : `gave ${shown(outcome)} and not ${shown(expected)}`;
    },
  };
}
