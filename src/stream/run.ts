/** Runs queries over sequences that come in pieces: each kernel piece by piece, each table from what the kernels before it stored. */
import { isOrdered } from "../../fusion/emit/js-state.js";
import { CompilerBug, QueryError } from "../../fusion/errors.js";
import type { ArrayParameter, Kernel } from "../../fusion/ir.js";
import { BASE, SINGLE, TABLE, type PlannedKernel } from "../../fusion/query.js";
import { BLOCK, type ScalarValue } from "../../fusion/types.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import { canShrink } from "../backends/arrays.js";
import type { KernelCall, KernelResult } from "../backends/backend.js";
import { bindArrays, bindingsOf, bindScalars, checkIntegral, type StageValues } from "../query/bind.js";
import { stageValues, type BoundTerminal } from "../query/bound.js";
import type { Binding } from "../query/terminal.js";
import { startKernel } from "../query/start.js";
import { reportOf } from "../runtime/progress.js";
import type { KernelSlot } from "../runtime/slot.js";
import { within } from "../runtime/watch.js";
import { moveLater } from "../table/move.js";
import type { Rows } from "../table/steps.js";
import type { Move } from "./gathered.js";
import { joinerOf } from "./joiner.js";
import { needsAll } from "./piecewise.js";
import { aligned, divided, partOf, PIECE, repieced, rowAt, withColumns, type Chunk, type Chunked } from "./pieces.js";
import { stepped, type Beside } from "./steps.js";

/** A run over pieces. */
interface Job {
  readonly bound: BoundTerminal;
  readonly kernels: readonly JobKernel[];
  readonly values: StageValues;
  readonly bases: Map<number, number>;
  readonly beside: Beside;
  readonly signal: AbortSignal | undefined;
  readonly move: Move;
}

/** A kernel of the run. */
interface JobKernel {
  readonly planned: PlannedKernel;
  readonly slot: KernelSlot;
  readonly binding: Binding;
}

function newJob(bound: BoundTerminal, beside: Beside, signal: AbortSignal | undefined): Job {
  const { query, node } = bound;
  const plan = node.plan();
  const slots = query.runtime.slots(node);
  // Memory that may be given back to the system while another thread reads it is copied first.
  const values = stageValues(bound).map(stage => stage.map(value => (elementTypeOf(value) !== undefined && canShrink(value as AnyTypedArray) ? (value as AnyTypedArray).slice() : value)));
  checkIntegral(plan, node, values);
  node.bindings ??= bindingsOf(node, plan);
  const kernels = plan.kernels.map((planned, at) => ({ planned, slot: slots[at] as KernelSlot, binding: (node.bindings as readonly Binding[])[at] as Binding }));
  const { mover } = query.runtime.tiers.mover(query.backend);
  const goOn = (): void => signal?.throwIfAborted();
  const { watch } = beside;
  const move: Move = watch === null ? step => moveLater(step, mover, goOn) : step => watch.phaseLater("move", () => moveLater(step, mover, goOn));
  return { bound, kernels, values, bases: new Map(), beside, signal, move };
}

/** A terminal's one value, of rows that come in chunks: the result that its kernel would give for all of them together. */
export async function reduceChunks(bound: BoundTerminal, chunks: Chunked, beside: Beside, signal: AbortSignal | undefined): Promise<KernelResult> {
  const job = newJob(bound, beside, signal);
  const last = job.kernels.at(-1) as JobKernel;
  const { kernel } = last.planned;
  const joiner = joinerOf(kernel, callOf(job, last, kernel, noRows(kernel), {}));
  let base = 0;
  for await (const piece of repieced(arriving(job, chunks, last.planned.table, true))) {
    const { carried } = joiner;
    const result = await runPiece(job, last, piece, { base, carried });
    if (joiner.add(result, base)) break;
    base += piece.length;
  }
  return joiner.result();
}

/** What an array terminal gives, in the pieces in which it comes. `merged`: in whole pieces; otherwise as soon as there is something. */
export async function* computeChunks(bound: BoundTerminal, chunks: Chunked, beside: Beside, merged: boolean, signal: AbortSignal | undefined): Chunked {
  const job = newJob(bound, beside, signal);
  const { table } = (job.kernels.at(-1) as JobKernel).planned;
  yield* computed(job, arriving(job, chunks, table, merged), table, merged, null);
}

/** What a kernel reads of nothing. */
const noRows = ({ arrays }: Kernel): Rows => ({ table: new Map(arrays.filter(isColumn).map(({ origin, element }) => [origin.name, newArray(element, 0)])), length: 0 });

const isColumn = ({ origin }: ArrayParameter): boolean => origin.stage === TABLE;

/** The rows of a table: of the first one chunks, of others what the kernels before have stored or found; and of them those that its steps let through. */
function arriving(job: Job, chunks: Chunked, table: number, merged: boolean): Chunked {
  const seeker = seekerOf(job, table - 1);
  let rows = table === 0 ? withColumns(chunks, columnsRead(job, 0)) : seeker === null ? computed(job, arriving(job, chunks, table - 1, merged), table - 1, merged, new Map()) : seeker.planned.seeks === "row" ? sought(job, arriving(job, chunks, table - 1, merged), seeker) : split(job, arriving(job, chunks, table - 1, merged), seeker);
  const { steps } = job.bound.node.plan();
  const { values, bases, beside, move } = job;
  for (const step of steps) if (step.table === table) rows = stepped(step, rows, { ...beside, values, bases, merged, move }, needsAll(step));
  return rows;
}

/** The kernel of a table that only looks for a place in it. */
const seekerOf = (job: Job, table: number): JobKernel | null => job.kernels.find(({ planned }) => planned.table === table && planned.seeks !== undefined) ?? null;

/** The columns that kernels read of a table; behind a search it is read again. */
function columnsRead(job: Job, table: number): readonly string[] {
  const kernels = job.kernels.filter(({ planned }) => planned.table === table).map(({ planned }) => planned.kernel);
  const moved = job.bound.node.plan().steps.some(step => step.table === table && (step.kind === "window" || step.kind === "chunk"));
  const own = kernels.flatMap(({ source, arrays }) => [...(source.kind === "array" || moved ? [SINGLE] : []), ...arrays.filter(isColumn).map(({ origin }) => origin.name)]);
  return seekerOf(job, table) === null ? own : [...own, ...columnsRead(job, table + 1)];
}

/** The row that a kernel looks for. */
async function* sought(job: Job, rows: Chunked, kernel: JobKernel): Chunked {
  const first = kernel.planned.kernel.sink.kind === "first";
  let base = 0;
  let found: Chunk | null = null;
  for await (const piece of repieced(rows)) {
    const { position } = await runPiece(job, kernel, piece, { base });
    if (position >= 0) found = rowAt(piece, position, base);
    if (first && found !== null) break;
    base += piece.length;
  }
  if (found !== null) yield found;
}

/** The rows before the one that a kernel looks for, or that one and all behind it. */
async function* split(job: Job, rows: Chunked, kernel: JobKernel): Chunked {
  const kept = job.bound.node.plan().steps.find(step => step.kind === "keep" && step.table === kernel.planned.table + 1);
  const before = kept?.kind === "keep" && kept.part === "before";
  let base = 0;
  let found = false;
  for await (const piece of repieced(rows)) {
    const position: number = found ? 0 : (await runPiece(job, kernel, piece, { base })).position;
    if (!found && position >= 0 && kept?.stages[0] !== undefined) job.bases.set(kept.stages[0], base + position);
    base += piece.length;
    found ||= position >= 0;
    const [from, to] = before ? [0, position < 0 ? piece.length : position] : [position < 0 ? piece.length : position, piece.length];
    if (from < to) yield partOf(piece, from, to);
    if (found && before) return;
  }
}

/** What the kernels of a table store. `outputs`: arrays to store it in, again and again; null for new ones each time. */
async function* computed(job: Job, rows: Chunked, table: number, merged: boolean, outputs: Map<JobKernel, AnyTypedArray> | null): Chunked {
  const kernels = job.kernels.filter(({ planned }) => planned.table === table);
  const carried = new Map<JobKernel, ScalarValue | undefined>();
  let base = 0;
  for await (const piece of seekerOf(job, table - 1)?.planned.seeks === "row" ? rows : merged ? repieced(rows) : inRows(kernels) ? aligned(rows, BLOCK) : divided(rows)) {
    base = piece.base ?? base;
    const stored = new Map<string, AnyTypedArray>();
    let length = 0;
    for (const kernel of kernels) {
      const result = await runPiece(job, kernel, piece, { base, carried: carried.get(kernel), output: outputs === null ? null : outputFor(outputs, kernel) });
      if (kernel.planned.kernel.sink.kind === "scan") carried.set(kernel, result.value);
      const arrays = result.outputs ?? (result.output === null ? [] : [result.output]);
      if (arrays.length === 0) throw new CompilerBug("a kernel before a barrier stored nothing");
      arrays.forEach((array, place) => stored.set(kernel.planned.columns?.[place] ?? SINGLE, array));
      length = arrays[0]?.length ?? 0;
    }
    base += piece.length;
    if (length > 0) yield { table: stored, length };
  }
}

/** Whether the results depend on where rows and blocks begin: those of scans in the canonical order. */
const inRows = (kernels: readonly JobKernel[]): boolean => kernels.some(({ planned }) => isOrdered(planned.kernel.sink));

/** Null for one that stores several arrays: they are new each time. */
function outputFor(outputs: Map<JobKernel, AnyTypedArray>, kernel: JobKernel): AnyTypedArray | null {
  const { sink } = kernel.planned.kernel;
  if (sink.kind === "several") return null;
  if (sink.kind !== "array" && sink.kind !== "scan") throw new CompilerBug("a kernel before a barrier stores nothing");
  let output = outputs.get(kernel);
  if (output === undefined) outputs.set(kernel, (output = newArray(sink.element, PIECE)));
  return output;
}

/** What a kernel is given besides the piece. */
interface Given {
  /** How many elements came before it. */
  readonly base?: number;
  readonly carried?: ScalarValue | undefined;
  readonly output?: AnyTypedArray | null;
}

async function runPiece(job: Job, kernel: JobKernel, piece: Rows, given: Given): Promise<KernelResult> {
  const { signal, beside: { watch } } = job;
  const { runtime, backend } = job.bound.query;
  const slot = given.carried === undefined ? kernel.slot : onwardSlot(job, kernel);
  const call = callOf(job, kernel, slot.kernel, piece, given);
  const chosen = await within(watch, () => runtime.tiers.chooseAsync(slot, piece.length, backend, signal));
  signal?.throwIfAborted();
  const result = await startKernel(runtime.tiers, slot, chosen, call, backend, signal, watch, kernel.slot.kernel);
  checkUnmoved(piece);
  // A stream counts its chunks itself.
  if (job.bound.query.source.kind !== "stream" && kernel === job.kernels[0]) reportOf(signal)?.advance(piece.length);
  return result;
}

/** What runs where there is a value to go on from. */
function onwardSlot({ bound: { node, query } }: Job, { planned, slot }: JobKernel): KernelSlot {
  const { kernel, onward } = planned;
  if (onward === undefined) return slot;
  const known = node.onward.get(kernel);
  if (known !== undefined) return known;
  const made = query.runtime.tiers.slot(onward);
  node.onward.set(kernel, made);
  return made;
}

function callOf({ values, bases, beside: { dictionary } }: Job, { binding }: JobKernel, { source, scalars, sink }: Kernel, { table, length }: Rows, { base = 0, carried, output = null }: Given): KernelCall {
  const given = bindScalars(binding, values, bases, dictionary);
  const bound = scalars.map(({ name, origin }, at) => {
    if (carried !== undefined && (sink.kind === "fold" || sink.kind === "scan") && name === sink.seed) return carried;
    return origin.stage === TABLE && origin.name === BASE ? base : (given[at] as ScalarValue);
  });
  return { source: source.kind === "array" ? (table.get(SINGLE) ?? null) : null, length, output, scalars: bound, arrays: bindArrays(binding, values, table, dictionary) };
}

/** A producer that takes a chunk's memory away while it is read spoils what is computed of it. */
function checkUnmoved({ table, length }: Rows): void {
  if ([...table.values()].every(array => array.length === length)) return;
  throw new QueryError("DC307", "a chunk was detached or has changed its length while the query ran", "Leave a chunk's buffer in place until the next chunk is asked for, or yield a copy.");
}
