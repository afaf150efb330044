/** Devices of the stand-in driver among each other: how elements get from one to another, their memory, and what becomes of runs where one fails. */
import { describe, expect, it } from "vitest";
import { createCpuBackend } from "../../src/backends/cpu/backend.js";
import { createJsBackend } from "../../src/backends/js/backend.js";
import { createRuntime, type Buffer, type Runtime } from "../../src/index.js";
import { runtimeOn } from "../../src/runtime/create.js";
import type { CudaBackendOptions } from "../../src/backends/cuda/backend.js";
import { caseOf, compileCases, expectedOf, expectResult, onStandIn, type CaseName } from "./cuda-cases.js";
import { newStandIn, type StandIn } from "./cuda-stand-in.js";

const leastShare = 1024;
const LENGTH = 5 * 1024 + 77;
const data = Float64Array.from({ length: LENGTH }, (_, at) => Math.sin(at) * 10);
/** In bytes: two blocks each, the last one short. */
const SHARES = [2048, 2048, LENGTH - 4096].map(count => 8 * count);

const js = createRuntime({ backend: "js" });
const runtimeOf = (device: StandIn, options: CudaBackendOptions = {}): Runtime =>
  runtimeOn({ backend: "cuda", log: () => undefined }, { js: createJsBackend, cpu: () => createCpuBackend({}), cuda: () => device.backend({ devices: [0, 1, 2], leastShare, ...options }) });

it.each([
  [{ devices: [] }, "the option cuda.devices of createRuntime() names none"],
  [{ devices: [0, 1, 0] }, "the option cuda.devices of createRuntime() names the same device twice"],
  [{ devices: [0, -1] }, "the option cuda.devices of createRuntime() is an array of devices' numbers, 0, 1 …, not one with -1"],
  [{ devices: {} as never }, "the option cuda.devices of createRuntime() is an array of devices' numbers"],
  [{ device: 1, devices: [0] }, "createRuntime() was given both cuda.device and cuda.devices"],
  [{ memoryBytes: 0.5 }, "the option cuda.memoryBytes of createRuntime() is a number of bytes, not 0.5"],
])("what cannot be meant is refused: %j", (cuda, words) => {
  expect(() => createRuntime({ cuda })).toThrow(expect.objectContaining({ code: "DC305", message: expect.stringContaining(words) }));
});

onStandIn("CUDA devices among each other", () => {
  it("are listed with their memory and the ways between them", () => {
    const runtime = runtimeOf(newStandIn({ devices: 3, memory: "64M" }));
    const none = { peerCopies: 0, peerBytes: 0, stagedCopies: 0, stagedBytes: 0 };
    const devices = runtime.devices();
    expect(devices.map(({ number, name, lost }) => [number, name, lost])).toEqual([0, 1, 2].map(number => [number, "PTX interpreter (test)", null]));
    expect(devices[1]?.peers).toEqual([0, 2].map(from => ({ from, to: 1, route: "peer", reason: null, ...none })));
    expect(devices[2]?.memory.usage()).toMatchObject({ total: 64 * 2 ** 20, most: Infinity, used: 0, peak: 0, blocks: 0, kept: 0, reused: 0, fresh: 0 });
    expect(runtimeOf(newStandIn({ devices: 3, peers: false })).devices()[0]?.peers[1]).toEqual({ from: 2, to: 0, route: "staged", reason: "the driver copies nothing straight between these devices", ...none });
    expect(runtimeOf(newStandIn({ devices: 3 }), { devices: [2] }).devices()).toMatchObject([{ number: 2, peers: [] }]);
    expect(runtimeOf(newStandIn({ devices: 0 })).devices()).toEqual([]);
    expect(runtimeOf(newStandIn({ devices: 3 })).compute(data).map(x => x + 1).explain()).toContain("divided among devices 0, 1 and 2, PTX interpreter (test)");
    expect(runtimeOf(newStandIn({ devices: 3 })).compute(data).scan((a, x) => a * 0.5 + x, 0).explain()).toContain("on device 0 of 3, PTX interpreter (test), for it goes from left to right");
  });

  describe.each([
    ["straight", {}, "peer", null],
    ["through the host, if the driver lets none reach another", { peers: false }, "staged", /^the driver copies nothing/],
    ["through the host, if one has too many peers", { failPeer: 1 }, "staged", /^cuCtxEnablePeerAccess failed with CUDA_ERROR_TOO_MANY_PEERS/],
    ["through the host, if a copy is refused", { failPeerCopy: 1 }, "staged", /^cuMemcpyPeerAsync failed with CUDA_ERROR_OUT_OF_MEMORY/],
  ] as const)("what one has and others need goes there %s", (_, settings, route, reason) => {
    it.each([false, true])("later: %s", async later => {
      const device = newStandIn({ devices: 3, ...settings });
      const runtime = runtimeOf(device);
      // The first device alone has what goes from left to right.
      using sums = runtime.compute(data).scan((a, x) => a * 0.5 + x, 0).toBuffer();
      const query = runtime.compute(sums).map(x => x * 2);
      const before = device.driver.counters();
      using twice = later ? await query.toBufferAsync() : query.toBuffer();
      const after = device.driver.counters();
      const [first, second, third] = runtime.devices();
      const inOrder = [second, third].map(one => one!.peers[0]!);
      // Later it is for chance which copy is the first.
      const ways = inOrder[0]?.route === route ? inOrder : inOrder.toReversed();
      const copied = (bytes: number, by: "peer" | "staged") => (by === "peer" ? { peerCopies: 1, peerBytes: bytes, stagedCopies: 0, stagedBytes: 0 } : { peerCopies: 0, peerBytes: 0, stagedCopies: 1, stagedBytes: bytes });
      const [one, two] = ways.map(({ to }) => SHARES[to]) as [number, number];
      // A request or a copy that fails is the first of all; the other device is reached.
      const routes = "peers" in settings || route === "peer" ? ([route, route] as const) : (["staged", "peer"] as const);
      expect(ways.map(({ to }) => to).toSorted()).toEqual([1, 2]);
      expect(ways[0]).toMatchObject({ from: 0, route: routes[0], reason: reason === null ? null : expect.stringMatching(reason), ...copied(one, routes[0]) });
      expect(ways[1]).toMatchObject({ from: 0, route: routes[1], ...copied(two, routes[1]) });
      expect(first?.peers[0]).toMatchObject({ peerCopies: 0, stagedCopies: 0 });
      expect(after.bytesBetween - before.bytesBetween).toBe((routes[0] === "peer" ? one : 0) + (routes[1] === "peer" ? two : 0));
      expect([twice.state, twice.toArray()]).toEqual(["deviceOnly", js.compute(data).scan((a, x) => a * 0.5 + x, 0).map(x => x * 2).toArray()]);
      expect(device.driver.lastFault()).toBe("");
    });
  });

  describe("where one of them fails", () => {
    const KINDS: readonly CaseName[] = ["map", "filter", "counted sum", "first", "scan"];
    const faults = ["failAllocation", "failLaunch", "failRecord", "failPeer", "failPeerCopy"] as const;
    const refused = { failAllocation: /cuMemAlloc/, failLaunch: /cuLaunchKernel/, failRecord: /cuEventRecord/, failPeer: /never/, failPeerCopy: /never/ };

    it.each(KINDS)("the result is right, or the error says so, and the next run goes well: %s", async name => {
      const device = newStandIn({ devices: 3 });
      const native = compileCases(device.backend({ devices: [0, 1, 2], leastShare }))(name);
      const call = caseOf(name, LENGTH);
      const expected = expectedOf(name, call);
      // That of modules alone.
      const { aliveBytes } = device.driver.counters();
      for (const fault of faults) {
        for (let nth = 1; nth <= 7; nth += 3) {
          for (const later of [false, true]) {
            device.driver.configure({ [fault]: nth, failAllocations: 4 });
            try {
              expectResult(later ? await native.start(call, undefined) : native.run(call), expected);
            } catch (error) {
              expect(error).toMatchObject({ code: "DC406", kind: "resource", message: expect.stringMatching(refused[fault]) });
            }
            device.driver.configure({ [fault]: 0 });
            expectResult(native.run(call), expected);
            await expect.poll(() => device.driver.counters().aliveBytes, { interval: 1 }).toBe(aliveBytes);
          }
        }
      }
      expect(device.driver.lastFault()).toBe("");
    });

    it.each([
      ["stickyLaunch", false],
      ["loseDevice", true],
    ] as const)("a run that loses a device begins anew on the others: %s", async (setting, later) => {
      const device = newStandIn({ devices: 3 });
      const runtime = runtimeOf(device);
      const query = runtime.compute(data).map(x => x * 2);
      const wanted = data.map(x => x * 2);
      using there: Buffer<Float64Array> = query.toBuffer();
      device.driver.configure({ [setting]: 2 });
      expect(later ? await query.toArrayAsync() : query.toArray()).toEqual(wanted);
      // Which one has the second launch is for chance.
      const left = runtime.devices().filter(one => one.lost === null).map(one => one.number);
      expect(left).toHaveLength(2);
      expect(query.explain()).toContain(`divided among devices ${left.join(" and ")}, `);
      expect(query.toArray()).toEqual(wanted);
      expect(await query.sum()).toBe(js.compute(data).map(x => x * 2).sum().value());
      // What that device alone had of a buffer is gone.
      expect(() => there.host()).toThrow(/^DC321: /);
    });
  });

  describe("memory", () => {
    it("is counted, kept for what comes next, and given back when asked", async () => {
      const device = newStandIn({ devices: 2, keeps: true });
      const runtime = runtimeOf(device, { devices: [0, 1] });
      const [first] = runtime.devices();
      const query = runtime.compute(data).filter(x => x > 1);
      const wanted = data.filter(x => x > 1);
      expect(query.toArray()).toEqual(wanted);
      const once = first!.memory.usage();
      expect(once).toMatchObject({ used: 0, blocks: 0, reused: 0 });
      expect([once.fresh > 0, once.peak >= 2 * SHARES[1]!, once.kept >= once.peak]).toEqual([true, true, true]);
      expect(await query.toArrayAsync()).toEqual(wanted);
      await expect.poll(() => first!.memory.usage().used, { interval: 1 }).toBe(0);
      expect(first!.memory.usage()).toMatchObject({ fresh: once.fresh, reused: once.fresh, peak: once.peak, kept: once.kept });
      using kept = query.toBuffer();
      expect([kept.state, first!.memory.usage().used > 0]).toEqual(["deviceOnly", true]);
      kept.dispose();
      first!.memory.trim();
      expect(first!.memory.usage()).toMatchObject({ used: 0, kept: 0, limit: Infinity });
      first!.memory.limit(100);
      query.toArray();
      expect(first!.memory.usage()).toMatchObject({ used: 0, limit: 100 });
      expect(first!.memory.usage().kept).toBeLessThanOrEqual(100);
      for (const wrong of [-1, 0.5, NaN]) expect(() => first!.memory.limit(wrong)).toThrow(/^DC305: /);
    });

    it("what is kept in the wrong pieces makes room: trimmed, and asked for again", () => {
      const device = newStandIn({ devices: 1, keeps: true, memory: 200_000 });
      const runtime = runtimeOf(device, { devices: [0] });
      const of = (length: number) => runtime.compute(data.subarray(0, length)).map(x => x + 1);
      // What small results leave behind is of no use to a large one.
      for (const length of [500, 700, 1000, 1500, 2100, 3000]) of(length).toBuffer().dispose();
      const { kept } = runtime.devices()[0]!.memory.usage();
      expect(kept).toBeGreaterThan(100_000);
      expect(of(LENGTH).toArray()).toEqual(data.map(x => x + 1));
    });

    it("is used up to a bound, within which runs go in chunks; what does not fit says so", async () => {
      const device = newStandIn({ devices: 2 });
      const native = compileCases(device.backend({ devices: [0, 1], memoryBytes: 900_000 }));
      const large = caseOf("filter", 100_000);
      expectResult(native("filter").run(large), expectedOf("filter", large));
      expectResult(await native("filter").start(large, undefined), expectedOf("filter", large));
      const call = { ...caseOf("look-up", 100_000), arrays: [new Float64Array(110_000)] };
      expect(() => native("look-up").run(call)).toThrow(/^DC406: the run needs \d+ bytes of device memory at once; 900000 of the 900000 bytes of PTX interpreter \(test\) that may be used are free/);
      expectResult(native("filter").run(large), expectedOf("filter", large));
      // A share of it does not fit at once: the first device goes through all of it in chunks.
      const scanned = caseOf("scan", 110_000);
      expectResult(native("scan").run(scanned), expectedOf("scan", scanned));
      expectResult(await native("scan").start(scanned, undefined), expectedOf("scan", scanned));
    });
  });
});
