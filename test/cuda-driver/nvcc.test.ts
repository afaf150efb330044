/** PTX as nvcc gives it, whose front end is NVRTC's, for old and new devices: the same kernels in C++ and in JavaScript. */
import { beforeAll, describe, expect, it } from "vitest";
import { compile, f32, hasNvcc, u64 } from "./driver.js";
import { suite } from "./suite.js";

const SOURCE = `
using u64 = unsigned long long;
extern "C" __global__ void saxpy(u64 n, float a, const float* x, float* y) {
  const u64 i = blockIdx.x * (u64)blockDim.x + threadIdx.x;
  if (i < n) y[i] = a * x[i] + y[i];
}

// Lanes by halves, then warps in shared memory.
extern "C" __global__ void sum(u64 n, const double* x, double* out) {
  __shared__ double sums[32];
  double mine = 0;
  for (u64 i = threadIdx.x; i < n; i += blockDim.x) mine += x[i];
  for (int step = 16; step > 0; step /= 2) mine += __shfl_down_sync(0xffffffffu, mine, step);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = mine;
  __syncthreads();
  if (threadIdx.x == 0) {
    double all = 0;
    for (unsigned warp = 0; warp < blockDim.x / 32; warp++) all += sums[warp];
    *out = all;
  }
}

// Keeps positive values, in order, in one pass: each block waits for the one before it.
extern "C" __global__ void keep(u64 n, const int* x, int* y, unsigned* ticket, volatile u64* ends) {
  __shared__ unsigned block, counts[32];
  __shared__ u64 base;
  if (threadIdx.x == 0) block = atomicAdd(ticket, 1u);
  __syncthreads();
  const u64 i = block * (u64)blockDim.x + threadIdx.x;
  const bool kept = i < n && x[i] > 0;
  const unsigned votes = __ballot_sync(0xffffffffu, kept), lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  if (lane == 0) counts[warp] = __popc(votes);
  __syncthreads();
  unsigned before = __popc(votes & ((1u << lane) - 1)), all = 0;
  for (unsigned w = 0; w < blockDim.x / 32; w++) { if (w < warp) before += counts[w]; all += counts[w]; }
  if (threadIdx.x == 0) {
    u64 from = 0;
    if (block > 0) while ((from = ends[block - 1]) == 0) {}
    base = from == 0 ? 0 : from - 1;
    __threadfence();
    ends[block] = base + all + 1;
  }
  __syncthreads();
  if (kept) y[base + before] = x[i];
}

struct Point { double x, y; int turns; };
__device__ __noinline__ double walk(Point p) { double r = 0; for (int i = 0; i < p.turns; i++) r = r * p.x + p.y; return r; }
extern "C" __global__ void points(Point p, double* out) {
  double local[8];
  for (int i = 0; i < 8; i++) local[(i * p.turns) & 7] = i + threadIdx.x;
  p.x = local[p.turns & 7];
  out[threadIdx.x] = walk(p) + local[threadIdx.x & 7];
}
`;

describe.skipIf(!hasNvcc)("with nvcc", () => {
  describe.each([75, 90, 120])("for compute_%i", architecture => {
    let ptx = "";
    beforeAll(() => void (ptx = compile(SOURCE, architecture)));

    suite("the stand-in driver", driver => {
      const schedules = [{}, ...[1, 2, 3].map(seed => ({ random: 1, seed })), { deferred: 1 }];

      it.each(schedules)("runs saxpy (%o)", settings => {
        driver.fresh({ capability: architecture, ...settings });
        const x = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i) * 1e3);
        const y = Float32Array.from({ length: 1000 }, (_, i) => Math.cos(i));
        const expected = y.map((value, i) => Math.fround(Math.fround(Math.fround(2.7) * (x[i] as number)) + value));
        driver.launch(ptx, "saxpy", { grid: 8, block: 128 }, u64(1000n), f32(2.7), x, y);
        expect(y).toEqual(expected);
        expect(driver.counters()).toMatchObject({ loads: { elements: 2000 }, stores: { elements: 1000 } });
      });

      it.each(schedules)("sums in a fixed order (%o)", settings => {
        driver.fresh({ capability: architecture, ...settings });
        const x = Float64Array.from({ length: 777 }, (_, i) => Math.sin(i) / 3);
        const out = new Float64Array(1);
        driver.launch(ptx, "sum", { block: 128 }, u64(777n), x, out);
        const mine = new Float64Array(128);
        for (let i = 0; i < 777; i++) mine[i % 128]! += x[i] as number;
        for (let step = 16; step > 0; step >>= 1) for (let i = 0; i < 128; i++) if (i % 32 < step) mine[i]! += mine[i + step] as number;
        expect(out[0]).toBe([0, 32, 64, 96].reduce((sum, at) => sum + (mine[at] as number), 0));
      });

      it.each(schedules)("keeps in order by look-back (%o)", settings => {
        driver.fresh({ capability: architecture, ...settings });
        const x = Int32Array.from({ length: 3000 }, (_, i) => ((i * 2654435761) % 1000) - 500);
        const y = new Int32Array(3000);
        driver.launch(ptx, "keep", { grid: 24, block: 128 }, u64(3000n), x, y, new Uint32Array(1), new BigUint64Array(24));
        const kept = x.filter(value => value > 0);
        expect(y.slice(0, kept.length)).toEqual(kept);
      });

      it("calls functions with records and local memory", () => {
        driver.fresh({ capability: architecture });
        const record = new Uint8Array(24);
        new Float64Array(record.buffer, 0, 2).set([9, 0.5]);
        new Int32Array(record.buffer, 16, 1)[0] = 3;
        const out = new Float64Array(32);
        driver.launch(ptx, "points", { block: 32 }, { value: record }, out);
        expect([...out]).toEqual(Array.from({ length: 32 }, (_, thread) => {
          const local: number[] = [];
          for (let i = 0; i < 8; i++) local[(i * 3) & 7] = i + thread;
          let r = 0;
          for (let i = 0; i < 3; i++) r = r * (local[3] as number) + 0.5;
          return r + (local[thread & 7] as number);
        }));
      });
    });
  });
});
