/** Every error that the library throws of its own carries a code of the one list. */
import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../fusion/errors.js";
import * as library from "../../src/index.js";
import { BackendError, CompilerBug, createRuntime, LambdaError, MismatchError, plugin, QueryError, type Runtime } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

const span = { source: { text: "x => y" }, start: 5, end: 6 } as never;

describe("errors", () => {
  it("of every class that is exported carry a code of the list", () => {
    const made = [new LambdaError("DC104", "what", span, "remedy"), new QueryError("DC305", "what", "remedy"), new BackendError("DC403", "what"), new MismatchError("what"), new CompilerBug("what")];
    const classes = Object.values(library).filter(value => typeof value === "function" && value.prototype instanceof Error);
    expect(new Set(made.map(error => error.constructor))).toEqual(new Set(classes));
    expect(made.map(({ code }) => code)).toEqual(["DC104", "DC305", "DC403", "DC409", "DC901"]);
    for (const { code } of made) expect(ERROR_CODES).toHaveProperty(code);
  });

  const table = Float64Array.of(1, 2);
  const places = Float64Array.of(0, 5);
  const interpreter = { name: "interpreter", compile: (kernel: plugin.Kernel) => ({ run: (call: plugin.KernelCall) => plugin.interpret(kernel, call) }) };
  const runtimes: readonly (readonly [string, () => Runtime, string | null])[] = [
    ["js", () => createRuntime({ backend: "js" }), null],
    ["cpu", () => createRuntime({ backend: "cpu" }), whyNoCpu],
    ["a plugin", () => createRuntime({ backend: "interpreter", plugins: [interpreter] }), null],
  ];

  it.each(runtimes)("of reads out of range on %s are RangeErrors with a code", async (_, make, whyNot) => {
    if (whyNot !== null) return;
    const runtime = make();
    const query = runtime.compute(places).map(x => table[x]!, { table });
    // Loops run in a thread of their own.
    const looping = runtime.compute(places).map(x => { let at = 0; while (at < x) at += 1; return table[at]!; }, { table });
    const runs = [() => query.toArrayAsync(), () => looping.toArrayAsync(), async () => query.toArray(), async () => looping.toArray()];
    for (const run of runs) {
      const error: unknown = await run().catch((failure: unknown) => failure);
      expect(error).toBeInstanceOf(RangeError);
      expect(error).toMatchObject({ name: "RangeError", code: "DC401", message: "DC401: table[5] is out of range: table has 2 elements" });
    }
  });
});
