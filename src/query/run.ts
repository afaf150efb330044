/** Runs a bound terminal: kernels in order, each on the backend that its tier chooses; now, or off the main thread. */
import { CompilerBug, QueryError, withArticle } from "../../fusion/errors.js";
import type { ArrayParameter } from "../../fusion/ir.js";
import { calledOrigin } from "../../fusion/texts.js";
import { countsAll, isIdle, isReserved, SINGLE, type Plan, type PlannedKernel, type TableStep } from "../../fusion/query.js";
import type { ScalarValue } from "../../fusion/types.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import { canShrink } from "../backends/arrays.js";
import type { BackendName, KernelCall, KernelResult } from "../backends/backend.js";
import { deadlineOf } from "../runtime/deadline.js";
import { reportOf } from "../runtime/progress.js";
import type { KernelSlot } from "../runtime/slot.js";
import { Watch, within } from "../runtime/watch.js";
import { bindArrays, bindingsOf, bindScalars, checkIntegral, type StageValues } from "./bind.js";
import { overOf, stageValues, type BoundQuery, type BoundTerminal } from "./bound.js";
import { deviceUseOf, fetchLater, giveBack, isElsewhere, isLoss, standsFor, type DeviceUse, type Where } from "./residence.js";
import { prepareInto, type Destination } from "./into.js";
import { checkAttached, isGone } from "./given.js";
import { calledAs, isBound } from "./show.js";
import { dictionaryOf, readSource, sourceLength, type BoundSource } from "./source.js";
import { runHere, startKernel } from "./start.js";
import { notNow, runStream } from "../stream/results.js";
import { Dictionary } from "../table/dictionary.js";
import { readTable } from "../table/source.js";
import { around } from "../table/window.js";
import { moveLater, moveNow, type Mover, type Moving } from "../table/move.js";
import { scriptMover } from "../table/script.js";
import { applyStep, keptPlaces, placeOf, type Rows, type StepContext } from "../table/steps.js";
import { columnOf, type Table } from "../table/table.js";
import type { TerminalNode } from "./terminal.js";

/** What a run works with. */
interface Job {
  readonly plan: Plan;
  readonly slots: readonly KernelSlot[];
  readonly values: StageValues;
  readonly bases: Map<number, number>;
  readonly backend: BackendName | null;
  readonly destination: Destination | null;
  readonly context: StepContext;
  /** What moves rows between kernels. */
  readonly mover: Mover;
  /** What other queries have given already. */
  readonly others: Map<BoundQuery, Rows>;
  /** All strings that the run and those within it know. */
  readonly dictionary: Dictionary;
  source: AnyTypedArray | null;
  /** Columns, instead of a source. */
  table: Table | null;
  length: number;
  /** Null if nobody listens. */
  readonly watch: Watch | null;
  /** Whether there are steps to take. */
  readonly moves: boolean;
  /** Null for a run that knows nothing of devices. */
  readonly device: DeviceUse | null;
}

/** A terminal's raw result, and how many elements its last kernel was given. */
export interface Outcome {
  readonly result: KernelResult;
  /** What the last kernel stored, of a terminal that gives columns. */
  readonly columns: Table | null;
  readonly length: number;
  /** Where an array terminal was told to put its results. */
  readonly destination: Destination | null;
  /** The strings whose codes the results are. */
  readonly dictionary: Dictionary | null;
  /** Null if nobody listens. */
  readonly watch: Watch | null;
}

/** `dictionary`: that of the run that this one is part of. */
export function runNow(bound: BoundTerminal, into: AnyTypedArray | null, dictionary: Dictionary | null = null, where: Where = "device"): Outcome {
  if (bound.query.source.kind === "stream") throw notNow(bound);
  const watch = watchOf(bound);
  return watch === null ? runHereNow(bound, into, dictionary, where, null) : runWatched(bound, into, dictionary, where, watch);
}

/** Apart: a function that makes others takes memory for what they see, whether it makes them or not. */
const runWatched = (bound: BoundTerminal, into: AnyTypedArray | null, dictionary: Dictionary | null, where: Where, watch: Watch): Outcome => watch.now(() => runHereNow(bound, into, dictionary, where, watch));

/** What a caller gets of an outcome: a step of its own for whoever listens. */
export const copiedOut = <Of, Copy>(of: Of, outcome: Outcome, copy: (of: Of, outcome: Outcome) => Copy): Copy => (outcome.watch === null ? copy(of, outcome) : copiedWatched(of, outcome, copy, outcome.watch));

const copiedWatched = <Of, Copy>(of: Of, outcome: Outcome, copy: (of: Of, outcome: Outcome) => Copy, watch: Watch): Copy => watch.phase("copy out", () => copy(of, outcome));

function runHereNow(bound: BoundTerminal, into: AnyTypedArray | null, dictionary: Dictionary | null, where: Where, watch: Watch | null): Outcome {
  const job = newJob(bound, into, dictionary, where, watch);
  if (job.device === null) return runJob(bound, job);
  try {
    return runJob(bound, job);
  } catch (error) {
    if (!isLoss(error)) throw error;
    return runJob(bound, newJob(bound, into, dictionary, "host", watch));
  } finally {
    giveBack(job.device);
  }
}

function runJob(bound: BoundTerminal, job: Job): Outcome {
  if (job.moves) movedNow(job, takeSteps(job, 0));
  const { tiers } = bound.query.runtime;
  let result: KernelResult | null = null;
  for (let at = 0; at < job.slots.length; at += 1) {
    const slot = job.slots[at] as KernelSlot;
    if (result !== null) movedNow(job, follow(job, at, result));
    result = shortcut(job, at);
    result ??= runHere(tiers, slot, callOf(job, at, bound.node), job.backend, job.watch);
    noteBetween(job, at, result);
  }
  return outcome(job, result);
}

export function runAsync(bound: BoundTerminal, into: AnyTypedArray | null, signal: AbortSignal | undefined, dictionary: Dictionary | null = null, where: Where = "device"): Promise<Outcome> {
  const deadline = deadlineOf(signal);
  return deadline === null ? runWhenever(bound, into, signal, dictionary, where) : deadline.during(() => runWhenever(bound, into, signal, dictionary, where));
}

function runWhenever(bound: BoundTerminal, into: AnyTypedArray | null, signal: AbortSignal | undefined, dictionary: Dictionary | null, where: Where): Promise<Outcome> {
  const watch = watchOf(bound);
  return watch === null ? runLater(bound, into, signal, dictionary, where, null) : watch.later(() => runLater(bound, into, signal, dictionary, where, watch));
}

/** Of a run that begins; null if nobody listens. */
export function watchOf({ query: { runtime: { events } }, node }: BoundTerminal): Watch | null {
  return events.listening ? new Watch(events, calledAs(node)) : null;
}

/** As part of a run that has begun. */
export async function runLater(bound: BoundTerminal, into: AnyTypedArray | null, signal: AbortSignal | undefined, dictionary: Dictionary | null, where: Where, watch: Watch | null): Promise<Outcome> {
  signal?.throwIfAborted();
  if (bound.query.source.kind === "stream") {
    bound.node.plan();
    reportOf(signal)?.expectStream();
    const strings = new Dictionary();
    return runStream(bound, into, { others: await othersLater(bound, strings, signal, watch), dictionary: strings, watch }, signal);
  }
  const { queries } = bound.query.runtime;
  queries.begin();
  try {
    return await runArrays(bound, into, signal, dictionary, where, watch);
  } finally {
    queries.end();
  }
}

async function runArrays(bound: BoundTerminal, into: AnyTypedArray | null, signal: AbortSignal | undefined, dictionary: Dictionary | null, where: Where, watch: Watch | null): Promise<Outcome> {
  if (isElsewhere(bound.query.source)) await fetchLater(bound, where);
  const job = within(watch, () => newJob(bound, into, dictionary, where, watch));
  if (job.device === null) return runJobLater(bound, job, signal);
  try {
    return await runJobLater(bound, job, signal);
  } catch (error) {
    if (!isLoss(error)) throw error;
    return await runJobLater(bound, newJob(bound, into, dictionary, "host", watch), signal);
  } finally {
    giveBack(job.device);
  }
}

async function runJobLater(bound: BoundTerminal, job: Job, signal: AbortSignal | undefined): Promise<Outcome> {
  const given = job.source;
  // Memory that may be given back to the system while another thread reads it is copied first; so are all such columns at once,
  // for a later kernel must find the rows that the first one found.
  if (given !== null && canShrink(given)) job.source = given.slice();
  if (job.table !== null) job.table = new Map([...job.table].map(([name, array]) => [name, canShrink(array) ? array.slice() : array]));
  const goOn = (): void => {
    signal?.throwIfAborted();
    checkHere(job);
  };
  for (const query of (job.values.flat() as readonly unknown[]).filter(isBound)) {
    const over = overOf(query);
    const own = over === null ? query : onRows(query, job.others.get(over) as Rows, job.dictionary);
    job.others.set(query, await within(job.watch, () => rowsLater(own, job.dictionary, signal, standsFor(job.device))));
  }
  if (job.moves) await movedLater(job, takeSteps(job, 0), goOn);
  const source = job.source;
  const { tiers } = bound.query.runtime;
  const report = reportOf(signal);
  const weight = job.length;
  report?.expect(weight * job.slots.length);
  let result: KernelResult | null = null;
  for (let at = 0; at < job.slots.length; at += 1) {
    const slot = job.slots[at] as KernelSlot;
    if (result !== null) await movedLater(job, follow(job, at, result), goOn);
    signal?.throwIfAborted();
    result = shortcut(job, at);
    if (result !== null) {
      report?.advance(weight);
      continue;
    }
    const call = callOf(job, at, bound.node);
    const safe = call.arrays.some(canShrink) ? { ...call, arrays: call.arrays.map(array => (canShrink(array) ? array.slice() : array)) } : call;
    const chosen = await within(job.watch, () => tiers.chooseAsync(slot, job.length, job.backend, signal, safe.resident !== undefined));
    signal?.throwIfAborted();
    if (at === 0 && source !== null && given === source) checkUnmoved(source, job.length);
    for (const [place, array] of safe.arrays.entries()) checkAttached(array, arrayInWords(slot, place));
    if (safe.output !== null) checkAttached(safe.output, "into");
    report?.begin(weight);
    result = await startKernel(tiers, slot, chosen, safe, job.backend, signal, job.watch);
    report?.advance(weight);
    noteBetween(job, at, result);
  }
  if (source !== null && given === source && source === job.source) checkUnmoved(source, job.length);
  return outcome(job, result);
}

/** What is done between kernels, where anything is. */
function movedNow(job: Job, moving: Moving<void>): void {
  if (job.watch === null || !job.moves) moveNow(moving, job.mover);
  else job.watch.phase("move", () => moveNow(moving, job.mover));
}

function movedLater(job: Job, moving: Moving<void>, check: () => void): Promise<void> {
  const move = (): Promise<void> => moveLater(moving, job.mover, check);
  return job.watch === null || !job.moves ? move() : job.watch.phaseLater("move", move);
}

function arrayInWords({ kernel }: KernelSlot, place: number): string {
  const { origin, column } = kernel.arrays[place] as ArrayParameter;
  if (column === true && isReserved(origin.name)) return "the source";
  return column === true ? `the column ${origin.name}` : `the captured array ${calledOrigin(origin)}`;
}

function newJob(bound: BoundTerminal, into: AnyTypedArray | null, given: Dictionary | null, where: Where, watch: Watch | null): Job {
  const { query, node } = bound;
  const dictionary = given ?? new Dictionary(dictionaryOf(query.source));
  const plan = node.plan();
  const slots = query.runtime.slots(node);
  const values = stageValues(bound);
  if (plan.integral.length > 0) checkIntegral(plan, node, values);
  const device = deviceUseOf(query, plan, where);
  const owner = standsFor(device);
  const table = readTable(query.source, dictionary, owner);
  const source = table === null ? readSource(query.source, dictionary, owner) : null;
  const length = source === null ? sourceLength(query.source) : source.length;
  const destination = into === null ? null : prepareInto(into, plan, source === null ? [...(table?.values() ?? [])] : [source], length, values, query.runtime.tiers.mayStop(query.backend));
  const windows = source === null ? null : onlyWindows(plan);
  const moves = plan.steps.length > 0 && windows === null;
  const { bases, others, context, mover } = moves ? movingOf(query, values, dictionary, owner) : UNMOVED;
  // Every field by its name: to spread some of them takes the engine as long as half a small query.
  const job: Job = { plan, slots, values, bases, backend: query.backend, destination, context, mover, others, dictionary, source, table, length, watch, moves, device };
  if (windows !== null) lookAround(job, windows);
  return job;
}

type WindowStep = TableStep & { readonly kind: "window" };

/** The step of a plan whose kernels look for all they need in windows of the source: that is all it would do. */
function onlyWindows({ steps: [step, another] }: Plan): WindowStep | null {
  return step?.kind === "window" && !step.apart && step.table === 0 && another === undefined ? step : null;
}

function lookAround(job: Job, { offsets, edge, stages }: WindowStep): void {
  const rows = around(offsets, edge, job.source as AnyTypedArray, job.length, () => job.values[stages[0] as number]?.at(-1));
  job.source = null;
  job.table = rows.table;
  job.length = rows.length;
}

/** What only steps make use of. */
type MovingParts = Pick<Job, "bases" | "others" | "context" | "mover">;

function movingOf({ runtime, backend }: BoundQuery, values: StageValues, dictionary: Dictionary, owner: object | null): MovingParts {
  const others = new Map<BoundQuery, Rows>();
  return { bases: new Map(), others, context: contextOf(values, others, dictionary, owner), mover: runtime.tiers.mover(backend).mover };
}

function callOf(job: Job, at: number, node: TerminalNode): KernelCall {
  node.bindings ??= bindingsOf(node, job.plan);
  const binding = node.bindings[at];
  if (binding === undefined) throw new CompilerBug("a kernel has no binding");
  const last = at === job.slots.length - 1;
  const call = {
    // Where single values are among a table's columns, kernels read them as such.
    source: job.plan.kernels[at]?.kernel.source.kind === "array" ? job.source : null,
    length: job.length,
    output: last && job.destination !== null ? job.destination.direct : null,
    scalars: bindScalars(binding, job.values, job.bases, job.dictionary),
    arrays: bindArrays(binding, job.values, job.table, job.dictionary),
  };
  return job.device === null ? call : { ...call, resident: { owner: job.device.owner, keep: last ? job.device.keep : job.device.stands } };
}

/** What a kernel would store, where that is there already, or count, where that is known. */
function shortcut(job: Job, at: number): KernelResult | null {
  const planned = job.plan.kernels[at] as PlannedKernel;
  if (countsAll(planned)) return { count: job.length, position: -1, rank: 0, value: undefined, output: null };
  const wanted = at === job.slots.length - 1 && job.destination !== null && job.destination.direct !== null;
  if (!isIdle(planned) || wanted) return null;
  const output = planned.columns === null ? handedOn(job, planned, planned.takes?.[0] as string) : null;
  return { count: job.length, position: -1, rank: 0, value: undefined, output };
}

/** The array of a kernel's table, as long as the table. */
function handedOn({ source, table, length }: Job, { kernel }: PlannedKernel, name: string): AnyTypedArray {
  const array = name === SINGLE && kernel.source.kind === "array" && source !== null ? source : columnOf(table, name);
  if (array.length < length) throw hasMoved(array);
  return array.length === length ? array : array.subarray(0, length);
}

/** The kernel reads what the one before has stored. */
function* follow(job: Job, at: number, result: KernelResult): Moving<void> {
  const [before, now] = [job.plan.kernels[at - 1] as PlannedKernel, job.plan.kernels[at] as PlannedKernel];
  if (before.seeks !== undefined) {
    yield* takeSteps(job, now.table, result.position);
    return;
  }
  const columns = columnsOf(job, before, result);
  job.source = columns === null ? result.output : null;
  job.table = columns;
  const [array = null] = job.table?.values() ?? [job.source];
  if (array === null) throw new CompilerBug("a kernel before a barrier stored nothing");
  job.length = array.length;
  if (job.moves) yield* takeSteps(job, now.table);
}

/** What happens to a table before its kernels run. A sequence of single values is a table of one column. */
function* takeSteps(job: Job, table: number, found = -1): Moving<void> {
  const steps = job.plan.steps.filter(step => step.table === table);
  if (steps.length === 0) return;
  checkHere(job);
  let rows: Rows = { table: job.table ?? singles(job.source) ?? new Map<string, AnyTypedArray>(), length: job.length };
  for (const step of steps) {
    noteBase(job, step, rows.length, found);
    rows = yield* applyStep(step, rows, found, job.context);
  }
  job.length = rows.length;
  // Single values beside those of another query are a column like others.
  const ofArray = job.plan.kernels.some(planned => planned.table === table && planned.kernel.source.kind === "array");
  job.source = ofArray ? columnOf(rows.table, SINGLE) : null;
  job.table = rows.table;
}

/** How many rows a step leaves out at the beginning. */
function noteBase({ bases, values }: Job, step: TableStep, length: number, found: number): void {
  const [stage] = step.stages;
  if (stage === undefined) return;
  if (step.kind === "slice") bases.set(stage, placeOf((values[stage] as readonly [number, number])[0], length));
  if (step.kind === "keep") bases.set(stage, keptPlaces(step.part, found, length)[0]);
}

/** The arrays of the table at hand are still there. */
function checkHere({ table, source, length }: Job): void {
  if (source !== null && source.length < length) throw hasMoved(source);
  if (table !== null) for (const array of table.values()) if (array.length < length) throw hasMoved(array);
}

const unasked = (): never => {
  throw new CompilerBug("a query without steps asks for nothing");
};
const UNMOVED: MovingParts = { bases: new Map(), others: new Map(), context: { valuesOf: unasked, otherOf: unasked, keysOf: unasked, dictionary: new Dictionary() }, mover: scriptMover };

/** All that a query gives, now, on this thread; of a source alone its own arrays. */
export function rowsOf(query: BoundQuery, dictionary: Dictionary, owner: object | null = null): Rows {
  return sourceRows(query, dictionary, owner) ?? givenRows(runNow(collecting(query), null, dictionary));
}

/** The same, off the calling thread. Memory that may be given back to the system meanwhile is copied. */
export async function rowsLater(query: BoundQuery, dictionary: Dictionary, signal: AbortSignal | undefined, owner: object | null = null): Promise<Rows> {
  const own = sourceRows(query, dictionary, owner);
  if (own === null) return givenRows(await runAsync(collecting(query), null, signal, dictionary));
  return { ...own, table: new Map([...own.table].map(([name, array]) => [name, canShrink(array) ? array.slice() : array])) };
}

/** What the other queries give that a query over pieces takes. */
export async function othersLater(bound: BoundTerminal, dictionary: Dictionary, signal: AbortSignal | undefined, watch: Watch | null): Promise<ReadonlyMap<BoundQuery, Rows>> {
  const others = new Map<BoundQuery, Rows>();
  for (const query of (stageValues(bound).flat() as readonly unknown[]).filter(isBound)) {
    const over = overOf(query);
    const own = over === null ? query : onRows(query, others.get(over) as Rows, dictionary);
    others.set(query, await within(watch, () => rowsLater(own, dictionary, signal, null)));
  }
  return others;
}

function sourceRows(query: BoundQuery, dictionary: Dictionary, owner: object | null): Rows | null {
  // Null has one value only where a kernel has stored it.
  const table = query.parent === null && !query.shape.nulls ? (readTable(query.source, dictionary, owner) ?? singles(readSource(query.source, dictionary, owner))) : null;
  return table === null ? null : { table, length: sourceLength(query.source) };
}

export const collecting = (query: BoundQuery): BoundTerminal => ({ query, node: query.shape.plainTerminal(query.shape.columns === null ? "toArray" : "toColumns"), values: [] });

function givenRows({ columns, result }: Outcome): Rows {
  const table = columns ?? singles(result.output) ?? new Map<string, AnyTypedArray>();
  return { table, length: [...table.values()][0]?.length ?? 0 };
}

const singles = (array: AnyTypedArray | null): Table | null => (array === null ? null : new Map([[SINGLE, array]]));

/** The query on rows, in place of its source, which is empty. */
export function onRows(query: BoundQuery, rows: Rows, dictionary: Dictionary): BoundQuery {
  if (query.parent !== null) return { ...query, source: sourceOn(query.source, rows, dictionary), parent: onRows(query.parent, rows, dictionary) };
  const { over: _, ...alone } = query;
  return { ...alone, source: sourceOn(query.source, rows, dictionary) };
}

function sourceOn(source: BoundSource, { table }: Rows, dictionary: Dictionary): BoundSource {
  if (source.kind === "array") return { ...source, array: columnOf(table, SINGLE), dictionary: source.element === "string" ? dictionary : null };
  if (source.kind === "columns") return { ...source, table, dictionary, buffers: null };
  throw new CompilerBug("what a query gives is an array, or columns");
}

/** What steps need of a query: the values of its stages, and what other queries give. */
function contextOf(values: StageValues, others: ReadonlyMap<BoundQuery, Rows>, dictionary: Dictionary, owner: object | null): StepContext {
  return {
    dictionary,
    valuesOf: stage => values[stage] ?? [],
    otherOf: (stage, fromEnd) => {
      const query = values[stage]?.at(-fromEnd) as unknown as BoundQuery;
      const rows = others.get(query) ?? rowsOf(query, dictionary, owner);
      for (const array of rows.table.values()) if (array.length < rows.length) throw hasMoved(array);
      return rows;
    },
    keysOf: (stage, right) => {
      const query = values[stage]?.at(-1) as unknown as BoundQuery;
      return others.get(query) ?? rowsOf(overOf(query) === null ? query : onRows(query, right, dictionary), dictionary, owner);
    },
  };
}

/** What a kernel has stored, by column; null for one that stores no columns. */
function columnsOf(job: Job, planned: PlannedKernel, { output, outputs }: KernelResult): Table | null {
  if (planned.columns === null) return null;
  const arrays = planned.columns.map((name, place) => {
    const from = planned.takes?.[place] ?? place;
    return [name, typeof from === "string" ? handedOn(job, planned, from) : ((outputs?.[from] ?? output) as AnyTypedArray)] as const;
  });
  return new Map(arrays);
}

/** What kernels before the last have given may lie on a device. */
function noteBetween({ device, slots }: Job, at: number, result: KernelResult): void {
  if (device !== null && at < slots.length - 1) device.between.push(result);
}

function outcome(job: Job, result: KernelResult | null): Outcome {
  if (result === null) throw new CompilerBug("a plan has no kernel");
  const { length, watch, destination, dictionary } = job;
  const columns = columnsOf(job, job.plan.kernels.at(-1) as PlannedKernel, result);
  return { result, columns, length, destination, dictionary, watch };
}

/** Transferring a buffer takes the elements away from a run in flight. */
function checkUnmoved(array: AnyTypedArray, length: number): void {
  if (array.length !== length || (length === 0 && isGone(array))) throw hasMoved(array);
}

const hasMoved = (array: AnyTypedArray): QueryError =>
  new QueryError(
    "DC307",
    `the source, ${withArticle(array[Symbol.toStringTag])}, was detached or has changed its length while the query ran`,
    "Leave its buffer in place until the promise settles, or run the query with .value() or toArray().",
  );

/** The seed of a reduce: the last of its values. */
export const seedOf = ({ node, values }: BoundTerminal): ScalarValue | undefined =>
  node.kind === "reduce" && values.length > node.way.names.length ? (values[values.length - 1] as ScalarValue) : undefined;
