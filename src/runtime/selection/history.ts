/**
 * What was learned of kernels, kept between processes beside the compiled kernels: a file for each kind of machine. It is written when the
 * process ends, and now and then before; whoever writes takes over what others have learned meanwhile. A file that cannot be read, or
 * holds something else, counts for nothing.
 */
import { createDiskCache } from "../../cache/disk.js";
import { CLASSES, type Learned } from "./estimate.js";
import { fingerprint, machineOf, measuring, type Machine, type Measured } from "./machine.js";

/** Where small texts are kept, as the kernel cache does. */
export interface Store {
  recall(name: string): string | null;
  remember(name: string, text: string): void;
}

/** What is known of a kernel, by backend. */
export type LearnedOf = Readonly<Record<string, Learned>>;

interface Entry {
  /** The day of its last run. */
  readonly day: number;
  readonly backends: LearnedOf;
}

interface Kept {
  readonly measured: Measured | null;
  readonly kernels: Readonly<Record<string, Entry>>;
}

const VERSION = 1;
const MOST_KERNELS = 256;
const DAY = 24 * 60 * 60 * 1000;
const SAVED_AFTER = 20_000;
const DIGITS = 6;

export class History {
  private readonly name: string;
  private kept: Kept | null = null;
  /** What to ask at the end. */
  private readonly learners = new Map<string, () => LearnedOf>();
  private measured: Measured | null = null;
  private measures: Promise<void> | null = null;
  private known: Machine | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(
    private readonly store: Store,
    machine = fingerprint(),
  ) {
    this.name = `selection-${machine}.json`;
  }

  get machine(): Machine {
    this.known ??= machineOf(this.read().measured);
    return this.known;
  }

  /** What earlier processes have learned of a kernel. `learner`: tells what this one has, when it is to be kept. */
  of(kernel: string, learner: () => LearnedOf): LearnedOf {
    this.learners.set(kernel, learner);
    this.saveSoon();
    return this.read().kernels[kernel]?.backends ?? {};
  }

  /** Measures the machine, if nobody has: in the background, a fraction of a millisecond at a time. Resolves when it is known. */
  measure(): Promise<void> {
    this.measures ??= this.machine.measured ? Promise.resolve() : this.measureNow();
    return this.measures;
  }

  private async measureNow(): Promise<void> {
    for (const steps = measuring(); ; ) {
      const step = steps.next();
      if (step.done === true) {
        this.measured = step.value;
        this.known = machineOf(step.value);
        return;
      }
      // A timer that keeps no process alive; between two of them whatever else there is to do is done.
      await new Promise(resolve => setTimeout(resolve, 1).unref());
    }
  }

  save(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    const before = parse(this.store.recall(this.name));
    const day = Math.floor(Date.now() / DAY);
    const own = [...this.learners].map(([kernel, learner]): [string, Entry] => [kernel, { day, backends: learner() }]).filter(([, { backends }]) => Object.keys(backends).length > 0);
    const measured = this.measured ?? before.measured;
    if (own.length === 0 && measured === before.measured) return;
    const others = Object.entries(before.kernels).filter(([kernel]) => !own.some(([name]) => name === kernel));
    const kernels = [...own, ...others].sort(([, one], [, other]) => other.day - one.day).slice(0, MOST_KERNELS);
    this.store.remember(this.name, JSON.stringify({ version: VERSION, measured, kernels: Object.fromEntries(kernels) }, (_, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(DIGITS)) : value)));
  }

  private saveSoon(): void {
    this.timer ??= setTimeout(() => this.save(), SAVED_AFTER).unref();
  }

  private read(): Kept {
    this.kept ??= parse(this.store.recall(this.name));
    return this.kept;
  }
}

const histories = new Map<string, History>();

/** That of the kernel cache in a folder, or in the usual one: one for all runtimes of this thread. It is kept when the process ends. */
export function historyIn(folder: string | undefined): History {
  if (histories.size === 0) process.once("exit", () => histories.forEach(history => history.save()));
  const cache = createDiskCache({ folder });
  const known = histories.get(cache.folder) ?? new History(cache);
  histories.set(cache.folder, known);
  return known;
}

const NOTHING: Kept = { measured: null, kernels: {} };

function parse(text: string | null): Kept {
  if (text === null) return NOTHING;
  try {
    const { version, measured, kernels } = JSON.parse(text) as { readonly version: unknown; readonly measured: Measured | null; readonly kernels: Record<string, Entry> };
    if (version !== VERSION) return NOTHING;
    const sound = Object.entries(kernels).map(([name, { day, backends }]): [string, Entry] => [name, { day: Number(day) || 0, backends: soundOf(backends) }]);
    return { measured: measured !== null && measured.compute > 0 && measured.memory > 0 ? measured : null, kernels: Object.fromEntries(sound) };
  } catch {
    return NOTHING;
  }
}

const isList = (list: unknown, length: number): boolean => Array.isArray(list) && list.length === length && list.every(Number.isFinite);
const soundOf = (backends: LearnedOf): LearnedOf =>
  Object.fromEntries(Object.entries(backends).filter(([, { runs, spread, seen }]) => isList([runs, spread], 2) && isList(seen, 2 * CLASSES)));
