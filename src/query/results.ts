/** The results of queries as buffers. */
import { QueryError, withArticle } from "../../fusion/errors.js";
import { Buffer, bufferOver, wholeOf } from "../memory/buffer.js";
import { storageOf, type Storage } from "../memory/storage.js";
import { succeeded } from "../runtime/progress.js";
import type { RuntimeCore } from "../runtime/runtime.js";
import { ELEMENTS } from "../../fusion/types.js";
import { checkRunOptions } from "./arguments.js";
import type { BoundTerminal } from "./bound.js";
import { describe } from "./given.js";
import { deliver } from "./into.js";
import { copiedOut, runAsync, runNow, type Outcome } from "./run.js";
import type { RunOptions } from "./types.js";

interface Options extends RunOptions {
  readonly into?: Buffer | undefined;
}

export function bufferNow(bound: BoundTerminal, options: object): Buffer {
  const { into } = checked(bound, options, "toBuffer");
  return given(bound, runNow(bound, null, null, "stay"), into);
}

export async function bufferLater(bound: BoundTerminal, options: object): Promise<Buffer> {
  const { into, signal } = checked(bound, options, "toBufferAsync");
  return succeeded(given(bound, await runAsync(bound, null, signal, null, "stay"), into), signal);
}

function checked({ query }: BoundTerminal, options: object, verb: "toBuffer" | "toBufferAsync"): Options {
  if (query.shape.element === "string") throw new QueryError("DC306", `${verb}() gives a buffer of numbers, and these are strings`, "Collect them with toArray().");
  const given = checkRunOptions<Options>(options, verb);
  const { into } = given;
  if (into === undefined) return given;
  if (!(into instanceof Buffer)) throw new QueryError("DC304", `into is ${describe(into)}, not a buffer`, "Give one, { into: buffer(Float64Array, 1000) }, or write into an array: toArray({ into: array }).");
  into.check();
  if (into.storage.element !== query.shape.element) throw new QueryError("DC304", `into is a buffer for ${ELEMENTS[into.storage.element].array}, but the results are ${withArticle(ELEMENTS[query.shape.element].array)}`, "Give a buffer of the results' type, or change that with .as(…).");
  return given;
}

/** A query gives arrays of its own, so a buffer may have them. */
const given = (bound: BoundTerminal, outcome: Outcome, into: Buffer | undefined): Buffer => copiedOut(bound, outcome, () => copied(bound, outcome, into));

function copied({ query }: BoundTerminal, outcome: Outcome, into: Buffer | undefined): Buffer {
  const array = deliver(outcome);
  const there = storageOf(array);
  if (there !== null) return stayed(query.runtime, there, into);
  const whole = array.byteLength === array.buffer.byteLength ? array : array.slice();
  if (into === undefined) return bufferOver(query.runtime, whole);
  into.take(whole);
  return whole.length === into.length ? into : into.slice(0, whole.length);
}

/** What is still on the device. */
function stayed(owner: RuntimeCore, results: Storage, into: Buffer | undefined): Buffer {
  if (into === undefined) {
    results.belongTo(owner);
    return wholeOf(results);
  }
  try {
    into.takeFrom(results, owner);
  } finally {
    results.dispose();
  }
  return results.length === into.length ? into : into.slice(0, results.length);
}
