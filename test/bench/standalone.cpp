// The hand-written loops without Node, addon or JavaScript, and what this machine's memory can do; prints one JSON object.
//
//   standalone ELEMENTS ROUNDS
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "handwritten.cpp"

namespace {

using Task = std::function<void()>;

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double median(std::vector<double> times) {
  std::sort(times.begin(), times.end());
  return (times[(times.size() - 1) / 2] + times[times.size() / 2]) / 2;
}

/// Fresh pages, as large as the system gives them.
struct Fresh {
  std::size_t bytes;
  void* data;
  explicit Fresh(std::size_t size) : bytes((size + 0x3fffff) & ~std::size_t(0x1fffff)) {
    data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) std::abort();
    madvise(data, bytes, MADV_HUGEPAGE);
  }
  Fresh(const Fresh&) = delete;
  ~Fresh() { munmap(data, bytes); }
};

template <class T, class Make>
std::vector<T> filled(std::size_t length, Make make) {
  std::vector<T> values(length);
  unsigned state = 12345;
  for (T& value : values) value = make(state = state * 1664525u + 1013904223u);
  return values;
}

volatile double blackHole;

double readAll(const double* in, std::size_t length) {
  std::size_t at = 0;
#if AVX512
  __m512i sums[8] = {};
  for (; at + 64 <= length; at += 64)
#pragma GCC unroll 8
    for (int part = 0; part < 8; part++) {
      _mm_prefetch(in + at + 128 + part * 8, _MM_HINT_T0);
      sums[part] = _mm512_xor_si512(sums[part], _mm512_loadu_si512(in + at + part * 8));
    }
  __m512i all = _mm512_setzero_si512();
  for (const __m512i& sum : sums) all = _mm512_xor_si512(all, sum);
  return double(_mm512_reduce_add_epi64(all)) + (at < length ? in[at] : 0);
#elif AVX2
  __m256i sums[8] = {};
  for (; at + 32 <= length; at += 32)
#pragma GCC unroll 8
    for (int part = 0; part < 8; part++) {
      if (part % 2 == 0) avx2::ahead(in + at + part * 4);
      sums[part] = _mm256_xor_si256(sums[part], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at + part * 4)));
    }
  __m256i all = _mm256_setzero_si256();
  for (const __m256i& sum : sums) all = _mm256_xor_si256(all, sum);
  return double(_mm256_extract_epi64(all, 0) ^ _mm256_extract_epi64(all, 1) ^ _mm256_extract_epi64(all, 2) ^ _mm256_extract_epi64(all, 3)) + (at < length ? in[at] : 0);
#else
  unsigned long long sums[32] = {};
  for (; at + 32 <= length; at += 32)
    for (int j = 0; j < 32; j++) {
      unsigned long long bits;
      std::memcpy(&bits, in + at + j, sizeof bits);
      sums[j] ^= bits;
    }
  return double(sums[0] ^ sums[31]);
#endif
}

/// Past the cache: nothing of the destination is read first.
void copyStreaming(double* out, const double* in, std::size_t length) {
#if AVX512
  for (std::size_t at = 0; at + 8 <= length; at += 8) {
    _mm_prefetch(in + at + 128, _MM_HINT_T0);
    _mm512_stream_pd(out + at, _mm512_loadu_pd(in + at));
  }
  _mm_sfence();
#elif AVX2
  for (std::size_t at = 0; at + 8 <= length; at += 8) {
    avx2::ahead(in + at);
    for (int part = 0; part < 8; part += 4) _mm256_stream_pd(out + at + part, _mm256_loadu_pd(in + at + part));
  }
  _mm_sfence();
#else
  std::memcpy(out, in, length * sizeof(double));
#endif
}

/// Two arrays read, one written, past the cache.
void triad(double* out, const double* a, const double* b, std::size_t length) {
  std::size_t at = 0;
#if AVX512
  const __m512d three = _mm512_set1_pd(3);
  for (; at + 8 <= length; at += 8) {
    _mm_prefetch(a + at + 128, _MM_HINT_T0);
    _mm_prefetch(b + at + 128, _MM_HINT_T0);
    _mm512_stream_pd(out + at, _mm512_add_pd(_mm512_loadu_pd(a + at), _mm512_mul_pd(three, _mm512_loadu_pd(b + at))));
  }
  _mm_sfence();
#elif AVX2
  const __m256d three = _mm256_set1_pd(3);
  for (; at + 8 <= length; at += 8) {
    avx2::ahead(a + at);
    avx2::ahead(b + at);
    for (int part = 0; part < 8; part += 4)
      _mm256_stream_pd(out + at + part, _mm256_add_pd(_mm256_loadu_pd(a + at + part), _mm256_mul_pd(three, _mm256_loadu_pd(b + at + part))));
  }
  _mm_sfence();
#endif
  for (; at < length; at++) out[at] = a[at] + 3 * b[at];
}

/// Contiguous parts of whole cache lines, one for each thread.
template <class Part>
void onAllThreads(std::size_t length, const Part& part) {
  const std::size_t threads = std::max(1u, std::thread::hardware_concurrency());
  const auto from = [&](std::size_t thread) { return thread == threads ? length : length / threads * thread / 8 * 8; };
  std::vector<std::thread> others;
  for (std::size_t thread = 1; thread < threads; thread++) others.emplace_back([&, thread] { part(from(thread), from(thread + 1) - from(thread)); });
  part(0, from(1));
  for (std::thread& other : others) other.join();
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t length = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 9;

  const auto unit = [](unsigned bits) { return double(bits) / 2147483648.0 - 1; };
  const std::vector<float> singles = filled<float>(length, unit);
  const std::vector<double> doubles = filled<double>(length, unit);
  const std::vector<int> integers = filled<int>(length, [](unsigned bits) { return int(bits); });
  // As large as the f32 workloads' arrays.
  const std::size_t half = length / 2;
  double* const target = static_cast<double*>(std::aligned_alloc(64, (length * sizeof(double) + 63) / 64 * 64));
  std::memset(target, 1, length * sizeof(double));

  Scalar scalars[2];
  scalars[0].f64 = std::ceil(std::sqrt(double(length)));
  scalars[1].f64 = 2.6 / scalars[0].f64;
  const int never = 0;
  const auto call = [&](Entry entry, const void* source, void* output) {
    Call made{};
    made.source = source;
    made.length = length;
    made.output = output;
    made.scalars = scalars;
    made.stop = &never;
    entry(&made);
    blackHole = made.value.f64;
  };

  std::map<std::string, Task> tasks;
  tasks["mapFilterSum"] = [&] { call(mapFilterSum, singles.data(), nullptr); };
  tasks["sumSquares"] = [&] { call(sumSquares, doubles.data(), nullptr); };
  const auto storing = [&](const std::string& name, Entry entry, const void* source, std::size_t bytes) {
    tasks[name] = [&, entry, source, bytes] { call(entry, source, Fresh(bytes * length).data); };
    tasks[name + " into"] = [&, entry, source] { call(entry, source, target); };
  };
  storing("mapSingles", mapSingles, singles.data(), 4);
  storing("filterSingles", filterSingles, singles.data(), 4);
  storing("mapIntegers", mapIntegers, integers.data(), 4);
  storing("escape", escape, nullptr, 1);
  tasks["read"] = [&] { blackHole = readAll(doubles.data(), half); };
  tasks["copy"] = [&] { std::memcpy(target, doubles.data(), half * sizeof(double)); };
  tasks["copyStreaming"] = [&] { copyStreaming(target, doubles.data(), half); };
  tasks["triad"] = [&] { triad(target, doubles.data(), doubles.data() + half, half); };
  tasks["readThreads"] = [&] { onAllThreads(half, [&](std::size_t from, std::size_t count) { blackHole = readAll(doubles.data() + from, count); }); };
  tasks["copyThreads"] = [&] { onAllThreads(half, [&](std::size_t from, std::size_t count) { std::memcpy(target + from, doubles.data() + from, count * sizeof(double)); }); };
  tasks["copyStreamingThreads"] = [&] { onAllThreads(half, [&](std::size_t from, std::size_t count) { copyStreaming(target + from, doubles.data() + from, count); }); };
  tasks["triadThreads"] = [&] { onAllThreads(half, [&](std::size_t from, std::size_t count) { triad(target + from, doubles.data() + from, doubles.data() + half + from, count); }); };

  std::map<std::string, std::vector<double>> times;
  for (const auto& [name, task] : tasks) task();
  for (int round = 0; round < rounds; round++)
    for (const auto& [name, task] : tasks) {
      const double start = seconds();
      task();
      times[name].push_back(seconds() - start);
    }

  std::printf("{");
  const char* comma = "";
  for (const auto& [name, samples] : times) {
    std::printf("%s\"%s\": %.9f", comma, name.c_str(), median(samples));
    comma = ", ";
  }
  std::printf(", \"bandwidthBytes\": %zu}\n", half * sizeof(double));
}
