/** The results of a terminal's kernel over pieces, joined to the one that it would give for the whole sequence. */
import { CompilerBug } from "../../fusion/errors.js";
import { combineOf, identityOf } from "../../fusion/interpret.js";
import type { Kernel } from "../../fusion/ir.js";
import { lower } from "../../fusion/passes/lower.js";
import { singlesOf } from "../../fusion/several.js";
import type { ScalarValue } from "../../fusion/types.js";
import { evaluate } from "../../fusion/values.js";
import type { KernelCall, KernelResult } from "../backends/backend.js";
import { PairwiseTree } from "../table/pairwise.js";

type Join = (left: ScalarValue, right: ScalarValue) => ScalarValue;

/** What is known after some pieces. */
export interface Joiner {
  /** Takes the next piece's result; `base`: how many elements came before it. True if no later piece can change anything. */
  add(result: KernelResult, base: number): boolean;
  /** What a fold goes on from; undefined where there is nothing yet, or each piece is folded by itself. */
  readonly carried: ScalarValue | undefined;
  result(): KernelResult;
}

const NOTHING: KernelResult = { count: 0, position: -1, rank: 0, value: undefined, output: null };

/** `call`: what the kernel would be given for no elements: a seed, and the captures of a combine. */
export function joinerOf(kernel: Kernel, call: KernelCall): Joiner {
  const { sink } = kernel;
  switch (sink.kind) {
    case "count":
      return new Counting();
    case "reduce":
      return new Reducing((left, right) => evaluate(sink.op, sink.type, sink.type, [left, right]), identityOf(sink.op, sink.type), false);
    case "fold": {
      const seed = sink.seed === null ? undefined : call.scalars[kernel.scalars.findIndex(({ name }) => name === sink.seed)];
      if (sink.combine === null) return new Folding(seed);
      return new Reducing(combineOf(lower(kernel), call), seed, true);
    }
    case "first":
      return new Searching(true);
    case "last":
      return new Searching(false);
    case "several":
      return new Several(singlesOf(kernel).map(single => joinerOf(single, call)));
    case "array":
    case "scan":
    case "stores":
      throw new CompilerBug("arrays are not joined to one result");
    default:
      return sink satisfies never;
  }
}

class Counting implements Joiner {
  readonly carried = undefined;
  private count = 0;

  add({ count }: KernelResult): boolean {
    this.count += count;
    return false;
  }
  result(): KernelResult {
    return { ...NOTHING, count: this.count };
  }
}

/** Pieces join as a balanced tree, as blocks do within one: two runs of the same length become one. */
class Reducing implements Joiner {
  readonly carried = undefined;
  private readonly tree: PairwiseTree<ScalarValue | undefined>;
  private count = 0;

  constructor(
    join: Join,
    private readonly none: ScalarValue | undefined,
    /** Whether a piece that yields nothing has no value; it is the operator's identity otherwise. */
    private readonly skips: boolean,
  ) {
    this.tree = new PairwiseTree((left, right) => (left === undefined ? right : right === undefined ? left : join(left, right)));
  }

  add({ count, value }: KernelResult): boolean {
    this.count += count;
    this.tree.push(this.skips && count === 0 ? undefined : value);
    return false;
  }

  result(): KernelResult {
    return { ...NOTHING, count: this.count, value: this.tree.result(undefined) ?? this.none };
  }
}

class Several implements Joiner {
  readonly carried = undefined;
  private count = 0;

  constructor(private readonly joiners: readonly Joiner[]) {}

  add({ count, values = [] }: KernelResult, base: number): boolean {
    this.count += count;
    this.joiners.forEach((joiner, place) => joiner.add({ ...NOTHING, count, value: values[place] }, base));
    return false;
  }
  result(): KernelResult {
    return { ...NOTHING, count: this.count, values: this.joiners.map(joiner => joiner.result().value as ScalarValue) };
  }
}

/** A left fold: each piece starts from what the one before came to. */
class Folding implements Joiner {
  private count = 0;

  constructor(public carried: ScalarValue | undefined) {}

  add({ count, value }: KernelResult): boolean {
    this.count += count;
    if (count > 0) this.carried = value;
    return false;
  }
  result(): KernelResult {
    return { ...NOTHING, count: this.count, value: this.carried };
  }
}

class Searching implements Joiner {
  readonly carried = undefined;
  private found = NOTHING;

  constructor(private readonly first: boolean) {}

  add(result: KernelResult, base: number): boolean {
    if (result.position < 0) return false;
    this.found = { ...result, position: base + result.position };
    return this.first;
  }
  result(): KernelResult {
    return this.found;
  }
}
