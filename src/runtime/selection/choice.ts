/**
 * Which backend runs a kernel of a length, learned from runs. Of each class of sizes (powers of two) the choice stands until the next run
 * that is timed; the gaps between those double until timing costs next to nothing. Every now and then a backend that may be better than it
 * is thought to be is tried for some runs: as long as what such trials have cost is a small share of all the time that the kernel took.
 */
import type { BackendName } from "../../backends/backend.js";
import { CLASSES, classOf, type Estimate } from "./estimate.js";

export interface Limits {
  /** What trials may cost, as a share of the kernel's whole time; and so many microseconds to begin with. */
  readonly share: number;
  readonly allowance: number;
  /** A backend that should take so many times as long as the best is never tried. */
  readonly absurd: number;
}

export const LIMITS: Limits = { share: 0.02, allowance: 100, absurd: 100 };

/** Timed runs are about so many microseconds apart, in which what timing and learning cost is lost; and never more than so many runs. */
const APART = 400;
const MOST_RUNS = 1024;
/** Another backend must be so much better than the one in use: choices that are as good as one another do not take turns. */
const BETTER = 0.95;
/** A trial is this many runs at first, twice as many the next time: an engine that optimises what runs often takes long to show what it can do. */
const FIRST_TRIAL = 8;
const LONGEST_TRIAL = 512;
/** No trial of more than one run takes longer than so many microseconds. */
const TRIAL_TIME = 2000;
/** How much better than expected a backend may turn out, for each doubt: a model without any run may be off by a factor of ten. */
const HOPE = 1.8;
/** With each timed run what is known of the backends that did not run is worth a little less. */
const FADES = 0.985;

/** What is tried at the moment, instead of the best. */
interface Trial {
  /** By its place. */
  readonly best: number;
  readonly runs: number;
  /** Microseconds of its first run; null before that. */
  first: number | null;
}

class SizeClass {
  /** What runs, by its place among the backends; -1 before anything was chosen. */
  at = -1;
  /** So many more runs until the next that is timed. */
  left = 0;
  /** How far the timed runs are apart. */
  gap = 1;
  trial: Trial | null = null;
}

/** What is known of one kernel. */
export interface Known {
  readonly estimates: Map<BackendName, Estimate>;
  /** Microseconds that its runs took, and what of that trials have cost. */
  total: number;
  spent: number;
  /** How many trials there were. */
  readonly trials: Map<BackendName, number>;
  /** Backends that have run it in this process: what runs for the first time is slow. */
  readonly warm: Set<BackendName>;
}

export const newKnown = (estimates = new Map<BackendName, Estimate>()): Known => ({ estimates, total: 0, spent: 0, trials: new Map(), warm: new Set() });

/** The choices for one kernel between these backends. */
export class Choices {
  private readonly classes: readonly SizeClass[] = Array.from({ length: CLASSES }, () => new SizeClass());

  constructor(
    private readonly known: Known,
    private readonly backends: readonly BackendName[],
    private readonly limits: Limits = LIMITS,
  ) {}

  /** What runs so many elements now, by its place among the backends; -1 if this run is to be timed: see `timed`. */
  next(length: number): number {
    const size = this.classes[classOf(length)] as SizeClass;
    if (size.left === 0) return -1;
    size.left -= 1;
    return size.at;
  }

  /** What is to run and to be timed, by its place. */
  timed(length: number): number {
    const size = this.classes[classOf(length)] as SizeClass;
    if (size.at < 0) size.at = this.best(length, -1);
    return size.at;
  }

  /** The best as far as is known. `stays`: what has to be beaten. */
  private best(length: number, stays: number): number {
    let [best, least] = [stays, stays < 0 ? Infinity : this.time(stays, length) * BETTER];
    for (let at = 0; at < this.backends.length; at += 1) {
      const time = this.time(at, length);
      if (at !== stays && time < least) [best, least] = [at, time];
    }
    return best;
  }

  /** A run that was to be timed took so many microseconds. */
  ran(length: number, backend: BackendName, time: number): void {
    const size = this.classes[classOf(length)] as SizeClass;
    // Another backend had to stand in for it.
    if (backend !== this.backends[size.at]) size.left = 0;
    else if (size.trial === null) this.used(size, length, time);
    else this.tried(size, size.trial, length, time);
  }

  private used(size: SizeClass, length: number, time: number): void {
    const { known } = this;
    known.total += size.gap * time;
    this.learn(size.at, length, time);
    const backend = this.backends[size.at];
    for (const [other, estimate] of known.estimates) if (other !== backend) estimate.fade(FADES);
    size.at = this.best(length, size.at);
    size.gap = Math.min(size.gap * 2, Math.max(1, Math.min(MOST_RUNS, Math.floor(APART / time))));
    size.left = size.gap - 1;
    const trial = this.worthTrying(length, size.at);
    if (trial === null) return;
    size.trial = { best: size.at, runs: trial.runs, first: null };
    size.at = trial.at;
    size.left = 0;
  }

  private tried(size: SizeClass, trial: Trial, length: number, time: number): void {
    const { known } = this;
    const expected = this.time(trial.best, length);
    const { first } = trial;
    const ends = first !== null || trial.runs === 1 || time > expected * this.limits.absurd;
    const runs = first === null ? 1 : trial.runs - 1;
    // Those in between were not timed: they got quicker from the first to the last.
    const each = first === null ? time : (first + time) / 2;
    known.total += runs * each;
    known.spent += runs * Math.max(0, each - expected);
    if (ends) {
      this.learn(size.at, length, time);
      size.trial = null;
      size.at = this.best(length, trial.best);
      size.left = size.gap - 1;
    } else {
      trial.first = time;
      size.left = trial.runs - 2;
    }
  }

  /** The backend that is most likely to be better than the best, if trying is worth what it may cost. */
  private worthTrying(length: number, best: number): { readonly at: number; readonly runs: number } | null {
    const { known, limits, backends } = this;
    const least = this.time(best, length);
    let found: { readonly at: number; readonly runs: number; readonly hope: number } | null = null;
    for (const [at, backend] of backends.entries()) {
      const estimate = known.estimates.get(backend);
      if (at === best || estimate === undefined) continue;
      const time = estimate.at(length);
      const hope = time * Math.exp(-HOPE * estimate.doubtAt(length));
      if (time > least * limits.absurd || hope >= least * BETTER || (found !== null && hope >= found.hope)) continue;
      const longest = Math.min(LONGEST_TRIAL, FIRST_TRIAL * 2 ** (known.trials.get(backend) ?? 0));
      const runs = Math.max(1, Math.min(longest, Math.floor(TRIAL_TIME / time)));
      const cost = runs * Math.max(0, time - least);
      if (known.spent + cost <= limits.allowance + limits.share * known.total) found = { at, runs, hope };
    }
    if (found !== null) this.countTrial(backends[found.at] as BackendName);
    return found;
  }

  private countTrial(backend: BackendName): void {
    const { trials } = this.known;
    trials.set(backend, (trials.get(backend) ?? 0) + 1);
  }

  private learn(at: number, length: number, time: number): void {
    const { estimates, warm } = this.known;
    const backend = this.backends[at] as BackendName;
    if (warm.has(backend)) estimates.get(backend)?.learn(length, time);
    warm.add(backend);
  }

  private time(at: number, length: number): number {
    return this.known.estimates.get(this.backends[at] as BackendName)?.at(length) ?? Infinity;
  }
}
