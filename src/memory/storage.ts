/** What buffers and their slices share: the elements, in the host's memory and on a device, and which of the two are current. */
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import { ELEMENTS, type ElementType } from "../../fusion/types.js";
import { ARRAY_CONSTRUCTORS, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { isDeviceCurrent, isHostCurrent, TRANSITIONS, type Access, type BufferState } from "./buffer-states.js";
import type { Events } from "../runtime/events.js";
import { memory } from "./memory.js";
import type { Remembered } from "./remembered.js";
import { newRoom } from "./room.js";

/** A copy of all elements in a device's memory. */
export interface DeviceCopy {
  readonly device: object;
  /** Why it is no more; null if it is there. */
  readonly lost: string | null;
  /** Reads all of it into the host's array. */
  read(to: AnyTypedArray): void;
  readLater(to: AnyTypedArray): Promise<void>;
  /** Runs that read it meanwhile still do. */
  release(): void;
}

/** What a buffer needs of the runtime that it belongs to. */
export interface BufferOwner {
  readonly log: (line: string) => void;
  readonly events?: Events;
  /** Buffers that end with it. */
  readonly buffers?: Remembered<Storage>;
}

/** Transfers between host and device so far. */
export interface BufferStatistics {
  readonly uploads: number;
  readonly bytesUp: number;
  readonly downloads: number;
  readonly bytesDown: number;
}

/** The arrays of buffers by their memory: runs are handed those, and find the device's copies by them. */
const homes = new WeakMap<ArrayBufferLike, Storage>();

/** Whose elements an array holds, if they are a buffer's. */
export const storageOf = (array: AnyTypedArray): Storage | null => homes.get(array.buffer) ?? null;

/** Runtimes of which a leak has been told: one line each. */
const told = new WeakSet<BufferOwner>();

const collected = new FinalizationRegistry<{ readonly owner: BufferOwner; readonly what: string }>(({ owner, what }) => {
  if (told.has(owner)) return;
  told.add(owner);
  const line = `a buffer, ${what}, was collected as garbage, and its memory given back late: end each with dispose(), or declare it with using. This is said once`;
  owner.log(`dotcompute: ${line}`);
  owner.events?.tell({ kind: "leak", reason: line });
});

const nothing = (): void => undefined;

export class Storage {
  private now: BufferState = "uninitialized";
  private array: AnyTypedArray | null = null;
  private copy: DeviceCopy | null = null;
  private readonly counts = { uploads: 0, bytesUp: 0, downloads: 0, bytesDown: 0 };
  /** How many calls of `edit` are at work. */
  private edits = 0;
  /** Of the host's array, what kernels at work write to. */
  private readonly writing: AnyTypedArray[] = [];
  private ended = false;
  private lostBy: string | null = null;
  private written = 0;
  private belongsTo: BufferOwner | null = null;

  constructor(
    readonly element: ElementType,
    readonly length: number,
    /** Null for what a run leaves on a device for its next kernel, or for a buffer. */
    owner: BufferOwner | null,
  ) {
    if (owner !== null) this.belongTo(owner);
  }

  /** Over an array that nobody else has. */
  static adopt(array: AnyTypedArray, element: ElementType, owner: BufferOwner): Storage {
    const storage = new Storage(element, array.length, owner);
    storage.keep(array);
    storage.now = "hostOnly";
    return storage;
  }

  /** Over elements that nobody has but a device. */
  static onDevice(copy: DeviceCopy, element: ElementType, length: number): Storage {
    const storage = new Storage(element, length, null);
    storage.copy = copy;
    storage.now = "deviceOnly";
    return storage;
  }

  get owner(): BufferOwner | null {
    return this.belongsTo;
  }

  /** From now on the owner's log is told if it is forgotten. */
  belongTo(owner: BufferOwner): void {
    this.belongsTo = owner;
    owner.buffers?.add(this);
    collected.register(this, { owner, what: this.words }, this);
  }

  /** How often the host has written to it. */
  get writes(): number {
    return this.written;
  }

  get bytes(): number {
    return this.length * ELEMENTS[this.element].bytes;
  }

  get state(): BufferState {
    this.checkUsable();
    return this.now;
  }

  get disposed(): boolean {
    return this.ended;
  }

  get statistics(): BufferStatistics {
    return { ...this.counts };
  }

  /** The host's elements, as they are now. */
  read(): AnyTypedArray {
    this.reach("readHost");
    return this.array as AnyTypedArray;
  }

  /** The same, without keeping the calling thread while they come from a device. */
  async readLater(): Promise<AnyTypedArray> {
    this.checkUsable();
    while (TRANSITIONS[this.now].readHost?.before.includes("down") === true) {
      const { copy, written } = this;
      // Not into the array that is there: it may be changed meanwhile.
      const array = newRoom(this.element, this.length);
      const told = this.fetching();
      await (copy as DeviceCopy).readLater(array);
      told();
      this.checkUsable();
      if (this.copy !== copy || this.written !== written || isHostCurrent(this.now)) continue; // somebody was faster
      this.download();
      this.now = "synchronized";
      if (this.array === null) this.keep(array);
      else this.array.set(array as never);
    }
    return this.read();
  }

  /** The host's array for a run that reads the device's elements, where those are newer: then it holds nothing of use. */
  stand(): AnyTypedArray {
    this.checkUsable();
    if (!isDeviceCurrent(this.now)) return this.read();
    if (this.array === null) this.keep(newArray(this.element, this.length));
    return this.array as AnyTypedArray;
  }

  /** Whether the host's copy is current. */
  get isHere(): boolean {
    return isHostCurrent(this.now);
  }

  /** The copy on a device, if it is there and current. */
  copyOn(device: object): DeviceCopy | null {
    this.checkUsable();
    return this.copy?.device === device && isDeviceCurrent(this.now) ? this.copy : null;
  }

  /** Whether it has a copy there, be it an older one. */
  isOn(device: object): boolean {
    return this.copy?.device === device;
  }

  /** Gives the device's copy up, if the host has the same or newer elements; false if it has not. */
  dropCopy(device: object): boolean {
    const transition = TRANSITIONS[this.now].dropDevice;
    if (!this.isOn(device)) return true;
    if (transition === null) return false;
    this.copy?.release();
    this.copy = null;
    this.now = transition.to;
    return true;
  }

  /** Takes over a copy of what the host had when it had written so often. */
  brought(copy: DeviceCopy, writes: number): void {
    this.counts.uploads += 1;
    this.counts.bytesUp += this.bytes;
    const transition = TRANSITIONS[this.now].readDevice;
    if (this.ended || writes !== this.written || transition?.before.includes("up") !== true) return copy.release();
    this.copy?.release();
    this.copy = copy;
    this.now = transition.to;
  }

  /** All elements anew, as a device has computed them; the other is used up. */
  replaceBy(other: Storage): void {
    this.checkIdle();
    const { copy } = other;
    if (copy === null) throw new CompilerBug("results that stay on a device are not there");
    this.checkUsable(true);
    this.copy?.release();
    this.copy = copy;
    other.copy = null;
    other.dispose();
    this.now = TRANSITIONS[this.now].fillDevice?.to ?? "deviceOnly";
  }

  /** Hands out the host's elements to be changed, all at once or (`whole`) anew. */
  edit<Result>(whole: boolean, change: (elements: AnyTypedArray) => Result): Result {
    if (this.writing.length > 0) throw this.inUse();
    this.reach(whole ? "fillHost" : "writeHost");
    this.edits += 1;
    try {
      return change(this.array as AnyTypedArray);
    } finally {
      this.edits -= 1;
      this.settle();
    }
  }

  /** A kernel changes elements of the host's where they lie, those of `array`: until `endWriting` nothing takes their place, and nobody else sees them. */
  beginWriting(array: AnyTypedArray): void {
    this.checkUnedited();
    this.reach("writeHost"); // whoever wants the same elements has been refused by checkUnwritten
    this.writing.push(array);
  }

  /** The device's copy, where there is one, is older from now on. */
  endWriting(array: AnyTypedArray): void {
    this.writing.splice(this.writing.indexOf(array), 1);
    // Memory that was taken away meanwhile is told of where it is used.
    if (this.ended || this.array === null || this.array.length < this.length) return;
    this.written += 1;
    this.reach("writeHost");
  }

  /** All elements anew, in an array that nobody else has. */
  replace(array: AnyTypedArray): void {
    this.checkIdle();
    const old = this.array;
    this.keep(array);
    if (old !== null && old.byteLength > 0) memory.release(old);
    this.written += 1;
    this.reach("fillHost");
  }

  private checkUnedited(): void {
    if (this.edits > 0) throw new QueryError("DC305", `${this.words} is written to while edit() is at work on it`, "Run kernels and queries that write to a buffer before or behind that.");
  }

  private checkIdle(): void {
    if (this.writing.length > 0) throw this.inUse();
    this.checkUnedited();
  }

  /** Throws where a kernel is writing to some of the elements. */
  checkUnwritten(from: number, length: number): void {
    const { writing, array } = this;
    if (writing.length === 0 || array === null) return;
    for (const part of writing) {
      const begin = (part.byteOffset - array.byteOffset) / part.BYTES_PER_ELEMENT;
      if (begin < from + length && from < begin + part.length) throw this.inUse();
    }
  }

  private inUse(): QueryError {
    return new QueryError("DC305", `${this.words} is used while a kernel writes to it`, "Await the kernel first. Slices that it does not write to can be read meanwhile, and written to by other kernels.");
  }

  dispose(): void {
    if (this.ended) return;
    this.ended = true;
    collected.unregister(this);
    this.copy?.release();
    this.copy = null;
    // What is written to at the moment must not become anybody else's.
    if (this.array !== null && this.array.byteLength > 0 && this.edits === 0 && this.writing.length === 0) memory.release(this.array);
    this.array = null;
  }

  /** What has been changed meanwhile is newer than what a query may have transferred. Views of it are empty from now on, so that nothing is changed unseen. */
  private settle(): void {
    if (this.ended) return;
    this.written += 1;
    this.reach("writeHost");
    if (this.edits > 0) return;
    const { buffer } = this.array as { readonly buffer: ArrayBuffer };
    this.keep(new ARRAY_CONSTRUCTORS[this.element](structuredClone(buffer, { transfer: [buffer] })));
  }

  /** Does what an access by the host needs first. */
  private reach(access: Access): void {
    this.checkUsable(access === "fillHost");
    const transition = TRANSITIONS[this.now][access];
    if (transition === null) throw new CompilerBug(`a buffer that is ${this.now} cannot ${access}`);
    for (const transfer of transition.before) {
      if (transfer === "up") throw new CompilerBug("the host has nothing to bring to a device");
      const array = this.array ?? (transfer === "zeros" ? newArray : newRoom)(this.element, this.length);
      if (transfer === "down") {
        const told = this.fetching();
        (this.copy as DeviceCopy).read(array);
        told();
        this.download();
      }
      this.keep(array);
    }
    if (this.array === null) this.keep(newRoom(this.element, this.length));
    this.now = transition.to;
  }

  /** Elements begin to come from the device; gives what tells that they are there. */
  private fetching(): () => void {
    const events = this.belongsTo?.events;
    if (events?.listening !== true) return nothing;
    const { run } = events;
    const begin = performance.now();
    return () => events.tell({ kind: "transfer", run, backend: "cuda", direction: "to host", bytes: this.bytes, begin, end: performance.now() });
  }

  private download(): void {
    this.counts.downloads += 1;
    this.counts.bytesDown += this.bytes;
  }

  private keep(array: AnyTypedArray): void {
    if (this.array === array) return;
    this.array = array;
    homes.set(array.buffer, this);
  }

  checkAlive(): void {
    if (this.ended) throw new QueryError("DC320", `${this.words} has been disposed of`, "Use a buffer before it is disposed of: await the queries over it first, and keep what is needed longer with toArray().");
  }

  /** Throws if there is nothing to be had; `anew`: all elements are written, so nothing needs to be. */
  private checkUsable(anew = false): void {
    this.checkAlive();
    const lost = this.copy?.lost ?? null;
    if (lost !== null) {
      const { now } = this;
      this.copy = null;
      if (TRANSITIONS[now].dropDevice === null) this.lostBy = lost;
      this.now = TRANSITIONS[now].dropDevice?.to ?? "uninitialized";
    }
    if (this.array !== null && this.array.length < this.length) {
      if (!anew) throw new QueryError("DC307", `${this.words} has lost its memory: what host() gave was transferred elsewhere, or released`, "Transfer or release a copy, buffer.toArray(); write all of the buffer to use it again: buffer.write(array).");
      this.array = null;
    }
    if (anew) this.lostBy = null;
    if (this.lostBy !== null) throw new QueryError("DC321", `the elements of ${this.words} are lost: they were nowhere but on a device, and ${this.lostBy}`, "Compute them anew, or write all of them: buffer.write(array). What must outlive a device is read in time: buffer.host().");
  }

  /** A buffer, as messages call it. */
  get words(): string {
    return `buffer(${ELEMENTS[this.element].array}, ${this.length})`;
  }
}
