/** The chunks of a stream, read one at a time, and the stream closed whatever happens. */
import type { Elements, TableOf, Stream } from "../query/types.js";
import type { Dictionary } from "../table/dictionary.js";
import type { Rows } from "../table/steps.js";
import { reportOf } from "../runtime/progress.js";
import { unlessAborted } from "../runtime/waiting.js";
import { openChunks, tableOfChunk, type ChunkIterator } from "./source.js";
import { StringReader } from "./strings.js";
import { nextTurn } from "../builtin.js";

/** How long chunks that are there at once may keep the calling thread before others have a turn, in milliseconds. */
const TURN = 8;

/**
 * Nothing is read until the first chunk is asked for, and none before the one before has been done with: a producer may use the same
 * memory for all of them. A chunk is valid until the next is asked for. Strings have the codes of the dictionary.
 */
export async function* chunksOf(stream: Stream<Elements | TableOf>, dictionary: Dictionary, signal: AbortSignal | undefined): AsyncGenerator<Rows, void, undefined> {
  signal?.throwIfAborted();
  const iterator = openChunks(stream);
  const strings = new StringReader(dictionary);
  const report = reportOf(signal);
  /** What is to be told to the iterator in the end: nothing where it has ended by itself, or has failed. */
  let state: "asked" | "idle" | "over" = "idle";
  let turn = performance.now();
  try {
    for (let number = 0; ; number += 1) {
      signal?.throwIfAborted();
      state = "asked";
      const next = await unlessAborted(nextChunk(iterator, () => (state = "over")), signal);
      if (next.done === true) return;
      state = "idle";
      const rows = tableOfChunk(next.value, number, stream.holds, strings);
      yield rows;
      report?.advance(rows.length);
      if (performance.now() - turn < TURN) continue;
      await nextTurn();
      turn = performance.now();
    }
  } catch (error) {
    // What closing has to say counts for less than what happened before.
    await closed(iterator, stream, state, signal).catch(() => undefined);
    state = "over";
    throw error;
  } finally {
    await closed(iterator, stream, state, signal);
  }
}

async function nextChunk(iterator: ChunkIterator, over: () => void): Promise<IteratorResult<unknown, unknown>> {
  try {
    const next = await iterator.next();
    if (next.done === true) over();
    // Iterables that are not async may hold promises.
    return next.done === true ? next : { done: false, value: await next.value };
  } catch (error) {
    over();
    throw error;
  }
}

/** Tells the producer that no more is wanted. It is waited for, unless the run was aborted: it may hang. */
async function closed(iterator: ChunkIterator, { chunks }: Stream<Elements | TableOf>, state: "asked" | "idle" | "over", signal: AbortSignal | undefined): Promise<void> {
  if (state === "over") return;
  // An iterator that has been asked for a chunk hears of nothing else before it has one; a Readable can be told.
  if (state === "asked" && "destroy" in chunks && typeof chunks.destroy === "function") (chunks as { destroy(): void }).destroy();
  const closing = Promise.resolve(iterator.return?.());
  if (signal?.aborted === true) closing.catch(() => undefined);
  else await closing;
}
