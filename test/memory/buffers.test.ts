/** The states of buffers: the table of transitions alone, and what a buffer makes of it with a device of the test's own. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isDeviceCurrent, isHostCurrent, TRANSITIONS, type Access, type BufferState } from "../../src/memory/buffer-states.js";
import { Storage, storageOf, type DeviceCopy } from "../../src/memory/storage.js";
import type { AnyTypedArray } from "../../fusion/values.js";

const STATES = Object.keys(TRANSITIONS) as readonly BufferState[];
const ACCESSES = Object.keys(TRANSITIONS.hostOnly) as readonly Access[];

/** What a state says of the two copies: which version each holds, the newest being 2; 0 for none. */
const VERSIONS: Readonly<Record<BufferState, readonly [host: number, device: number]>> = {
  uninitialized: [0, 0],
  hostOnly: [2, 0],
  deviceOnly: [0, 2],
  synchronized: [2, 2],
  hostDirty: [2, 1],
  deviceDirty: [1, 2],
};

/** By what the words mean: the same table, computed. */
function computed(state: BufferState, access: Access): readonly [host: number, device: number, transfers: readonly string[]] | null {
  let [host, device] = VERSIONS[state];
  const transfers: string[] = [];
  const bring = (toHost: boolean): void => {
    if (host === 0 && device === 0) {
      transfers.push("zeros");
      host = 2;
    }
    if (toHost ? host === 2 : device === 2) return;
    transfers.push(toHost ? "down" : "up");
    host = device = 2;
  };
  if (access === "dropDevice") return device === 2 && host !== 2 ? null : [host, 0, []];
  const byHost = access.endsWith("Host");
  if (!access.startsWith("fill")) bring(byHost);
  if (access.startsWith("read")) return [host, device, transfers];
  return [byHost ? 2 : Math.min(host, 1), byHost ? Math.min(device, 1) : 2, transfers];
}

describe("the table of transitions", () => {
  it.each(STATES.flatMap(state => ACCESSES.map(access => [state, access] as const)))("%s, %s", (state, access) => {
    const transition = TRANSITIONS[state][access];
    const wanted = computed(state, access);
    if (wanted === null || transition === null) return expect(transition).toBe(wanted);
    const [host, device, before] = wanted;
    expect(transition).toEqual({ to: transition.to, before });
    // A copy that has been overtaken by nothing is as good as the newest.
    expect(VERSIONS[transition.to]).toEqual([host, device]);
  });

  it("says which copies are current", () => {
    expect(STATES.filter(isHostCurrent)).toEqual(["hostOnly", "synchronized", "hostDirty"]);
    expect(STATES.filter(isDeviceCurrent)).toEqual(["deviceOnly", "synchronized", "deviceDirty"]);
  });
});

/** A device that is an array. */
class Copy implements DeviceCopy {
  static alive = 0;
  readonly elements: Float64Array;
  lost: string | null = null;

  constructor(
    readonly device: object,
    from: AnyTypedArray,
  ) {
    Copy.alive += 1;
    this.elements = Float64Array.from(from as Float64Array);
  }
  read(to: AnyTypedArray): void {
    (to as Float64Array).set(this.elements);
  }
  async readLater(to: AnyTypedArray): Promise<void> {
    await Promise.resolve();
    this.read(to);
  }
  release(): void {
    Copy.alive -= 1;
  }
}

/** As a run that reads the buffer there does it. */
function readOn(device: object, storage: Storage): readonly number[] {
  const there = storage.copyOn(device) as Copy | null;
  if (there !== null) return Array.from(there.elements);
  const { writes } = storage;
  const copy = new Copy(device, storage.read());
  storage.brought(copy, writes);
  return Array.from(copy.elements);
}

it("whatever is done to a buffer, both sides see what was written last, and no transfer is made twice", async () => {
  const device = {};
  const owner = { log: (): void => undefined };
  const length = 3;
  const steps = fc.array(fc.tuple(fc.constantFrom("read", "readLater", "edit", "write", "replace", "readThere", "computeThere", "drop"), fc.integer({ min: 1, max: 99 })), { maxLength: 25 });
  await fc.assert(fc.asyncProperty(steps, async todo => {
    Copy.alive = 0;
    const storage = new Storage("f64", length, owner);
    let wanted = [0, 0, 0];
    for (const [step, value] of todo) {
      const [state, { uploads, downloads }] = [storage.state, storage.statistics];
      if (step === "read") expect(Array.from(storage.read() as Float64Array)).toEqual(wanted);
      if (step === "readLater") expect(Array.from((await storage.readLater()) as Float64Array)).toEqual(wanted);
      if (step === "readThere") expect(readOn(device, storage)).toEqual(wanted);
      if (step === "edit") storage.edit(false, x => (wanted = wanted.with(value % length, value), (x[value % length] = value as never)));
      if (step === "write") storage.edit(true, x => x.set((wanted = [value, value + 1, value + 2]) as never));
      if (step === "replace") storage.replace(Float64Array.from((wanted = [value, value, value])));
      if (step === "computeThere") storage.replaceBy(Storage.onDevice(new Copy(device, Float64Array.from((wanted = [-value, value, 0]))), "f64", length));
      if (step === "drop") storage.dropCopy(device);
      const { uploads: up, downloads: down } = storage.statistics;
      expect([up - uploads, down - downloads]).toEqual([step === "readThere" && !isDeviceCurrent(state) ? 1 : 0, ["read", "readLater", "edit"].includes(step) && isDeviceCurrent(state) && !isHostCurrent(state) ? 1 : 0]);
      expect(Copy.alive).toBe(VERSIONS[storage.state][1] === 0 ? 0 : 1);
      expect(storageOf(storage.stand())).toBe(storage);
    }
    storage.dispose();
    expect(Copy.alive).toBe(0);
  }), { seed: Number(process.env["DOTCOMPUTE_SEED"]), numRuns: 200 });
});

it("a copy that is brought of what has been overwritten meanwhile is not kept", () => {
  const device = {};
  Copy.alive = 0;
  const storage = Storage.adopt(Float64Array.of(1, 2, 3), "f64", { log: () => undefined });
  const { writes } = storage;
  const copy = new Copy(device, storage.read());
  storage.edit(false, x => x.fill(9 as never));
  storage.brought(copy, writes);
  expect([storage.state, Copy.alive, storage.statistics.uploads]).toEqual(["hostOnly", 0, 1]);
  const late = new Copy(device, storage.read());
  storage.dispose();
  storage.brought(late, storage.writes);
  expect(Copy.alive).toBe(0);
});

it("a copy that is read while another takes its place is not what the host gets", async () => {
  const device = {};
  const storage = new Storage("f64", 2, null);
  storage.replaceBy(Storage.onDevice(new Copy(device, Float64Array.of(1, 1)), "f64", 2));
  const reading = storage.readLater();
  storage.replaceBy(Storage.onDevice(new Copy(device, Float64Array.of(2, 2)), "f64", 2));
  expect(await reading).toEqual(Float64Array.of(2, 2));
  expect([storage.state, storage.statistics.downloads]).toEqual(["synchronized", 1]);
  storage.replaceBy(Storage.onDevice(new Copy(device, Float64Array.of(3, 3)), "f64", 2));
  const [first, second] = [storage.readLater(), storage.readLater()];
  storage.edit(false, x => x.fill(4 as never, 1));
  expect([await first, await second]).toEqual([Float64Array.of(3, 4), Float64Array.of(3, 4)]);
  expect([storage.state, storage.statistics.downloads]).toEqual(["hostDirty", 2]);
});
