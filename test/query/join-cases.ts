/** What the tests of joins share: small tables whose keys meet often, among them NaN and -0, and the runtimes that join them. */
import fc from "fast-check";
import { createRuntime, type Runtime } from "../../src/index.js";
import { whyNoCpu } from "../laws/backends.js";

export const js = createRuntime({ backend: "js" });
/** By name, with why there is none. */
export const runtimes: readonly (readonly [string, string | null, () => Runtime])[] = [["js", null, () => js], ["cpu", whyNoCpu, () => createRuntime({ backend: "cpu" })]];

export interface Row {
  readonly k: number;
  readonly v: number;
}

export const tableOf = (rows: readonly Row[]) => ({ k: Float64Array.from(rows, row => row.k), v: Int32Array.from(rows, row => row.v) });

/** As keys are: NaN is NaN, and -0 is 0. */
export const same = (a: number, b: number): boolean => a === b || (Number.isNaN(a) && Number.isNaN(b));

const anyKey = fc.oneof(fc.integer({ min: -2, max: 3 }), fc.constantFrom(NaN, -0, 0.5, Infinity));
export const anyRows = fc.array(fc.record({ k: anyKey, v: fc.integer({ min: -3, max: 3 }) }), { maxLength: 15 });
