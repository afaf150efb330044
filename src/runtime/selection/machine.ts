/** What this machine can do, compared with the one whose times are written down in model.ts. Measured once, and kept beside the kernels. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { sha256 } from "../../cache/digest.js";
import { os } from "../../builtin.js";

export interface Machine {
  /** How many times as long as there plain computing takes. */
  readonly compute: number;
  /** How many times as long moving memory takes. */
  readonly memory: number;
  /** Bytes of the last cache: beyond it memory sets the pace. */
  readonly cache: number;
  /** Whether this was measured here; otherwise it is what is taken for granted. */
  readonly measured: boolean;
}

export type Measured = Pick<Machine, "compute" | "memory">;

/** Nanoseconds on the reference machine: of one turn of `adding`, and of copying one byte. */
const REFERENCE = { turn: 0.85, byte: 0.045 };

const COUNT = 4096;
const BYTES = 4 * 2 ** 20;
/** The best of so many counts: other processes only make it slower. */
const TRIES = 12;
/** No machine is further from the reference: a measurement beyond that was disturbed. */
const MOST_OFF = 50;

const within = (factor: number): number => Math.min(MOST_OFF, Math.max(1 / MOST_OFF, factor));

function adding(values: Float64Array): number {
  let sum = 0;
  for (let at = 0; at < values.length; at += 1) sum += (values[at] as number) * 1.5;
  return sum;
}

/** Measures in steps of a fraction of a millisecond, so that whoever takes them can do other things in between; about 10 ms in all. */
export function* measuring(now: () => number = () => performance.now()): Generator<void, Measured> {
  const least = { turn: Infinity, byte: Infinity };
  const time = (work: () => void): number => {
    const begin = now();
    work();
    return (now() - begin) * 1e6;
  };
  const values = new Float64Array(COUNT).fill(0.5);
  let sink = 0;
  for (let at = 0; at < TRIES * 4; at += 1) {
    // Several at once: a clock may be no finer than what one takes.
    least.turn = Math.min(least.turn, time(() => { for (let again = 0; again < 8; again += 1) sink += adding(values); }) / (8 * COUNT));
    yield;
  }
  const memory = new Uint8Array(2 * BYTES);
  const piece = BYTES / 16;
  for (let at = 0; at < TRIES * 16; at += 1) {
    const from = (at % 16) * piece;
    const taken = time(() => void memory.copyWithin(BYTES + from, from, from + piece)) / piece;
    // The first round is the system's, which makes the pages.
    if (at >= 16) least.byte = Math.min(least.byte, taken);
    yield;
  }
  return { compute: within(Number.isNaN(sink) ? 1 : least.turn / REFERENCE.turn), memory: within(least.byte / REFERENCE.byte) };
}

/** Bytes of the last cache, where the system tells; else what most machines have at least. */
function cacheBytes(): number {
  for (let level = 4; level >= 1; level -= 1) {
    try {
      const [, size, unit] = /^(\d+)([KM])/.exec(readFileSync(`/sys/devices/system/cpu/cpu0/cache/index${level}/size`, "utf8")) ?? [];
      if (size !== undefined) return Number(size) * (unit === "K" ? 2 ** 10 : 2 ** 20);
    } catch {
      // No such level, or another system.
    }
  }
  return 8 * 2 ** 20;
}

export const machineOf = (measured: Measured | null): Machine => ({ compute: measured?.compute ?? 1, memory: measured?.memory ?? 1, cache: cacheBytes(), measured: measured !== null });

/** What is learned on one machine is of no use on another: a name for processor, system and engine. */
export function fingerprint(): string {
  const facts = [os().platform(), os().arch(), os().availableParallelism(), Math.round(os().totalmem() / 2 ** 30), process.versions.node.split(".", 1)[0], processorOf()];
  return sha256(JSON.stringify(facts)).slice(0, 16);
}

/** os().cpus() would ask each processor for its times. */
function processorOf(): string {
  try {
    const file = openSync("/proc/cpuinfo", "r");
    try {
      const bytes = Buffer.alloc(1024);
      return /model name\s*:\s*(.*)/.exec(bytes.toString("latin1", 0, readSync(file, bytes)))?.[1] ?? "";
    } finally {
      closeSync(file);
    }
  } catch {
    return os().cpus()[0]?.model ?? "";
  }
}
