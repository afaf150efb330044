/** Random programs of statements: what the surface form computes is what JavaScript computes. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { Choices, decisions, HELPERS, k, program, real } from "./random-programs.js";
import { evaluate, parse } from "./surface-evaluate.js";

/** A function that has this text. */
const functionOf = (text: string): (() => number) => Object.assign(() => 0, { toString: () => text });

const captures = { k, early: functionOf(HELPERS.early), search: functionOf(HELPERS.search) };

it("random programs compute what JavaScript computes", () => {
  fc.assert(
    fc.property(decisions, (numbers) => {
      const text = program(new Choices(numbers));
      const surface = parse(text, captures);
      const run = real(text);
      for (const x of [0, 1, -2, 3.5, 7, NaN]) expect(Number(evaluate(surface, [x], captures)), text).toEqual(Number(run(x)));
    }),
    { seed: 7, numRuns: 1000 },
  );
});
