/** Stored queries know every method of a query: a verb or a terminal that is in neither table is an error here. */
import { compute, fromJSON, type AnyQuery, type LazyValue, type Query, type QueryJson, type Rows } from "../../src/index.js";
import type { TERMINALS } from "../../src/json/terminals.js";
import type { VERBS } from "../../src/json/verbs.js";
import { expectType } from "./expect.js";

type Methods = keyof Query<Float64Array> | keyof Rows<{ a: Float64Array }>;
/** What runs a query or tells of it; what is made of other verbs; and `on`, which is a field of the whole. */
type Apart = "on" | "countBy" | "column" | "elementAt" | "tap" | "toJSON" | "toArray" | "toArrayAsync" | "toBuffer" | "toBufferAsync" | "toColumns" | "toColumnsAsync" | "toRows" | "toArrow" | "prepare" | "forEach" | "trace" | "verify" | typeof Symbol.asyncIterator | "explain" | "profile" | "source" | "bound" | typeof Symbol.toStringTag;
type Missing = Exclude<Methods, keyof typeof VERBS | keyof typeof TERMINALS | Apart>;
export const missing: [Missing] extends [never] ? true : Missing = true;

export function stored(text: string): void {
  expectType<QueryJson>()(compute(new Float64Array(1)).toJSON());
  expectType<QueryJson>()(compute(new Float64Array(1)).sum().toJSON());
  expectType<AnyQuery>()(fromJSON(text, [1]));
  expectType<number>()(fromJSON<LazyValue<number>>(text, [1]).value());
  expectType<Float32Array>()(fromJSON<Query<Float32Array>>(text, new Float32Array(1)).toArray());
  expectType<Float64Array>()(fromJSON<Rows<{ a: Float64Array }>>(text, [{ a: 1 }], { others: [new Int8Array(1)] }).toColumns().a);
}
