/** Whatever is asked of a runtime that has been disposed of is refused: every method of it, of its queries and of its kernels. */
import { describe, expect, it } from "vitest";
import { batch, createRuntime, stream, type Runtime } from "../../src/index.js";

const data = Float64Array.from({ length: 100 }, (_, at) => at - 50.5);
const ended = "DC322: the runtime has been disposed of";

/** What of a runtime, and what it made, was used before its end, so that everything of it is warm; null for what ends it. */
async function disposed() {
  const runtime = createRuntime({ backend: "js" });
  const query = runtime.compute(data).map(x => x * 2);
  const rows = runtime.compute({ x: data, y: Int32Array.from(data) });
  const kernel = runtime.kernel("doubled", (i, x: Float64Array, out: Float64Array) => { out[i] = x[i]! * 2; });
  const out = new Float64Array(100);
  kernel(data, out);
  await kernel.async(data, out);
  const [prepared, preparedArray] = [query.sum().prepare<Float64Array>(), query.prepare<Float64Array>()];
  for (const run of [() => prepared(), () => preparedArray(), () => query.toArray(), () => rows.toColumns()]) run();
  const read = { count: 0 };
  const chunks = {
    *[Symbol.iterator]() {
      read.count += 1;
      yield data;
    },
  };
  const streamed = runtime.compute(stream(chunks, Float64Array)).map(x => x + 1);
  const together = batch([query.sum(), query.filter(x => x > 3).count()]);
  const buffer = runtime.buffer(data);
  const recording = runtime.record();
  await runtime.dispose();
  return { runtime, query, rows, kernel, out, prepared, preparedArray, streamed, together, buffer, recording, read };
}

type Of = Awaited<ReturnType<typeof disposed>>;

const ofRuntime: Record<Exclude<keyof Runtime, "dispose" | symbol>, (of: Of) => unknown> = {
  compute: ({ runtime }) => runtime.compute(data),
  buffer: ({ runtime }) => runtime.buffer(data),
  kernel: ({ runtime }) => runtime.kernel("other", (i, x: Float64Array) => { x[i] = i; }),
  execute: ({ runtime, out }) => runtime.execute("doubled", data, out),
  executeAsync: ({ runtime, out }) => runtime.executeAsync("doubled", data, out),
  kernels: ({ runtime }) => runtime.kernels(),
  settled: ({ runtime }) => runtime.settled(),
  record: ({ runtime }) => runtime.record(),
  accelerators: ({ runtime }) => runtime.accelerators(),
  devices: ({ runtime }) => runtime.devices(),
  cacheStatistics: ({ runtime }) => runtime.cacheStatistics(),
  optimalAccelerator: ({ runtime, query }) => runtime.optimalAccelerator(query),
  precompile: ({ runtime, query }) => runtime.precompile(query),
};

const ofQueries: Readonly<Record<string, (of: Of) => unknown>> = {
  "toArray()": ({ query }) => query.toArray(),
  "toArrayAsync()": ({ query }) => query.toArrayAsync(),
  "toArray({ into })": ({ query, out }) => query.toArray({ into: out }),
  "toBuffer()": ({ query }) => query.toBuffer(),
  "toBufferAsync()": ({ query }) => query.toBufferAsync(),
  "toArrow()": ({ query }) => query.toArrow(),
  "forEach()": ({ query }) => query.forEach(() => undefined),
  "for await": async ({ query }) => { for await (const _ of query) expect.fail("it gave results"); },
  "explain()": ({ query }) => query.explain(),
  "source()": ({ query }) => query.source("js"),
  "profile()": ({ query }) => query.profile(),
  "verify()": ({ query }) => query.verify(),
  "trace()": ({ query }) => query.trace(3),
  "trace() of the source alone": ({ rows }) => rows.trace(3),
  "prepare()": ({ query }) => query.prepare(),
  "sum().value()": ({ query }) => query.sum().value(),
  "await sum()": ({ query }) => query.sum().run(),
  "indexOf() of what no array holds": ({ query }) => query.indexOf(1).value(),
  "variance()": ({ query }) => query.variance().value(),
  "single()": ({ query }) => query.single().run(),
  "sum().explain()": ({ query }) => query.sum().explain(),
  "sum().profile()": ({ query }) => query.sum().profile(),
  "sum().verify()": ({ query }) => query.sum().verify(),
  "sum().trace()": ({ query }) => query.sum().trace(3),
  "variance().verify()": ({ query }) => query.variance().verify(),
  "toColumns()": ({ rows }) => rows.toColumns(),
  "toColumnsAsync()": ({ rows }) => rows.toColumnsAsync(),
  "toRows()": ({ rows }) => rows.toRows(),
  "toArrow() of rows": ({ rows }) => rows.toArrow(),
  "aggregate()": ({ rows }) => rows.aggregate({ n: q => q.count() }).value(),
  "groupBy()": ({ rows }) => rows.groupBy(r => r.y).aggregate({ n: g => g.count() }).toColumns(),
  "profile() of rows": ({ rows }) => rows.profile(),
  "verify() of rows": ({ rows }) => rows.verify(),
  "batch()": ({ together }) => together.value(),
  "await batch()": ({ together }) => together.run(),
  "verify() of batch()": ({ together }) => together.verify(),
  "trace() of batch()": ({ together }) => together.trace(3),
  "a prepared query": ({ prepared }) => prepared(data),
  "a prepared query's async": ({ prepared }) => prepared.async(data),
  "a prepared query's explain": ({ prepared }) => prepared.explain(),
  "a prepared query of arrays": ({ preparedArray }) => preparedArray(data),
  "a stream's value": ({ streamed }) => streamed.sum().run(),
  "a stream's results": ({ streamed }) => streamed.toArrayAsync(),
  "a stream's chunks": ({ streamed }) => streamed.forEach(() => expect.fail("it gave results")),
  "a stream's explain": ({ streamed }) => streamed.explain(),
  "a kernel": ({ kernel, out }) => kernel(data, out),
  "a kernel's async": ({ kernel, out }) => kernel.async(data, out),
  "a kernel's explain": ({ kernel }) => kernel.explain(),
  "a kernel's source": ({ kernel }) => kernel.source("js"),
};

describe("a runtime that has been disposed of", () => {
  it.each(Object.keys(ofRuntime) as (keyof typeof ofRuntime)[])("refuses its %s", async name => {
    const of = await disposed();
    await expect((async () => ofRuntime[name](of))()).rejects.toThrow(ended);
  });

  it.each(Object.keys(ofQueries))("refuses %s of what it made", async name => {
    const of = await disposed();
    await expect((async () => ofQueries[name]?.(of))()).rejects.toThrow(ended);
    expect(of.read.count).toBe(0);
  });

  it("ends a verification that was at work, and leaves what was recorded", async () => {
    const runtime = createRuntime({ backend: "js" });
    const recording = runtime.record();
    const verification = runtime.compute(data).map(x => x * 2).verify({ runs: 1000 });
    await Promise.all([expect(verification).rejects.toThrow(ended), runtime.dispose()]);
    expect(recording.stop().traceEvents.length).toBeGreaterThan(0);
    await runtime.dispose();
  });
});
