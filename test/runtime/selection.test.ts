import { describe, expect, it } from "vitest";
import type { Kernel } from "../../fusion/ir.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { TURNS, workOf, type Work } from "../../fusion/work.js";
import type { BackendName, CompiledKernel } from "../../src/backends/backend.js";
import type { BoundTerminal } from "../../src/query/bound.js";
import { createRuntime } from "../../src/runtime/create.js";
import { Choices, newKnown } from "../../src/runtime/selection/choice.js";
import { Estimate, type Learned } from "../../src/runtime/selection/estimate.js";
import { seeded } from "../../src/runtime/random.js";
import { Running } from "../../src/runtime/running.js";
import { History, type Store } from "../../src/runtime/selection/history.js";
import { fingerprint } from "../../src/runtime/selection/machine.js";
import type { Curve } from "../../src/runtime/selection/model.js";
import { Selection, type Contender } from "../../src/runtime/selection/selection.js";

const line = (start: number, each: number): Curve => ({ start, each, bends: [{ from: Infinity, more: 0 }, { from: Infinity, more: 0 }] });

/** What the model says of the two backends of all simulations. */
const MODEL: Readonly<Record<"js" | "cpu", Curve>> = { js: line(0.1, 0.001), cpu: line(0.15, 0.0001) };

/** Microseconds that a backend really takes for so many elements, at a moment of the simulated clock, without noise. */
type Truth = (backend: BackendName, length: number, clock: number) => number;

interface Outcome {
  /** What the choices took. */
  readonly chosen: number;
  /** What the best backend of each length would have taken that is the same for the whole run. */
  readonly fixed: number;
  /** What the best backend of each moment would have taken. */
  readonly oracle: number;
  readonly trials: number;
}

const SIMULATED = ["cpu", "js"] as const;

function simulate(truth: Truth, lengths: readonly number[], runs: number, noise: (random: number, other: number) => number = () => 1, seed = 7): Outcome {
  const random = seeded(seed);
  const known = newKnown(new Map([["js", new Estimate(MODEL.js)], ["cpu", new Estimate(MODEL.cpu)]]));
  const choices = new Choices(known, SIMULATED);
  const fixed = new Map(lengths.map(length => [length, { js: 0, cpu: 0 }]));
  let [clock, oracle] = [0, 0];
  for (let run = 0; run < runs; run += 1) {
    const length = lengths[Math.floor(random() * lengths.length)] as number;
    const off = noise(random(), random());
    const times = { js: truth("js", length, clock) * off, cpu: truth("cpu", length, clock) * off };
    const due = choices.next(length);
    const backend = SIMULATED[due < 0 ? choices.timed(length) : due] as "js" | "cpu";
    if (due < 0) choices.ran(length, backend, times[backend]);
    clock += times[backend];
    oracle += Math.min(times.js, times.cpu);
    const sums = fixed.get(length) as { js: number; cpu: number };
    sums.js += times.js;
    sums.cpu += times.cpu;
  }
  const best = [...fixed.values()].reduce((sum, { js, cpu }) => sum + Math.min(js, cpu), 0);
  return { chosen: clock, fixed: best, oracle, trials: [...known.trials.values()].reduce((sum, count) => sum + count, 0) };
}
const regret = ({ chosen, fixed }: Outcome): number => chosen / fixed - 1;

const SIZES = [1, 10, 100, 1000, 10_000];
/** Up to a third slower, evenly; and one run in a hundred up to fifty times: others' work, and the collector's. */
const busy = (random: number, other: number): number => 1 + 0.3 * random ** 2 + (other < 0.01 ? 50 * random : 0);
const expected = (backend: BackendName, length: number): number => (backend === "js" ? 0.1 + length * 0.001 : 0.15 + length * 0.0001);

/** By what share all runs may take longer than with the best fixed choice for each length. Trials alone may cost 2 %. */
const MACHINES: readonly { readonly name: string; readonly truth: Truth; readonly most: number; readonly mostBusy: number }[] = [
  { name: "that is as the model says", truth: expected, most: 0.01, mostBusy: 0.01 },
  { name: "on which the other backend is better for all lengths", truth: (backend, length) => (backend === "js" ? 0.1 + length * 0.0001 : 0.3 + length * 0.0003), most: 0.01, mostBusy: 0.02 },
  { name: "on which a run costs thirty times what the model says", truth: (backend, length) => (backend === "js" ? 0.1 + length * 0.001 : 5 + length * 0.0001), most: 0.06, mostBusy: 0.06 },
  { name: "on which elements cost a tenth of what the model says", truth: (backend, length) => (backend === "js" ? 0.05 + length * 0.0001 : 0.15 + length * 0.0001), most: 0.06, mostBusy: 0.06 },
  { name: "with a cliff where no model has one", truth: (backend, length) => expected(backend, length) + (backend === "cpu" && length > 500 ? length * 0.002 : 0), most: 0.05, mostBusy: 0.08 },
];

describe("what was chosen, against the best fixed choice,", () => {
  it.each(MACHINES)("on a machine $name", ({ truth, most, mostBusy }) => {
    for (const lengths of [SIZES, [1000]]) {
      expect(regret(simulate(truth, lengths, 60_000))).toBeLessThan(most);
      expect(regret(simulate(truth, lengths, 60_000, busy))).toBeLessThan(mostBusy);
    }
  });

  it("on a machine that becomes twenty times slower at what was best, is better than any fixed choice", () => {
    const slower: Truth = (backend, length, clock) => expected(backend, length) * (backend === "cpu" && clock > 20_000 ? 20 : 1);
    const outcome = simulate(slower, [1000], 150_000, busy);
    expect(regret(outcome)).toBeLessThan(-0.1);
    expect(outcome.chosen / outcome.oracle).toBeLessThan(1.05);
  });

  it("on a machine that becomes quicker at what nobody uses, finds that out", () => {
    const quicker: Truth = (backend, length, clock) => expected(backend, length) * (backend === "js" && clock > 20_000 ? 0.05 : 1);
    expect(regret(simulate(quicker, [1000], 600_000, busy))).toBeLessThan(-0.1);
  });

  it("never tries what should take a hundred times as long", () => {
    const hopeless: Truth = (backend, length) => expected(backend, length) * (backend === "js" ? 1 : 1e-3);
    expect(simulate(hopeless, [10_000_000], 3000).trials).toBe(0);
  });
});

describe("an estimate", () => {
  const curve: Curve = { start: 0.2, each: 0.001, bends: [{ from: 1000, more: -0.0005 }, { from: 100_000, more: 0.002 }] };
  const truth = (length: number): number => 0.5 + length * 0.0004 - 0.0001 * Math.max(0, length - 1000) + 0.004 * Math.max(0, length - 100_000);

  it("is the model's at first, without a run, and is doubted", () => {
    const estimate = new Estimate(curve);
    expect(estimate.at(0)).toBe(0.2);
    expect(estimate.at(2000)).toBeCloseTo(0.2 + 2 - 0.5, 12);
    expect(estimate.doubtAt(1000)).toBeGreaterThan(0.5);
    expect(estimate.runs).toBe(0);
  });

  it("finds what was seen, is near it close by, and is the model far away", () => {
    const estimate = new Estimate(curve);
    const lengths = [1, 100, 2000, 50_000];
    const off = (length: number): number => estimate.at(length) / truth(length) - 1;
    for (let run = 0; run < 100; run += 1) {
      const length = lengths[run % lengths.length] as number;
      estimate.learn(length, truth(length));
    }
    for (const length of lengths) expect(Math.abs(off(length))).toBeLessThan(0.05);
    for (const length of [2, 50, 1000, 10_000, 100_000]) expect(Math.abs(off(length))).toBeLessThan(0.3);
    expect(estimate.doubtAt(100)).toBeLessThan(0.1);
    expect(estimate.doubtAt(1e9)).toBeGreaterThan(1);
    expect(Math.abs(Math.log(estimate.at(1e9) / new Estimate(curve).at(1e9)))).toBeLessThan(0.5);
  });

  it("stands after pauses, follows a change, and keeps what it knows of other lengths", () => {
    const estimate = new Estimate(curve);
    for (let run = 0; run < 50; run += 1) for (const length of [10, 100_000]) estimate.learn(length, truth(length));
    const before = estimate.at(100_000);
    for (let run = 0; run < 20; run += 1) estimate.learn(10, run % 10 === 9 ? 5000 : truth(10));
    expect(estimate.at(10) / truth(10)).toBeLessThan(1.3);
    for (let run = 0; run < 20; run += 1) estimate.learn(10, truth(10) * 10);
    expect(Math.abs(estimate.at(10) / (truth(10) * 10) - 1)).toBeLessThan(0.2);
    expect(estimate.at(100_000) / before).toBeLessThan(1.2);
    expect(estimate.at(100_000) / before).toBeGreaterThan(0.8);
  });

  it("takes times of nothing, and never gives them", () => {
    const estimate = new Estimate(curve);
    for (let run = 0; run < 500; run += 1) estimate.learn(run % 3, 0);
    expect(estimate.at(0)).toBeGreaterThan(0);
    expect(Number.isFinite(estimate.doubtAt(1e12))).toBe(true);
  });

  it("goes on from what was kept", () => {
    const estimate = new Estimate(curve);
    for (let run = 0; run < 40; run += 1) estimate.learn(10 * run, truth(10 * run));
    const again = new Estimate(curve, JSON.parse(JSON.stringify(estimate.learned)) as Learned);
    expect([again.at(77), again.doubtAt(77), again.runs]).toEqual([estimate.at(77), estimate.doubtAt(77), 40]);
  });
});

const JS: Contender = { name: "js", kind: "script", accelerator: {} };

describe("what is kept between processes", () => {
  const store = (): Store & { readonly texts: Map<string, string> } => {
    const texts = new Map<string, string>();
    return { texts, recall: name => texts.get(name) ?? null, remember: (name, text) => void texts.set(name, text) };
  };
  const kernelOf = (array: AnyTypedArray, f: (x: number) => number): Kernel =>
    (createRuntime({ backend: "js" }).compute(array as Float64Array).map(f).sum() as unknown as { readonly bound: BoundTerminal }).bound.node.plan().kernels[0]?.kernel as Kernel;
  const [source, more] = [kernelOf(new Float64Array(1), x => { const y = x * 2; return y * y + y; }), kernelOf(new Float64Array(1), x => x * 2 + 2)];
  const run = (selection: Selection, kernel: Kernel, clock: () => number): void => {
    const choices = selection.choices(kernel, [JS]);
    const compiled: CompiledKernel = { backend: "js", kernel, run: () => (clock(), {} as never), start: () => Promise.reject(new Error()) };
    for (let run = 0; run < 40; run += 1) if (choices.next(1000) < 0 && choices.timed(1000) === 0) selection.timed(compiled, choices, new Running()).run({ source: null, length: 1000, output: null, scalars: [], arrays: [] });
  };

  it("is found again by what a kernel computes, whatever its lambda calls things", () => {
    const texts = store();
    let time = 0;
    const clock = (): number => (time += 0.05);
    const history = new History(texts, "here");
    run(new Selection(history, clock), source, clock);
    history.save();
    const later = new Selection(new History(texts, "here"));
    const renamed = kernelOf(new Float64Array(9), value => { const twice = value * 2; return twice * twice + twice; });
    const [prediction] = later.predict(renamed, 1000, [JS]);
    expect(prediction?.microseconds).toBeGreaterThan(60);
    expect(prediction?.runs).toBeGreaterThan(5);
    expect(later.predict(more, 1000, [JS])[0]?.runs).toBe(0);
    expect(new Selection(new History(texts, "elsewhere")).predict(source, 1000, [JS])[0]?.runs).toBe(0);
  });

  it("by several processes is all kept; a file of anything else counts for nothing", () => {
    const texts = store();
    const [one, other] = [new History(texts, "here"), new History(texts, "here")];
    run(new Selection(one), source, () => 0);
    run(new Selection(other), more, () => 0);
    one.save();
    other.save();
    const later = new Selection(new History(texts, "here"));
    for (const kernel of [source, more]) expect(later.predict(kernel, 1, [JS])[0]?.runs).toBeGreaterThan(0);
    const good = texts.texts.get("selection-here.json") as string;
    for (const text of ["", "{}", "[]", "null", good.slice(0, -9), good.replace('"version":1', '"version":2'), good.replace(/"seen":\[[^\]]*\]/g, '"seen":[1,null,2,3]')]) {
      texts.texts.set("selection-here.json", text);
      expect(new Selection(new History(texts, "here")).predict(source, 1, [JS])[0]?.runs).toBe(0);
    }
  });

  it("holds what the machine can do, measured once", async () => {
    const texts = store();
    const history = new History(texts, "here");
    expect(history.machine).toMatchObject({ compute: 1, memory: 1, measured: false });
    await history.measure();
    const { compute, memory, measured } = history.machine;
    expect([compute > 0.02, memory > 0.02, measured]).toEqual([true, true, true]);
    history.save();
    expect(new History(texts, "here").machine).toMatchObject({ measured: true });
    expect(fingerprint()).toBe(fingerprint());
  });
});

describe("the work of an element", () => {
  const workIn = (query: { readonly bound: BoundTerminal } | object): Work => workOf((query as { readonly bound: BoundTerminal }).bound.node.plan().kernels[0]?.kernel as Kernel);
  const { compute } = createRuntime({ backend: "js" });

  it("is counted from the kernel", () => {
    const doubles = new Float64Array(1);
    expect(workIn(compute(doubles).sum())).toEqual({ read: 8, written: 0, operations: 1, divisions: 0, functions: 0, lookups: 0, width: 8, ordered: false });
    expect(workIn(compute(new Float32Array(1)).map(x => Math.sin(x) / 3).filter(x => x > 0).count())).toMatchObject({ read: 4, written: 0, divisions: 1, functions: 1, width: 4 });
    const table = new Float32Array(4);
    expect(workIn(compute(new Uint8Array(1)).map(x => table[x & 3] as number, Float32Array, { table }).sum())).toMatchObject({ read: 1, lookups: 1 });
    expect(workIn(compute({ a: doubles, b: new Int32Array(1), c: doubles }).sum(({ a, b }) => a * b))).toMatchObject({ read: 12 });
    expect(workIn(compute(doubles).reduce((a, x) => a * 0.5 + x, 0))).toMatchObject({ ordered: true });
    const looping = workIn(compute(doubles).map(x => { let n = 0; while (x > 1) { x /= 2; n += 1; } return n; }).sum());
    expect(looping.divisions + looping.operations).toBeGreaterThan(3 * TURNS);
  });
});
