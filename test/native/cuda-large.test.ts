/** Sources of more elements than fit into 32 bits, or into any memory: places, counts and addresses hold, as far as arithmetic goes. */
import { expect, it } from "vitest";
import { number, apply } from "../../fusion/build.js";
import { interpret } from "../../fusion/interpret.js";
import type { CudaCompiledKernel, Station } from "../../src/backends/cuda/compiled.js";
import { Lanes } from "../../src/backends/cuda/lanes.js";
import { newLane, type LoadedProgram } from "../../src/backends/cuda/part.js";
import { runLater, runNow, type Ran } from "../../src/backends/cuda/run.js";
import { wholeShare } from "../../src/backends/cuda/shares.js";
import { callOf, element, index, keep, kernelOf, RANGE, yields } from "../fusion/by-hand.js";
import { caseOf, compileCases, expectedOf, onStandIn, type CaseName } from "./cuda-cases.js";
import { newStandIn } from "./cuda-stand-in.js";

const BASE = 2 ** 33;
const x = element("f64");

/** The same program, told that so many elements come before those that it is given. */
const shifted = (loaded: LoadedProgram): LoadedProgram => ({
  ...loaded,
  program: {
    ...loaded.program,
    plan: (length, device, chunkLength = length) => {
      const plan = loaded.program.plan(BASE + length, device, chunkLength);
      return { ...plan, chunk: (from, count) => plan.chunk(BASE + from, count) };
    },
  },
});

onStandIn("CUDA beyond 2^31 elements", () => {
  const backend = newStandIn({ deferred: true }).backend({ chunkBytes: 16384 });
  const native = compileCases(backend);
  const loadedOf = (compiled: CudaCompiledKernel): LoadedProgram => (compiled.stations[0] as Station).loaded;
  const LENGTH = 5000;

  const ran = async (name: CaseName, check: (run: Ran) => void, source = caseOf(name, LENGTH).source): Promise<void> => {
    const loaded = shifted(loadedOf(native(name)));
    const call = { ...caseOf(name, LENGTH), source };
    const seats = () => [{ loaded, lanes: new Lanes(loaded.context), lane: newLane(loaded.context), residents: null, share: wholeShare(call.length) }];
    check(runNow(seats(), call));
    check(await runLater(seats(), call, false, undefined));
  };
  const done = (result: object) => ({ status: "done", result: expect.objectContaining(result) as object });

  it("elements of a range are their places", async () => {
    await ran("map of a range", ({ output }) => expect(output).toEqual(Float64Array.from({ length: LENGTH }, (_, at) => (BASE + at) ** 2)));
    const kept = Array.from({ length: LENGTH }, (_, at) => BASE + at).filter(at => at % 3 !== 1);
    await ran("filter of a range", ({ outcome, output }) => {
      expect(outcome).toEqual(done({ count: kept.length }));
      expect(output).toEqual(Float64Array.from(kept));
    });
  });

  it("what is found is at its place, and counted", async () => {
    const { position } = expectedOf("first", caseOf("first", LENGTH));
    await ran("first", ({ outcome }) => expect(outcome).toEqual(done({ position: BASE + position, value: 1e30 })));
    const last = expectedOf("last", caseOf("last", LENGTH));
    await ran("last", ({ outcome }) => expect(outcome).toEqual(done({ position: BASE + last.position, value: last.value })));
    const source = new Float64Array(LENGTH);
    // Of every three places, the two that pass are those whose remainder is 0 or 1.
    const found = [4096, 4097, 4098].find(at => (BASE + at) % 3 === 1) as number;
    source[found] = 1e30;
    const rank = Array.from({ length: found }, (_, at) => BASE + at).filter(at => at % 3 < 2).length;
    await ran("first and its rank", ({ outcome }) => expect(outcome).toEqual(done({ position: BASE + found, rank, value: 1e30 })), source);
  });

  it("what fails is named by its place", async () => {
    const source = new Float64Array(LENGTH).fill(1);
    source[3000] = source[4500] = -1;
    await ran("look-up", ({ outcome, output }) => expect({ outcome, output }).toEqual({ outcome: { status: "failed", position: BASE + 3000 }, output: null }), source);
  });

  it("a range without end is searched as far as need be", async () => {
    const search = kernelOf(RANGE, { kind: "first", type: "f64", ranked: true }, [keep(apply("gt", apply("mul", x, index), number(1e7))), yields(x)]);
    const compiled = backend.compile(search);
    const { position, value, rank } = interpret(search, callOf(10_000));
    expect(position).toBe(3163);
    for (const length of [2 ** 31 + 1, 2 ** 40]) {
      expect(compiled.run(callOf(length))).toMatchObject({ position, value, rank });
      expect(await compiled.start(callOf(length), undefined)).toMatchObject({ position, value, rank });
    }
  });

  it("what a filter might keep of a range may be more than addresses are for, and it can be given up", async () => {
    const controller = new AbortController();
    const running = native("filter of a range").start(callOf(2 ** 52), controller.signal);
    controller.abort(new Error("enough"));
    await expect(running).rejects.toThrow("enough");
  });

  it("what a reduction of a range keeps of each block must fit", () => {
    const sum = kernelOf(RANGE, { kind: "reduce", op: "add", type: "f64", term: "f64", counted: false }, [yields(x)]);
    // 8 bytes for each 1024 elements, for each 1024 of those and so on; and the state.
    const needed = 8 * (2 ** 40 + 2 ** 30 + 2 ** 20 + 2 ** 10) + 48;
    expect(() => backend.compile(sum).run(callOf(2 ** 50))).toThrow(`DC406: the run needs ${needed} bytes of device memory at once; `);
  });
});
