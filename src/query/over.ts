/** Queries over what other queries give. */
import { newArray } from "../../fusion/values.js";
import { storedAs } from "../../fusion/types.js";
import { Dictionary } from "../table/dictionary.js";
import type { BoundQuery } from "./bound.js";
import { NO_VALUES } from "./captures.js";
import { shapeOfSource, type BoundSource } from "./source.js";

/** A query over what another gives, which then need not run again. */
export function overResults(query: BoundQuery): BoundQuery {
  const { runtime, backend, shape } = query;
  const source: BoundSource = shape.columns === null ? { kind: "array", element: shape.element, array: newArray(storedAs(shape.element), 0), dictionary: null } : { kind: "columns", columns: shape.columns, table: new Map(), dictionary: new Dictionary(), buffers: null };
  return { runtime, source, parent: null, shape: runtime.shapes.root(shapeOfSource(source), shape.fastMath), values: NO_VALUES, backend, over: query };
}
