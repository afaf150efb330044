/** What the loops of emitted JavaScript have in common: their names, the inside of the loop over elements, and skeletons around it. */
import type { Expression, Statement } from "estree";
import { ELEMENT_LABEL, type Expr, type Kernel, type ReduceOp, type Stmt } from "../ir.js";
import { alwaysYields, mentions, usesOf, walkStmts } from "../traverse.js";
import type { ElementType, ScalarType, ScalarValue } from "../types.js";
import { at, bigint, declare, identifier, increment, number, run, skeleton, truth, type Part } from "./estree.js";
import { applied, BodyEmitter, storedIn, type Names, type SinkCode } from "./js-body.js";
import type { Helpers } from "./js-helpers.js";

/** The names that emitted functions use for themselves. The kernel's own names come first: a clash changes these. */
export const OWN = [
  "call", "state", "begin", "end", "source", "output", "i", "element", "block", "stop", "row", "edge", "carry", "lane", "lanes", "tree", "depth", "half", "bit", "total",
  "line", "layer", "value", "next", "sum", "count", "rank", "position", "present", "combine", "join", "left", "right",
] as const;

export type Own = Readonly<Record<(typeof OWN)[number], string>>;

/** Where the sink's code goes: before, in and after the loop over elements. */
export interface Emission {
  readonly kernel: Kernel;
  readonly names: Names;
  readonly own: Own;
  readonly helpers: Helpers;
}

export const constant = (value: ScalarValue): Expression => (typeof value === "number" ? number(value) : typeof value === "bigint" ? bigint(value) : truth(value));

/** Every statement list and expression of the kernel that emitted code runs. */
export function usedNames(kernel: Kernel): ReadonlySet<string> {
  const names = new Set(usesOf(kernel.body));
  if (kernel.sink.kind !== "fold") return names;
  const { seed, combine } = kernel.sink;
  if (seed !== null && combine !== null) names.add(seed);
  if (combine !== null) for (const name of [...usesOf(combine.body), ...usesOf(combine.value)]) names.add(name);
  return names;
}

/** How often the source element is written down; a use within a loop counts as many. */
function elementUses(stmts: readonly Stmt[]): number {
  let uses = 0;
  walkStmts(stmts, {
    expr: expr => void (expr.kind === "element" && uses++),
    stmt: stmt => void (stmt.kind === "loop" && mentions(stmt.body, "element") && (uses += 2)),
  });
  return uses;
}

export interface Inner {
  readonly body: readonly Statement[];
  /** Whether the loop over elements needs a label, since an inner loop goes on with the next element. */
  readonly labelled: boolean;
}

/** The inside of the loop over elements. */
export function elementBody(emission: Emission, sink: SinkCode): Inner {
  const { kernel, names, own, helpers } = emission;
  const index = identifier(own.i);
  const loaded = kernel.source.kind === "array" ? at(identifier(own.source), index) : index;
  const named = kernel.source.kind === "array" && elementUses(kernel.body) > 1;
  const emitter = new BodyEmitter(kernel, names, named ? identifier(own.element) : loaded, index, sink, helpers, [identifier(own.row), identifier(own.layer)]);
  const { body, labelled } = emitter.body(kernel.body, ELEMENT_LABEL);
  return { body: named ? [declare("const", own.element, loaded), ...body] : body, labelled };
}

/** A skeleton around `inner`, which takes the place of `BODY`. `ELEMENT:` marks the loop over elements. */
export const filled = (emission: Emission, code: string, inner: Inner, parts: Readonly<Record<string, Part>> = {}): readonly Statement[] =>
  skeleton(code.replace("ELEMENT:", inner.labelled ? `${ELEMENT_LABEL}:` : ""), { ...emission.own, ...parts, BODY: inner.body });

/** What an array of such elements is given to hold the value. */
export const stored = (element: ElementType, value: Expr, emitter: BodyEmitter): Expression => storedIn(element, value, part => emitter.value(part));

/** The statement that goes on with the next element, at the body's top level. */
export const NEXT: readonly Statement[] = [{ type: "ContinueStatement", label: null }];

/** `accumulator ⊕ term`, rounded and wrapped as the type says. */
export const step = (emission: Emission, { op, type }: { readonly op: ReduceOp; readonly type: ScalarType }, accumulator: Expression, term: Expression): Expression =>
  applied(op, type, type, [accumulator, term], emission.helpers);

/** The count of a reduction that wants one: per element, or in one go if every element counts. */
export function counting(emission: Emission, counted: boolean): { readonly open: string; readonly each: readonly Statement[]; readonly close: string } {
  if (!counted) return { open: "", each: [], close: "" };
  if (alwaysYields(emission.kernel)) return { open: "", each: [], close: "state.count += end - begin;" };
  return { open: "let count = state.count;", each: [run(increment(emission.own.count))], close: "state.count = count;" };
}
