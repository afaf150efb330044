/** A profile as a table for people. */
import type { Profile, RunProfile, StepTimes } from "./profile.js";

const STEPS = { parse: "parse", fuse: "fuse", emit: "emit", compile: "compile", load: "load", transfer: "transfer", move: "move rows", kernel: "kernel", copyOut: "copy out" } as const satisfies Record<keyof StepTimes, string>;

/** Steps that never came to pass are left out. */
export function profileInWords({ terminal, first, warm }: Profile): string {
  const steps = (Object.keys(STEPS) as (keyof StepTimes)[]).filter(step => first[step] !== null || warm[step] !== null);
  const row = (name: string, one: string, other: string): string => `  ${name.padEnd(10)}${one.padStart(14)}${other.padStart(14)}`;
  return [
    `${terminal}, milliseconds`,
    row("", "first run", "warm run"),
    ...steps.map(step => row(STEPS[step], timeInWords(first[step]), timeInWords(warm[step]))),
    row("the run", timeInWords(first.total), timeInWords(warm.total)),
    ...kernelsInWords("first run", first),
    ...kernelsInWords("warm run", warm),
    "",
  ].join("\n");
}

const timeInWords = (milliseconds: number | null): string => (milliseconds === null ? "–" : milliseconds.toFixed(3));

const kernelsInWords = (run: string, { kernels }: RunProfile): readonly string[] =>
  kernels.map(({ backend, length, milliseconds, bytes }, at) => `  ${run}, kernel ${at + 1}: ${backend}, ${length} element${length === 1 ? "" : "s"} in ${timeInWords(milliseconds)} ms${speedInWords(bytes, milliseconds)}`);

const speedInWords = (bytes: number, milliseconds: number): string => (milliseconds === 0 || bytes === 0 ? "" : `, ${(bytes / milliseconds / 1e6).toFixed(2)} GB/s`);
