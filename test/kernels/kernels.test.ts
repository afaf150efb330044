/** Index-space kernels: what they write, against JavaScript's own loops, on every backend of this machine. */
import { describe, expect, it } from "vitest";
import { BackendError, createRuntime, LambdaError, plugin, QueryError, type Accelerator, type NamedKernel, type Runtime } from "../../src/index.js";

const runtimes = { js: createRuntime({ backend: "js" }), cpu: createRuntime({ backend: "cpu" }) };

const thrown = (run: () => unknown): Error => {
  try {
    run();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
};

/** The same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
}

// Kernels whose messages tell names stand outside of functions that have variables of these names: bundlers would give them others.
const copyBy = (i: number, x: Float64Array, out: Float64Array, by: number): void => { out[i + by] = x[i]!; };
const chaseOnce = (i: number, x: Int32Array, lut: Int32Array): void => {
  x[i] = x[i]! + 1;
  x[i] = lut[x[i]!]!;
};
const neverWrites = (i: number, out: Int32Array): void => {
  let turns = 0;
  while (true) turns++;
  out[i] = turns;
};
// eslint-disable-next-line no-constant-condition -- that is what it is told
const writesInNoCase = (i: number, out: Int32Array, x: Int32Array): void => { if (false) out[i] = x[i]!; };
const neverWritesTwice = (i: number, out: Int32Array): void => {
  const debug = false;
  if (debug) out[i] = 1;
  if (debug && i > 3) out[i] = 2;
};
const prefixSum = (i: number, x: Float64Array): void => { if (i > 0) x[i]! += x[i - 1]!; };
const addOne = (i: number, x: Float32Array, out: Float32Array): void => { out[i] = x[i]! + 1; };
const setAll = (i: number, out: Float64Array, value: number): void => { out[i] = value; };
const toGrey = (i: number, from: Uint8Array, to: Uint8ClampedArray, gain: number): void => {
  const at = 3 * i;
  const value = (77 * from[at]! + 150 * from[at + 1]! + 29 * from[at + 2]!) / 256;
  for (let k = 0; k < 3; k++) to[at + k] = value * gain + k;
};

const SPECIAL = [NaN, -0, 0, Infinity, -Infinity, 1.5, -2.25, 1e-310, 2 ** 40, 0.1];
const floats = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => (i % 3 === 0 ? (SPECIAL[i % SPECIAL.length] as number) : i * 0.75 - 40));
const singles = (length: number): Float32Array => Float32Array.from(floats(length));

describe.each(["js", "cpu"] as const)("on %s", backend => {
  const runtime: Runtime = runtimes[backend];

  it.each([0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 65, 1023, 1024, 1025, 16_384, 20_001])("saxpy of %i", n => {
    const saxpy = runtime.kernel("saxpy", (i, x: Float32Array, y: Float32Array, out: Float32Array, a: number) => { out[i] = a * x[i]! + y[i]!; });
    const [x, y, out] = [singles(n), singles(n).reverse(), new Float32Array(n)];
    saxpy(x, y, out, 2);
    expect(out).toEqual(x.map((item, i) => Math.fround(Math.fround(2 * item) + y[i]!)));
    // Exactly in place: every index reads and writes its own.
    saxpy(x, y, y, 0.1);
    expect(y).toEqual(singles(n).reverse().map((item, i) => Math.fround(Math.fround(0.1 * x[i]!) + item)));
  });

  it("strides, offsets and channels", () => {
    const grey = runtime.kernel("grey", { size: (from: Uint8Array) => from.length / 3 }, toGrey);
    const from = Uint8Array.from({ length: 3 * 1003 }, (_, i) => i * 37);
    const to = new Uint8ClampedArray(from.length);
    grey(from, to, 1.25);
    const wanted = new Uint8ClampedArray(from.length);
    for (let i = 0; i < 1003; i++) for (let k = 0; k < 3; k++) wanted[3 * i + k] = ((77 * from[3 * i]! + 150 * from[3 * i + 1]! + 29 * from[3 * i + 2]!) / 256) * 1.25 + k;
    expect(to).toEqual(wanted);
    expect(grey.explain({ format: "json" })).toMatchObject({ order: "any", size: [1003], writes: ["to"] });
  });

  it("two dimensions: neighbours, branches, an early return", () => {
    const edges = runtime.kernel("edges", { dimensions: 2, size: (_src: Float64Array, dst: Float64Array, width: number) => [width, dst.length / width] }, (x, y, src: Float64Array, dst: Float64Array, width: number) => {
      const at = y * width + x;
      const height = dst.length / width;
      if (x === 0 || y === 0 || x === width - 1 || y === height - 1) {
        dst[at] = -1;
        return;
      }
      let sum = 0;
      for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) sum += src[at + dy * width + dx]!;
      if (sum > 0) dst[at] = sum / 9;
      else dst[at] = src[at - 1]! * 2;
    });
    for (const [width, height] of [[1, 1], [3, 5], [16, 3], [33, 9], [70, 31]] as const) {
      const src = floats(width * height).map(item => (Number.isFinite(item) ? item : -7));
      const dst = new Float64Array(src.length).fill(9);
      edges(src, dst, width);
      const wanted = src.map((_, at) => {
        const [x, y] = [at % width, Math.floor(at / width)];
        if (x === 0 || y === 0 || x === width - 1 || y === height - 1) return -1;
        let sum = 0;
        for (let dy = -1; dy <= 1; dy++) for (let dx = -1; dx <= 1; dx++) sum += src[at + dy * width + dx]!;
        return sum > 0 ? sum / 9 : src[at - 1]! * 2;
      });
      expect(dst).toEqual(wanted);
    }
    expect(edges.explain({ format: "json" })).toMatchObject({ order: "any", size: [70, 31] });
  });

  it("three dimensions, and a transposed write", () => {
    const turn = runtime.kernel("turn", { dimensions: 3 }, (x, y, z, from: Int16Array, to: Int32Array, w: number, h: number, d: number) => {
      to[(x * h + y) * d + z] = from[(z * h + y) * w + x]! * 2 - z;
    });
    const [w, h, d] = [19, 5, 7];
    const from = Int16Array.from({ length: w * h * d }, (_, i) => i * 311);
    const to = new Int32Array(from.length);
    turn(from, to, w, h, d, { size: [w, h, d] });
    const wanted = new Int32Array(from.length);
    for (let z = 0; z < d; z++) for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) wanted[(x * h + y) * d + z] = from[(z * h + y) * w + x]! * 2 - z;
    expect(to).toEqual(wanted);
    expect(turn.explain({ format: "json" })).toMatchObject({ order: "any" });
    // The same kernel of another size would write to places twice.
    expect(thrown(() => turn(from, to, w, h, 3, { size: [w, h, d] }))).toMatchObject({ code: "DC210" });
  });

  it("one after the other where it must be: prefix, histogram, scatter", () => {
    const prefix = runtime.kernel("prefix", prefixSum);
    const x = Float64Array.from({ length: 1000 }, (_, i) => i % 7);
    const sums = x.slice();
    for (let i = 1; i < sums.length; i++) sums[i]! += sums[i - 1]!;
    prefix(x);
    expect(x).toEqual(sums);
    expect(prefix.explain()).toContain("one index after the other: x: an index may read what another one writes");

    const count = runtime.kernel("count", { size: (keys: Uint8Array) => keys.length }, (i, keys: Uint8Array, counts: Int32Array) => { counts[keys[i]!]!++; });
    const keys = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);
    const [counts, wanted] = [new Int32Array(256), new Int32Array(256)];
    for (const key of keys) wanted[key]!++;
    count(keys, counts);
    expect(counts).toEqual(wanted);

    const scatter = runtime.kernel("scatter", { size: (places: Uint32Array) => places.length }, (i, at: Uint32Array, x: Float32Array, out: Float32Array) => { out[at[i]!] = x[i]!; });
    const at = Uint32Array.from({ length: 300 }, (_, i) => (i * 7) % 100);
    const values = singles(300);
    const out = new Float32Array(100);
    scatter(at, values, out);
    const last = new Float32Array(100);
    at.forEach((place, i) => (last[place] = values[i]!));
    expect(out).toEqual(last);
  });

  it("BigInts wrap, booleans are numbers, and captures are inlined", () => {
    const clamp = (value: number, most: number): number => (value > most ? most : value);
    const mix = runtime.kernel("mix", (i, a: BigInt64Array, b: BigInt64Array, flag: boolean, step: bigint, c: Int8Array) => {
      b[i] = flag ? a[i]! * step : a[i]! - step;
      c[i] = clamp(i, limit) - 100;
    }, { clamp, limit: 50 });
    const limit = 50;
    const a = BigInt64Array.from({ length: 200 }, (_, i) => 2n ** 62n - BigInt(i));
    const [b, c] = [new BigInt64Array(200), new Int8Array(200)];
    mix(a, b, true, 3n, c);
    expect(b).toEqual(a.map(item => BigInt.asIntN(64, item * 3n)));
    expect(c).toEqual(Int8Array.from({ length: 200 }, (_, i) => Math.min(i, 50) - 100));
    mix(a, b, false, -1n, c);
    expect(b).toEqual(a.map(item => item + 1n));
  });

  it("loops run off the main thread, and can be stopped", async () => {
    const steps = runtime.kernel("steps", (i, x: Float64Array, out: Int32Array) => {
      let n = x[i]!;
      let count = 0;
      while (n > 1) {
        n = n % 2 === 0 ? n / 2 : 3 * n + 1;
        count++;
      }
      out[i] = count;
    });
    const x = Float64Array.from({ length: 100 }, (_, i) => i + 1);
    const out = new Int32Array(100);
    await steps.async(x, out);
    expect([...out.subarray(0, 8)]).toEqual([0, 1, 7, 2, 5, 8, 16, 3]);
    x.fill(Infinity);
    const stop = new AbortController();
    const running = steps.async(x, out, { signal: stop.signal });
    setTimeout(() => stop.abort(), 20);
    await expect(running).rejects.toThrow(/abort/i);
  });

  it("async writes to arrays whose memory may shrink, too", async () => {
    const double = runtime.kernel("double", (i, x: Int32Array) => { x[i] = x[i]! * 2; });
    const memory = new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer)(400, { maxByteLength: 800 });
    const x = new Int32Array(memory, 0, 100).map((_, i) => i);
    const shrinkable = new Int32Array(memory, 0, 100);
    shrinkable.set(x);
    await double.async(shrinkable);
    expect([...shrinkable]).toEqual([...x].map(item => item * 2));
  });

  describe("out of range", () => {
    it("reads and writes are checked, and nothing else is touched", () => {
      const copy = runtime.kernel("copy", copyBy);
      const memory = new Float64Array(200).fill(7);
      const [x, out] = [floats(100), memory.subarray(50, 150)];
      expect(thrown(() => copy(x, out, 3))).toMatchObject({ name: "RangeError", message: "DC401: out[100] is out of range: out has 100 elements" });
      expect(thrown(() => copy(x, out, -1))).toMatchObject({ message: "DC401: out[-1] is out of range: out has 100 elements" });
      expect(thrown(() => copy(x, out, 0.5))).toMatchObject({ message: "DC401: out[0.5] is out of range: out has 100 elements" });
      expect(thrown(() => copy(x.subarray(0, 40), out, 0))).toMatchObject({ message: "DC401: x[40] is out of range: x has 40 elements" });
      expect([...memory.subarray(0, 50), ...memory.subarray(150)]).toEqual(new Array(100).fill(7));
    });

    it("an array that is read and written is as JavaScript would have left it", () => {
      const chase = runtime.kernel("chase", chaseOnce);
      const x = Int32Array.from({ length: 100 }, (_, i) => (i === 41 ? 60 : i % 9));
      const lut = Int32Array.from({ length: 50 }, (_, i) => i * 10);
      const wanted = x.slice();
      for (let i = 0; i <= 41; i++) wanted[i] = i === 41 ? 61 : lut[x[i]! + 1]!;
      expect(thrown(() => chase(x, lut))).toMatchObject({ message: "DC401: lut[61] is out of range: lut has 50 elements" });
      expect(x.subarray(0, 42)).toEqual(wanted.subarray(0, 42));
    });
  });

  it("random kernels of sums, branches and neighbours", () => {
    const random = seeded(20261126);
    const pick = <T>(...from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const leaf = (): string => pick("x[i]", "y[i]", "out[i]", "x[i + 1]", "y[i + k]", "i", "0.5", "a", "x[n - 1 - i]");
    const expr = (depth: number): string => (depth === 0 ? leaf() : pick(`(${expr(depth - 1)} ${pick("+", "-", "*")} ${expr(depth - 1)})`, `Math.${pick("max", "min")}(${expr(depth - 1)}, ${leaf()})`, `(${leaf()} > ${leaf()} ? ${expr(depth - 1)} : ${leaf()})`));
    for (let turn = 0; turn < 4; turn++) {
      const body = `{ const v = ${expr(3)}; if (${leaf()} < ${leaf()}) out[i] = v; else if (i % 3 === 0) out[i] -= ${expr(1)}; other[2 * i + 1] = out[i]; }`;
      const text = `(i, x, y, out, other, a, k, n) => ${body}`;
      // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the oracle runs the same text
      const f = new Function(`return ${text}`)() as (i: number, x: Float64Array, y: Float64Array, out: Float64Array, other: Float64Array, a: number, k: number, n: number) => void;
      const kernel = runtime.kernel(`random ${turn}`, { size: (_x: Float64Array, _y: Float64Array, out: Float64Array) => out.length }, f);
      for (const n of [1, 31, 70]) {
        const [x, y, out, other] = [floats(n + 4), floats(n + 9).reverse(), floats(n), new Float64Array(2 * n + 1)];
        const [out2, other2] = [out.slice(), other.slice()];
        kernel(x, y, out, other, 0.3, 2, n);
        for (let i = 0; i < n; i++) f(i, x, y, out2, other2, 0.3, 2, n);
        expect(out, text).toEqual(out2);
        expect(other, text).toEqual(other2);
      }
      expect(kernel.explain({ format: "json" }).order).toBe("any");
    }
  });
});

declare const unknown: number;
declare const table: Int32Array;

describe("what is refused", () => {
  const runtime = createRuntime({ backend: "js" });
  const [given, target] = [new Float32Array(10), new Float32Array(10)];

  it.each([
    ["one place for all", (i: number, x: Float32Array, out: Float32Array) => { out[0] = x[i]!; }, "the indices 0 and 1 both write to out[0]"],
    ["a place for two", (i: number, x: Float32Array, out: Float32Array) => { out[i >> 1] = x[i]!; }, "the indices 0 and 1 both write to out[0]"],
    ["remainders", (i: number, x: Float32Array, out: Float32Array) => { out[i % 8] = x[i]!; }, "the indices 0 and 8 both write to out[0]"],
    ["two statements", (i: number, x: Float32Array, out: Float32Array) => { out[i] = x[i]!; out[i + 1] = 0; }, "the indices 0 and 1 both write to out[1]"],
  ])("races: %s", (name, f, message) => {
    const error = thrown(() => runtime.kernel(`race: ${name}`, f)(given, target, { size: 9 }));
    expect(error).toBeInstanceOf(LambdaError);
    expect(error.message).toContain(`DC210: ${message}`);
    expect(error.message).toContain("^^^");
    expect(error.message).toContain("compute(x).reduce");
  });

  it("is no race where only some indices write, or there is but one", () => {
    const some = runtime.kernel("some", (i, x: Float32Array, out: Float32Array) => { if (x[i]! > 3) out[0] = x[i]!; });
    some(Float32Array.of(5, 1, 4, 2), target, { size: 4 });
    expect(target[0]).toBe(4);
    runtime.kernel("race: one place for all", (i: number, x: Float32Array, out: Float32Array) => { out[0] = x[i]!; })(Float32Array.of(6), target, { size: 1 });
    expect(target[0]).toBe(6);
  });

  it("arrays that share memory", () => {
    const add = runtime.kernel("add", addOne);
    const memory = new Float32Array(20);
    expect(thrown(() => add(memory.subarray(0, 10), memory.subarray(5, 15))).message).toBe(
      "DC313: x and out share memory, but are not the same array, and add writes to out\nHand over the very same array for both, or a copy: x.slice().",
    );
    add(memory.subarray(0, 10), memory.subarray(0, 10));
    add(memory.subarray(0, 10), memory.subarray(10));
    expect(memory[0]).toBe(1);
  });

  it.each<[string, () => unknown, string]>([
    ["a fraction in an integer array", () => runtime.kernel("e1", (i, out: Int32Array) => { out[i] = i / 2; })(new Int32Array(3)), "DC202: the result may be a fraction"],
    ["a number that is one", () => runtime.kernel("e2", (i, out: Int32Array, a: number) => { out[i] = i * a; })(new Int32Array(3), 1.5), "DC202: a is 1.5, but what is made of it is stored in out, an Int32Array"],
    ["a number among BigInts", () => runtime.kernel("e3", (i, out: BigInt64Array) => { out[i] = i as never; })(new BigInt64Array(3)), "DC206: this gives a number, but a BigInt64Array holds BigInts"],
    ["a result", () => runtime.kernel("e4", (i, out: Int32Array) => { out[i] = 1; return i as never; })(new Int32Array(3)), "DC114: a kernel gives nothing back"],
    ["a write amid an expression", () => runtime.kernel("e5", (i, out: Int32Array) => { const a = (out[i] = 1); out[i] = a; })(new Int32Array(3)), "DC114: out[i] is written amid an expression"],
    ["a captured array", () => runtime.kernel("e6", (i, out: Int32Array) => { out[i] = 1; table[i] = 2; }, { table: new Int32Array(3) })(new Int32Array(3)), "DC114: table is a captured array and is written"],
    ["an outer variable", () => runtime.kernel("e7", (i, out: Int32Array) => { out[i] = unknown; })(new Int32Array(3)), 'DC104: "unknown" is not known inside this lambda'],
    ["too few arguments", () => runtime.kernel("e8", (i, out: Int32Array, a: number) => { out[i] = a; })(...([new Int32Array(3)] as never as [Int32Array, number])), "DC313: the kernel e8 takes 2 arguments (out, a) and is given 1"],
    ["a plain array", () => runtime.kernel("e9", (i, out: Int32Array) => { out[i] = 1; })([1, 2] as never), "DC313: the argument out of e9 is an array"],
    ["no size", () => runtime.kernel("e10", { dimensions: 2 }, (x, y, out: Int32Array) => { out[y * 3 + x] = 1; })(new Int32Array(9)), "DC313: the kernel e10 is called without the size of its space"],
    ["a wrong size", () => runtime.kernel("e11", (i, out: Int32Array) => { out[i] = 1; })(new Int32Array(9), { size: -1 }), "DC313: the size for e11 is -1"],
    ["written arrays of two lengths", () => runtime.kernel("e12", (i, a: Int32Array, b: Int32Array) => { a[i] = 1; b[i] = 2; })(new Int32Array(3), new Int32Array(4)), "DC313: the arrays that e12 writes to have different lengths"],
    ["no write", () => runtime.kernel("e13", (i, a: Int32Array) => { Math.abs(a[i]!); })(new Int32Array(3)), "DC313: the kernel e13 writes to no array"],
    ["a write that is never reached", () => runtime.kernel("e18", writesInNoCase)(new Int32Array(3), new Int32Array(3)), "DC114: this write to out is never reached, and the kernel has no other that is\n  if (false) out[i] = x[i]"],
    ["a write behind a loop without end", () => runtime.kernel("e19", neverWrites)(new Int32Array(3)), "DC114: this write to out is never reached"],
    ["writes that are never reached", () => runtime.kernel("e20", neverWritesTwice)(new Int32Array(3)), "DC114: this write to out is never reached"],
    ["an unknown option", () => runtime.kernel("e14", (i, a: Int32Array) => { a[i] = 1; })(new Int32Array(3), { length: 3 } as never), "DC305: e14() has no option length"],
    ["another kernel of the name", () => { runtime.kernel("e15", (i, a: Int32Array) => { a[i] = 1; }); runtime.kernel("e15", (i, a: Int32Array) => { a[i] = 2; }); }, "DC313: there is another kernel e15 in this runtime"],
    ["an unknown kernel", () => runtime.execute("nothing"), 'DC313: there is no kernel "nothing" in this runtime'],
    ["an unused capture", () => runtime.kernel("e16", (i, a: Int32Array) => { a[i] = 1; }, { k: 1 })(new Int32Array(3)), "DC303: the capture k"],
    ["no array", () => runtime.kernel("e17", (i) => { void i; }), "DC103: the kernel e17 takes a place and at least one array, not 1 parameter"],
  ])("%s", (_, run, message) => {
    const error = thrown(run);
    expect(error.message).toContain(message);
    expect(error instanceof LambdaError || error instanceof QueryError).toBe(true);
  });
});

describe("by name", () => {
  it("is found, listed, and the same when defined again", () => {
    const runtime = createRuntime({ backend: "js" });
    const define = () => runtime.kernel("fill", setAll);
    const fill = define();
    expect(define()).toBe(fill);
    expect(runtime.kernels().map(({ kernelName }) => kernelName)).toEqual(["fill"]);
    const out = new Float64Array(3);
    runtime.execute<typeof fill>("fill", out, 2);
    expect([...out]).toEqual([2, 2, 2]);
    expect(fill.name).toBe("fill");
  });

  it("runs off the main thread", async () => {
    const runtime = createRuntime({ backend: "cpu" });
    type Fill = NamedKernel<[out: Float64Array, value: number], 1>;
    runtime.kernel("fill", setAll);
    const out = new Float64Array(3);
    await runtime.executeAsync<Fill>("fill", out, 4);
    expect([...out]).toEqual([4, 4, 4]);
  });

  it("explains itself before it is called, and for arguments", () => {
    const runtime = createRuntime({ backend: "js" });
    const fill = runtime.kernel("fill", setAll);
    expect(fill.explain()).toContain("it has not been called yet");
    expect(() => fill.source("js")).toThrow("DC313");
    expect(fill.explain({ arguments: [new Float64Array(5), 1] })).toContain("called with Float64Array(5), number\n  over 5 indices\n  writes out, all indices at once: each index writes to places of its own");
    expect(fill.source("js", { arguments: [new Float64Array(5), 1] })).toContain("out[i] = value;");
  });

  it("explains itself for a size, and a race instead of throwing it", () => {
    const runtime = createRuntime({ backend: "js" });
    const fill = runtime.kernel("fill", setAll);
    expect(fill.explain({ arguments: [new Float64Array(5), 1], size: 3 })).toContain("over 3 indices");
    const halved = runtime.kernel("halved", (i, x: Float64Array, out: Float64Array) => { out[i >> 1] = x[i]!; });
    const given = [new Float64Array(8), new Float64Array(8)] as const;
    expect(halved.explain({ arguments: given, format: "json" })).toMatchObject({ order: "race", because: "the indices 0 and 1 both write to out[0]", backend: null, size: [8], writes: ["out"] });
    expect(halved.explain({ arguments: given })).toMatch(/writes out, two indices to one place: the indices 0 and 1 both write to out\[0\]\n {2}a call is refused \(DC210\)/);
    expect(() => halved(...given)).toThrow("DC210: the indices 0 and 1 both write to out[0]");
    // One index races with nobody.
    expect(halved.explain({ arguments: given, size: 1, format: "json" })).toMatchObject({ order: "ascending", backend: "js", size: [1] });
  });

  it("runs where .on() says, and fails where that cannot", async () => {
    const ran: string[] = [];
    const runtime = createRuntime({ onRun: ({ backend }) => void ran.push(backend) });
    const fill = runtime.kernel("fill", setAll);
    const out = new Float64Array(3);
    fill.on("js")(out, 2);
    expect([...out]).toEqual([2, 2, 2]);
    await fill.on("js").async(out, 3);
    expect([...out]).toEqual([3, 3, 3]);
    fill.on("cpu")(out, 4);
    expect([...out]).toEqual([4, 4, 4]);
    expect(ran).toEqual(["js", "js", "cpu"]);
    expect(fill.on("js").explain()).toContain('js: the query says .on("js")');
    expect(fill.on("js").kernelName).toBe("fill");
    expect(runtime.kernels()).toEqual([fill]);
    expect(() => fill.on("gpu" as "js")).toThrow('DC305: there is no backend "gpu"');
  });

  it("takes the options of queries: a signal, a timeout, progress", async () => {
    const runtime = createRuntime({ backend: "js" });
    const fill = runtime.kernel("fill", setAll);
    const told: number[] = [];
    await fill.async(new Float64Array(3), 1, { onProgress: ({ total }) => void told.push(total ?? -1), timeout: 60_000, signal: new AbortController().signal });
    expect(told).toEqual([3]);
    await expect(fill.async(new Float64Array(3), 1, { signal: AbortSignal.abort(new Error("called off")) })).rejects.toThrow("called off");
    const endless = runtime.kernel("endless", (i, out: Float64Array, by: number) => { while (out[i]! < 1) out[i] = out[i]! * by; });
    await expect(endless.async(new Float64Array(3), 0, { timeout: 20 })).rejects.toMatchObject({ name: "TimeoutError" });
    await expect(fill.async(new Float64Array(3), 1, { timeout: -1 })).rejects.toThrow("DC305: timeout is a number of milliseconds, not -1");
    await expect(fill.async(new Float64Array(3), 1, { signal: 5 as never })).rejects.toThrow("DC305: signal is an AbortSignal, not 5");
    await expect(fill.async(new Float64Array(3), 1, { time: 5 } as never)).rejects.toThrow("DC305: fill() has no option time");
  });

  it("tells onRun, and changing numbers compiles nothing", () => {
    const told: string[] = [];
    const runtime = createRuntime({ backend: "js", onRun: ({ terminal, kernels }) => told.push(`${terminal} ${kernels[0]?.length}`) });
    const scale = runtime.kernel("scale", (i, out: Float64Array, by: number) => { out[i] = out[i]! * by; });
    const out = Float64Array.of(1, 2);
    for (const by of [2, 0.1, -3]) scale(out, by);
    expect(told).toEqual(["scale 2", "scale 2", "scale 2"]);
    expect(out).toEqual(Float64Array.of(1 * 2 * 0.1 * -3, 2 * 2 * 0.1 * -3));
  });
});

describe("kernels that read what they write", () => {
  const increment = (i: number, a: Float64Array): void => { a[i]! += 1; };

  it.each(["js", "cpu"])("are validated on copies: on %s", async backend => {
    const runtime = createRuntime({ backend, validate: "always", onMismatch: "throw" });
    const inc = runtime.kernel("inc", increment);
    const a = new Float64Array(3);
    inc(a);
    expect(a).toEqual(Float64Array.of(1, 1, 1));
    await inc.async(a);
    expect(a).toEqual(Float64Array.of(2, 2, 2));
    // The same elements twice, in two arrays.
    const add = runtime.kernel("add", (i, x: Float64Array, out: Float64Array) => { out[i] = x[i]! * 2 + 1; });
    add(a, new Float64Array(a.buffer));
    expect(a).toEqual(Float64Array.of(5, 5, 5));
    await add.async(new Float64Array(a.buffer), a);
    expect(a).toEqual(Float64Array.of(11, 11, 11));
    const bad = runtime.kernel("bad", (i, x: Float64Array, out: Float64Array) => { out[i] = x[i + 1]!; });
    for (const call of [() => bad(a, new Float64Array(3)), () => bad.async(a, new Float64Array(3))]) await expect((async () => call())()).rejects.toMatchObject({ code: "DC401" });
  });

  it("are validated: what differs is told with the array's name", async () => {
    const liar: Accelerator = {
      name: "liar",
      compile: kernel => ({
        run(call) {
          const result = plugin.interpret(kernel, call);
          (call.arrays[1] as Float64Array)[2] = 7;
          return result;
        },
      }),
    };
    const told: string[] = [];
    const runtime = createRuntime({ plugins: [liar], backend: ["liar"], validate: "always", onMismatch: ({ reason }) => void told.push(reason), log: () => undefined });
    const twice = runtime.kernel("twice", (i, x: Float64Array, y: Float64Array) => { y[i] = x[i]! * 2; });
    const [x, out] = [Float64Array.of(1, 2, 3), new Float64Array(3)];
    twice(x, out);
    expect(out).toEqual(Float64Array.of(2, 4, 7));
    await twice.async(x, out.fill(0));
    expect(out).toEqual(Float64Array.of(2, 4, 7));
    expect(told).toEqual(["element 2 of y is 7 on liar and 6 on js", "element 2 of y is 7 on liar and 6 on js"]);
  });

  it.each(["transient", "resource", "fatal", null] as const)("are not begun anew where one fails: %s", kind => {
    const flaky: Accelerator = {
      name: "flaky",
      compile: kernel => ({
        run(call) {
          plugin.interpret(kernel, call);
          throw new BackendError("DC407", "its answer was lost", { kind });
        },
      }),
    };
    const runtime = createRuntime({ plugins: [flaky], backend: ["flaky"], log: () => undefined });
    const a = new Float64Array(3);
    expect(() => runtime.kernel("inc", increment)(a)).toThrow("its answer was lost");
    expect(a).toEqual(Float64Array.of(1, 1, 1));
  });
});
