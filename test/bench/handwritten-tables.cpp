// Table workloads by hand: what one would write for exactly these data. Sums are added in whatever order is quickest; where the query's own
// bits are wanted, in its order. Prefix sums and moving averages are those of arrays.
#include <algorithm>
#include <cstring>
#include <vector>

#include "../../native/table-canonical.hpp"
#include "handwritten.cpp"

template <class T>
static const T* column(const Call* call, unsigned at) {
  return static_cast<const T*>(call->arrays[at].data);
}

/// quantity > 3, price · quantity · (1 - discount), from one row to another, added to 32 lanes.
static void addRows(const Call* call, u64 at, u64 end, double* lanes) {
  const double *price = column<double>(call, 0), *discount = column<double>(call, 1);
  const int* quantity = static_cast<const int*>(call->source);
#if AVX2
  const __m256d one = _mm256_set1_pd(1), none = _mm256_set1_pd(-0.0), three = _mm256_set1_pd(3);
  __m256d sums[8];
  for (int part = 0; part < 8; ++part) sums[part] = _mm256_loadu_pd(lanes + part * 4);
  for (; at + 32 <= end; at += 32)
#pragma GCC unroll 8
    for (u64 part = 0; part < 8; ++part) {
      const u64 row = at + part * 4;
      if (part % 4 == 0) avx2::ahead(quantity + row);
      if (part % 2 == 0) avx2::ahead(price + row);
      if (part % 2 == 0) avx2::ahead(discount + row);
      const __m256d count = _mm256_cvtepi32_pd(_mm_loadu_si128(reinterpret_cast<const __m128i*>(quantity + row)));
      const __m256d total = _mm256_mul_pd(_mm256_mul_pd(_mm256_loadu_pd(price + row), count), _mm256_sub_pd(one, _mm256_loadu_pd(discount + row)));
      sums[part] = _mm256_add_pd(sums[part], _mm256_blendv_pd(none, total, _mm256_cmp_pd(count, three, _CMP_GT_OQ)));
    }
  for (int part = 0; part < 8; ++part) _mm256_storeu_pd(lanes + part * 4, sums[part]);
#endif
  for (int lane = 0; at < end; ++at, lane = (lane + 1) % 32)
    if (quantity[at] > 3) lanes[lane] += price[at] * quantity[at] * (1 - discount[at]);
}

extern "C" Status filterMapSum(Call* call) {
  double lanes[32] = {};
  addRows(call, 0, call->length, lanes);
  static_cast<double*>(call->output)[0] = foldLanes(lanes);
  call->count = 1;
  return Status::Done;
}

extern "C" Status filterMapSumInOrder(Call* call) {
  Tree tree;
  for (u64 start = 0; start < call->length; start += BLOCK) {
    double lanes[32];
    std::fill_n(lanes, 32, -0.0);
    addRows(call, start, call->length - start < BLOCK ? call->length : start + BLOCK, lanes);
    tree.push(foldLanes(lanes));
  }
  static_cast<double*>(call->output)[0] = 0.0 + tree.finish();
  call->count = 1;
  return Status::Done;
}

/// Keys are the integers below some number: each its own place in the output.
extern "C" Status groupSum(Call* call) {
  const int* key = static_cast<const int*>(call->source);
  const double* value = column<double>(call, 0);
  double* sums = static_cast<double*>(call->output);
  std::memset(sums, 0, call->length * sizeof(double) / 10);
  int most = 0;
  for (u64 i = 0; i < call->length; ++i) {
    sums[key[i]] += value[i];
    most = std::max(most, key[i]);
  }
  call->count = u64(most) + 1;
  return Status::Done;
}

/// The same with the bits of the query: each group's elements in the canonical order. For few groups: each has 32 lanes.
extern "C" Status groupSumInLanes(Call* call) {
  constexpr std::size_t KEYS = 1024;
  const int* key = static_cast<const int*>(call->source);
  const double* value = column<double>(call, 0);
  double* sums = static_cast<double*>(call->output);
  std::vector<double> lanes(KEYS * LANES, table::NOTHING);
  std::vector<unsigned> seen(KEYS);
  std::vector<table::Tree> trees(KEYS);
  const auto close = [&](std::size_t group) {
    trees[group].push(table::foldLanes(&lanes[group * LANES], LANES));
    std::fill_n(&lanes[group * LANES], LANES, table::NOTHING);
  };
  for (u64 i = 0; i < call->length; ++i) {
    const std::size_t group = std::size_t(key[i]);
    const unsigned place = seen[group]++;
    lanes[group * LANES + place % LANES] += value[i];
    if (place % BLOCK == BLOCK - 1) close(group);
  }
  for (std::size_t group = 0; group < KEYS; ++group) {
    if (seen[group] % BLOCK != 0) close(group);
    sums[group] = 0.0 + trees[group].sum();
  }
  call->count = KEYS;
  return Status::Done;
}

/// For many: their elements are put side by side first.
extern "C" Status groupSumSideBySide(Call* call) {
  constexpr std::size_t KEYS = 1000000;
  const int* key = static_cast<const int*>(call->source);
  const double* value = column<double>(call, 0);
  double* sums = static_cast<double*>(call->output);
  std::vector<unsigned> ends(KEYS + 1);
  static std::vector<double> grouped;
  grouped.resize(call->length);
  for (u64 i = 0; i < call->length; ++i) ends[std::size_t(key[i]) + 1]++;
  for (std::size_t group = 0; group < KEYS; ++group) ends[group + 1] += ends[group];
  std::vector<unsigned> next(ends.begin(), ends.end() - 1);
  for (u64 i = 0; i < call->length; ++i) grouped[next[std::size_t(key[i])]++] = value[i];
  for (std::size_t group = 0; group < KEYS; ++group) sums[group] = 0.0 + table::canonicalSum(&grouped[ends[group]], ends[group + 1] - ends[group]);
  call->count = KEYS;
  return Status::Done;
}

extern "C" Status sortSingles(Call* call) {
  float* out = static_cast<float*>(call->output);
  std::memcpy(out, call->source, call->length * sizeof(float));
  std::sort(out, out + call->length);
  call->count = call->length;
  return Status::Done;
}

extern "C" Status distinctIntegers(Call* call) {
  const int* in = static_cast<const int*>(call->source);
  int* out = static_cast<int*>(call->output);
  std::vector<bool> seen(std::size_t(1) << 20);
  u64 count = 0;
  for (u64 i = 0; i < call->length; ++i) {
    if (seen[in[i]]) continue;
    seen[in[i]] = true;
    out[count++] = in[i];
  }
  call->count = count;
  return Status::Done;
}
