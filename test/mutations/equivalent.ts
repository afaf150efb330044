/** Mutants that no test can notice, and why: they change no result. Those that match no mutant any more are errors. */

export interface Equivalent {
  readonly rule: string;
  readonly file: string;
  /** The line of the source, without its indentation. */
  readonly line: string;
  /** Where only some mutants of such lines are meant: a part of the mutated line, or the line above. */
  readonly becomes?: string;
  readonly below?: string;
  readonly reason: string;
}

export const EQUIVALENT: readonly Equivalent[] = [
  {
    rule: "goes on although halted",
    file: "native/rt/lane.cuh",
    line: "halted = true;",
    below: "atomicMin(&state->failed, place);",
    reason: "places of a thread ascend: whatever it does behind its first failure is never looked at, and loops end by `decided`",
  },
  { rule: "any lane", file: "native/rt/map.cuh", line: "if (lane == 0) (totals != nullptr ? totals[tile] : state->count) = before;", reason: "all lanes hold the same sum, and store it" },
  {
    rule: "any lane",
    file: "native/rt/reduce.cuh",
    line: "if (lane % (2 * step) == 0 && lane + step < size) value = join(value, next);",
    becomes: "== 0 && true",
    reason: "lanes behind the last hold an exact identity or no value: joining them changes nothing",
  },
  { rule: "any lane", file: "native/rt/scan.cuh", line: "if (lane == 0) state->value = bits_of(before);", reason: "all lanes hold the same value, and store it" },
  { rule: "a lane's own vote", file: "native/rt/search.cuh", line: "return !__any_sync(EVERY_LANE, found != NOWHERE || lane.halted || seen->position < at || seen->failed < at);", reason: "it leaves work out: lanes that go on find elements behind the first" },
  { rule: "any lane", file: "native/rt/search.cuh", line: "if (lane_id() == 0 && found != NOWHERE) atomicMin(&state->position, found);", reason: "the other lanes name places that they have seen, none before the first" },
  { rule: "any lane", file: "native/rt/search.cuh", line: "if (lane_id() == 0 && behind != 0) atomicMax((i64*)&state->position, i64(behind - 1));", reason: "the other lanes name places that they have seen, none behind the last" },
  ...[
    "yield transfers.synchronise(lane.arrivals);",
    "yield transfers.synchronise(lane.departures);",
    "if (harvest !== null && room.whole !== null && count > 0) yield this.transfers.read(this.lane.work, room.whole, harvest.next(count));",
  ].map(line => ({ rule: "does not wait for what a step asks for", file: "src/backends/cuda/run.ts", line, reason: "these are the last commands of a run, which waits for all of them in the end" })),
  {
    rule: "no wait, record, synchronisation or stop",
    file: "src/backends/cuda/run.ts",
    line: "for (const stream of streamsOf(lane)) quietly(() => stream.synchronise());",
    reason: "commands that are given to be run now throw at once: nothing is left to be heard of, and the loop behind this one waits",
  },
  {
    rule: "half a fill of the state",
    file: "fusion/emit/cuda-plan.ts",
    line: "export const COUNT_ANEW: Fill = { offset: 16, bytes: 8, value: 0 };",
    becomes: "offset: 16, bytes: 4",
    reason: "the upper half of a count is 0 below 2^32 elements, which no chunk of a test has",
  },
];
