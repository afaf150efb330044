/** `explain` as data and as a flowchart. The text is printed from the data (see explain.test.ts). */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRuntime, range } from "../../src/index.js";
import { explanationAsMermaid } from "../../src/query/explain-mermaid.js";
import type { Explanation } from "../../src/query/explanation.js";
import { chains } from "../json/chains.js";

const { compute } = createRuntime({ backend: "js" });
const rate = 0.5;

/** What a flowchart of ours is made of: nodes of four forms, arrows, and subgraphs that end. Labels hold no character that means something. */
const LINES = /^(?: *n\d+(?:\(\["LABEL"\]\)|\["LABEL"\]|\{\{"LABEL"\}\})| *n\d+ --> n\d+| *subgraph other\d+ \[" "\]| *end)$/.source.replaceAll("LABEL", "(?:[A-Za-z0-9 .,()+*/=_'-]|#\\d+;|<br/>)+");

function checkChart(chart: string): void {
  const [first, ...lines] = chart.trimEnd().split("\n");
  expect(first).toBe("flowchart TD");
  for (const line of lines) expect(line).toMatch(new RegExp(LINES));
  const declared = lines.flatMap(line => /^ *(n\d+)[[({]/.exec(line)?.[1] ?? []);
  expect(new Set(declared).size).toBe(declared.length);
  for (const line of lines.filter(text => text.includes("-->"))) for (const end of line.trim().split(" --> ")) expect(declared).toContain(end);
  // Everything but the sources is reached.
  const reached = new Set(lines.flatMap(line => / --> (n\d+)$/.exec(line)?.[1] ?? []));
  for (const line of lines) if (/"compute\(/.test(line) === false && /^ *n\d+[[({]/.test(line)) expect(reached).toContain(/n\d+/.exec(line)?.[0]);
  expect(lines.filter(line => line.trim() === "end").length).toBe(lines.filter(line => line.includes("subgraph")).length);
}

describe('explain({ format: "json" })', () => {
  it("is what the text says, as data", () => {
    const query = compute(new Float32Array(1000)).map(x => x * rate, { rate }).filter(x => x > 0).sum();
    expect(query.explain({ format: "json" })).toEqual<Explanation>({
      source: "Float32Array(1000)",
      fastMath: false,
      stages: [
        { verb: "map", text: "map((x) => x * rate, { rate: 0.5 })" },
        { verb: "filter", text: "filter((x) => x > 0)" },
      ],
      terminal: { verb: "sum", text: "sum()" },
      rewritten: [],
      kernels: [
        {
          fuses: ["map", "filter", "sum"],
          stages: [0, 1],
          table: 0,
          stores: [],
          reads: "the Float32Array",
          columns: [],
          from: [],
          gives: "folds with add as f64 in the canonical order: 32 lanes, blocks of 1024, a pairwise tree, the same on every backend",
          barrier: null,
          shortcut: null,
          backend: "js",
          reason: "this runtime runs everything here",
        },
      ],
      steps: [],
      behind: [],
    });
  });

  it("tells steps, the kernels around them, and the other queries that they run", () => {
    const other = compute({ id: Int32Array.of(1, 2), level: Float64Array.of(3, 4) }).filter(r => r.level > 3);
    const { stages, kernels, steps } = compute({ id: Int32Array.of(1), delay: Float64Array.of(2) })
      .filter(r => r.delay > 1)
      .join(other, r => r.id, r => r.id, (r, s) => ({ both: r.delay + s.level }))
      .orderByDescending(r => r.both)
      .explain({ format: "json" });
    expect(stages.map(({ verb }) => verb)).toEqual(["filter", "join", "orderByDescending"]);
    expect(kernels.map(({ fuses, stores, columns, from, table }) => ({ fuses, stores, columns, from, table }))).toEqual([
      { fuses: ["filter"], stores: ["delay", "key 1"], columns: ["delay", "id"], from: [], table: 0 },
      { fuses: ["join"], stores: ["both", "key 1"], columns: ["delay", "right level"], from: [0], table: 1 },
      { fuses: ["toColumns"], stores: ["both"], columns: ["both"], from: [1], table: 2 },
    ]);
    expect(steps.map(step => ({ ...step, others: step.others.map(({ stages: own }) => own.map(({ verb }) => verb)) }))).toEqual([
      { stages: [1], text: expect.stringMatching(/^join: runs the other query/) as string, before: 1, others: [["filter"], ["map"]] },
      { stages: [2], text: expect.stringMatching(/^sort: a stable radix sort by one key/) as string, before: 2, others: [] },
    ]);
    expect(kernels.map(({ barrier }) => barrier)).toEqual(["a join needs all elements first", "a sort needs all elements first", null]);
  });

  it("can be asserted of every kind of query, and survives JSON", () => {
    const lazy = compute(range(10)).some(x => x > 5).explain({ format: "json" });
    expect(lazy.terminal).toEqual({ verb: "some", text: "some((x) => x > 5)" });
    expect(compute([1]).map(x => ({ x })).explain({ format: "json" }).kernels[0]?.stores).toEqual(["x"]);
    expect(compute([1], { fastMath: true }).explain({ format: "json" }).fastMath).toBe(true);
    expect(JSON.parse(JSON.stringify(lazy))).toEqual(lazy);
  });

  it("tells all queries of a value that takes several", () => {
    const least = compute({ a: Float64Array.of(2, 1) }).minBy(r => r.a);
    const { behind, terminal } = least.explain({ format: "json" });
    expect([terminal.verb, ...behind.map(one => one.terminal.verb)]).toEqual(["minBy", "first"]);
    expect(least.explain().match(/^kernel 1 of/gm)).toHaveLength(2);
    checkChart(least.explain({ format: "mermaid" }));
  });

  it("refuses formats that there are not", () => {
    const query = compute([1]);
    expect(() => query.explain({ format: "html" as never })).toThrow('DC305: explain() is told the format "html"');
    expect(() => query.explain("json" as never)).toThrow("DC305: the options of explain() are an object, not a string");
    expect(() => query.sum().explain(null as never)).toThrow("DC305: the options of explain() are an object, not null");
    expect(query.explain({})).toBe(query.explain());
    expect(query.explain({ format: "text" })).toBe(query.explain());
  });
});

describe('explain({ format: "mermaid" })', () => {
  it("goes from the source through kernels and steps to the result", () => {
    expect(compute(Int32Array.of(3, 1)).filter(x => x > 0 && x < 9).reverse().map((x, i) => x + i).explain({ format: "mermaid" })).toBe(
      [
        "flowchart TD",
        '  n0(["compute(Int32Array(2))"])',
        '  n1["kernel 1 of 2 on js<br/>.filter((x) =#62; x #62; 0 #38;#38; x #60; 9)<br/>stores an Int32Array<br/>barrier#58; reverse needs all elements first"]',
        "  n0 --> n1",
        '  n2{{"reverse#58; copies, on the calling thread, as JavaScript"}}',
        "  n1 --> n2",
        '  n3["kernel 2 of 2 on js<br/>.map((x, i) =#62; x + i)<br/>.toArray()<br/>stores an Int32Array"]',
        "  n2 --> n3",
        '  n4(["toArray()"])',
        "  n3 --> n4",
        "",
      ].join("\n"),
    );
  });

  it("is well formed for every chain", () => {
    fc.assert(
      fc.property(chains, chain => checkChart((chain.build(compute)[0] as { explain(options: object): string }).explain({ format: "mermaid" }))),
      { seed: Number(process.env["DOTCOMPUTE_SEED"]), numRuns: 50 },
    );
  });

  it.each(["", '"]', "%%{init: {}}%%", "end", "`x`", "style x:#;", "$$x$$", "<script>", "a --> b", "fa:fa-car", "- x", "classDef a:#b;", "#quot;", "&amp;", "\\", "\n", "\u2028", "\u{1f600}"])("keeps the text %j in its label", text => {
    const verb = { verb: "map", text };
    checkChart(
      explanationAsMermaid({
        source: text,
        fastMath: false,
        stages: [verb],
        terminal: verb,
        rewritten: [text],
        kernels: [{ fuses: ["map", "sum"], stages: [0], table: 0, stores: [text], reads: text, columns: [text], from: [], gives: text, barrier: text, shortcut: null, backend: "js", reason: text }],
        steps: [{ stages: [0], text, before: 0, others: [] }],
        behind: [],
      }),
    );
  });
});
