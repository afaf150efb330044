/** The end of a query's shape: what is planned, and what is known of its kernels. */
import type { Kernel } from "../../fusion/ir.js";
import { planQuery } from "../../fusion/passes/plan.js";
import type { Plan, QueryShape, TerminalShape } from "../../fusion/query.js";
import type { ScalarType } from "../../fusion/types.js";
import { ticks } from "../builtin.js";
import type { KernelSlot } from "../runtime/slot.js";
import { checkPiecewise } from "../stream/piecewise.js";
import type { Way } from "./edges.js";
import { atCall } from "./parse.js";
import type { ShapeNode } from "./shape.js";
import type { TextPlace } from "./texts.js";

/** A capture: its stage, and its place among that stage's values. */
export interface Place {
  readonly stage: number;
  readonly at: number;
  readonly name: string;
}

/** The captures that one kernel takes. */
export interface Binding {
  readonly scalars: readonly (Place & { readonly type: ScalarType })[];
  readonly arrays: readonly Place[];
  /** Those of the arrays that hold what is computed of strings, in the order in which they are made. */
  readonly texts: readonly TextPlace[];
}

/** A whole query without its data: what is planned, and where compiled kernels are kept. */
export class TerminalNode {
  /** What the runtime keeps for the plan's kernels; empty until the first run. */
  slots: readonly KernelSlot[] = [];
  /** Where the kernels' arguments come from; null until the first run. */
  bindings: readonly Binding[] | null = null;
  /** What the runtime keeps for folds and scans over pieces that go on from a value, by the kernel that begins. */
  readonly onward = new Map<Kernel, KernelSlot>();
  /** How long it took to read its lambdas, and those before it, and to fuse them, in milliseconds. */
  parseTime: number;
  fuseTime = 0;
  private twin: TerminalNode | null = null;

  constructor(
    readonly parent: ShapeNode,
    readonly kind: TerminalShape["kind"],
    private made: TerminalShape | (() => TerminalShape),
    /** How it is reached, and with it the captures of the terminal. */
    readonly way: Way,
    /** As an earlier process has left it; null to be made. */
    private planned: Plan | null = null,
    /** Whether it is planned for sources that come in pieces. */
    private readonly pieces = false,
    /** Of several terminals each by itself. */
    readonly branches: readonly TerminalNode[] | null = null,
  ) {
    this.parseTime = parent.parseTime;
  }

  /** The terminal, its lambdas read. */
  get terminal(): TerminalShape {
    if (typeof this.made === "function") this.made = this.made();
    return this.made;
  }

  /** The same query over a source that comes in pieces. */
  get inPieces(): TerminalNode {
    if (this.pieces) return this;
    this.twin ??= new TerminalNode(this.parent, this.kind, this.terminal, this.way, null, true, this.branches);
    return this.twin;
  }

  /** Throws LambdaError where types do not fit. */
  plan(): Plan {
    return this.planned ?? this.planNow();
  }

  private planNow(): Plan {
    const { events, known } = this.parent.shapes;
    const begin = ticks();
    this.planned = atCall(() => this.newPlan());
    this.fuseTime = ticks() - begin;
    events.took("fuse", null, this.fuseTime);
    if (!this.pieces && this.branches === null) known?.note(this);
    return this.planned;
  }

  private newPlan(): Plan {
    const shape = this.shape();
    const plan = planQuery(shape);
    if (this.pieces) checkPiecewise(plan, shape);
    return plan;
  }

  shape(): QueryShape {
    return { ...this.parent.shape(), terminal: this.terminal, ...(this.pieces ? { inPieces: true as const } : {}) };
  }
}
