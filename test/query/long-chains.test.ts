/** Chains of many verbs: a verb looks at the types that it is given, and not again at all the verbs before it. */
import { describe, expect, it } from "vitest";
import { createRuntime, LambdaError, range, type Rows } from "../../src/index.js";

const { compute } = createRuntime({ backend: "js" });
type Pair = { readonly x: Float64Array; readonly y: Float32Array };

function chained(rows: Rows<Pair>, maps: number): Rows<Pair> {
  let query = rows;
  // Types do not say that a column which is handed on stays what it is.
  for (let at = 0; at < maps; at += 1) query = query.map(r => ({ ...r, x: r.x + 1 })) as unknown as Rows<Pair>;
  return query;
}

describe("a long chain of maps of rows", () => {
  it("is what its maps are", () => {
    const { x, y } = chained(compute({ x: Float64Array.of(1, 2), y: Float32Array.of(3, 0.5) }), 120).toColumns();
    expect(x).toEqual(Float64Array.of(121, 122));
    expect(y).toEqual(Float32Array.of(3, 0.5));
  });

  it("of a thousand maps is built in a moment, where looking at all verbs before each would take minutes", { timeout: 60_000 }, () => {
    expect(chained(compute({ x: Float64Array.of(1), y: Float32Array.of(2) }), 1000).column("y").bound.shape.element).toBe("f32");
  });

  it("keeps what is known of a range: that its elements are whole", () => {
    expect(compute(range(3)).filter(x => x > 0).map(x => x * 2, Int32Array).toArray()).toEqual(Int32Array.of(2, 4));
  });

  it("refuses where it is written what does not fit its columns", () => {
    const rows = compute({ x: Float64Array.of(1), y: Float32Array.of(2) }).map(r => ({ ...r, z: BigInt(1) }));
    expect(() => rows.map(r => ({ w: r.x + Number(r.z) * (r.z as unknown as number) }))).toThrow(LambdaError);
    expect(() => rows.map(r => ({ whole: r.x / 2 }), { whole: Int32Array })).toThrow(/^DC202/);
  });
});
