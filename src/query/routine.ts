/**
 * The run of a prepared query that is one kernel over its source's own arrays: what is the same for every run is found once, and a
 * run leaves no garbage behind. It takes what fits; whatever else it is given is for the ordinary run, which knows what is wrong.
 */
import { isValidity } from "../../fusion/columns.js";
import { CompilerBug } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import { isIdle, LITERAL, TABLE, type CaptureType, type Plan, type SourceShape } from "../../fusion/query.js";
import { TEXT } from "../../fusion/texts.js";
import type { ColumnType, ScalarType, ScalarValue } from "../../fusion/types.js";
import { elementTypeOf, newArray, type AnyTypedArray } from "../../fusion/values.js";
import type { KernelCall, SpareResult } from "../../fusion/call.js";
import type { KernelSlot } from "../runtime/slot.js";
import { Watch } from "../runtime/watch.js";
import { isPlain } from "../table/source.js";
import { asScalar, bindingsOf, bindScalars, isIntegral, NO_BASES } from "./bind.js";
import { stageValues, type BoundTerminal } from "./bound.js";
import { hasType } from "./captures.js";
import { finishScalar } from "./finish.js";
import { checkInto, mayWrite } from "./into.js";
import type { Parameter, Parameters } from "./rebind.js";
import { seedOf } from "./run.js";
import { runHere } from "./start.js";
import { calledAs } from "./show.js";
import { sourceLength } from "./source.js";
import type { Capture, Captures } from "./types.js";

/** What a routine gives in place of a result for what it does not take. */
export const ORDINARY: unique symbol = Symbol("for the ordinary run");

/** Where a capture goes: to these of the kernel's scalars and arrays. */
interface Target {
  readonly type: CaptureType;
  readonly singles: boolean;
  /** A fraction would be lost. */
  readonly whole: boolean;
  readonly scalars: readonly { readonly at: number; readonly name: string; readonly type: ScalarType }[];
  readonly arrays: readonly number[];
}

/** The kernel's call, used again by every run. */
interface Call extends KernelCall {
  source: AnyTypedArray | null;
  length: number;
  output: AnyTypedArray | null;
  readonly scalars: ScalarValue[];
  readonly arrays: AnyTypedArray[];
  readonly spare: SpareResult;
}

export class Routine {
  private readonly plan: Plan;
  private readonly slot: KernelSlot;
  private readonly targets: ReadonlyMap<string, Target>;
  private readonly seed: ScalarValue | undefined;
  /** The values that captures have where they are not given. */
  private readonly scalars: readonly ScalarValue[];
  /** In the order of the kernel's arrays; empty ones in place of columns. */
  private readonly arrays: readonly AnyTypedArray[];
  /** The places of captured arrays among the kernel's. */
  private readonly captured: readonly number[];
  /** Of the kernel's arrays that are columns: which column. */
  private readonly columns: readonly { readonly at: number; readonly column: number }[];
  private readonly names: readonly string[];
  private readonly types: readonly ColumnType[];
  /** What the source holds at the moment: its only array, or its columns. */
  private readonly sources: AnyTypedArray[];
  /** By how much the source is longer than there are windows of it. */
  private readonly span: number;
  private readonly call: Call;
  /** A getter among the captures, or who listens to runs, may call the prepared query again. */
  private busy = false;

  /** Null for queries that are more than one kernel, or know strings. */
  static of(bound: BoundTerminal, parameters: Parameters): Routine | null {
    const { node } = bound;
    const plan = node.plan();
    const [planned, another] = plan.kernels;
    if (planned === undefined || another !== undefined || !reachesOnly(plan) || isIdle(planned) || !SINGLE_RESULTS.has(plan.finish.kind)) return null;
    const values = stageValues(bound);
    if (!plan.integral.every(place => isIntegral(place, node, values))) return null;
    const shape = node.parent.source;
    if (knowsStrings(planned.kernel, shape, parameters) || (shape.kind === "columns" && [...shape.columns.keys()].some(isValidity))) return null;
    return new Routine(bound, shape, parameters, values);
  }

  private constructor(
    private readonly bound: BoundTerminal,
    private readonly shape: SourceShape,
    parameters: Parameters,
    values: readonly (readonly Capture[])[],
  ) {
    const { query, node } = bound;
    this.plan = node.plan();
    this.slot = query.runtime.slots(node)[0] as KernelSlot;
    this.seed = seedOf(bound);
    [this.names, this.types] = shape.kind === "columns" ? [[...shape.columns.keys()], [...shape.columns.values()]] : [[], []];
    this.sources = new Array<AnyTypedArray>(shape.kind === "columns" ? this.names.length : shape.kind === "array" ? 1 : 0).fill(NO_ARRAY);
    const [binding] = bindingsOf(node, this.plan);
    if (binding === undefined) throw new CompilerBug("a kernel has no binding");
    this.scalars = bindScalars(binding, values, NO_BASES, null);
    this.columns = binding.arrays.flatMap(({ stage, name }, at) => (stage === TABLE ? [{ at, column: Math.max(0, this.names.indexOf(name)) }] : []));
    this.span = spanOf(this.plan);
    this.captured = binding.arrays.flatMap(({ stage }, at) => (stage === TABLE ? [] : [at]));
    this.arrays = binding.arrays.map(({ stage, at }) => (stage === TABLE ? NO_ARRAY : ((values[stage] as readonly Capture[])[at] as AnyTypedArray)));
    const goesTo = (places: readonly Parameter[]) => ({ stage, at }: { readonly stage: number; readonly at: number }): boolean => places.some(place => place.stage === stage && place.at === at);
    this.targets = new Map([...parameters].flatMap(([name, places]) => {
      const [first] = places as [Parameter];
      if (places.some(({ value }) => !Object.is(value, first.value)) || first.type.kind === "function") return [];
      const { type, singles } = places.find(place => place.singles) ?? first;
      const scalars = binding.scalars.flatMap((place, at) => (goesTo(places)(place) ? [{ at, name, type: place.type }] : []));
      const arrays = binding.arrays.flatMap((place, at) => (goesTo(places)(place) ? [at] : []));
      const whole = this.plan.integral.some(place => place.name === name && places.some(({ stage }) => stage === place.stage));
      return [[name, { type, singles, whole, scalars, arrays }]];
    }));
    const spare = { count: 0, position: -1, rank: 0, value: undefined, output: null };
    this.call = { source: null, length: 0, output: null, scalars: [...this.scalars], arrays: [...this.arrays], spare };
  }

  /** What the terminal gives, or ORDINARY. */
  run(source: unknown, captures: Captures | undefined, into: AnyTypedArray | null): unknown {
    if (this.busy) return ORDINARY;
    this.busy = true;
    try {
      return this.takeSource(source) && this.takeCaptures(captures) && this.takeInto(into) ? this.compute() : ORDINARY;
    } finally {
      this.letGo();
      this.busy = false;
    }
  }

  private takeSource(source: unknown): boolean {
    if (this.shape.kind === "columns") return this.takeColumns(source);
    const { call, shape } = this;
    const own = this.bound.query.source;
    if (shape.kind === "range") {
      call.length = sourceLength(own);
      return source === undefined;
    }
    const given = source === undefined && own.kind === "array" ? own.array : source;
    if (elementTypeOf(given) !== shape.element) return false;
    const array = (this.sources[0] = given as AnyTypedArray);
    call.length = array.length - this.span;
    call.source = this.plan.kernels[0]?.kernel.source.kind === "array" ? array : null;
    for (const { at } of this.columns) call.arrays[at] = array;
    // Of nothing it has to be found out whether it is nothing, or gone.
    return call.length > 0;
  }

  private takeColumns(source: unknown): boolean {
    if (!isPlain(source)) return false;
    const { names, types, sources, call } = this;
    let count = 0;
    for (const _ in source) count += 1;
    if (count !== names.length) return false;
    for (let at = 0; at < names.length; at += 1) {
      const column = source[names[at] as string];
      if (elementTypeOf(column) !== types[at]) return false;
      sources[at] = column as AnyTypedArray;
      if ((column as AnyTypedArray).length !== (sources[0] as AnyTypedArray).length) return false;
    }
    call.length = (sources[0] as AnyTypedArray).length;
    for (const { at, column } of this.columns) call.arrays[at] = sources[column] as AnyTypedArray;
    return call.length > 0;
  }

  private takeCaptures(captures: Captures | undefined): boolean {
    const { call, targets } = this;
    for (let at = 0; at < this.scalars.length; at += 1) call.scalars[at] = this.scalars[at] as ScalarValue;
    for (const at of this.captured) call.arrays[at] = this.arrays[at] as AnyTypedArray;
    if (captures !== undefined && !isPlain(captures)) return false;
    for (const name in captures) {
      const target = targets.get(name);
      const value = captures[name] as Capture;
      if (target === undefined || !hasType(value, target.type, target.singles) || (target.whole && !Number.isInteger(value))) return false;
      for (const place of target.scalars) call.scalars[place.at] = asScalar(value as ScalarValue, place);
      for (const at of target.arrays) call.arrays[at] = value as unknown as AnyTypedArray;
    }
    for (const at of this.captured) if ((call.arrays[at] as AnyTypedArray).length === 0) return false;
    return true;
  }

  private takeInto(into: AnyTypedArray | null): boolean {
    const { call, plan, sources } = this;
    call.output = into;
    if (into === null) return true;
    checkInto(into, plan, call.length + this.span);
    for (const at of this.captured) if ((call.arrays[at] as AnyTypedArray).buffer === into.buffer) return false;
    return mayWrite(into, plan, sources, NO_ARRAYS, this.bound.query.runtime.tiers.mayStop(this.bound.query.backend));
  }

  private compute(): unknown {
    const { query, node } = this.bound;
    const { events } = query.runtime;
    if (!events.listening) return this.computed(null);
    const watch = new Watch(events, calledAs(node));
    return watch.now(() => this.computed(watch));
  }

  private computed(watch: Watch | null): unknown {
    const { call, slot, plan } = this;
    const { query, node } = this.bound;
    const result = runHere(query.runtime.tiers, slot, call, query.backend, watch);
    return plan.finish.kind === "array" ? result.output : finishScalar(plan, node, result, null, this.seed);
  }

  /** What a caller handed over is the caller's again. */
  private letGo(): void {
    const { call, sources } = this;
    call.source = call.output = call.spare.output = null;
    sources.fill(NO_ARRAY);
    for (let at = 0; at < call.arrays.length; at += 1) call.arrays[at] = this.arrays[at] as AnyTypedArray;
  }
}

/** Those of a run are known to it by the codes of a dictionary. */
const knowsStrings = (kernel: Kernel, shape: SourceShape, parameters: Parameters): boolean =>
  (shape.kind === "array" && shape.element === "string") ||
  (shape.kind === "columns" && [...shape.columns.values()].includes("string")) ||
  [...parameters.values()].flat().some(({ type }) => type.kind === "string" || type.kind === "strings") ||
  [...kernel.scalars, ...kernel.arrays].some(({ origin }) => origin.stage === LITERAL || origin.stage === TEXT);

/** No step but windows of the source as it is: its kernel reads the source as a column. */
const reachesOnly = ({ steps: [step, another] }: Plan): boolean => another === undefined && (step === undefined || (step.kind === "window" && step.edge === "valid" && !step.apart));

function spanOf({ steps: [step] }: Plan): number {
  return step?.kind === "window" ? Math.max(0, ...step.offsets) - Math.min(0, ...step.offsets) : 0;
}

const SINGLE_RESULTS: ReadonlySet<Plan["finish"]["kind"]> = new Set(["array", "count", "fold", "reduced", "average", "any", "none", "element", "position", "key"]);
const NO_ARRAYS: readonly AnyTypedArray[] = [];
const NO_ARRAY = newArray("u8", 0);
