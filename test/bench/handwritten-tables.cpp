// Table workloads by hand: what one would write for exactly these data. Sums run in the order of the rows.
#include <algorithm>
#include <cstring>
#include <vector>

#include "../../native/rt/abi.hpp"
#include "../../native/table-canonical.hpp"

using namespace dotcompute;

template <class T>
static const T* column(const Call* call, unsigned at) {
  return static_cast<const T*>(call->arrays[at].data);
}

/// quantity > 3, price · quantity · (1 - discount), summed.
extern "C" Status filterMapSum(Call* call) {
  const double *price = column<double>(call, 0), *discount = column<double>(call, 1);
  const int* quantity = static_cast<const int*>(call->source);
  double lanes[8] = {};
  u64 i = 0;
  for (; i + 8 <= call->length; i += 8)
    for (int lane = 0; lane < 8; ++lane) lanes[lane] += quantity[i + lane] > 3 ? price[i + lane] * quantity[i + lane] * (1 - discount[i + lane]) : 0.0;
  double sum = 0;
  for (; i < call->length; ++i) sum += quantity[i] > 3 ? price[i] * quantity[i] * (1 - discount[i]) : 0.0;
  for (double lane : lanes) sum += lane;
  static_cast<double*>(call->output)[0] = sum;
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
  using namespace dotcompute::table;
  constexpr std::size_t KEYS = 1024;
  const int* key = static_cast<const int*>(call->source);
  const double* value = column<double>(call, 0);
  double* sums = static_cast<double*>(call->output);
  std::vector<double> lanes(KEYS * LANES, NOTHING);
  std::vector<unsigned> seen(KEYS);
  std::vector<Tree> trees(KEYS);
  const auto close = [&](std::size_t group) {
    trees[group].push(foldLanes(&lanes[group * LANES], LANES));
    std::fill_n(&lanes[group * LANES], LANES, NOTHING);
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
  using namespace dotcompute::table;
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
  for (std::size_t group = 0; group < KEYS; ++group) sums[group] = 0.0 + canonicalSum(&grouped[ends[group]], ends[group + 1] - ends[group]);
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

extern "C" Status prefixSum(Call* call) {
  const double* in = static_cast<const double*>(call->source);
  double* out = static_cast<double*>(call->output);
  double sum = 0;
  for (u64 i = 0; i < call->length; ++i) out[i] = sum += in[i];
  call->count = call->length;
  return Status::Done;
}

/// Of five neighbours.
extern "C" Status movingAverage(Call* call) {
  const double* in = static_cast<const double*>(call->source);
  double* out = static_cast<double*>(call->output);
  for (u64 i = 0; i + 4 < call->length; ++i) out[i] = (in[i] + in[i + 1] + in[i + 2] + in[i + 3] + in[i + 4]) / 5;
  call->count = call->length < 4 ? 0 : call->length - 4;
  return Status::Done;
}
