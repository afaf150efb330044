// Table workloads by hand: what one would write for exactly these data. Sums run in the order of the rows.
#include <algorithm>
#include <cstring>
#include <vector>

#include "../../native/rt/abi.hpp"

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
