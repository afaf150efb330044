/** Fair timing: contenders take turns, so that whatever disturbs the machine disturbs all of them. */

export interface Contender {
  readonly name: string;
  run(): unknown;
}

export interface Timing {
  /** Seconds for one call. */
  readonly median: number;
  readonly least: number;
  readonly rounds: number;
  /** Calls in each round. */
  readonly calls: number;
}

export interface RaceOptions {
  readonly rounds: number;
  /** A sample takes at least this many seconds: as many calls as that needs. */
  readonly sample: number;
  /** Every contender runs at least this many seconds before it is timed, so that the engine has optimised it. */
  readonly warmUp: number;
}

/** Keeps results alive, so that no engine can leave the work undone. */
let last: unknown;
export const lastResult = (): unknown => last;

function sample(run: () => unknown, calls: number): number {
  const start = process.hrtime.bigint();
  for (let call = 0; call < calls; call += 1) last = run();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

export function race(contenders: readonly Contender[], options: RaceOptions): ReadonlyMap<string, Timing> {
  const calls = contenders.map(({ run }) => warmedUp(run, options));
  const times = contenders.map((): number[] => []);
  for (let round = 0; round < options.rounds; round += 1) {
    for (const [place, { run }] of contenders.entries()) {
      const count = calls[place] as number;
      // What one contender leaves behind is not collected in another's time.
      last = undefined;
      if (count === 1) globalThis.gc?.();
      (times[place] as number[]).push(sample(run, count) / count);
    }
  }
  return new Map(
    contenders.map(({ name }, place) => {
      const samples = times[place] as number[];
      return [name, { median: median(samples), least: Math.min(...samples), rounds: options.rounds, calls: calls[place] as number }];
    }),
  );
}

/** Runs until the engine has settled; gives how many calls make up a sample. */
function warmedUp(run: () => unknown, { sample: wanted, warmUp }: RaceOptions): number {
  let calls = 1;
  let time = sample(run, 1);
  let total = time;
  while (total < warmUp || time < wanted) {
    if (time < wanted) calls = Math.max(calls + 1, Math.min(calls * 8, Math.ceil((calls * wanted * 1.1) / Math.max(time, 1e-9))));
    time = sample(run, calls);
    total += time;
  }
  return calls;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1];
  const high = sorted[sorted.length >> 1];
  if (low === undefined || high === undefined) throw new RangeError("no values, no median");
  return (low + high) / 2;
}
