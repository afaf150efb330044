/** Failures of backends: what is tried again, who stands in, and when a backend is left alone. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BackendError, createRuntime, plugin, QueryError, type Accelerator, type FailureKind, type ResilienceOptions } from "../../src/index.js";
import { backoff } from "../../src/runtime/backoff.js";
import { breakerAdmits, breakerBegan, breakerFailed, breakerSucceeded, CLOSED, type BreakerState } from "../../src/runtime/breaker.js";
import type { RuntimeEvent } from "../../src/runtime/events.js";
import { classOf } from "../../src/runtime/failures.js";

const data = Float64Array.of(-0, 1, NaN, -Infinity, 2.5);
const twice = data.map(x => x * 2);

describe("the circuit breaker, whatever happens to it", () => {
  const limits = fc.record({ failures: fc.integer({ min: 1, max: 5 }), rest: fc.integer({ min: 1, max: 100 }), longestRest: fc.integer({ min: 1, max: 1000 }) });
  const steps = fc.array(fc.record({ wait: fc.integer({ min: 0, max: 200 }), what: fc.constantFrom("run", "fail", "succeed") }), { maxLength: 60 });

  it("opens at the limit and no sooner, admits one trial for each rest, and closes with a success", () => {
    fc.assert(
      fc.property(limits, steps, (given, list) => {
        let state: BreakerState = CLOSED;
        let [now, inARow, trialAt] = [0, 0, -Infinity];
        for (const { wait, what } of list) {
          now += wait;
          const before: BreakerState = state;
          if (what === "succeed") {
            state = breakerSucceeded();
            inARow = 0;
          } else if (what === "fail") {
            state = breakerFailed(state, now, given);
            inARow += 1;
            expect(state.kind === "closed").toBe(before.kind === "closed" && inARow < given.failures);
            if (before.kind === "half-open" && state.kind === "open") expect(state.rest).toBe(Math.max(given.rest, Math.min(given.longestRest, before.rest * 2)));
            if (state.kind !== "closed") expect(state.rest).toBeLessThanOrEqual(Math.max(given.rest, given.longestRest));
          } else if (breakerAdmits(state, now)) {
            state = breakerBegan(state, now);
            if (before.kind === "closed") expect(state).toBe(before);
            else {
              // One trial, and the next not before it has had its time.
              expect(now - trialAt).toBeGreaterThanOrEqual(given.rest);
              trialAt = now;
              expect([state.kind, breakerAdmits(state, now)]).toEqual(["half-open", false]);
            }
          } else expect([before.kind === "closed", breakerBegan(state, now)]).toEqual([false, before]);
        }
        // It always recovers by one trial in the end.
        now += 2000;
        expect(breakerAdmits(state, now)).toBe(true);
        breakerBegan(state, now);
        expect(breakerSucceeded()).toEqual(CLOSED);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("back-off doubles up to its limit, and is spread over all of it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.double({ min: 0, max: 1e4, noNaN: true }), fc.double({ min: 0, max: 1e6, noNaN: true }), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (retry, baseDelay, maxDelay, random) => {
        const most = backoff(retry, { baseDelay, maxDelay }, 1);
        expect(most).toBeLessThanOrEqual(maxDelay);
        expect(backoff(retry + 1, { baseDelay, maxDelay }, 1)).toBe(Math.min(maxDelay, most < maxDelay ? most * 2 : maxDelay));
        expect(backoff(retry, { baseDelay, maxDelay }, random)).toBe(random * most);
      }),
      { seed: 7, numRuns: 300 },
    );
    expect([1, 2, 3, 4].map(retry => backoff(retry, { baseDelay: 10, maxDelay: 50 }, 0.5))).toEqual([5, 10, 20, 25]);
  });
});

it("failures are classified by what the backend says, then by the system's own word, then by their code", () => {
  const kinds: readonly FailureKind[] = ["transient", "resource", "programmer", "fatal"];
  expect(kinds.map(kind => classOf(new BackendError("DC407", "x", { kind })))).toEqual(["transient", "resource", "kernel", "fatal"]);
  const caused = (code: string) => classOf(new BackendError("DC403", "x", { cause: Object.assign(new Error("x"), { code }) }));
  expect(["EAGAIN", "EMFILE", "ENOMEM", "ENOENT"].map(caused)).toEqual(["transient", "transient", "resource", "kernel"]);
  expect([new BackendError("DC403", "x"), new QueryError("DC305", "x", "y"), new RangeError("x"), new DOMException("x", "AbortError"), "x"].map(classOf)).toEqual(["kernel", ...new Array<string>(4).fill("programmer")]);
});

/** A plugin that fails as it is told, each of its failures once; then js. */
function setUp(resilience: ResilienceOptions = {}, jsFails: () => Error | null = () => null) {
  const faults: Error[] = [];
  const [ran, lines]: [string[], string[]] = [[], []];
  const events: RuntimeEvent[] = [];
  let now = 0;
  let attempts = 0;
  const frail: Accelerator = { name: "frail", compile: plugin.compileJs };
  const runtime = createRuntime({
    plugins: [frail],
    backend: ["frail", "js"],
    log: line => void lines.push(line),
    onRun: ({ backend }) => void ran.push(backend),
    resilience: { baseDelay: 0, clock: () => now, random: () => 0.5, ...resilience },
    decorate: accelerator =>
      plugin.decorated(accelerator, {
        run() {
          if (accelerator.name === "frail") attempts += 1;
          const fault = accelerator.name === "frail" ? faults.shift() : jsFails();
          if (fault !== undefined && fault !== null) throw fault;
        },
      }),
  });
  const query = runtime.compute(data).map(x => x * 2);
  query.bound.runtime.events.listen(event => void events.push(event));
  return { runtime, query, faults, ran, lines, events, attempts: () => attempts, wait: (ms: number) => void (now += ms) };
}

const failure = (kind: FailureKind, what: string = kind): BackendError => new BackendError("DC407", what, { kind });
const kindsOf = (events: readonly RuntimeEvent[]): readonly string[] => events.map(event => (event.kind === "breaker" ? `breaker ${event.state}` : event.kind)).filter(kind => /retry|breaker|fallback|lost/.test(kind));

describe.each(["now", "later"] as const)("a run, %s, that fails", when => {
  const run = async (query: { toArray(): Float64Array; toArrayAsync(): Promise<Float64Array> }): Promise<Float64Array> => (when === "now" ? query.toArray() : query.toArrayAsync());

  it("for a transient reason is tried again where it was", async () => {
    const given = setUp();
    given.faults.push(failure("transient"), failure("transient"));
    expect(await run(given.query)).toEqual(twice);
    expect([given.ran, given.lines, kindsOf(given.events)]).toEqual([["frail"], [], ["retry", "retry"]]);
    expect(given.events.flatMap(event => (event.kind === "retry" ? [event.attempt] : []))).toEqual([2, 3]);
  });

  it("too often goes to the next, for this run alone", async () => {
    const given = setUp();
    given.faults.push(...[1, 2, 3].map(time => failure("transient", `time ${time}`)));
    expect(await run(given.query)).toEqual(twice);
    expect(await run(given.query)).toEqual(twice);
    expect([given.ran, kindsOf(given.events)]).toEqual([["js", "frail"], ["retry", "retry", "fallback"]]);
    expect(given.lines).toEqual(["dotcompute: frail: a run of 5 elements went to the js backend: time 3"]);
    expect(given.query.explain()).toContain("\n  frail: compiled kernel is warm; a run of 5 elements went to the js backend: time 3");
  });

  it("for want of room goes to the next at once; other runs do not", async () => {
    const given = setUp();
    given.faults.push(failure("resource", "out of memory"));
    expect(await run(given.query)).toEqual(twice);
    expect(await run(given.query)).toEqual(twice);
    expect([given.ran, given.attempts(), kindsOf(given.events)]).toEqual([["js", "frail"], 2, ["fallback"]]);
  });

  it("for the kernel's sake loses the backend for this kernel alone", async () => {
    const given = setUp();
    given.faults.push(failure("programmer", "no such instruction"));
    expect(await run(given.query)).toEqual(twice);
    expect(await run(given.query)).toEqual(twice);
    expect(await given.runtime.compute(data).filter(x => x > 0).count()).toBe(2);
    expect([given.ran, given.attempts(), kindsOf(given.events)]).toEqual([["js", "js", "frail"], 2, ["lost"]]);
    expect(given.query.explain()).toContain("\n  js: no such instruction");
  });

  it("for good retires the backend", async () => {
    const given = setUp();
    given.faults.push(failure("fatal", "it is on fire"));
    expect(await run(given.query)).toEqual(twice);
    expect(await given.runtime.compute(data).filter(x => x > 0).count()).toBe(2);
    expect([given.ran, given.attempts(), kindsOf(given.events)]).toEqual([["js", "js"], 1, ["lost"]]);
    expect(given.lines).toEqual(["dotcompute: the js backend stands in for the frail backend: it is on fire"]);
    expect(given.runtime.accelerators().at(-1)).toMatchObject({ available: false, reason: "it is on fire" });
    await expect(given.query.on("frail").toArrayAsync()).rejects.toThrow("DC402: the query insists on the frail backend, which cannot run it: it is on fire");
  });

  it("for good while it is insisted on is told of when the next takes over", async () => {
    const given = setUp();
    given.faults.push(failure("fatal", "it is on fire"));
    await expect(run(given.query.on("frail"))).rejects.toEqual(failure("fatal", "it is on fire"));
    expect([given.lines, given.runtime.accelerators().at(-1)?.reason]).toEqual([[], "it is on fire"]);
    expect(await run(given.query)).toEqual(twice);
    expect(given.lines).toEqual(["dotcompute: the js backend stands in for the frail backend: it is on fire"]);
  });

  it("by its own lambda, or by a wrong call, fails at once", async () => {
    const given = setUp();
    for (const error of [plugin.outOfRange("few", 5, 5), new QueryError("DC305", "x", "y")]) {
      given.faults.push(error);
      await expect(run(given.query)).rejects.toBe(error);
    }
    expect([given.ran, given.attempts(), given.lines, kindsOf(given.events)]).toEqual([[], 2, [], []]);
  });

  it("with an error of any other kind goes to the next, as a failure of that plugin's", async () => {
    for (const error of [new TypeError("x is null"), new RangeError("too long"), new DOMException("not by the caller", "AbortError")]) {
      const given = setUp();
      given.faults.push(error);
      expect(await run(given.query)).toEqual(twice);
      expect(given.lines).toEqual([`dotcompute: the js backend stands in for the frail backend: the plugin "frail" failed in ${when === "now" ? "run" : "start"}(): ${String(error)}`]);
      given.faults.push(error);
      const failure = await run(given.query.on("frail")).catch((thrown: unknown) => thrown as BackendError);
      expect(failure).toMatchObject({ name: "BackendError", code: "DC407" });
      expect((failure as BackendError).cause).toBe(error);
    }
    const given = setUp();
    given.faults.push(Object.assign(new Error("try again"), { code: "EAGAIN" }));
    expect(await run(given.query)).toEqual(twice);
    expect([given.ran, given.lines, kindsOf(given.events)]).toEqual([["frail"], [], ["retry"]]);
  });

  it("while it rewrites its inputs is not begun anew, whatever it throws", async () => {
    const given = setUp();
    const add = given.runtime.kernel("add", (i, x: Float64Array) => { x[i] = (x[i] as number) + 1; });
    const error = new TypeError("half way");
    given.faults.push(error);
    const array = Float64Array.of(1, 2);
    const failure = await (async () => (when === "now" ? add(array) : add.async(array)))().catch((thrown: unknown) => thrown as BackendError);
    expect(failure).toMatchObject({ code: "DC407", message: `DC407: the plugin "frail" failed in ${when === "now" ? "run" : "start"}(): TypeError: half way`, cause: error });
    expect(given.attempts()).toBe(1);
  });

  it("everywhere tells of every attempt", async () => {
    const given = setUp({ attempts: 2 }, () => failure("resource", "no room here either"));
    given.faults.push(failure("transient", "first"), failure("transient", "second"));
    const error = await run(given.query).catch((thrown: unknown) => thrown as BackendError);
    expect(error).toBeInstanceOf(BackendError);
    expect(error).toMatchObject({ code: "DC407", kind: "resource", message: "DC407: none of 3 attempts succeeded; the last, on the js backend: no room here either" });
    expect(((error as BackendError).cause as AggregateError).errors).toEqual([failure("transient", "first"), failure("transient", "second"), failure("resource", "no room here either")]);
  });

  it("and is insisted on is tried again, and fails with every attempt", async () => {
    const given = setUp();
    const insisting = given.query.on("frail");
    given.faults.push(failure("transient"));
    expect(await run(insisting)).toEqual(twice);
    given.faults.push(failure("resource", "full"));
    await expect(run(insisting)).rejects.toEqual(failure("resource", "full"));
    given.faults.push(failure("transient"), failure("transient"), failure("transient", "again"));
    await expect(run(insisting)).rejects.toThrow("DC407: none of 3 attempts succeeded; the last, on the frail backend: again");
    expect(given.lines).toEqual([]);
  });

  it("in place, where it is insisted on, is not begun anew: what it has written over is gone", async () => {
    const given = setUp();
    const array = data.slice();
    const inPlace = given.runtime.compute(array).map(x => x * 2).on("frail");
    const into = async () => (when === "now" ? inPlace.toArray({ into: array }) : inPlace.toArrayAsync({ into: array }));
    given.faults.push(failure("transient", "half way"));
    await expect(into()).rejects.toEqual(failure("transient", "half way"));
    expect([given.attempts(), array]).toEqual([1, data]);
    expect(await into()).toEqual(twice);
    // Where another may stand in, results go elsewhere first.
    given.faults.push(failure("resource"));
    const again = given.runtime.compute(array).map(x => x / 2);
    expect(when === "now" ? again.toArray({ into: array }) : await again.toArrayAsync({ into: array })).toEqual(data);
  });

  it("on js, which has been told to, neither opens its breaker nor retires it", async () => {
    let fault: Error | null = failure("fatal", "even js");
    const given = setUp({ attempts: 1, breaker: { failures: 1 } }, () => fault);
    given.faults.push(failure("programmer"));
    await expect(run(given.query)).rejects.toThrow("DC407: none of 2 attempts succeeded; the last, on the js backend: even js");
    fault = failure("transient", "again");
    await expect(run(given.query)).rejects.toBe(fault);
    fault = null;
    expect(await run(given.query)).toEqual(twice);
    expect(given.ran).toEqual(["js"]);
  });
});

it("a compiler that is insisted on and fails for a transient reason is asked again, and fails with every attempt", async () => {
  const faults: Error[] = [];
  const busy: Accelerator = { name: "busy", cached: () => null, compile: plugin.compileJs, compileAsync: async kernel => plugin.compileJs(kernel) };
  const compile = (): void => {
    const fault = faults.shift();
    if (fault !== undefined) throw fault;
  };
  const runtime = createRuntime({ plugins: [busy], backend: "busy", resilience: { baseDelay: 1 }, decorate: accelerator => (accelerator.name === "busy" ? plugin.decorated(accelerator, { compile }) : accelerator) });
  const [once, again] = [runtime.compute(data).map(x => x * 2), runtime.compute(data).map(x => x + x)];
  for (const run of [() => once.toArray(), () => again.toArrayAsync()]) {
    faults.push(failure("transient"), failure("transient"));
    expect(await run()).toEqual(twice);
    expect(faults).toEqual([]);
  }
  faults.push(failure("transient"), failure("transient"), failure("transient", "still busy"));
  const error = await runtime.compute(data).map(x => x - 3).toArrayAsync().catch((thrown: unknown) => thrown as BackendError);
  expect(error).toMatchObject({ message: "DC402: the query insists on the busy backend, which cannot run it: none of 3 attempts succeeded; the last, on the busy backend: still busy" });
  expect((((error as BackendError).cause as BackendError).cause as AggregateError).errors).toHaveLength(3);
});

describe("a backend that keeps failing", () => {
  const limits = { attempts: 1, breaker: { failures: 2, rest: 100 } };

  it("is left alone for a while, and comes back by one trial", async () => {
    const given = setUp(limits);
    const run = () => given.query.toArray();
    const state = () => given.runtime.accelerators().at(-1)?.breaker;
    given.faults.push(failure("transient"), failure("transient", "no answer"));
    for (let time = 0; time < 4; time += 1) expect(run()).toEqual(twice);
    expect([given.attempts(), state()]).toEqual([2, "open"]);
    expect(given.query.explain()).toContain("\n  js: frail is left alone for 100 ms, for it failed 2 times in a row: no answer");
    expect(given.lines.at(-1)).toBe("dotcompute: the frail backend is left alone for 100 ms, for it failed 2 times in a row: no answer");
    given.wait(100);
    given.faults.push(failure("transient", "no answer"));
    expect([run(), run()]).toEqual([twice, twice]);
    expect([given.attempts(), state()]).toEqual([3, "open"]);
    // The second rest is twice as long.
    given.wait(199);
    run();
    expect(given.attempts()).toBe(3);
    given.wait(1);
    expect([run(), run()]).toEqual([twice, twice]);
    expect([given.attempts(), state()]).toEqual([5, "closed"]);
    expect(given.ran).toEqual([...new Array<string>(7).fill("js"), "frail", "frail"]);
    expect(kindsOf(given.events).filter(kind => kind.startsWith("breaker"))).toEqual(["breaker open", "breaker half-open", "breaker open", "breaker half-open", "breaker closed"]);
  });

  it("gets one trial, and not one for each of many queries at once", async () => {
    const given = setUp(limits);
    given.faults.push(failure("transient"), failure("transient"));
    given.query.toArray();
    given.query.toArray();
    given.wait(100);
    const results = await Promise.all([1, 2, 3].map(() => given.query.toArrayAsync()));
    expect(results).toEqual([twice, twice, twice]);
    expect(given.ran.slice(2).sort()).toEqual(["frail", "js", "js"]);
  });

  it("is tried by queries that insist on it, whose success brings it back", () => {
    const given = setUp(limits);
    given.faults.push(failure("transient"), failure("transient"));
    given.query.toArray();
    given.query.toArray();
    expect(given.query.on("frail").toArray()).toEqual(twice);
    expect(given.query.toArray()).toEqual(twice);
    expect(given.ran).toEqual(["js", "js", "frail", "frail"]);
  });

  it("now and then only is not", () => {
    const given = setUp({ ...limits, attempts: 2 });
    for (let time = 0; time < 5; time += 1) {
      given.faults.push(failure("transient"));
      given.query.toArray();
    }
    expect(given.ran).toEqual(new Array(5).fill("frail"));
  });
});

describe("in time", () => {
  it("the wait between attempts ends with the signal, or with the time for the run", async () => {
    const given = setUp({ baseDelay: 60_000, maxDelay: 60_000 });
    const controller = new AbortController();
    given.faults.push(failure("transient"), failure("transient"));
    const waiting = given.query.toArrayAsync({ signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 5);
    await expect(waiting).rejects.toThrow("enough");
    await expect(given.query.toArrayAsync({ timeout: 5 })).rejects.toMatchObject({ name: "TimeoutError" });
    expect(await given.query.toArrayAsync({ timeout: 60_000, signal: new AbortController().signal })).toEqual(twice);
  });

  it("a loop that never ends is stopped by the time for its run, and by the signal beside it", async () => {
    const endless = createRuntime({ backend: "js" }).compute(data).map(x => {
      while (x === x || x !== x) x = 1 / x;
      return x;
    });
    await expect(endless.sum().run({ timeout: 20 })).rejects.toMatchObject({ name: "TimeoutError" });
    await expect(endless.sum().run({ timeout: 60_000, signal: AbortSignal.abort(new Error("called off")) })).rejects.toThrow("called off");
    await expect(endless.sum().run({ timeout: -1 })).rejects.toThrow("DC305: timeout is a number of milliseconds, not -1");
  });

  it("a compiler that takes too long is given up", async () => {
    const stuck: Accelerator = { name: "stuck", cached: () => null, compile: plugin.compileJs, compileAsync: () => new Promise(() => undefined) };
    const lines: string[] = [];
    const runtime = createRuntime({ plugins: [stuck], backend: ["stuck"], log: line => void lines.push(line), resilience: { compileTimeLimit: 10 } });
    const query = runtime.compute(data).map(x => x * 2);
    expect([query.toArray(), query.toArray()]).toEqual([twice, twice]);
    await runtime.settled();
    expect(lines).toEqual(["dotcompute: the js backend stands in for the stuck backend: its compiler took longer than 10 ms"]);
    await expect(runtime.compute(data).map(x => x + 2).on("stuck").toArrayAsync()).rejects.toThrow("DC402: the query insists on the stuck backend, which cannot run it: its compiler took longer than 10 ms");
  });
});

it("the options are checked", () => {
  const make = (resilience: object) => () => createRuntime({ resilience });
  expect(make({ attempts: 0 })).toThrow("DC305: the option resilience.attempts of createRuntime() is a number of 1 or more, not 0");
  expect(make({ baseDelay: NaN })).toThrow("DC305: the option resilience.baseDelay of createRuntime() is a number of milliseconds, not NaN");
  expect(make({ breaker: { failures: 1.5 } })).toThrow("DC305: the option resilience.breaker.failures of createRuntime() is a number of 1 or more, not 1.5");
  expect(make({ retries: 1 })).toThrow("DC305: createRuntime() has no option resilience.retries");
  expect(make({ clock: 1 })).toThrow("DC305: the option resilience.clock of createRuntime() is a function, not 1");
});
