/** Fair timing: contenders take turns, so that whatever disturbs the machine disturbs all of them. */

export interface Contender {
  readonly name: string;
  run(): unknown;
}

export interface Timing {
  /** Seconds for one call. */
  readonly median: number;
  readonly least: number;
  readonly samples: number;
  /** Calls in each sample. */
  readonly calls: number;
}

export interface RaceOptions {
  readonly rounds: number;
  /** A sample takes at least this many seconds: as many calls as that needs. */
  readonly sample: number;
  /** Every contender runs at least this many seconds before it is timed, so that the engine has optimised it. */
  readonly warmUp: number;
}

/** Quick contenders are sampled more often: up to this often in a round, while that takes no more than so many seconds. */
const MOST_TURNS = 5;
const ROUND = 0.05;

/** Keeps results alive, so that no engine can leave the work undone. */
let last: unknown;
export const lastResult = (): unknown => last;

function sample(run: () => unknown, calls: number): number {
  const start = process.hrtime.bigint();
  for (let call = 0; call < calls; call += 1) last = run();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

export function race(contenders: readonly Contender[], options: RaceOptions): ReadonlyMap<string, Timing> {
  const lanes = contenders.map(({ name, run }) => ({ name, run, ...warmedUp(run, options), times: [] as number[] }));
  let before = 0;
  for (let round = 0; round < options.rounds; round += 1) {
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      // Everyone comes after everyone else at times.
      for (let place = 0; place < lanes.length; place += 1) {
        const { run, calls, turns, times } = lanes[(place + round) % lanes.length] as (typeof lanes)[number];
        if (turn >= turns) continue;
        // What one contender leaves behind is not collected in another's time, nor written back from the caches.
        last = undefined;
        if (calls === 1) {
          collect(before);
          readMuch();
        }
        before = sample(run, calls);
        times.push(before / calls);
      }
    }
  }
  return new Map(lanes.map(({ name, calls, times }) => [name, { median: median(times), least: Math.min(...times), samples: times.length, calls }]));
}

const clock = new Int32Array(new SharedArrayBuffer(4));

/** Collects garbage, and waits for the threads that give its memory back: a run of some seconds may leave a lot of it. */
function collect(seconds: number): void {
  globalThis.gc?.();
  Atomics.wait(clock, 0, 0, Math.min(100, 2 + seconds * 100));
}

/** More than caches hold. */
let much: Float64Array | null = null;

/** Whoever comes after a loop that stored plainly would wait until the caches have written all that back: a quarter of a scan's time. */
function readMuch(): void {
  much ??= new Float64Array(1 << 23).fill(1);
  let sum = 0;
  for (let at = 0; at < much.length; at += 8) sum += much[at] as number;
  last = sum;
}

/** Runs until the engine has settled; gives how many calls make up a sample, and how many samples are taken in a round. */
function warmedUp(run: () => unknown, { sample: wanted, warmUp }: RaceOptions): { readonly calls: number; readonly turns: number } {
  let calls = 1;
  let time = sample(run, 1);
  let total = time;
  while (total < warmUp || time < wanted) {
    if (time < wanted) calls = Math.max(calls + 1, Math.min(calls * 8, Math.ceil((calls * wanted * 1.1) / Math.max(time, 1e-9))));
    time = sample(run, calls);
    total += time;
  }
  return { calls, turns: Math.max(1, Math.min(MOST_TURNS, Math.floor(ROUND / time))) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1];
  const high = sorted[sorted.length >> 1];
  if (low === undefined || high === undefined) throw new RangeError("no values, no median");
  return (low + high) / 2;
}
