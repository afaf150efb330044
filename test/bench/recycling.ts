/** Measures what recycled memory saves: the same large result again and again, in new memory and in what was given back. */
import { memory, type createRuntime } from "dotcompute";
import { median } from "./measure.js";

/** Seconds of a query whose result has so many bytes. */
export interface Recycling {
  readonly bytes: number;
  readonly recycled: number;
  readonly fresh: number;
}

const ELEMENTS = 5e6;
const ROUNDS = 15;

export async function measureRecycling(runtime: ReturnType<typeof createRuntime>): Promise<Recycling> {
  const data = Float64Array.from({ length: ELEMENTS }, (_, i) => i % 1000);
  const query = () => runtime.compute(data).map(x => x * 0.5 + 1).toArray();
  const { limit } = memory.usage();
  const timed = (most: number): number => {
    memory.limit(most);
    const start = process.hrtime.bigint();
    const result = query();
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    memory.release(result);
    return seconds;
  };
  query();
  await runtime.settled();
  const [recycled, fresh]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    fresh.push(timed(0));
    timed(limit);
    recycled.push(timed(limit));
  }
  return { bytes: data.byteLength, recycled: median(recycled), fresh: median(fresh) };
}
