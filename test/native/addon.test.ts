/** The addon's own contract: what it checks, what it computes with, what it gives back. Kernels here are written by hand. */
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ABI_VERSION, CONTROL, STATUS, type NativeKernel } from "../../src/backends/cpu/addon.js";
import { ELEMENTS, ELEMENT_TYPES, type ElementType } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { addon, load, objectFile, unavailable } from "./fixtures.js";

const MIB = 2 ** 20;
const control = unavailable === null ? addon.control.buffer : new SharedArrayBuffer(8192);
const f64 = new Float64Array(control);
const status = (): number | undefined => new Int32Array(control)[2 * CONTROL.status];
const value = (): number | undefined => f64[CONTROL.value];

/** Elements of any type, all different from their neighbours. */
function sample(element: ElementType, length: number): AnyTypedArray {
  const array = newArray(element, length);
  for (let i = 0; i < length; i++) array[i] = element === "i64" || element === "u64" ? BigInt(i % 251) : i % 251;
  return array;
}

type Call = (kernel: NativeKernel, ...args: Parameters<NativeKernel["run"]>) => unknown;

const copyOf = (element: ElementType) => load(`copy${ELEMENTS[element].bytes}`, { source: element, output: element });
const positive = () => load("positive", { source: "f64", output: "f64" });
const sum = () => load("sum", { source: "f64" });

describe.skipIf(unavailable !== null)("native addon", () => {
  it("says which ABI and which processor it is for", () => {
    expect(addon.abi).toBe(ABI_VERSION);
    expect(addon.target).toMatch(/^\w+(-[0-9a-f]+)*/);
  });

  describe("run", () => {
    it.each(ELEMENT_TYPES)("reads and stores %s", element => {
      for (const length of [0, 1, 7, 16, 1000]) {
        const source = sample(element, length);
        const made = copyOf(element).run(source, length, null, null);
        expect(made).toBeInstanceOf(ARRAY_CONSTRUCTORS[element]);
        expect(made).toEqual(source);
        const output = newArray(element, length + 3);
        expect(copyOf(element).run(source, length, output, null)).toBeNull();
        expect(output.subarray(0, length)).toEqual(source);
        expect(Array.from(output.subarray(length), Number)).toEqual([0, 0, 0]);
      }
    });

    it("takes views into larger buffers, and fewer elements than there are", () => {
      const whole = Float64Array.from({ length: 100 }, (_, i) => i);
      sum().run(whole.subarray(10, 20), 10, null, null);
      expect(value()).toBe(145);
      sum().run(whole.subarray(10, 20), 3, null, null);
      expect(value()).toBe(33);
      sum().run(whole, 0, null, null);
      expect(value()).toBe(0);
    });

    it("works on shared memory", () => {
      const source = new Float64Array(new SharedArrayBuffer(24));
      source.set([1, -2, 3]);
      expect(positive().run(source, 3, null, null)).toEqual(Float64Array.of(1, 3));
      const output = new Float64Array(new SharedArrayBuffer(24));
      positive().run(source, 3, output, null);
      expect(Array.from(output)).toEqual([1, 3, 0]);
    });

    it("works on resizable memory, as long as it is at the time", () => {
      const buffer = new (ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer & { resize(bytes: number): void })(32, { maxByteLength: 4096 });
      const tracking = new Float64Array(buffer);
      tracking.set([1, 2, 3, 4]);
      sum().run(tracking, 4, null, null);
      expect(value()).toBe(10);
      buffer.resize(16);
      expect(() => sum().run(tracking, 4, null, null)).toThrow(new RangeError("source has 2 elements, fewer than 4"));
      sum().run(tracking, 2, null, null);
      expect(value()).toBe(3);
      const fixed = new Float64Array(buffer, 0, 2);
      buffer.resize(8);
      expect(() => sum().run(fixed, 2, null, null)).toThrow(new RangeError("source has 0 elements, fewer than 2"));
    });

    it("leaves what the kernel reports in the control block", () => {
      load("report", {}).run(null, 0, null, null);
      expect(status()).toBe(STATUS.done);
      expect(f64[CONTROL.count]).toBe(Number.MAX_SAFE_INTEGER);
      expect(f64[CONTROL.position]).toBe(-1);
      expect(f64[CONTROL.rank]).toBe(7);
      expect(new BigInt64Array(control)[CONTROL.value]).toBe(-9007199254740993n);
      load("fails", { output: "f64" }).run(null, 8, null, null);
      expect(status()).toBe(STATUS.failed);
      expect(f64[CONTROL.position]).toBe(5);
    });

    it("passes scalars of every type", () => {
      const at = CONTROL.scalars;
      f64[at] = 0.5;
      new Float32Array(control)[2 * (at + 1)] = 0.25;
      new Int32Array(control)[2 * (at + 2)] = -3;
      new Uint32Array(control)[2 * (at + 3)] = 2 ** 32 - 1;
      new BigInt64Array(control)[at + 4] = -(2n ** 40n);
      new BigUint64Array(control)[at + 5] = 2n ** 50n;
      new Int32Array(control)[2 * (at + 6)] = 1;
      load("scalars", { scalars: 7 }).run(null, 0, null, null);
      expect(value()).toBe(0.5 + 0.25 - 3 + (2 ** 32 - 1) - 2 ** 40 + 2 ** 50 + 1);
      f64[at + CONTROL.mostScalars - 1] = 42;
      load("last_scalar", { scalars: CONTROL.mostScalars }).run(null, 0, null, null);
      expect(value()).toBe(42);
    });

    it("passes many captured arrays with their lengths", () => {
      const arrays = Array.from({ length: 10 }, (_, i) => new Float64Array(9 - i));
      load("lengths", { arrays: arrays.map(() => "f64" as const) }).run(null, 0, null, arrays);
      expect(value()).toBe(9876543210);
    });
  });

  describe("large outputs", () => {
    const length = MIB; // 8 MiB of f64
    const source = Float64Array.from({ length }, (_, i) => (i % 3 === 0 ? i + 1 : -i));
    const expected = source.filter(x => x > 0);

    it("have exactly the bytes of their elements", () => {
      const result = positive().run(source, length, null, null) as Float64Array<ArrayBuffer>;
      expect(result.byteLength).toBe(expected.byteLength);
      expect(result.buffer.byteLength).toBe(expected.byteLength);
      expect(Buffer.compare(Buffer.from(result.buffer), Buffer.from(expected.buffer))).toBe(0);
    });

    it.each([0, 1, 8191, 8192, 8193, 131072, length])("of which a filter kept %i elements", kept => {
      const some = new Float64Array(length).fill(-1);
      for (let i = 0; i < kept; i++) some[i] = i + 1;
      const result = positive().run(some, length, null, null) as Float64Array<ArrayBuffer>;
      expect(result.buffer.byteLength).toBe(8 * kept);
      expect(result.every((x, i) => x === i + 1)).toBe(true);
    });

    it("can be transferred, and outlive their kernel", () => {
      const result = copyOf("f64").run(source, length, null, null) as Float64Array<ArrayBuffer>;
      const moved = structuredClone(result, { transfer: [result.buffer] });
      expect(result.length).toBe(0);
      expect(moved.length).toBe(length);
      expect(moved[3]).toBe(4);
    });

    it("are given back as soon as they are collected, without a turn of the event loop", () => {
      const big = new Float64Array(4 * MIB).fill(1);
      const kernel = copyOf("f64");
      for (let i = 0; i < 3; i++) kernel.run(big, big.length, null, null);
      const before = process.memoryUsage.rss();
      for (let i = 0; i < 100; i++) kernel.run(big, big.length, null, null); // 3.2 GB in all
      expect(process.memoryUsage.rss() - before).toBeLessThan(1000 * MIB);
    });

    it("that no memory can hold are a RangeError", () => {
      const range = load("fails", { output: "f64" });
      expect(() => range.run(null, 2 ** 32, null, null)).toThrow(new RangeError("Invalid typed array length: 4294967296"));
      expect(() => copyOf("f64").run(null as never, 2 ** 53, null, null)).toThrow(RangeError);
    });
  });

  describe("wrong arguments", () => {
    const five = new Float64Array(5);
    const detached = new Float64Array(4);
    structuredClone(detached, { transfer: [detached.buffer] });
    const misfit = { length: 5 } as unknown as Float64Array;
    const captured = () => load("lengths", { arrays: ["f64", "u8"] });

    const cases: readonly [string, (run: Call) => unknown, Error][] = [
      ["no arguments", run => (run as (kernel: NativeKernel) => void)(sum()), new TypeError("length must be a number")],
      ["a length that is a string", run => run(sum(), five, "5" as never, null, null), new TypeError("length must be a number")],
      ["a negative length", run => run(sum(), five, -1, null, null), new RangeError("length must be a safe integer and not negative")],
      ["a fractional length", run => run(sum(), five, 1.5, null, null), new RangeError("length must be a safe integer and not negative")],
      ["a length that is not a number", run => run(sum(), five, NaN, null, null), new RangeError("length must be a safe integer and not negative")],
      ["an endless length", run => run(sum(), five, Infinity, null, null), new RangeError("length must be a safe integer and not negative")],
      ["a length beyond 2^53", run => run(sum(), five, 2 ** 60, null, null), new RangeError("length must be a safe integer and not negative")],
      ["a length beyond the source", run => run(sum(), five, 6, null, null), new RangeError("source has 5 elements, fewer than 6")],
      ["no source", run => run(sum(), null, 0, null, null), new TypeError("source must be a Float64Array")],
      ["a source of another type", run => run(sum(), new Float32Array(5), 5, null, null), new TypeError("source must be a Float64Array")],
      ["a plain array", run => run(sum(), [1, 2] as never, 2, null, null), new TypeError("source must be a Float64Array")],
      ["an object that looks like an array", run => run(sum(), misfit, 5, null, null), new TypeError("source must be a Float64Array")],
      ["a DataView", run => run(sum(), new DataView(new ArrayBuffer(40)) as never, 5, null, null), new TypeError("source must be a Float64Array")],
      ["an ArrayBuffer", run => run(sum(), new ArrayBuffer(40) as never, 5, null, null), new TypeError("source must be a Float64Array")],
      ["a detached source", run => run(sum(), detached, 4, null, null), new TypeError("source is detached")],
      ["a source for a range", run => run(load("report", {}), five, 5, null, null), new TypeError("source must be null: this kernel runs over a range")],
      ["an output for a sum", run => run(sum(), five, 5, five, null), new TypeError("output must be null: this kernel stores no array")],
      ["an output of another type", run => run(positive(), five, 5, new Int32Array(5), null), new TypeError("output must be a Float64Array")],
      ["a short output", run => run(positive(), five, 5, new Float64Array(4), null), new RangeError("output has 4 elements, fewer than 5")],
      ["a detached output", run => run(positive(), five, 4, detached, null), new TypeError("output is detached")],
      ["arrays for a kernel without", run => run(sum(), five, 5, null, []), new TypeError("arrays must be null: this kernel reads no array")],
      ["no arrays", run => run(captured(), null, 0, null, null), new TypeError("arrays must be an array of 2 typed arrays")],
      ["too few arrays", run => run(captured(), null, 0, null, [five]), new TypeError("arrays must be an array of 2 typed arrays")],
      ["too many arrays", run => run(captured(), null, 0, null, [five, five, five]), new TypeError("arrays must be an array of 2 typed arrays")],
      ["an array of another type", run => run(captured(), null, 0, null, [five, five]), new TypeError("a captured array must be a Uint8Array")],
      ["something else for an array", run => run(captured(), null, 0, null, [five, null as never]), new TypeError("a captured array must be a Uint8Array")],
      ["loading from nothing", () => (addon.load as unknown as () => void)(), new TypeError("load takes a path, a symbol and a signature")],
      ["an unknown element type", () => load("sum", { source: "f16" as never }), new TypeError("Unknown element type in a kernel's signature: f16")],
      ["an element type that is a number", () => load("sum", { source: 5 as never }), new TypeError("A kernel's signature names element types by strings")],
      ["too many scalars", () => load("sum", { scalars: 1017 }), new RangeError("A kernel takes 0 to 1016 scalars")],
      ["a negative number of scalars", () => load("sum", { scalars: -1 }), new RangeError("A kernel takes 0 to 1016 scalars")],
      ["no list of arrays", () => load("sum", { arrays: null as never }), new TypeError("A kernel's signature lists the element types of its arrays")],
      ["hashing neither text nor bytes", () => addon.sha256([1] as never), new TypeError("sha256 takes a string or a Uint8Array")],
      ["stopping by name", () => addon.stop("1" as never), new TypeError("stop takes the id of a run")],
      ["a getter that throws", run => run(captured(), null, 0, null, Object.defineProperty([five, five], 1, { get() { throw new SyntaxError("mine"); } })), new SyntaxError("mine")],
    ];

    it.each(cases)("%s", (_, act, error) => {
      expect(() => act((kernel, ...args) => kernel.run(...args))).toThrow(error);
    });

    it.each(cases)("%s, for a run on another thread", (_, act, error) => {
      expect(() => act((kernel, ...args) => kernel.start(...args))).toThrow(error);
      expect(addon.inFlight()).toBe(0);
    });

    it("do not include captured arrays that are gone: they have no elements", () => {
      load("lengths", { arrays: Array.from({ length: 10 }, () => "f64" as const) }).run(null, 0, null, Array.from({ length: 10 }, () => detached));
      expect(value()).toBe(0);
    });
  });

  it("hashes as node:crypto does", () => {
    const bytes = Uint8Array.from({ length: 1000 }, (_, at) => at * 7);
    for (const data of ["", "abc", "größer 🦑", "x".repeat(100_000), new Uint8Array(0), bytes, bytes.subarray(3, 67), Buffer.from("abc")]) {
      expect(addon.sha256(data)).toBe(createHash("sha256").update(data).digest("hex"));
    }
  });

  it("says why a kernel cannot be loaded", () => {
    const signature = { source: null, output: null, scalars: 0, arrays: [] };
    expect(() => addon.load("/nowhere/kernel.so", "kernel", signature)).toThrow(/Cannot load the kernel: .*\/nowhere\/kernel\.so/);
    expect(() => addon.load(objectFile, "nobody", signature)).toThrow(/No kernel named nobody in/);
    expect(() => addon.load(import.meta.filename, "kernel", signature)).toThrow(/Cannot load the kernel: .*(invalid ELF header|file too short|not a mach-o)/i);
  });
});
