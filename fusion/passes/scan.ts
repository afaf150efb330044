/** Scans: the running values of a reducer, in the canonical scan order where it has the form `acc ⊕ f(x)`, else from left to right. */
import { convert, local } from "../build.js";
import type { Scan } from "../ir.js";
import { SEED, type StageShape } from "../query.js";
import type { Span } from "../parse/surface.js";
import type { ElementType, ScalarType } from "../types.js";
import type { Fusion } from "./fuse.js";
import { recogniseReducer, type Recognised } from "./reducers.js";
import { asAccumulator, foldType, termOf } from "./terminals.js";
import { bothIntegral, toElement, type Integral, type Typed } from "./typing.js";

type ScanStage = StageShape & { readonly kind: "scan" };

/** What is stored, and whether it is a whole number. */
export interface PlannedScan {
  readonly sink: Scan;
  readonly integral: Integral;
}

/** The kernel's sink; its body ends with the yield. `element`: what results are stored as. */
export function planScan(fusion: Fusion, stage: ScanStage, index: number, element: ElementType): PlannedScan {
  const recognised = stage.sequential ? null : recogniseReducer(stage.lambda);
  return (recognised && canonical(fusion, stage, recognised, index, element)) ?? left(fusion, stage, index, element);
}

function canonical(fusion: Fusion, stage: ScanStage, recognised: Recognised, index: number, element: ElementType): PlannedScan | null {
  const found = termOf(fusion, stage, recognised, index, "scan");
  if (found === null) return null;
  const { expr } = found;
  const { op } = recognised;
  const bitwise = op === "and" || op === "or" || op === "xor";
  // Truth values are bits, and whole numbers count as f64 until they are narrowed.
  const term = expr.type === "bool" ? convert("i32", expr) : (expr.type === "i32" || expr.type === "u32") && !bitwise ? convert("f64", expr) : expr;
  const type: ScalarType = term.type === "f32" ? "f64" : term.type;
  const order = { kind: "canonical", op, term: term.type } as const;
  fusion.yield(term);
  const integral = bitwise ? [] : bothIntegral(found.integral, seedIntegral(stage));
  return finished(fusion, stage, index, element, { type, order, running: fusion.kernelParameters.names.fresh("running") }, expr.type === "bool", integral, found.span);
}

function left(fusion: Fusion, stage: ScanStage, index: number, element: ElementType): PlannedScan {
  const { lambda, seed } = stage;
  const { names } = fusion.kernelParameters;
  const { integral: whole, span } = fusion.named(lambda.parameters[1] ?? "element");
  const type = foldType(fusion, seed);
  const running = names.fresh(lambda.parameters[0] ?? "running");
  // If every step keeps to whole numbers, so does the whole.
  const start = seed === null ? whole : seedIntegral(stage);
  const first = seed === null ? fusion.declare("arriving", convert(type, fusion.current.expr)) : null;
  const next = fusion.call(stage, index, "scan", { expr: local(type, running), weak: false, integral: start, span });
  fusion.yield(asAccumulator(next, type, fusion));
  const order = { kind: "left", first: first?.kind === "local" ? first.name : null } as const;
  return finished(fusion, stage, index, element, { type, order, running }, false, bothIntegral(start, next.integral), next.span);
}

const seedIntegral = ({ seed }: ScanStage): Integral => (seed === "number" ? [SEED] : []);

function finished(fusion: Fusion, stage: ScanStage, index: number, element: ElementType, how: Pick<Scan, "type" | "order" | "running">, logical: boolean, integral: Integral, span: Span): PlannedScan {
  const { kernelParameters: parameters } = fusion;
  const { type, running } = how;
  const value: Typed = { expr: logical ? convert("bool", local(type, running)) : local(type, running), weak: false, integral, span };
  const capture = stage.captures[SEED];
  const seed = capture === undefined ? null : parameters.scalar(index, SEED, type, capture);
  return { sink: { kind: "scan", ...how, seed, exclusive: stage.exclusive, stored: toElement(value, element, "scan", parameters), element }, integral };
}
