/**
 * The loops of CUDA programs, a kernel or two for each: every length where rows, blocks and tiles end, one chunk and several,
 * every order of warps and blocks. test/mutations holds the run-time headers against these tests.
 */
import { describe, expect, it } from "vitest";
import { apply, convert, number } from "../../fusion/build.js";
import type { Expr, Kernel, Sink } from "../../fusion/ir.js";
import type { ElementType } from "../../fusion/types.js";
import { verify } from "../../fusion/verify.js";
import { ENDLESS, KERNELS } from "../native/kernels.js";
import { arrayOf, branch, callOf, declare, element, index, keep, kernelOf, leave, loop, read, visit, yields } from "./by-hand.js";
import { compiled, CudaBench, DEFERRED, handCall, jobsOf, SCHEDULES, unavailable, type Named } from "./cuda-agreement.js";
import type { Job, Outcome } from "./cuda-harness.js";

/** What reaches every line of native/rt/*.cuh. */
const CHOSEN = new Set([
  "copy i8", "f64 to i32", "f64 to u16, filtered", "range to f32", "nothing", "add f64", "add f64, filtered and counted", "max i32", "min u64", "xor bool", "count",
  "first", "first truth", "ranked first", "last place", "first that fails behind it", "ordered fold", "fold from the first", "fold in lanes", "fold of BigInts in lanes",
  "fold that may fail", "read out of range", "read nowhere", "BigInt() of fractions",
]);
const chosen: readonly Named[] = KERNELS.filter(({ name }) => CHOSEN.has(name)).map(({ name, kernel }) => ({ name, kernel: verify(kernel, name) }));

const to = (type: ElementType): Sink => ({ kind: "array", element: type });

describe.skipIf(unavailable !== null)(`loops of CUDA programs on the PTX interpreter, compiled ${compiled}`, { timeout: 600_000 }, () => {
  const bench = new CudaBench();

  it("are all there", () => {
    expect(chosen).toHaveLength(CHOSEN.size);
  });

  it("give the same in every order of warps and blocks, and where work waits for a synchronisation", async () => {
    expect(await bench.complaints("orders", chosen, jobsOf(chosen, [0, 33, 2500, 9000]), 75, [{}, ...SCHEDULES, DEFERRED])).toEqual([]);
  });

  it.each([
    ["more blocks than lanes", 70_000],
    ["many blocks, also by more than one warp", 1_050_000],
  ])("join %s", async (_, length) => {
    const kernels = chosen.filter(({ name }) => /^(add f64, filtered and counted|fold in lanes|fold of BigInts in lanes|f64 to u16, filtered)$/.test(name));
    const jobs = kernels.map(({ kernel }, place): Job => ({ kernel: place, call: handCall(kernel, length) }));
    expect(jobs).toHaveLength(4);
    expect(await bench.complaints("blocks", kernels, jobs)).toEqual([]);
  });

  it("find elements late, and count those that came by before", async () => {
    const x = element("f64");
    const first = { kind: "first", type: "f64", ranked: true } as const;
    const ranked = verify(kernelOf(arrayOf("f64"), first, [keep(apply("gt", x, number(0))), visit, keep(apply("gt", x, number(1))), yields(x)]), "the test");
    const source = Float64Array.from({ length: 9000 }, (_, at) => (at >= 7777 ? 2 + at : at % 3 === 0 ? 0.5 : -1));
    const call = callOf(source);
    expect(await bench.complaints("late", [{ name: "ranked", kernel: ranked }], [{ kernel: 0, call }, { kernel: 0, call, chunk: 2048 }])).toEqual([]);
  });

  it("join only what is to be joined: anything else may fail", async () => {
    const [a, b] = ["a", "b"].map((name): Expr => ({ kind: "local", type: "i64", name })) as [Expr, Expr];
    const total: Expr = { kind: "local", type: "i64", name: "total" };
    // Divides by zero unless what is left is less than what is right.
    const combine = { left: "a", right: "b", body: [declare("q", { kind: "apply", op: "div", type: "i64", args: [b, convert("i64", apply("lt", a, b))] })], value: { kind: "local", type: "i64", name: "q" } as Expr };
    const kernel = verify(kernelOf(arrayOf("i64"), { kind: "fold", type: "i64", accumulator: "total", seed: "seed", first: null, combine }, [yields(apply("max", total, element("i64")))], { scalars: { seed: "i64" } }), "the test");
    const ascending = callOf(BigInt64Array.from({ length: 1024 }, (_, at) => BigInt(at + 1)), { scalars: [0n] });
    expect(await bench.complaints("joins", [{ name: "joins", kernel }], [{ kernel: 0, call: ascending }])).toEqual([]);
    const descending = callOf(BigInt64Array.from({ length: 1024 }, (_, at) => BigInt(2000 - at)), { scalars: [0n] });
    expect(await bench.complaints("joins", [{ name: "joins", kernel }], [{ kernel: 0, call: descending }])).toEqual([]);
    // The first block is less than the second, and the third than the fourth; the second is not less than the third.
    const inPairs = callOf(BigInt64Array.from({ length: 4096 }, (_, at) => BigInt(at + (at < 1024 || at >= 3072 ? 0 : at < 2048 ? 2000 : -1500))), { scalars: [0n] });
    expect(await bench.complaints("joins", [{ name: "joins", kernel }], [{ kernel: 0, call: inPairs }])).toEqual([]);
  });

  it("end early when they are to stop, also within a loop without end", async () => {
    const kernels = [...ENDLESS, ...KERNELS.filter(({ name }) => name === "ordered fold")].map(({ name, kernel }) => verify(kernel, name));
    expect(kernels).toHaveLength(ENDLESS.length + 1);
    const stopped = (kernel: Kernel, place: number, length: number): Job => {
      const call = handCall(kernel, length);
      call.source?.fill(3 as never);
      return { kernel: place, call, stop: true };
    };
    const ends = kernels.map(() => ({ status: "stopped" }));
    expect(await bench.run("endless", kernels, kernels.map((kernel, place) => stopped(kernel, place, 1500)))).toEqual(ends);
    // Once for all elements of a thread: each would go on for 1024 turns otherwise.
    const limited = { DOTCOMPUTE_TEST_CUDA_SPIN_LIMIT: "1M" };
    expect(await bench.run("endless", kernels, kernels.map((kernel, place) => stopped(kernel, place, 20_000)), limited)).toEqual(ends);
  });

  it("leave loops without end behind an element that fails or is found", async () => {
    const x = element("f64");
    const first = { kind: "first", type: "f64", ranked: false } as const;
    const ever = branch(apply("gt", x, number(1)), [loop("ever", branch(apply("lt", x, number(0)), [leave("ever")]))]);
    const found = kernelOf(arrayOf("f64"), first, [ever, keep(apply("eq", x, number(1))), yields(index)]);
    const failing = kernelOf(arrayOf("f64"), to("f64"), [declare("v", read("f64", "lut", apply("mul", x, number(100)))), ever, yields(x)], { arrays: { lut: "f64" } });
    const source = new Float64Array(3000).fill(0);
    source[40] = 1;
    source.fill(2, 41);
    const kernels = [found, failing].map(kernel => verify(kernel, "the test"));
    const call = callOf(source);
    // Found by every other lane at once: those between wait for the first of them.
    const often = callOf(source.map((_, at) => (at < 40 ? 0 : at % 2 === 0 ? 1 : 2)));
    const jobs = [{ kernel: 0, call }, { kernel: 0, call: often }, { kernel: 1, call: { ...call, arrays: [new Float64Array(2)] } }];
    const at40 = { status: "done", result: { position: 40, value: 40 } };
    expect(await bench.run("behind", kernels, jobs)).toMatchObject([at40, at40, { status: "failed", position: 40 }]);
  });

  it("read every element once and write every result once; filters read twice", async () => {
    const x = element("f64");
    const kernels = [
      kernelOf(arrayOf("f64"), to("f64"), [yields(apply("add", x, number(1)))]),
      kernelOf(arrayOf("u8"), to("u8"), [yields(element("i32"))]),
      kernelOf(arrayOf("f64"), { kind: "reduce", op: "add", type: "f64", term: "f64", counted: false }, [yields(x)]),
      kernelOf(arrayOf("f64"), { kind: "count" }, [keep(apply("gt", x, number(0))), yields(null)]),
      kernelOf(arrayOf("f64"), to("f64"), [keep(apply("gt", x, number(0))), yields(x)]),
    ].map(kernel => verify(kernel, "the test"));
    const length = 65536 + 100;
    const jobs = kernels.map((kernel, place): Job => ({ kernel: place, call: handCall(kernel, length) }));
    const outcomes = await bench.run("traffic", kernels, jobs);
    const [map, bytes, sum, count, filter] = bench.traffic();
    const kept = (outcomes[4] as Outcome & { status: "done" }).result.count;
    expect(map).toMatchObject({ loads: { bytes: 8 * length }, stores: { bytes: 8 * length } });
    expect(bytes).toMatchObject({ loads: { bytes: length }, stores: { bytes: length } });
    // Besides: a value for each block of 1024, a count and its sum (which each lane of a warp reads), and the state.
    const within = (moved: number | undefined, least: number): void => {
      expect(moved).toBeGreaterThanOrEqual(least);
      expect(moved).toBeLessThanOrEqual(least * 1.02);
    };
    within(sum?.loads.bytes, 8 * length);
    expect(sum?.stores.bytes).toBeLessThan(600);
    within(count?.loads.bytes, 8 * length);
    expect(count?.stores.bytes).toBe(0);
    within(filter?.loads.bytes, 16 * length);
    within(filter?.stores.bytes, 8 * kept);
  });
});
