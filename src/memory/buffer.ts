/// <reference lib="esnext.disposable" preserve="true" />
/** Buffers: elements that lie in the host's memory or on a device, whichever needed them last, until they are disposed of. */
import { QueryError } from "../../fusion/errors.js";
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { elementTypeOf } from "../../fusion/values.js";
import { checkConstructor, checkFunction, checkPlace } from "../query/arguments.js";
import { describe } from "../query/given.js";
import type { TypedArray } from "../query/types.js";
import type { BufferState } from "./buffer-states.js";
import { Storage, type BufferOwner, type BufferStatistics } from "./storage.js";

export type { BufferState, BufferStatistics };

/** What of an array can change it, or hands on what can. */
type Changing = "buffer" | "copyWithin" | "fill" | "reverse" | "set" | "sort" | "subarray";

/** An array that is only read. */
export type HostView<A extends TypedArray> = Readonly<Omit<A, Changing>>;

/**
 * Elements of one type, in the host's memory or on a device: each side has its copy, and `state` says which are current. What a side
 * lacks is brought when it is needed, and counted. A buffer is a source of queries, and what `toBuffer()` gives; on the cuda backend queries
 * over buffers read the device's copy, and their results stay there until the host reads them.
 *
 * It holds memory until `dispose()` is called, or the block is left that declares it with `using`. A buffer that is forgotten is collected
 * as garbage in the end, and the runtime's log says so.
 *
 * A buffer belongs to the runtime that made it: its second copy lies on that runtime's device. Queries of other runtimes read the host's.
 *
 * @example
 * using readings = buffer(Float32Array.from(samples));
 * using calm = compute(readings).map(x => x * 0.5).toBuffer();
 * console.log(await compute(calm).max());
 */
export class Buffer<A extends TypedArray = TypedArray> {
  private ended = false;

  /** @internal */
  constructor(
    /** @internal */
    readonly storage: Storage,
    private readonly from: number,
    readonly length: number,
    private readonly isSlice: boolean,
  ) {}

  get byteLength(): number {
    return this.length * ELEMENTS[this.storage.element].bytes;
  }

  /** Which copies there are, and which are current: of a slice those of the whole. */
  get state(): BufferState {
    this.check();
    return this.storage.state;
  }

  /** What has been transferred so far, also for slices. */
  get statistics(): BufferStatistics {
    return this.storage.statistics;
  }

  /** Whether it has ended. */
  get disposed(): boolean {
    return this.ended || this.storage.disposed;
  }

  /**
   * The elements as the host has them, to be read where they lie: brought from the device first, if those are newer. The view is
   * of what there is now: call it again behind a query that writes to the buffer. Behind `edit` and `write` it is empty, and so it is
   * once the buffer has been disposed of. To change elements through it is an error of types, and would be lost on the device.
   * Throws QueryError DC305 while a named kernel writes to these elements, as all that reads them does.
   *
   * @example
   * for (const x of result.host()) plot(x);
   */
  host(): HostView<A> {
    return this.view();
  }

  /**
   * Calls the function with the elements, to be read and changed where they lie, and gives what it gives. The host's copy is
   * newer from then on. The array is empty once the function has returned, so that nothing is changed unseen. Throws QueryError DC305
   * while a named kernel writes to the buffer.
   *
   * @example
   * readings.edit(x => x.sort());
   */
  edit<Result>(change: (elements: A) => Result): Result {
    this.check();
    const f = checkFunction(change, "edit") as (elements: A) => Result;
    return this.storage.edit(false, whole => {
      const result = f(this.viewOf(whole));
      if (typeof (result as { readonly then?: unknown } | null)?.then === "function") throw new QueryError("DC305", "edit() was given a function that gives a promise, but its array is empty once it has returned", "Await first, and edit then; or compute the elements elsewhere and hand them over: buffer.write(array).");
      return result;
    });
  }

  /**
   * Writes an array's elements, from the place `at` on. If they are all there are, nothing is brought from the device first.
   * Throws QueryError DC305 while a named kernel writes to the buffer.
   *
   * @example
   * readings.write(await sensor.next());
   * readings.write(Float32Array.of(0, 0), 10);
   */
  write(elements: A, at = 0): void {
    this.check();
    const { element } = this.storage;
    if (elementTypeOf(elements) !== element) throw new QueryError("DC304", `write() takes ${ELEMENTS[element].array} elements here, not ${describe(elements)}`, `Convert them first: ${ELEMENTS[element].array}.from(array).`);
    if (!Number.isSafeInteger(at) || at < 0) throw new QueryError("DC305", `write() takes a place, 0, 1, 2 …, not ${describe(at)}`, "Leave it out to write from the beginning.");
    if (at + elements.length > this.length) throw new QueryError("DC304", `write() was given ${elements.length} elements for the place ${at}, and the buffer has ${this.length}`, "Give fewer, or make a longer buffer.");
    this.storage.edit(elements.length === this.storage.length, whole => this.viewOf(whole).set(elements as never, at));
  }

  /**
   * A copy of the elements.
   *
   * @example
   * const kept = result.toArray();
   */
  toArray(): A {
    return this.view().slice() as A;
  }

  /** The same, without keeping the calling thread while the elements come from a device. */
  async toArrayAsync(): Promise<A> {
    this.check();
    this.storage.checkUnwritten(this.from, this.length);
    const whole = await this.storage.readLater();
    this.storage.checkUnwritten(this.from, this.length);
    return this.viewOf(whole).slice() as A;
  }

  /**
   * Some of the elements, from `start` to before `end`, counted from the end where they are negative: a view that shares memory and state
   * with the whole. It ends with the whole; to dispose of it gives nothing back.
   *
   * @example
   * compute(readings.slice(-1000)).average();
   */
  slice(start = 0, end = Infinity): Buffer<A> {
    this.check();
    const place = (at: number): number => Math.max(0, Math.min(this.length, at < 0 ? this.length + at : at));
    const from = place(checkPlace(start, "slice"));
    return new Buffer(this.storage, this.from + from, Math.max(0, place(checkPlace(end, "slice")) - from), true);
  }

  /** Gives the memory back, on both sides, at once; runs in flight are rejected with DC307. To call it again does nothing; whatever else is done with the buffer then is an error. */
  dispose(): void {
    this.ended = true;
    if (!this.isSlice) this.storage.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.dispose();
  }

  /** What a buffer is called, in messages and by consoles. */
  get [Symbol.toStringTag](): string {
    return "Buffer";
  }

  /** @internal The host's elements; for a run of its `owner` that may go to a device, an array that stands for what is there. */
  view(owner: object | null = null): A {
    this.check();
    this.storage.checkUnwritten(this.from, this.length);
    return this.viewOf(owner !== null && owner === this.storage.owner ? this.storage.stand() : this.storage.read());
  }

  /** @internal Takes over the results of a query, from the beginning on. */
  take(results: TypedArray): void {
    this.check();
    if (results.length > this.length) throw new QueryError("DC304", `into has ${this.length} elements, but there are ${results.length} results`, "Give a longer buffer, or leave into out for a new one.");
    if (results.length === this.storage.length) this.storage.replace(results);
    else if (results.length > 0) this.storage.edit(false, whole => this.viewOf(whole).set(results as never));
  }

  /** @internal The same of results that are on the device of a runtime, `owner`: they stay there if they are all that the buffer holds. */
  takeFrom(results: Storage, owner: object): void {
    this.check();
    if (results.length === this.storage.length && this.storage.owner === owner) this.storage.replaceBy(results);
    else this.take(results.read().slice());
  }

  /** @internal */
  check(): void {
    if (this.ended && !this.storage.disposed) throw new QueryError("DC320", `a slice of ${this.storage.words} has been disposed of`, "Take another: buffer.slice(start, end).");
    this.storage.checkAlive();
  }

  private viewOf(whole: TypedArray): A {
    return (this.length === this.storage.length ? whole : whole.subarray(this.from, this.from + this.length)) as A;
  }
}

/** `buffer`, checked. */
export function makeBuffer(owner: BufferOwner, holds: unknown, length: unknown): Buffer {
  const given = elementTypeOf(holds);
  if (given !== undefined) {
    if (length !== undefined) throw new QueryError("DC305", "buffer() takes a length only with the constructor of an array", "Write buffer(array), or buffer(Float64Array, 1000).");
    const array = holds as TypedArray;
    const storage = new Storage(given, array.length, owner);
    storage.edit(true, elements => elements.set(array as never));
    return wholeOf(storage);
  }
  const element = checkHolds(holds);
  if (typeof length === "number" && Number.isSafeInteger(length) && length >= 0) return wholeOf(new Storage(element, length, owner));
  throw new QueryError("DC305", `buffer() takes a number of elements, not ${describe(length)}`, "Write buffer(Float64Array, 1000), or buffer(array) for a copy of an array.");
}

/** Over an array that nobody else has. */
export function bufferOver(owner: BufferOwner, array: TypedArray): Buffer {
  return wholeOf(Storage.adopt(array, elementTypeOf(array) as ElementType, owner));
}

export const wholeOf = (storage: Storage): Buffer => new Buffer(storage, 0, storage.length, false);

function checkHolds(holds: unknown): ElementType {
  if (typeof holds === "function") return checkConstructor(holds, "buffer");
  throw new QueryError("DC305", `buffer() takes a typed array, or the constructor of one, not ${describe(holds)}`, Array.isArray(holds) ? "Write buffer(Float64Array.from(values))." : "Write buffer(Float64Array.of(1, 2)), or buffer(Float64Array, 1000) for zeros.");
}
