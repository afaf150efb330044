// Which places the loops of native/rt/*.cuh go to, beyond 2^31 elements and 2^31 threads: the same functions, compiled for
// this machine with one thread of a launch that no test could run as a whole. Prints what is wrong.
#include <math.h>
#include <stdio.h>
#include <string.h>

#define __device__
#define __constant__
#define __forceinline__ inline
#define __noinline__
static struct {
  unsigned x;
} threadIdx, blockIdx, gridDim;

template <class T>
static T __shfl_sync(unsigned, T value, int) {
  return value;
}
static unsigned __ballot_sync(unsigned, bool on) { return on ? 1u << threadIdx.x % 32 : 0; }
static bool __any_sync(unsigned, bool on) { return on; }
static int __popc(unsigned a) { return __builtin_popcount(a); }
static int __clz(int a) { return __builtin_clz(unsigned(a)); }
static int __clzll(long long a) { return __builtin_clzll((unsigned long long)a); }
static double __dsqrt_rn(double a) { return sqrt(a); }
static float __fsqrt_rn(float a) { return sqrtf(a); }
template <class To, class From>
static To cast(From from) {
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}
static long long __double_as_longlong(double a) { return cast<long long>(a); }
static double __longlong_as_double(long long a) { return cast<double>(a); }
static int __float_as_int(float a) { return cast<int>(a); }
static float __int_as_float(int a) { return cast<float>(a); }
template <class T>
static T atomicMin(T* at, T value) {
  const T old = *at;
  if (value < old) *at = value;
  return old;
}
template <class T>
static T atomicMax(T* at, T value) {
  const T old = *at;
  if (value > old) *at = value;
  return old;
}
template <class T>
static T atomicAdd(T* at, T value) {
  const T old = *at;
  *at += value;
  return old;
}

#include "rt/loops.cuh"

using namespace dotcompute::rt;

static void expect(bool holds, const char* what) {
  if (!holds) printf("%s\n", what);
}

/// The first tile that a block late in a large grid takes, and the next one.
static void sweeps() {
  constexpr u64 tile = TILE<2, 4>;
  threadIdx.x = 255;
  blockIdx.x = 0x7ffffffe;
  gridDim.x = 0x7fffffff;
  u64 tiles = 0, calls = 0;
  bool right = true;
  const u64 length = 2 * tile * 0x7fffffff;
  sweep<2, 4>(Source<Range>{0}, length, [&](u64 start) {
    right &= start == (tiles++ == 0 ? tile * 0x7ffffffe : tile * (0x7ffffffeull + 0x7fffffff));
    return true;
  }, [&](u64 at, const auto& elements) {
    const u64 first = tiles == 1 ? tile * 0x7ffffffe : tile * (0x7ffffffeull + 0x7fffffff);
    right &= at == first + (calls++ % 4 * 256 + 255) * 2 && elements.at[1] == double(at + 1);
  });
  expect(right && tiles == 2 && calls == 8, "sweep: whole tiles beyond 2^31");
  tiles = calls = 0;
  blockIdx.x = 0;
  sweep<2, 4>(Source<Range>{1ull << 40}, tile * 0x7fffffff + 600, [&](u64 start) { return tiles++ == 0 ? start == 0 : start == tile * 0x7fffffff; },
              [&](u64 at, const auto& elements) {
                if (calls++ >= 4) right &= at == tile * 0x7fffffff + 255 + (calls - 5) * 256 && elements.at[0] == double((1ull << 40) + at);
              });
  expect(right && calls == 4 + 2, "sweep: the tile at the end beyond 2^31");
}

static void blocks() {
  threadIdx.x = 37;
  blockIdx.x = 0x7ffffffe;
  gridDim.x = 0x7fffffff;
  const u64 block = warp_id();
  expect(block == 0x7ffffffeull * 8 + 1 && warp_count() == 0x7fffffffull * 8, "warps beyond 2^31");
  u64 calls = 0;
  bool right = true;
  rows<8>(Source<Range>{0}, block * BLOCK, 1ull << 50, [&](u64 at, double element, bool present) {
    right &= present && at == block * BLOCK + 5 + 32 * calls++ && element == double(at);
  });
  expect(right && calls == 32, "rows: a whole block beyond 2^31");
  calls = 0;
  rows<8>(Source<Range>{0}, block * BLOCK, block * BLOCK + 36, [&](u64 at, double, bool present) {
    right &= at == block * BLOCK + 5 + 32 * calls++ && present == (calls == 1);
  });
  expect(right && calls == 2, "rows: a short block beyond 2^31");
}

/// Sums of three levels, of more blocks than memory would hold: only the words that are read exist.
static void places() {
  const u64 count = (1ull << 20) + 3, second = 1025, block = (1ull << 20) + 1;
  u64* sums = new u64[count + second + 2]();
  sums[block] = 1ull << 33;
  sums[count + block / 1024] = 1ull << 34;
  sums[count + second + block / 1024 / 1024] = 5;
  expect(filter_place(sums, count, block) == (1ull << 33) + (1ull << 34) + 5, "filter_place: three levels");
  expect(filter_place(sums, 1024, 0) == 0, "filter_place: one level");
  delete[] sums;
}

/// Failures, places and what follows from them.
static void lanes() {
  State state{NOWHERE, NOWHERE, 0, 0, 0, 0};
  const volatile int stop = 0;
  Lane lane(&state, &stop);
  lane.place = (1ull << 40) + 1;
  expect(lane.index() == 1099511627777.0, "index beyond 2^31");
  double value;
  const double numbers[2] = {1, 2};
  expect(!lane.read(value, Array<double>{numbers, 2}, 2) && state.failed == (1ull << 40) + 1, "a failure beyond 2^31");
  expect(is_place(4294967296.0, 1ull << 33) && !is_place(8589934592.0, 1ull << 33) && !is_place(-1, 1ull << 33) && !is_place(0.5, 2), "is_place");
  expect(is_place(-0.0, 1) && !is_place(RT_NAN, ~0ull) && !is_place(RT_INFINITY, ~0ull), "is_place of special values");
  unsigned turns = 0;
  Lane late(&state, &stop);
  late.place = 1ull << 41;
  while (!late.stopped()) turns++;
  expect(turns == 1023 && state.stopped == 0, "a loop behind a failure ends");
}

int main() {
  sweeps();
  blocks();
  places();
  lanes();
}
