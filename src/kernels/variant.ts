/** A kernel for arguments of certain types: typed, judged by what it is called with, and ready to be compiled. */
import { CompilerBug, LambdaError, QueryError, withArticle } from "../../fusion/errors.js";
import type { Kernel } from "../../fusion/ir.js";
import { buildSpace, inOrder } from "../../fusion/passes/space.js";
import { SIZE, type CaptureTypes } from "../../fusion/query.js";
import { neverReached } from "../../fusion/parse/stores.js";
import type { SurfaceLambda } from "../../fusion/parse/surface.js";
import { accessesOf, judge, type Accesses, type Verdict } from "../../fusion/races.js";
import { ELEMENTS, type ScalarValue } from "../../fusion/types.js";
import type { AnyTypedArray } from "../../fusion/values.js";
import type { StoreSite } from "../../fusion/passes/infer-stores.js";
import { isSameView } from "../backends/arrays.js";
import type { KernelCall } from "../backends/backend.js";
import { asScalar } from "../query/bind.js";
import { identifierAt } from "../query/captures.js";
import type { Captures } from "../query/types.js";
import type { KernelSlot } from "../runtime/slot.js";
import type { Sizes } from "./size.js";
import type { PlainArgument } from "./buffers.js";
import type { Dimensions } from "./types.js";

/** Where a parameter's value comes from: an argument's place, a size's axis, or a capture's own value. */
type Place = { readonly kind: "argument"; readonly at: number } | { readonly kind: "size"; readonly axis: number } | { readonly kind: "capture"; readonly value: Captures[string] };

export interface VariantShape {
  readonly name: string;
  readonly lambda: SurfaceLambda;
  readonly dimensions: Dimensions;
  /** Of the parameters behind the places, in order. */
  readonly parameters: readonly string[];
  readonly types: CaptureTypes;
  readonly captures: Captures;
  /** What the runtime knows of a kernel. */
  readonly slotFor: (kernel: Kernel) => KernelSlot;
}

/** What a call comes to: what runs, on what. */
export interface Prepared {
  readonly slot: KernelSlot;
  readonly call: KernelCall;
  readonly verdict: Verdict;
}

type Race = Extract<Verdict, { kind: "race" }>;

/** What a verdict was found for. */
interface Judged {
  readonly sizes: Sizes;
  readonly scalars: readonly ScalarValue[];
  readonly lengths: readonly number[];
  readonly same: readonly number[];
  readonly verdict: Verdict;
}

export class Variant {
  readonly kernel: Kernel;
  readonly slot: KernelSlot;
  private ascending: KernelSlot | null = null;
  private readonly sites: readonly StoreSite[];
  private readonly accesses: Accesses;
  private readonly scalars: readonly Place[];
  private readonly arrays: readonly Place[];
  /** The places among the kernel's arrays of those that are written. */
  private readonly written: readonly number[];
  private judged: Judged | null = null;

  constructor(private readonly shape: VariantShape) {
    const { lambda, types, dimensions } = shape;
    const elements = Object.values(types).flatMap(type => (type.kind === "array" ? [type.element] : []));
    const built = buildSpace({ lambda, types, axes: dimensions, unsigned: elements.includes("u64") && !elements.includes("i64") });
    this.kernel = built.kernel;
    this.sites = built.sites;
    this.slot = shape.slotFor(this.kernel);
    this.accesses = accessesOf(this.kernel);
    const place = ({ origin: { stage, name } }: { readonly origin: { readonly stage: number; readonly name: string } }): Place => {
      if (stage === SIZE) return { kind: "size", axis: Number(name) };
      const at = shape.parameters.indexOf(name);
      return at >= 0 ? { kind: "argument", at } : { kind: "capture", value: shape.captures[name] as Captures[string] };
    };
    this.scalars = this.kernel.scalars.map(place);
    this.arrays = this.kernel.arrays.map(place);
    this.written = this.kernel.arrays.flatMap(({ written }, at) => (written === true ? [at] : []));
    if (this.written.length === 0) throw this.writesNothing();
  }

  /** The arrays that are written, by name. */
  writtenIn(args: readonly PlainArgument[]): readonly (readonly [string, AnyTypedArray])[] {
    return this.written.map(at => [this.nameOf(at), this.arrayAt(at, args)]);
  }

  /** Everything checked but the elements themselves. */
  prepare(args: readonly PlainArgument[], sizes: Sizes): Prepared {
    const judged = this.judgedFor(args, sizes);
    if (judged.verdict.kind === "race") throw this.race(judged.verdict);
    return judged;
  }

  /** The same of what may be refused, for explanations. */
  judgedFor(args: readonly PlainArgument[], sizes: Sizes): Prepared {
    this.checkWhole(args);
    const arrays = this.arrays.map((_, at) => this.arrayAt(at, args));
    const scalars = this.scalars.map((place, at) => this.scalarAt(place, at, args, sizes));
    const verdict = this.judge(arrays, scalars, sizes);
    const slot = verdict.kind !== "ascending" ? this.slot : (this.ascending ??= this.shape.slotFor(inOrder(this.kernel)));
    return { slot, verdict, call: { source: null, length: sizes[0] * sizes[1] * sizes[2], output: null, scalars, arrays, certain: verdict.kind !== "race" && verdict.certain } };
  }

  /** The array that a doubt is about. */
  arrayOf(site: number): string {
    return this.sites[site]?.array ?? "an array";
  }

  private arrayAt(at: number, args: readonly PlainArgument[]): AnyTypedArray {
    const place = this.arrays[at] as Place;
    if (place.kind === "size") throw new CompilerBug("a size is no array");
    return (place.kind === "argument" ? args[place.at] : place.value) as AnyTypedArray;
  }

  private nameOf(at: number): string {
    return this.kernel.arrays[at]?.origin.name ?? "";
  }

  private scalarAt(place: Place, at: number, args: readonly PlainArgument[], sizes: Sizes): ScalarValue {
    if (place.kind === "size") return sizes[place.axis] as number;
    const { origin, type } = this.kernel.scalars[at] as Kernel["scalars"][number];
    return asScalar((place.kind === "argument" ? args[place.at] : place.value) as ScalarValue, { name: origin.name, type });
  }

  private judge(arrays: readonly AnyTypedArray[], scalars: readonly ScalarValue[], sizes: Sizes): Verdict {
    const lengths = arrays.map(({ length }) => length);
    const same = this.sameArrays(arrays);
    const known = this.judged;
    if (known !== null && isSameList(known.sizes, sizes) && isSameList(known.scalars, scalars) && isSameList(known.lengths, lengths) && isSameList(known.same, same)) return known.verdict;
    const at = (array: string): number => this.kernel.arrays.findIndex(({ name }) => name === array);
    const verdict = judge(this.accesses, {
      sizes,
      scalar: name => {
        const value = scalars[this.kernel.scalars.findIndex(scalar => scalar.name === name)];
        return typeof value === "number" ? value : null;
      },
      length: array => lengths[at(array)] as number,
      same: array => String(same[at(array)]),
    });
    this.judged = { sizes, scalars, lengths, same, verdict };
    return verdict;
  }

  /** For each array the first that is the same; arrays that share memory otherwise must not be written. */
  private sameArrays(arrays: readonly AnyTypedArray[]): readonly number[] {
    return arrays.map((array, at) => {
      for (let before = 0; before < at; before += 1) {
        const other = arrays[before] as AnyTypedArray;
        if (other.buffer !== array.buffer) continue;
        if (isSameView(other, array)) return before;
        const apart = array.byteOffset >= other.byteOffset + other.byteLength || other.byteOffset >= array.byteOffset + array.byteLength;
        if (!apart && (this.written.includes(at) || this.written.includes(before))) throw this.overlap(before, at);
      }
      return at;
    });
  }

  private writesNothing(): Error {
    const [site] = this.sites;
    return site === undefined ? new QueryError("DC313", `the kernel ${this.shape.name} writes to no array`, "Write to one of its parameters: out[i] = ….") : neverReached(site);
  }

  private overlap(one: number, other: number): QueryError {
    const [first, second] = [this.nameOf(one), this.nameOf(other)];
    return new QueryError(
      "DC313",
      `${first} and ${second} share memory, but are not the same array, and ${this.shape.name} writes to ${this.written.includes(one) ? first : second}`,
      `Hand over the very same array for both, or a copy: ${first}.slice().`,
    );
  }

  /** Which indices write to one place. */
  raceInWords({ site, place, one, other }: Race): string {
    const shown = (index: readonly number[]): string => (index.length === 1 ? String(index[0]) : `(${index.join(", ")})`);
    return `the indices ${shown(one)} and ${shown(other)} both write to ${this.arrayOf(site)}[${place}]`;
  }

  race(verdict: Race): LambdaError {
    return new LambdaError(
      "DC210",
      this.raceInWords(verdict),
      (this.sites[verdict.site] as StoreSite).span,
      "Let each index write to a place of its own; for one result of many elements use a query: compute(x).reduce(…), or .sum()",
    );
  }

  /** Numbers whose fraction would be lost in an integer array must not have one. */
  private checkWhole(args: readonly PlainArgument[]): void {
    for (const { integral, element, span, array } of this.sites) {
      if (integral === false || integral.length === 0 || !ELEMENTS[element].integer || element === "u8c") continue;
      for (const name of integral) {
        const at = this.shape.parameters.indexOf(name);
        const value: unknown = at >= 0 ? args[at] : this.shape.captures[name];
        if (typeof value !== "number" || Number.isInteger(value)) continue;
        const start = identifierAt(span.source.text.slice(span.start, span.end), name);
        const named = start < 0 ? span : { ...span, start: span.start + start, end: span.start + start + name.length };
        throw new LambdaError("DC202", `${name} is ${value}, but what is made of it is stored in ${array}, ${withArticle(ELEMENTS[element].array)}`, named, `Hand over an integer, round the value with Math.trunc, Math.floor or Math.round, or make ${array} a Float64Array`);
      }
    }
  }
}

const isSameList = <T>(one: readonly T[], other: readonly T[]): boolean => one.length === other.length && one.every((value, at) => Object.is(value, other[at]));
