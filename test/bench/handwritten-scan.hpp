// Running sums in the query's own order: rows of 32 elements are scanned in five steps, each of which doubles how far a sum has looked
// back; rows follow one another in blocks of 1024, and so do the blocks. Written once, for registers of eight doubles, of four, or of one.
#pragma once

#include "../../native/rt/abi.hpp"

namespace {

using dotcompute::u64;

#if AVX512
struct Doubles {
  static constexpr int N = 8;
  __m512d v;
  static Doubles all(double value) { return {_mm512_set1_pd(value)}; }
  static Doubles load(const double* from) { return {_mm512_loadu_pd(from)}; }
  void store(double* to) const { _mm512_storeu_pd(to, v); }
  void stream(double* to) const { _mm512_stream_pd(to, v); }
  friend Doubles operator+(Doubles a, Doubles b) { return {_mm512_add_pd(a.v, b.v)}; }
  /// Its lanes moved up by so many; the highest of `before` come in.
  template <int By>
  Doubles after(Doubles before) const {
    return {_mm512_castsi512_pd(_mm512_alignr_epi64(_mm512_castpd_si512(v), _mm512_castpd_si512(before.v), N - By))};
  }
  Doubles last() const { return {_mm512_permutexvar_pd(_mm512_set1_epi64(7), v)}; }
  double first() const { return _mm512_cvtsd_f64(v); }
};
#elif AVX2
struct Doubles {
  static constexpr int N = 4;
  __m256d v;
  static Doubles all(double value) { return {_mm256_set1_pd(value)}; }
  static Doubles load(const double* from) { return {_mm256_loadu_pd(from)}; }
  void store(double* to) const { _mm256_storeu_pd(to, v); }
  void stream(double* to) const { _mm256_stream_pd(to, v); }
  friend Doubles operator+(Doubles a, Doubles b) { return {_mm256_add_pd(a.v, b.v)}; }
  template <int By>
  Doubles after(Doubles before) const {
    const __m256d middle = _mm256_permute2f128_pd(before.v, v, 0x21);
    if constexpr (By == 2) return {middle};
    else return {_mm256_shuffle_pd(middle, v, 5)};
  }
  Doubles last() const { return {_mm256_permute4x64_pd(v, 0xff)}; }
  double first() const { return _mm256_cvtsd_f64(v); }
};
#else
struct Doubles {
  static constexpr int N = 1;
  double v;
  static Doubles all(double value) { return {value}; }
  static Doubles load(const double* from) { return {*from}; }
  void store(double* to) const { *to = v; }
  void stream(double* to) const { *to = v; }
  friend Doubles operator+(Doubles a, Doubles b) { return {a.v + b.v}; }
  template <int>
  Doubles after(Doubles before) const {
    return before;
  }
  Doubles last() const { return *this; }
  double first() const { return v; }
};
#endif

/// A row's registers.
constexpr int REGISTERS = 32 / Doubles::N;

template <int By>
inline void look(Doubles (&x)[REGISTERS]) {
  constexpr int N = Doubles::N;
#pragma GCC unroll 32
  for (int i = REGISTERS - 1; i >= By / N; i--)
    if constexpr (By >= N) x[i] = x[i - By / N] + x[i];
    else x[i] = x[i].template after<By>(i > 0 ? x[i - 1] : Doubles::all(-0.0)) + x[i];
}

enum class To { Nowhere, Caches, Memory };

template <To to>
inline void put(double* at, Doubles x) {
  if constexpr (to == To::Caches) x.store(at);
  if constexpr (to == To::Memory) x.stream(at);
}

/// A row behind what came before the block, and before the row within it; gives what comes before the next row.
template <To to>
inline Doubles scanRow(const double* in, double* out, Doubles carried, Doubles before) {
  Doubles x[REGISTERS];
#pragma GCC unroll 32
  for (int i = 0; i < REGISTERS; i++) x[i] = Doubles::load(in + i * Doubles::N);
  look<1>(x);
  look<2>(x);
  look<4>(x);
  look<8>(x);
  look<16>(x);
#pragma GCC unroll 32
  for (int i = 0; i < REGISTERS; i++) put<to>(out + i * Doubles::N, carried + (before + x[i]));
  return before + x[REGISTERS - 1].last();
}

/// At most 1024 elements; gives their sum.
template <To to>
inline double scanBlock(const double* in, double* out, u64 count, double carried) {
  const Doubles whole = Doubles::all(carried);
  Doubles before = Doubles::all(-0.0);
  u64 at = 0;
  for (; at + 32 <= count; at += 32) {
    for (int line = 0; line < 32; line += 8) __builtin_prefetch(in + at + 128 + line);
    before = scanRow<to>(in + at, out + at, whole, before);
  }
  if (at == count) return before.first();
  double rest[32], made[32];
  for (u64 j = 0; j < 32; j++) rest[j] = at + j < count ? in[at + j] : -0.0;
  before = scanRow<To::Caches>(rest, made, whole, before);
  for (u64 j = 0; to != To::Nowhere && at + j < count; j++) out[at + j] = made[j];
  return before.first();
}

/// All of it; gives what is carried on.
inline double scanBlocks(const double* in, double* out, u64 length, double carried, bool around) {
  const bool past = around && reinterpret_cast<u64>(out) % 64 == 0;
  for (u64 at = 0; at < length; at += 1024) {
    const u64 count = length - at < 1024 ? length - at : 1024;
    carried += past ? scanBlock<To::Memory>(in + at, out + at, count, carried) : scanBlock<To::Caches>(in + at, out + at, count, carried);
  }
  if (past) __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return carried;
}

}  // namespace
