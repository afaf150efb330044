/** Accelerators that a program brings along. */
import { describe, expect, it } from "vitest";
import { BackendError, createRuntime, plugin, type Accelerator, type AcceleratorMaker, type RuntimeOptions } from "../../src/index.js";

/** The smallest accelerator: the reference, under a name of its own. Compiles in no time. */
const interpreter: Accelerator = {
  name: "interpreter",
  compile: kernel => ({ run: call => plugin.interpret(kernel, call) }),
};

/** One that takes sums alone, whose compiler takes a while, and that has memory and a device. */
function summing(asked: string[] = []): Accelerator {
  const compiled = new Map<plugin.Kernel, ReturnType<Accelerator["compile"]>>();
  const compile = (kernel: plugin.Kernel) => {
    asked.push("compile");
    if (kernel.sink.kind !== "reduce") throw new BackendError("DC402", "it only sums");
    const runnable = plugin.compileJs(kernel);
    compiled.set(kernel, runnable);
    return runnable;
  };
  return {
    name: "summing",
    kind: "device",
    device: { name: "an abacus" },
    threads: 10,
    memory: () => ({ total: 100, free: 40, pool: null }),
    cached: kernel => (asked.push("cached"), compiled.get(kernel) ?? null),
    compile,
    compileAsync: async kernel => (await Promise.resolve(), compiled.get(kernel) ?? compile(kernel)),
  };
}

const few = Float64Array.of(-0, 1, NaN, Infinity, 2.5);

function setUp(options: RuntimeOptions) {
  const [ran, lines]: [string[], string[]] = [[], []];
  const runtime = createRuntime({ log: line => void lines.push(line), onRun: ({ backend }) => void ran.push(backend), ...options });
  return { runtime, ran, lines };
}

describe("a plugin", () => {
  it("that compiles in no time runs what it is preferred for, and what insists on it, as the reference does", async () => {
    const { runtime, ran } = setUp({ plugins: [interpreter], backend: ["interpreter", "cpu"] });
    const query = runtime.compute(few).map(x => x * 2).filter(x => x > 1);
    expect(query.toArray()).toEqual(few.map(x => x * 2).filter(x => x > 1));
    expect(await query.toArrayAsync()).toEqual(few.map(x => x * 2).filter(x => x > 1));
    expect(await query.on("interpreter").count()).toBe(3);
    expect(runtime.compute(few).on("js").last()?.value()).toBe(2.5);
    expect(query.prepare()(Float64Array.of(3))).toEqual(Float64Array.of(6));
    expect(ran).toEqual(["interpreter", "interpreter", "interpreter", "js", "interpreter"]);
    expect(query.explain()).toContain("\n  interpreter: compiled kernel is warm");
    expect(query.on("interpreter").explain()).toContain('\n  interpreter: the query says .on("interpreter")');
    expect(() => runtime.compute(few).map((_x, i) => few[i + 1] as number, { few }).on("interpreter").toArray()).toThrow(new RangeError("DC401: few[5] is out of range: few has 5 elements"));
  });

  it("stands alone where a runtime insists on it", () => {
    const { runtime, ran } = setUp({ plugins: [interpreter], backend: "interpreter" });
    expect(runtime.compute(Float64Array.of(1, 2)).sum().value()).toBe(3);
    expect(ran).toEqual(["interpreter"]);
    expect(runtime.accelerators().map(({ name, place }) => [name, place])).toEqual([["js", null], ["cpu", null], ["cuda", null], ["interpreter", 0]]);
  });

  it("with a compiler is compiled for in the background; what it refuses the next one runs, and that is said", async () => {
    const asked: string[] = [];
    const { runtime, ran, lines } = setUp({ plugins: [summing(asked)], backend: ["summing", "js"] });
    const sum = runtime.compute(Float64Array.of(1, 2, 3)).sum();
    for (let run = 0; run < 3; run += 1) {
      expect(sum.value()).toBe(6);
      await runtime.settled();
    }
    expect(ran.splice(0)).toEqual(["js", "js", "summing"]);
    expect(asked).toEqual(["cached", "compile"]);
    expect(sum.explain()).toContain("\n  summing: compiled kernel is warm, on an abacus");
    const array = runtime.compute(few).map(x => x + 1);
    array.toArray();
    array.toArray();
    await runtime.settled();
    expect(array.toArray()).toEqual(few.map(x => x + 1));
    expect(ran).toEqual(["js", "js", "js"]);
    expect(lines).toEqual(["dotcompute: the js backend stands in for the summing backend: it only sums"]);
    expect(array.explain()).toContain("\n  js: it only sums");
    expect(() => array.on("summing").toArray()).toThrow("DC402: the query insists on the summing backend, which cannot run it: it only sums");
    expect(runtime.accelerators().at(-1)).toEqual({ name: "summing", kind: "device", available: true, reason: null, device: "an abacus", threads: 10, memory: { total: 100, free: 40, pool: null }, breaker: "closed", place: 0 });
  });

  it("that cannot be made is skipped, told of once, and shown with its reason", () => {
    const made: string[] = [];
    const broken: AcceleratorMaker = {
      name: "broken",
      create() {
        made.push("tried");
        throw new Error("no such library");
      },
    };
    const { runtime, ran, lines } = setUp({ plugins: [broken, { name: "lazy", create: () => (made.push("lazy"), { ...interpreter, name: "lazy" }) }], backend: ["broken", "lazy"] });
    expect(made).toEqual([]);
    expect(runtime.compute(few).count().value()).toBe(5);
    expect(runtime.compute(Float64Array.of(4)).sum().value()).toBe(4);
    expect(runtime.compute(Float64Array.of(4)).max().value()).toBe(4);
    expect(ran).toEqual(["lazy", "lazy"]);
    expect(made).toEqual(["tried", "lazy"]);
    expect(lines).toEqual(["dotcompute: the lazy backend stands in for the broken backend: no such library"]);
    expect(runtime.accelerators().find(({ name }) => name === "broken")).toMatchObject({ available: false, reason: "no such library", place: 0 });
    expect(() => runtime.compute(few).on("broken").toArray()).toThrow("DC402: the query insists on the broken backend, which cannot run it: no such library");
  });

  it("is checked", () => {
    expect(() => createRuntime({ plugins: interpreter as never })).toThrow("DC305: the option plugins of createRuntime() is an array of accelerators, not ");
    expect(() => createRuntime({ plugins: [{ name: "" } as never] })).toThrow("DC305: the option plugins of createRuntime() holds accelerators, not ");
    expect(() => createRuntime({ plugins: [{ ...interpreter, name: "cpu" }] })).toThrow('DC305: two accelerators are called "cpu"');
    expect(() => createRuntime({ plugins: [interpreter], backend: ["other"] })).toThrow('DC305: there is no backend "other"\nThe backends are "js", "cpu", "cuda" and "interpreter"; leave the option out to let the runtime choose.');
    expect(() => createRuntime({ plugins: [interpreter] }).compute(few).on("other")).toThrow('The backends are "js", "cpu", "cuda" and "interpreter".');
  });
});
