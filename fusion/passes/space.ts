/** From the text of an index-space kernel and the types of what it is called with to its kernel. */
import { CompilerBug } from "../errors.js";
import { ELEMENT_LABEL, type Expr, type Kernel, type Source, type Stmt, type Stores } from "../ir.js";
import type { SurfaceLambda } from "../parse/surface.js";
import { SIZE, type CaptureTypes } from "../query.js";
import { mapStmts, storedIn } from "../traverse.js";
import { inferSpace } from "./infer-lambda.js";
import type { StoreSite } from "./infer-stores.js";
import { Names, Parameters } from "./parameters.js";
import { optimise } from "./pipeline.js";
import type { Typed } from "./typing.js";

/** The stage of what a kernel is called with, and of its captures. */
export const GIVEN = 0;

export interface SpaceShape {
  readonly lambda: SurfaceLambda;
  /** Of captures and of what the kernel is called with, by name. */
  readonly types: CaptureTypes;
  readonly axes: 1 | 2 | 3;
  /** Whether BigInts among themselves are unsigned. */
  readonly unsigned: boolean;
}

export interface SpaceKernel {
  /** For elements in any order. */
  readonly kernel: Kernel;
  readonly sites: readonly StoreSite[];
}

const ANY_ORDER: Stores = { kind: "stores", order: "any" };

/** The kernel, optimised. Throws LambdaError where types do not fit. */
export function buildSpace({ lambda, types, axes, unsigned }: SpaceShape): SpaceKernel {
  const names = new Names();
  const parameters = new Parameters(names);
  if (unsigned) parameters.big = "u64";
  const sizes = ["width", "height"].slice(0, axes - 1).map((name, axis) => parameters.sized(name, { stage: SIZE, name: String(axis) }));
  const source: Source = axes === 1 ? { kind: "range" } : { kind: "space", sizes };
  const places: readonly Expr[] = [{ kind: "index", type: "f64" }, { kind: "axis", type: "f64", axis: 1 }, { kind: "axis", type: "f64", axis: 2 }];
  const values = places.slice(0, axes).map((expr): Typed => ({ expr, weak: false, integral: [], span: lambda.result.span }));
  const { body, sites } = inferSpace(lambda, values, { captures: types, stage: GIVEN, parameters });
  const written = storedIn(body);
  const arrays = parameters.arrays.map(array => (written.has(array.name) ? { ...array, written: true as const } : array));
  const kernel = optimise({ source, scalars: parameters.scalars, arrays, body: withoutBlock(body), sink: ANY_ORDER });
  return { kernel, sites };
}

/** The same, one element after the other. */
export const inOrder = (kernel: Kernel): Kernel => ({ ...kernel, sink: { kind: "stores", order: "ascending" } });

/** A `return` of the kernel leaves the block that is all of its body: the element. */
function withoutBlock(body: readonly Stmt[]): readonly Stmt[] {
  const last = body.at(-1);
  if (last?.kind !== "block") return body;
  const { label } = last;
  const leaving = mapStmts(last.body, { stmt: stmt => (stmt.kind === "leave" && stmt.label === label ? { kind: "leave", label: ELEMENT_LABEL } : stmt) });
  if (body.slice(0, -1).some(({ kind }) => kind !== "declare")) throw new CompilerBug("something runs before the body of a kernel");
  return [...body.slice(0, -1), ...leaving];
}
