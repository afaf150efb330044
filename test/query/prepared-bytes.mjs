/** Bytes that a call of a prepared query leaves behind, in the built package: as the engine's own profiler samples them. JSON by name. */
import { Session } from "node:inspector/promises";
import { createRuntime } from "dotcompute";

const runtime = createRuntime({ backend: "cpu", cacheFolder: process.argv[2] });
const [doubles, singles] = [Float64Array.from({ length: 16 }, (_, i) => i + 0.1), new Float32Array(16).fill(0.1)];
const [gain, captures, into, table] = [2, { gain: 3 }, { into: new Float32Array(16) }, { price: doubles, quantity: new Int32Array(16).fill(2) }];
const sum = runtime.compute(doubles).map(x => x * gain, { gain }).sum().prepare();
const total = runtime.compute(table).sum(r => r.price * r.quantity).prepare();
const squares = runtime.compute(doubles).filter(x => x > 1).reduce((all, x) => all + x * x, 0).prepare();
const found = runtime.compute(doubles).findIndex(x => x === 3.1).prepare();
const scale = runtime.compute(singles).map(x => x * 0.5 + 1).prepare();

const CALLS = {
  "a number": () => sum(doubles, captures),
  "a number, of columns": () => total(table),
  "a number, from a seed": () => squares(doubles),
  "a place": () => found(doubles),
  "an array of the caller's": () => scale(singles, undefined, into),
};

const COUNT = 20_000;
async function bytesOf(call) {
  const session = new Session();
  session.connect();
  await session.post("HeapProfiler.startSampling", { samplingInterval: 512, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true });
  for (let i = 0; i < COUNT; i += 1) call();
  const { profile } = await session.post("HeapProfiler.stopSampling");
  session.disconnect();
  const sizeOf = node => node.selfSize + node.children.reduce((all, child) => all + sizeOf(child), 0);
  return sizeOf(profile.head) / COUNT;
}

const least = {};
// Code that the engine has not optimised yet keeps its numbers in objects.
for (const [name, call] of Object.entries(CALLS)) {
  least[name] = Infinity;
  for (let attempt = 0; attempt < 6 && least[name] > 4; attempt += 1) least[name] = Math.min(least[name], await bytesOf(call));
}
console.log(JSON.stringify(least));
