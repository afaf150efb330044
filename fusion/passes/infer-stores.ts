/** Types the writes of index-space kernels. */
import type { Span, SurfaceStmt } from "../parse/surface.js";
import type { ElementType } from "../types.js";
import type { Inference } from "./infer.js";
import { toElement, type Integral } from "./typing.js";

/** A write, as the author wrote it. */
export interface StoreSite {
  /** The array, by its name in the text. */
  readonly array: string;
  readonly element: ElementType;
  /** The numbers that must be whole for the value to be. */
  readonly integral: Integral;
  readonly span: Span;
}

export function inferStore(inference: Inference, { array, index, value, span }: Extract<SurfaceStmt, { readonly kind: "store" }>): void {
  const at = inference.place(inference.stable(index, value));
  const element = inference.elementOf(array);
  const typed = inference.expression(value);
  const stored = toElement(typed, element, "this", inference.parameters, "write to an array that holds it, a Float64Array");
  const site = inference.sites.push({ array, element, integral: typed.integral, span }) - 1;
  inference.out.push({ kind: "store", array: inference.array(array), at, value: stored, site });
}
