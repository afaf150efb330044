/**
 * What has been learned of one kernel on one backend: by which factor its times are off the model's curve, as a function of the length.
 *
 * For each class of lengths (powers of two) the logarithm of that factor is tracked by least squares with forgetting; between classes it
 * is taken to wander (a random walk), and far from all that was seen it goes back to the model. So a class that is run again and again
 * says much of itself, something of its neighbours, and nothing wrong of lengths a thousand times as large. Fitting the terms of the
 * curve instead, which was tried, mends one end of it by bending the other.
 */
import { timeAt, type Curve } from "./model.js";

/** Of what is known of a class so much is kept when it is run again: newer runs count for more. */
const KEPT = 0.95;
/** All of these are of logarithms, one standard deviation: of a run from the truth, of a class from the next, of the truth from the model. */
const NOISE = 0.2;
const WANDERS = 0.7;
const DOUBT = 1.2;
/** A run that took longer than so many times what was expected is taken for a pause of the machine's, and counts as this. */
const MOST_OFF = Math.log(3);
/** Others' work only ever makes a run slower: one that took longer than expected counts for so much of one that did not. */
const SLOWER = 0.35;
/** Runs that are off by more than this, all in one direction, are no accident: what was known of such lengths is worth little from then on. Pauses come in bursts. */
const DRIFT = Math.log(1.6);
const IN_A_ROW = { quicker: 3, slower: 5 };
const KEPT_AFTER_DRIFT = 0.02;
/** How far off runs are is itself learned: what scatters is doubted. */
const SPREAD_KEPT = 0.8;
const MOST_NOISE = 0.5;
/** Microseconds: no clock is so fine. */
const LEAST = 1e-4;

export const CLASSES = 34;
export const classOf = (length: number): number => 32 - Math.clz32(Math.min(length, 2 ** 31));

export interface Learned {
  readonly runs: number;
  readonly spread: number;
  /** For each class how many runs count, and the logarithm of the factor; in turns. */
  readonly seen: readonly number[];
}

export class Estimate {
  /** How many runs it was made of. */
  runs: number;
  private readonly seen: number[];
  /** By how much runs were off lately. */
  private spread: number;
  /** How many of the last runs of each class were off, all by too much (positive) or too little. */
  private readonly off = new Int8Array(CLASSES);

  constructor(
    readonly curve: Curve,
    learned?: Learned,
  ) {
    this.runs = learned?.runs ?? 0;
    this.spread = learned?.spread ?? NOISE;
    this.seen = [...(learned?.seen ?? new Array<number>(2 * CLASSES).fill(0))];
  }

  /** Microseconds of a run. */
  at(length: number): number {
    return Math.max(LEAST, timeAt(this.curve, length)) * Math.exp(this.belief(classOf(length)).off);
  }

  /** The logarithm of the factor by which that may be wrong: one standard deviation. */
  doubtAt(length: number): number {
    return this.belief(classOf(length)).doubt;
  }

  /** A run of so many elements took so many microseconds. */
  learn(length: number, time: number): void {
    const at = classOf(length);
    const error = Math.log(Math.max(time, LEAST) / this.at(length));
    this.spread = SPREAD_KEPT * this.spread + (1 - SPREAD_KEPT) * Math.min(MOST_OFF, Math.abs(error));
    const direction = error > DRIFT ? 1 : error < -DRIFT ? -1 : 0;
    const before = this.off[at] as number;
    const off = direction === 0 ? 0 : Math.sign(before) === direction ? before + direction : direction;
    const drifts = off >= IN_A_ROW.slower || off <= -IN_A_ROW.quicker;
    this.off[at] = drifts ? 0 : off;
    const taken = this.belief(at).off + (drifts ? error : Math.min(MOST_OFF, Math.max(-MOST_OFF, error)));
    const kept = this.weight(at) * (drifts ? KEPT_AFTER_DRIFT : KEPT);
    const counts = error > 0 && !drifts ? SLOWER : 1;
    const factor = (kept * this.factor(at) + counts * taken) / (kept + counts);
    this.seen[2 * at] = kept + counts;
    this.seen[2 * at + 1] = factor;
    this.runs += 1;
  }

  /** What is known is worth this share of what it was: time has passed, in which the machine may have changed. It is still the best guess. */
  fade(share: number): void {
    for (let at = 0; at < CLASSES; at += 1) this.seen[2 * at] = this.weight(at) * share;
  }

  /** To be kept. */
  get learned(): Learned {
    return { runs: this.runs, spread: this.spread, seen: this.seen };
  }

  private weight(at: number): number {
    return this.seen[2 * at] as number;
  }

  private factor(at: number): number {
    return this.seen[2 * at + 1] as number;
  }

  /** What this class, the nearest that were seen on either side of it, and the model say, each as far as it can know. */
  private belief(at: number): { readonly off: number; readonly doubt: number } {
    const noise = Math.min(MOST_NOISE, Math.max(NOISE, this.spread)) ** 2;
    let [sum, certainty] = [0, 1 / DOUBT ** 2];
    const hear = (one: number): boolean => {
      if (!(one >= 0 && one < CLASSES) || this.weight(one) < 1e-3) return false;
      const says = 1 / (noise / this.weight(one) + WANDERS ** 2 * Math.abs(one - at));
      sum += says * this.factor(one);
      certainty += says;
      return true;
    };
    hear(at);
    for (let one = at - 1; one >= 0 && !hear(one); one -= 1);
    for (let one = at + 1; one < CLASSES && !hear(one); one += 1);
    return { off: sum / certainty, doubt: 1 / Math.sqrt(certainty) };
  }
}
