/** What a kernel does for each element, counted from its IR: what predictions of its time are made of. */
import type { Expr, Kernel, Stmt } from "./ir.js";
import { operator } from "./ops.js";
import { elementsOf } from "./several.js";
import { bodiesOf, sinksOf, valuesOf, walkExpr, walkKernel } from "./traverse.js";
import { ELEMENTS, type ScalarType } from "./types.js";

export interface Work {
  /** Bytes of the source and of the columns. */
  readonly read: number;
  /** Bytes that are stored, if every element yields. */
  readonly written: number;
  /** Simple operations, and what the sink does. */
  readonly operations: number;
  /** Divisions, remainders and roots: the processor's own, but slow. */
  readonly divisions: number;
  /** Elementary functions: each is a page of operations. */
  readonly functions: number;
  /** Reads of captured arrays, anywhere in them. */
  readonly lookups: number;
  /** Bytes of the widest type that it computes in: as many more elements fit into a vector as it is narrower. */
  readonly width: 4 | 8;
  /** One element waits for the one before it, so that no vector and no thread helps. */
  readonly ordered: boolean;
}

/** So often the body of a loop is taken to run: nobody knows before it has. */
export const TURNS = 16;

const DIVISIONS: ReadonlySet<string> = new Set(["div", "rem", "sqrt"]);

export function workOf(kernel: Kernel): Work {
  const counts = { operations: 0, divisions: 0, functions: 0, lookups: 0 };
  const count = (expr: Expr, times: number): void => {
    walkExpr(expr, ({ kind, ...rest }) => {
      if (kind === "read") counts.lookups += times;
      else if (kind === "select") counts.operations += times;
      else if (kind === "apply" && "op" in rest) counts[operator(rest.op).elementary ? "functions" : DIVISIONS.has(rest.op) ? "divisions" : "operations"] += times;
    });
  };
  const visit = (stmts: readonly Stmt[], times: number): void => {
    for (const stmt of stmts) {
      for (const value of valuesOf(stmt)) count(value, times);
      if (stmt.kind === "if" || stmt.kind === "loop") counts.operations += times;
      for (const body of bodiesOf(stmt)) visit(body, stmt.kind === "loop" ? times * TURNS : times);
    }
  };
  visit(kernel.body, 1);
  const { source, sink, arrays } = kernel;
  const columns = arrays.filter(({ column }) => column === true);
  const bytes = columns.reduce((sum, { element }) => sum + ELEMENTS[element].bytes, 0);
  const written = elementsOf(kernel).reduce((sum, element) => sum + ELEMENTS[element].bytes, 0);
  const read = bytes + (source.kind === "array" ? ELEMENTS[source.element].bytes : 0);
  const ordered = (sink.kind === "fold" && sink.combine === null) || (sink.kind === "scan" && sink.order.kind === "left");
  return { ...counts, operations: counts.operations + sinksOf(sink).length, read, written, width: widthOf(kernel), ordered };
}

const BYTES: Readonly<Record<ScalarType, 4 | 8>> = { bool: 4, i32: 4, u32: 4, f32: 4, i64: 8, u64: 8, f64: 8 };

function widthOf(kernel: Kernel): 4 | 8 {
  let width: 4 | 8 = sinksOf(kernel.sink).some(sink => "type" in sink && BYTES[sink.type] === 8) ? 8 : 4;
  walkKernel(kernel, { expr: ({ kind, type }) => (kind === "const" || BYTES[type] === 4 ? undefined : (width = 8)) });
  return width;
}
