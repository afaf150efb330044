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

  describe("that hands back what it should not is told by its name", () => {
    const broken = (own: object): Accelerator => ({ name: "mine", compile: interpreter.compile, ...own }) as Accelerator;
    const running = (run: (kernel: plugin.Kernel, call: plugin.KernelCall) => unknown): Accelerator => broken({ compile: (kernel: plugin.Kernel) => ({ run: (call: plugin.KernelCall) => run(kernel, call) }) });
    const spoiling = (own: object): Accelerator => running((kernel, call) => ({ ...plugin.interpret(kernel, call), ...own }));
    type Ask = (runtime: ReturnType<typeof createRuntime>) => { toString(): string };
    const doubled: Ask = runtime => runtime.compute(few).map(x => x * 2).toArray();
    const max: Ask = runtime => runtime.compute(Float64Array.of(1, 2)).max().value();
    const first: Ask = runtime => runtime.compute(Float64Array.of(1, 2)).findIndex(x => x > 1).value();
    const columns: Ask = runtime => runtime.compute(few).map(x => ({ a: x, b: x })).toColumns();
    const counted: Ask = runtime => runtime.compute(few).filter(x => x > 1).count().value();
    const array = new Float64Array(5);

    const cases: readonly (readonly [what: string, made: Accelerator | AcceleratorMaker, ask: Ask, reason: string])[] = [
      ["create() that gives nothing", { name: "mine", create: () => undefined as never }, doubled, 'the plugin "mine" gave undefined for an accelerator: create() gives an object with compile(kernel)'],
      ["create() that gives a promise", { name: "mine", create: (async () => Promise.reject(new Error("unheard"))) as never }, doubled, 'the plugin "mine" gave a promise for an accelerator: create() gives an object with compile(kernel)'],
      ["create() that gives something else", { name: "mine", create: () => ({ kernel: 1 }) as never }, doubled, 'the plugin "mine" gave an object for an accelerator: create() gives an object with compile(kernel)'],
      ["cached that is no function", broken({ cached: 1 }), doubled, 'the plugin "mine" has 1 for cached(): a function, or nothing, is expected'],
      ["a kind that there is not", broken({ kind: "fpga" }), doubled, 'the plugin "mine" is of the kind "fpga": "script", "processor" or "device" is expected'],
      ["threads that are none", broken({ threads: 0 }), doubled, 'the plugin "mine" has 0 for threads: a number of 1 or more is expected'],
      ["a device without a name", broken({ device: {} }), doubled, 'the plugin "mine" has an object for a device: an object with a name is expected'],
      ["compile() that gives nothing", broken({ compile: () => undefined }), doubled, 'the plugin "mine" gave undefined for a compiled kernel: compile() gives an object with run(call)'],
      ["compile() that gives a promise", broken({ compile: async () => Promise.reject(new Error("unheard")) }), doubled, 'the plugin "mine" gave a promise for a compiled kernel: compile() gives an object with run(call); what takes a while is compileAsync(kernel)'],
      ["run() that gives nothing", running(() => undefined), doubled, 'the plugin "mine" gave undefined for a result: run() gives what plugin.resultFor() makes'],
      ["run() that gives null", running(() => null), max, 'the plugin "mine" gave null for a result: run() gives what plugin.resultFor() makes'],
      ["run() that gives a promise", running(async () => Promise.reject(new Error("unheard"))), doubled, 'the plugin "mine" gave a promise for a result: run() gives what plugin.resultFor() makes; what takes a while is start(call, signal)'],
      ["a count that is none", spoiling({ count: -1 }), counted, 'the plugin "mine" gave a wrong result: its count is -1, and a number of elements is expected'],
      ["no count", spoiling({ count: undefined }), counted, 'the plugin "mine" gave a wrong result: its count is undefined, and a number of elements is expected'],
      ["an array of another type", spoiling({ output: Float32Array.of(1, 2, 3, 4, 5) }), doubled, 'the plugin "mine" gave a wrong result: its output is a Float32Array, and a Float64Array is expected'],
      ["no array", spoiling({ output: null }), doubled, 'the plugin "mine" gave a wrong result: its output is null, and a Float64Array is expected'],
      ["an array that is too short", spoiling({ output: Float64Array.of(1) }), doubled, 'the plugin "mine" gave a wrong result: its output has 1 elements, and 5 are expected'],
      ["an array of its own", spoiling({ output: array }), runtime => runtime.compute(few).map(x => x + 1).toArray({ into: new Float64Array(5) }), 'the plugin "mine" gave a wrong result: its output is an array of its own, and a view of call.output is expected'],
      ["one array of two", spoiling({ outputs: [array] }), columns, 'the plugin "mine" gave a wrong result: its outputs are 1 of 2, and an array of 2 is expected'],
      ["two arrays, one of another type", spoiling({ outputs: [array, new Int32Array(5)] }), columns, 'the plugin "mine" gave a wrong result: its outputs[1] is an Int32Array, and a Float64Array is expected'],
      ["a value of another type", spoiling({ value: 3n }), max, 'the plugin "mine" gave a wrong result: its value is 3n, and a number is expected'],
      ["no value", spoiling({ value: undefined }), max, 'the plugin "mine" gave a wrong result: its value is undefined, and a number is expected'],
      ["a place that there is not", spoiling({ position: 2 }), first, 'the plugin "mine" gave a wrong result: its position is 2, and a place from 0 to 1, or -1, is expected'],
    ];

    it.each(cases)("%s", async (_what, made, ask, reason) => {
      const insists = createRuntime({ plugins: [made], backend: "mine", log: () => undefined });
      const error = (() => { try { return ask(insists); } catch (failure) { return failure; } })();
      expect(error).toBeInstanceOf(BackendError);
      expect(String(error)).toContain(reason);
      // Where others may run the kernel, they do, and that is said once.
      const { runtime, lines } = setUp({ plugins: [made], backend: ["mine", "js"] });
      expect(ask(runtime)).toEqual(ask(createRuntime({ backend: "js" })));
      expect(ask(runtime)).toEqual(ask(createRuntime({ backend: "js" })));
      expect(lines).toEqual([`dotcompute: the js backend stands in for the mine backend: ${reason}`]);
      await runtime.settled();
    });

    it("later, too", async () => {
      const lines: string[] = [];
      const asked = createRuntime({ plugins: [broken({ cached: () => 5, compileAsync: () => undefined })], backend: ["mine", "js"], log: line => void lines.push(line) });
      expect(doubled(asked)).toEqual(few.map(x => x * 2));
      expect(lines).toEqual(['dotcompute: the js backend stands in for the mine backend: the plugin "mine" gave 5 for a compiled kernel: cached() gives an object with run(call)']);
      const reasons: string[] = [];
      const wrongLater = [
        broken({ cached: () => null, compileAsync: async () => Promise.resolve(7) }),
        broken({ compile: () => ({ run: () => null, start: async () => Promise.resolve(null) }) }),
        broken({ compile: (kernel: plugin.Kernel) => ({ run: (call: plugin.KernelCall) => ({ ...plugin.interpret(kernel, call), output: new Float32Array(5) }) }) }),
      ];
      for (const made of wrongLater) await createRuntime({ plugins: [made], backend: "mine" }).compute(few).map(x => x * 2).toArrayAsync().catch((error: unknown) => reasons.push(String(error).split(": ").at(-2) + ": " + String(error).split(": ").at(-1)));
      expect(reasons).toEqual([
        'the plugin "mine" gave 7 for a compiled kernel: compileAsync() gives an object with run(call)',
        'the plugin "mine" gave null for a result: start() gives what plugin.resultFor() makes',
        'the plugin "mine" gave a wrong result: its output is a Float32Array, and a Float64Array is expected',
      ]);
    });

    it("to accelerators(): memory that is none", () => {
      expect(() => createRuntime({ plugins: [broken({ memory: () => 5 })] }).accelerators()).toThrow('DC407: the plugin "mine" gave 5 for its memory: memory() gives { total, free, pool }, each null where there is none');
      expect(createRuntime({ plugins: [broken({ memory: () => undefined })] }).accelerators().at(-1)?.memory).toBeNull();
    });

    it("and what decorate made of a backend is not called a plugin", () => {
      const runtime = createRuntime({ backend: "js", decorate: accelerator => ({ ...accelerator, compile: () => undefined as never }) });
      expect(() => doubled(runtime)).toThrow("what the option decorate of createRuntime() made of js gave undefined for a compiled kernel: compile() gives an object with run(call)");
    });

    it("with a validation, which then compares nothing", () => {
      const { runtime, lines } = setUp({ plugins: [spoiling({ output: Float32Array.of(1, 2, 3, 4, 5) })], backend: ["mine", "js"], validate: "always", onMismatch: "throw" });
      expect(doubled(runtime)).toEqual(few.map(x => x * 2));
      expect(lines).toEqual(['dotcompute: the js backend stands in for the mine backend: the plugin "mine" gave a wrong result: its output is a Float32Array, and a Float64Array is expected']);
    });
  });

  it("is checked", () => {
    expect(() => createRuntime({ plugins: interpreter as never })).toThrow("DC305: the option plugins of createRuntime() is an array of accelerators, not ");
    expect(() => createRuntime({ plugins: [{ name: "" } as never] })).toThrow("DC305: the option plugins of createRuntime() holds accelerators, not ");
    expect(() => createRuntime({ plugins: [{ ...interpreter, name: "cpu" }] })).toThrow('DC305: two accelerators are called "cpu"');
    expect(() => createRuntime({ plugins: [interpreter], backend: ["other"] })).toThrow('DC305: there is no backend "other"\nThe backends are "js", "cpu", "cuda" and "interpreter"; leave the option out to let the runtime choose.');
    expect(() => createRuntime({ plugins: [interpreter] }).compute(few).on("other")).toThrow('The backends are "js", "cpu", "cuda" and "interpreter".');
  });
});
