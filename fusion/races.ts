/**
 * Whether the elements of a kernel that stores may run at once: no element writes where another one writes or reads. What cannot be
 * proved is run in order; what is proved to be otherwise is the caller's mistake.
 */
import { affineOf, extentOf, type Affine, type Facts } from "./affine.js";
import type { Expr, Kernel, Stmt, StmtOf } from "./ir.js";
import { Ranges } from "./passes/ranges.js";
import { bodiesOf, isEffect, leavesOf, walkKernel } from "./traverse.js";
import type { ScalarValue } from "./types.js";
import { evaluate } from "./values.js";

/** What of a kernel its places are told by; the same for all calls. */
export interface Accesses {
  readonly stores: readonly Store[];
  /** Of every array. */
  readonly reads: readonly Access[];
  readonly meant: ReadonlyMap<string, Expr>;
  readonly ranges: Ranges;
  /** Whether anything but a place out of range can fail. */
  readonly failsOtherwise: boolean;
}

interface Access {
  readonly array: string;
  readonly at: Expr;
  /** Where it is done. */
  readonly stmt: Stmt;
}

interface Store extends Access {
  readonly site: number;
  /** It is done by every element. */
  readonly always: boolean;
}

export interface CallFacts {
  readonly sizes: Facts["sizes"];
  readonly scalar: Facts["scalar"];
  readonly length: Facts["length"];
  /** Arrays that are the same one have the same name. */
  readonly same: (array: string) => string;
}

export type Verdict =
  /** `certain`: no element can fail. */
  | { readonly kind: "any"; readonly certain: boolean }
  /** One after the other, and why. */
  | { readonly kind: "ascending"; readonly certain: boolean; readonly site: number; readonly reason: string }
  /** Two elements that write to one place. */
  | { readonly kind: "race"; readonly site: number; readonly place: number; readonly one: readonly number[]; readonly other: readonly number[] };

export function accessesOf(kernel: Kernel): Accesses {
  const stores: Store[] = [];
  const reads: Access[] = [];
  const meant = new Map<string, Expr>();
  let failsOtherwise = false;
  collectStores(kernel.body, true, stores);
  walkKernel(kernel, {
    stmt: stmt => {
      if (stmt.kind === "declare" && !stmt.mutable && !isEffect(stmt.value)) meant.set(stmt.name, stmt.value);
      if ((stmt.kind === "declare" || stmt.kind === "assign") && stmt.value.kind === "read") reads.push({ ...stmt.value, stmt });
    },
    expr: expr => void (failsOtherwise ||= expr.kind !== "read" && isEffect(expr)),
  });
  return { stores, reads, meant, ranges: new Ranges(kernel), failsOtherwise };
}

/** `always`: whether every element comes here. */
function collectStores(stmts: readonly Stmt[], always: boolean, into: Store[]): void {
  let reached = always;
  for (const stmt of stmts) {
    if (stmt.kind === "store") into.push(storeOf(stmt, reached));
    for (const body of bodiesOf(stmt)) collectStores(body, false, into);
    reached &&= leavesOf([stmt]).size === 0;
  }
}

const storeOf = (stmt: StmtOf<"store">, always: boolean): Store => ({ array: stmt.array, at: stmt.at, site: stmt.site, always, stmt });

/** What is known at every statement of a call. */
class Known {
  private readonly facts: Omit<Facts, "range">;

  constructor(
    readonly accesses: Accesses,
    readonly call: CallFacts,
  ) {
    this.facts = { ...call, meant: name => accesses.meant.get(name) ?? null };
  }

  at(stmt: Stmt): Facts {
    return { ...this.facts, range: expr => this.accesses.ranges.at(stmt, expr) };
  }

  placeOf({ at, stmt }: Access): Affine | null {
    return affineOf(at, this.at(stmt));
  }
}

export function judge(accesses: Accesses, call: CallFacts): Verdict {
  const known = new Known(accesses, call);
  const certain = isCertain(known);
  const doubt = doubtOf(known);
  if (doubt === null) return { kind: "any", certain };
  return witness(known) ?? { kind: "ascending", certain, ...doubt };
}

function isCertain(known: Known): boolean {
  const { stores, reads, failsOtherwise } = known.accesses;
  return !failsOtherwise && [...stores, ...reads].every(access => {
    const place = known.placeOf(access);
    if (place === null) return false;
    const [least, most] = extentOf(place, known.call);
    return least >= 0 && most < known.call.length(access.array);
  });
}

/** A store, and why elements may not run at once; null if they may. */
function doubtOf(known: Known): { readonly site: number; readonly reason: string } | null {
  const { accesses: { stores, reads }, call } = known;
  const { same } = call;
  for (const [at, store] of stores.entries()) {
    const name = same(store.array);
    const place = known.placeOf(store);
    if (place === null) return { site: store.site, reason: "where it is written to depends on data, or is not a sum of indices times numbers" };
    if (!isApart(place, place, call)) return { site: store.site, reason: "two indices may write to one place" };
    for (const other of stores.slice(at + 1)) {
      if (same(other.array) !== name) continue;
      const there = known.placeOf(other);
      if (there !== null && !isApart(place, there, call)) return { site: other.site, reason: "an index may write to where another one writes in another statement" };
    }
    for (const read of reads) {
      if (same(read.array) !== name) continue;
      const there = known.placeOf(read);
      if (there === null || !isApart(place, there, call)) return { site: store.site, reason: "an index may read what another one writes" };
    }
  }
  return null;
}

/** Whether no two elements, one for each of these, come to the same place. */
function isApart(one: Affine, other: Affine, facts: Pick<Facts, "sizes">): boolean {
  const [[least, most], [low, high]] = [extentOf(one, facts), extentOf(other, facts)];
  if (most < low || high < least) return true;
  const steps = one.by.flatMap((step, along) => ((facts.sizes[along] as number) > 1 ? [{ step, size: facts.sizes[along] as number, same: step === other.by[along] }] : []));
  if (steps.some(({ same }) => !same)) return false;
  // How much two numbers beside the steps may differ; and how much the steps of two elements differ at least.
  const apart = Math.max(other.high - one.low, one.high - other.low);
  if (apart < gapOf(steps)) return true;
  const exact = one.low === one.high && other.low === other.high && one.low !== other.low;
  return exact && (other.low - one.low) % steps.reduce((divisor, { step }) => commonDivisor(divisor, Math.abs(step)), 0) !== 0;
}

/** The least difference between the sums of steps of two elements; 0 where that is not known. */
function gapOf(steps: readonly { readonly step: number; readonly size: number }[]): number {
  let [gap, reach] = [Infinity, 0];
  for (const { step, size } of [...steps].sort((a, b) => Math.abs(a.step) - Math.abs(b.step))) {
    gap = Math.min(gap, Math.abs(step) - reach);
    reach += Math.abs(step) * (size - 1);
  }
  return Math.max(0, gap);
}

const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));

/** So many elements are looked at for two that write to one place. */
const LOOKS = [1024, 32, 10] as const;

/** Two elements that are sure to write to one place, among the first along each axis. */
function witness({ accesses: { stores, meant }, call }: Known): Verdict | null {
  const facts: Here = { ...call, meant: name => meant.get(name) ?? null };
  const axes = facts.sizes[2] > 1 ? 3 : facts.sizes[1] > 1 ? 2 : 1;
  const most = facts.sizes.map(size => Math.min(size, LOOKS[axes - 1] as number));
  const taken = new Map<string, Map<number, readonly number[]>>();
  for (let z = 0; z < (most[2] as number); z++)
    for (let y = 0; y < (most[1] as number); y++)
      for (let x = 0; x < (most[0] as number); x++) {
        const here = [x, y, z];
        for (const store of stores) {
          const place = store.always ? placeAt(store.at, here, facts) : null;
          if (place === null) continue;
          const name = call.same(store.array);
          const places = taken.get(name) ?? new Map<number, readonly number[]>();
          taken.set(name, places);
          const before = places.get(place);
          if (before !== undefined && before.join() !== here.join()) return { kind: "race", site: store.site, place, one: before.slice(0, axes), other: here.slice(0, axes) };
          places.set(place, here);
        }
      }
  return null;
}

/** What places are computed from. */
type Here = Pick<Facts, "sizes" | "scalar" | "length" | "meant">;

/** Where an element writes; null where that depends on more than its index, or is no place. */
function placeAt(at: Expr, here: readonly number[], facts: Here): number | null {
  const place = valueAt(at, here, facts);
  return typeof place === "number" && Number.isInteger(place) && place >= 0 ? place : null;
}

function valueAt(expr: Expr, here: readonly number[], facts: Here): ScalarValue | null {
  switch (expr.kind) {
    case "const":
      return expr.value;
    case "capture":
      return facts.scalar(expr.name);
    case "length":
      return facts.length(expr.array);
    case "index":
      return here[0] as number;
    case "axis":
      return here[expr.axis] as number;
    case "local": {
      const meant = facts.meant(expr.name);
      return meant === null ? null : valueAt(meant, here, facts);
    }
    case "apply": {
      const args = expr.args.map(arg => valueAt(arg, here, facts));
      return args.includes(null) ? null : evaluate(expr.op, (expr.args[0] as Expr).type, expr.type, args as readonly ScalarValue[]);
    }
    case "select": {
      const test = valueAt(expr.test, here, facts);
      return test === null ? null : valueAt(test === true ? expr.yes : expr.no, here, facts);
    }
    case "element":
    case "column":
    case "read":
      return null;
    default:
      return expr satisfies never;
  }
}
