/** Queries in worker threads: several at once, and workers that are ended in the middle of their queries. */
import { once } from "node:events";
import path from "node:path";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { backendsOf, bundledLibrary, newBench } from "./query-support.js";

const bench = newBench();
const library = bundledLibrary();

/** Starts a worker with a `compute` of the backend; its code posts what it has to say. */
function startWorker(backend: string, code: string, cacheFolder = path.join(bench.folder, "cache")): Worker {
  const text = `
    const { parentPort } = require("node:worker_threads");
    import(${JSON.stringify(library.url)}).then(async ({ createRuntime, range }) => {
      const { compute } = createRuntime({ backend: "${backend}", cacheFolder: ${JSON.stringify(cacheFolder)} });
      ${code}
    }).catch(error => parentPort.postMessage(String(error)));
  `;
  return new Worker(text, { eval: true, execArgv: [] });
}

const messageOf = async (worker: Worker): Promise<unknown> => ((await once(worker, "message")) as [unknown])[0];

const MANY = `
  const source = new Float64Array(20000).map((_, at) => at % 100);
  const table = new Float64Array(100).map((_, at) => at * at);
  const step = STEP;
  const answers = [];
  for (let round = 0; round < 5; round++) {
    answers.push(compute(source).map(x => x * step, { step }).filter(x => x > 50).sum().value());
    answers.push(await compute(source).map(x => table[x] + step, { table, step }).max());
    answers.push((await compute(source).filter(x => x === step, { step }).toArrayAsync()).length);
    answers.push(await compute(source).reduce((a, x) => { while (x > 10) x -= step; return a + x; }, 0, { step }));
  }
  parentPort.postMessage(answers);
`;

/** The same by plain JavaScript. */
function expectedOf(step: number): number[] {
  const source = Array.from({ length: 20_000 }, (_, at) => at % 100);
  const halve = (x: number): number => {
    while (x > 10) x -= step;
    return x;
  };
  const round = [
    source.map(x => x * step).filter(x => x > 50).reduce((a, x) => a + x, 0),
    99 * 99 + step,
    source.filter(x => x === step).length,
    source.reduce((a, x) => a + halve(x), 0),
  ];
  return Array.from({ length: 5 }, () => round).flat();
}

const LOOP = "map(x => { while (x > 0) x += 1; return x; })";
/** What keeps a worker busy when it is ended; each kernel is ready by then. */
const BUSY: Readonly<Record<string, string>> = {
  "a query that waits for its kernel": `await compute(Float64Array.of(-1)).${LOOP}.sum(); compute(Float64Array.of(1)).${LOOP}.sum().run(); setImmediate(() => parentPort.postMessage("busy"));`,
  "an endless loop on its own thread": `compute(Float64Array.of(-1)).${LOOP}.sum().value(); parentPort.postMessage("busy"); compute(Float64Array.of(1)).${LOOP}.sum().value();`,
  "an endless source on its own thread": `compute(range(9)).sum().value(); parentPort.postMessage("busy"); compute(range(2 ** 53 - 1)).sum().value();`,
  "many queries": `parentPort.postMessage("busy"); for (;;) await Promise.all([1, 2, 3].map(k => compute(new Float64Array(200000).fill(k)).map(x => x * k, { k }).toArrayAsync()));`,
};

describe.each(backendsOf(bench))("on $title", ({ name, runtime, skipped }) => {
  it.skipIf(skipped)("four workers and this thread at once, with one cold cache", async () => {
    const folder = path.join(bench.folder, "race");
    const workers = [1, 2, 3, 4].map(step => startWorker(name, MANY.replace("STEP", String(step)), folder));
    const answers = await Promise.all(workers.map(messageOf));
    expect(answers).toEqual([1, 2, 3, 4].map(expectedOf));
    await Promise.all(workers.map(worker => worker.terminate()));
    expect(runtime.compute(Float64Array.of(1, 2)).sum().value()).toBe(3);
  });

  it.skipIf(skipped)("workers and this thread share large runs, while one of them is ended", async () => {
    const n = 400_000;
    // Whole numbers, whose sums are the same in any order; and what is stored behind them is their place.
    const sums = `
      const source = Float64Array.from({ length: ${n} }, (_, at) => at % 1000);
      const wrong = [];
      for (let round = 0; round < 8; round++) {
        if (compute(source).filter(x => x !== 7).sum().value() !== ${(n / 1000) * (499_500 - 7)}) wrong.push("sum");
        if (compute(source).scan((a, x) => a + x).toArray().at(-1) !== ${(n / 1000) * 499_500}) wrong.push("scan");
        const kept = compute(source).filter(x => x >= 500).toArray();
        if (kept.length !== ${n / 2} || kept[${n / 4}] !== 500) wrong.push("filter");
        if ((await compute(source).map(x => x + 1).toArrayAsync())[${n - 1}] !== 1000) wrong.push("map");
      }`;
    const ended = startWorker(name, `parentPort.postMessage("busy"); for (;;) { ${sums} }`);
    expect(await messageOf(ended)).toBe("busy");
    const workers = [1, 2, 3].map(() => startWorker(name, `${sums}; parentPort.postMessage(wrong);`));
    const answers = Promise.all(workers.map(messageOf));
    const source = Float64Array.from({ length: n }, (_, at) => at % 1000);
    for (let round = 0; round < 8; round += 1) expect(await runtime.compute(source).map(x => x * 2).sum()).toBe((n / 1000) * 999_000);
    await ended.terminate();
    expect(await answers).toEqual([[], [], []]);
    await Promise.all(workers.map(worker => worker.terminate()));
  });

  it.skipIf(skipped)("several runtimes side by side, of which one is disposed of", async () => {
    const worker = startWorker(
      name,
      `const runtimes = [1, 2, 3].map(() => createRuntime({ backend: "${name}", threads: 1 }));
       const sums = runtimes.map(({ compute }, k) => compute(new Float64Array(5000).fill(k)).map(x => x + 1).sum());
       const results = await Promise.all(sums);
       await runtimes[0].dispose();
       const codes = sums.map(sum => { try { return sum.value(); } catch (error) { return error.code; } });
       parentPort.postMessage([results, codes]);`,
    );
    expect(await messageOf(worker)).toEqual([[5000, 10_000, 15_000], ["DC322", 10_000, 15_000]]);
    await worker.terminate();
  });

  it.skipIf(skipped).each(Object.keys(BUSY))("a worker is ended in the middle of %s", async work => {
    const worker = startWorker(name, BUSY[work]!);
    expect(await messageOf(worker)).toBe("busy");
    await new Promise(resolve => setTimeout(resolve, 100));
    await worker.terminate();
    expect(await runtime.compute(Float64Array.of(1, 2)).map(x => x + 1).sum()).toBe(5);
  });

  it.skipIf(skipped)("results and errors leave a worker whole", async () => {
    const worker = startWorker(
      name,
      `const table = Float64Array.of(1);
       const result = await compute(new Float64Array(300000).fill(2)).map(x => x * 2).toArrayAsync();
       const error = await compute(Float64Array.of(0, 1)).map(x => table[x], { table }).toArrayAsync().catch(error => error);
       parentPort.postMessage([result, error], [result.buffer]);`,
    );
    const [result, error] = (await messageOf(worker)) as [Float64Array, Error];
    await worker.terminate();
    expect([result.length, result.every(x => x === 4)]).toEqual([300_000, true]);
    expect(error).toEqual(new RangeError("DC401: table[1] is out of range: table has 1 element"));
  });

  it.skipIf(skipped)("process.exit() ends a process whose workers run endless queries", async () => {
    const ended = await library.runScript(`
      import { Worker } from "node:worker_threads";
      const code = ${JSON.stringify(`
        const { parentPort } = require("node:worker_threads");
        import(URL).then(({ createRuntime }) => {
          const { compute } = createRuntime({ backend: "${name}", cacheFolder: ${JSON.stringify(path.join(bench.folder, "cache"))} });
          const endless = compute(Float64Array.of(1)).map(x => { while (x > 0) x += 1; return x; });
          endless.sum().run();
          parentPort.postMessage("busy");
          endless.toArray();
        });
      `)}.replace("URL", JSON.stringify(${JSON.stringify(library.url)}));
      let busy = 0;
      for (let count = 0; count < 2; count++) new Worker(code, { eval: true, execArgv: [] }).on("message", () => { if (++busy === 2) setTimeout(() => process.exit(4), 200); });
    `);
    expect({ code: ended.code, signal: ended.signal, stdout: ended.stdout, stderr: ended.stderr }).toEqual({ code: 4, signal: null, stdout: "", stderr: "" });
  });
});
