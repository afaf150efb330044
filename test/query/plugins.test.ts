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

    it("to accelerators(), which tells of all the same", () => {
      const told = (own: object) => {
        const all = createRuntime({ plugins: [Object.defineProperties(broken({}), Object.getOwnPropertyDescriptors(own))] }).accelerators();
        expect(all.map(({ name }) => name)).toEqual(["js", "cpu", "cuda", "mine"]);
        const { available, reason, memory } = all[3] as (typeof all)[number];
        return [available, reason, memory];
      };
      const failing = (): never => { throw new Error("no words"); };
      expect(told({ memory: () => 5 })).toEqual([true, 'the plugin "mine" gave 5 for its memory: memory() gives { total, free, pool }, each null where there is none', null]);
      expect(told({ memory: failing })).toEqual([true, 'the plugin "mine" failed in memory(): Error: no words', null]);
      expect(told({ memory: () => { throw new BackendError("DC407", "it is lost"); } })).toEqual([true, null, null]);
      expect(told({ memory: () => undefined })).toEqual([true, null, null]);
      expect(told({ get available() { return failing(); } })).toEqual([false, 'the plugin "mine" failed in telling whether it is available: Error: no words', null]);
      expect(told({ get reason() { return failing(); } })).toEqual([false, 'the plugin "mine" failed in telling whether it is available: Error: no words', null]);
      expect(told({ get lacks() { return failing(); } })).toEqual([false, 'the plugin "mine" failed in telling of itself: Error: no words', null]);
    });

    it("and so is one that cannot tell whether it is available: the next runs its kernels", () => {
      const { runtime, lines } = setUp({ plugins: [Object.defineProperty(broken({}), "available", { get: () => { throw new Error("no words"); } })], backend: ["mine", "js"] });
      expect(doubled(runtime)).toEqual(few.map(x => x * 2));
      expect(lines).toEqual(['dotcompute: the js backend stands in for the mine backend: the plugin "mine" failed in telling whether it is available: Error: no words']);
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

  describe("that throws what is no BackendError has failed, and is told by its name", () => {
    const thrown: readonly (readonly [words: string, value: unknown])[] = [
      ["TypeError: x is null", new TypeError("x is null")],
      ['"boo"', "boo"],
      ["undefined", undefined],
      ["Symbol(s)", Symbol("s")],
      ["something that cannot be put into words", Object.create(null)],
      ["something that cannot be put into words", { toString() { throw new Error("evil"); } }],
      ["something that cannot be put into words", Object.defineProperty(new Error("x"), "message", { get() { throw new Error("evil"); } })],
      ["something that cannot be put into words", new Proxy({}, { get() { throw new Error("evil"); }, getPrototypeOf() { throw new Error("evil"); } })],
    ];
    const doubled = (runtime: ReturnType<typeof createRuntime>) => runtime.compute(few).map(x => x * 2);
    const failing = (value: unknown) => (): never => { throw value; };
    const places: readonly (readonly [from: string, made: (value: unknown) => Partial<Accelerator>, later: boolean])[] = [
      ["run()", value => ({ compile: () => ({ run: failing(value) }) }), false],
      ["start()", value => ({ compile: kernel => ({ ...interpreter.compile(kernel), start: failing(value) }) }), true],
      ["start()", value => ({ compile: kernel => ({ ...interpreter.compile(kernel), start: async () => Promise.reject(value as Error) }) }), true],
      ["run()", value => ({ compile: kernel => ({ run: call => Object.defineProperty({ ...plugin.interpret(kernel, call) }, "count", { get: failing(value) }) }) }), false],
      ["start()", value => ({ compile: kernel => ({ ...interpreter.compile(kernel), start: (async (call: plugin.KernelCall) => Promise.resolve(Object.defineProperty({ ...plugin.interpret(kernel, call) }, "count", { get: failing(value) }))) }) }), true],
      ["run()", value => ({ compile: kernel => ({ run: call => new Proxy(plugin.interpret(kernel, call), { get: (target, key) => (key === "then" ? failing(value)() : Reflect.get(target, key)) }) }) }), false],
      ["compile()", value => ({ compile: failing(value) }), false],
      ["cached()", value => ({ cached: failing(value), compileAsync: failing(value) }), false],
    ];

    it.each(places)("in %s (%#)", async (from, made, later) => {
      for (const [words, value] of thrown) {
        const mine: Accelerator = { ...interpreter, name: "mine", ...made(value) };
        const { runtime, ran, lines } = setUp({ plugins: [mine], backend: ["mine", "js"] });
        expect(later ? await doubled(runtime).toArrayAsync() : doubled(runtime).toArray()).toEqual(few.map(x => x * 2));
        expect(ran).toEqual(["js"]);
        expect(lines).toEqual([`dotcompute: the js backend stands in for the mine backend: the plugin "mine" failed in ${from}: ${words}`]);
      }
    });

    it.each(places.filter(([from]) => from !== "cached()"))("in %s, where it is insisted on (%#)", async (from, made, later) => {
      for (const [words, value] of thrown) {
        const { runtime } = setUp({ plugins: [{ ...interpreter, name: "mine", ...made(value) }], backend: "js" });
        const error = await (async () => (later ? doubled(runtime).on("mine").toArrayAsync() : doubled(runtime).on("mine").toArray()))().catch((failure: unknown) => failure);
        expect(error).toBeInstanceOf(BackendError);
        const own = from === "compile()" ? ((error as BackendError).cause as BackendError) : (error as BackendError);
        expect((error as BackendError).code).toBe(from === "compile()" ? "DC402" : "DC407");
        expect(own.message).toBe(`DC407: the plugin "mine" failed in ${from}: ${words}`);
        expect(Object.is(own.cause, value)).toBe(true);
      }
    });

    it("but for what the lambda does wrong with BigInts, which is no failure of its", () => {
      const { runtime, lines } = setUp({ plugins: [interpreter], backend: ["interpreter", "js"] });
      expect(() => runtime.compute(BigInt64Array.of(1n, 0n)).map(x => 6n / x).toArray()).toThrow(new RangeError("Division by zero"));
      expect(() => runtime.compute(Float64Array.of(1, NaN)).map(x => BigInt(Math.trunc(x)), BigInt64Array).toArray()).toThrow(new RangeError("The number NaN cannot be converted to a BigInt because it is not an integer"));
      expect(lines).toEqual([]);
      // Where the kernel divides nothing, it is the plugin's own division.
      const dividing = setUp({ plugins: [{ name: "mine", compile: () => ({ run: call => plugin.resultFor(call, Number(1n / BigInt(call.length - 5)), -1, 0, 1, null) }) }], backend: ["mine", "js"] });
      expect(doubled(dividing.runtime).toArray()).toEqual(few.map(x => x * 2));
      expect(dividing.lines).toEqual(['dotcompute: the js backend stands in for the mine backend: the plugin "mine" failed in run(): RangeError: Division by zero']);
    });

    it("and for the reason of the caller's signal", async () => {
      const controller = new AbortController();
      const reason = new TypeError("never mind");
      const { runtime, lines } = setUp({ plugins: [{ name: "mine", compile: kernel => ({ ...interpreter.compile(kernel), start: async (_call, signal) => (controller.abort(reason), Promise.reject(signal?.reason as Error)) }) }], backend: ["mine", "js"] });
      await expect(doubled(runtime).toArrayAsync({ signal: controller.signal })).rejects.toBe(reason);
      expect(lines).toEqual([]);
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
