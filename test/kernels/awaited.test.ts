/** Awaited kernels whose arrays others write to, take away or dispose of meanwhile. */
import { describe, expect, it } from "vitest";
import { createRuntime, type Runtime } from "../../src/index.js";

// With a loop: the js backend runs such kernels in a thread of their own, on copies.
const evenPlaces = (i: number, x: Float64Array, turns: number): void => {
  let sum = 0;
  for (let j = 0; j < turns; j++) sum += 0.5;
  x[2 * i] = sum;
};
const oddPlaces = (i: number, x: Float64Array, turns: number): void => {
  let sum = 0;
  for (let j = 0; j < turns; j++) sum -= 0.5;
  x[2 * i + 1] = sum;
};
const storeSum = (value: number): number => {
  let sum = 0;
  for (let j = 0; j < 3; j++) sum += value;
  return sum;
};

type Resizable = ArrayBuffer & { resize(bytes: number): void };
const resizable = (bytes: number): Resizable => new (ArrayBuffer as unknown as new (bytes: number, options: object) => Resizable)(bytes, { maxByteLength: 2 * bytes });
const detach = (array: Float64Array<ArrayBuffer>): void => void structuredClone(array.buffer, { transfer: [array.buffer] });

/** Called once a run has begun, before it can have ended: a kernel is compiled and found in turns of microtasks, and a thread answers in none of those. */
const begun = async (): Promise<void> => {
  for (let turn = 0; turn < 200; turn += 1) await Promise.resolve();
};

describe.each(["js", "cpu"] as const)("an awaited kernel on %s", backend => {
  const plain = createRuntime({ backend });
  const validated = createRuntime({ backend, validate: "always", onMismatch: "throw" });

  const both = async (runtime: Runtime, x: Float64Array): Promise<void> => {
    const even = runtime.kernel("even", evenPlaces);
    const odd = runtime.kernel("odd", oddPlaces);
    const size = x.length / 2;
    await Promise.all([even.async(x, 4, { size }), odd.async(x, 6, { size })]);
  };

  it.each([["", plain], ["validated ", validated]] as const)("%swrites no place but its own: what another kernel writes meanwhile stays", async (_, runtime) => {
    const x = new Float64Array(1000);
    await both(runtime, x);
    expect(x).toEqual(x.map((_, i) => (i % 2 === 0 ? 2 : -3)));
  });

  it("writes no place but its own in memory that may shrink", async () => {
    const x = new Float64Array(resizable(8000));
    await both(plain, x);
    expect([...x]).toEqual([...x].map((_, i) => (i % 2 === 0 ? 2 : -3)));
  });

  it.each([["", plain], ["validated ", validated]] as const)("%sleaves what its caller writes meanwhile in other places", async (_, runtime) => {
    const x = Float64Array.of(NaN, -0, 0, -0, 1, NaN);
    const running = runtime.kernel("even", evenPlaces).async(x, 4, { size: 3 });
    await begun();
    x[3] = 7;
    x[5] = 9;
    await running;
    expect([...x]).toEqual([2, -0, 2, 7, 2, 9]);
  });

  it("stores what differs in its bits alone: a zero's sign, 32 of 64 bits, elements of every width", async () => {
    const turned = plain.kernel("turned", (i, x: Float64Array, y: BigInt64Array, z: Uint8Array, w: Int16Array) => {
      for (let j = 0; j < 2; j++) if (i % 2 === j) x[i] = -0;
      y[i] = y[i]! + 1n;
      z[i] = z[i]! + 1;
      w[i] = w[i]! - 1;
    });
    const [x, y, z, w] = [new Float64Array(3).fill(-0), BigInt64Array.of(1n, -1n, 0xffffffffn), Uint8Array.of(1, 255, 3), Int16Array.of(0, -32768, 3)];
    x.fill(0, 0, 2);
    await turned.async(x, y, z, w);
    expect([...x]).toEqual([-0, -0, -0]);
    expect([...y]).toEqual([2n, 0n, 0x100000000n]);
    expect([...z]).toEqual([2, 0, 4]);
    expect([...w]).toEqual([-1, 32767, 2]);
  });

  it("is refused with DC307 where an array is taken away meanwhile, written or read, or has become shorter", async () => {
    const sums = plain.kernel("sums", (i, from: Float64Array, to: Float64Array) => {
      let sum = 0;
      for (let j = 0; j < 3; j++) sum += from[i]!;
      to[i] = sum;
    });
    const arrays = (): readonly [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>] => [new Float64Array(100).fill(1), new Float64Array(100)];
    await sums.async(...arrays());
    for (const gone of [0, 1] as const) {
      const [from, to] = arrays();
      const running = sums.async(from, to);
      await begun();
      detach([from, to][gone]!);
      await expect(running).rejects.toMatchObject({ code: "DC307" });
    }
    const memory = resizable(800);
    const running = sums.async(new Float64Array(memory).fill(1), new Float64Array(memory.slice(0)));
    const shrunk = sums.async(new Float64Array(100), new Float64Array(memory));
    await begun();
    memory.resize(80);
    await Promise.all([running, shrunk].map(each => expect(each).rejects.toMatchObject({ code: "DC307" })));
  });

  it("so are queries with loops into an array that is taken away meanwhile", async () => {
    const query = plain.compute(new Float64Array(100).fill(2)).map(storeSum);
    await query.toArrayAsync({ into: new Float64Array(100) });
    const into = new Float64Array(100);
    const running = query.toArrayAsync({ into });
    await begun();
    detach(into);
    await expect(running).rejects.toMatchObject({ code: "DC307" });
  });
});
