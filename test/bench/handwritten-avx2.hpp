// The hand-written loops in AVX2 intrinsics, for machines without AVX-512. Each goes as far as whole steps do, and says where it ended.
#pragma once

#include <immintrin.h>

#include "../../native/rt/abi.hpp"

namespace avx2 {

using dotcompute::u64;
using dotcompute::u8;

/// Asks for memory that comes so many bytes after what is worked on: in pages of 4 KiB processors do not look across their ends.
inline void ahead(const void* from, int bytes = 1024) { _mm_prefetch(static_cast<const char*>(from) + bytes, _MM_HINT_T0); }

/// Rows of 32 elements, their results above 0.5 added to 32 lanes.
inline u64 mapFilterSum(const float* in, u64 at, u64 end, double* lanes) {
  const __m256 two = _mm256_set1_ps(2), one = _mm256_set1_ps(1), least = _mm256_set1_ps(0.5f), none = _mm256_set1_ps(-0.0f);
  __m256d sums[8];
  for (__m256d& sum : sums) sum = _mm256_set1_pd(-0.0);
  for (; at + 32 <= end; at += 32) {
    ahead(in + at);
    ahead(in + at + 16);
#pragma GCC unroll 4
    for (int part = 0; part < 4; part++) {
      const __m256 y = _mm256_add_ps(_mm256_mul_ps(_mm256_loadu_ps(in + at + part * 8), two), one);
      const __m256 kept = _mm256_blendv_ps(none, y, _mm256_cmp_ps(y, least, _CMP_GT_OQ));
      sums[2 * part] = _mm256_add_pd(sums[2 * part], _mm256_cvtps_pd(_mm256_castps256_ps128(kept)));
      sums[2 * part + 1] = _mm256_add_pd(sums[2 * part + 1], _mm256_cvtps_pd(_mm256_extractf128_ps(kept, 1)));
    }
  }
  for (int part = 0; part < 8; part++) _mm256_storeu_pd(lanes + part * 4, sums[part]);
  return at;
}

/// The squares of what is above 0, added to 32 lanes.
inline u64 sumSquares(const double* in, u64 at, u64 end, double* lanes) {
  const __m256d zero = _mm256_setzero_pd(), none = _mm256_set1_pd(-0.0);
  __m256d sums[8];
  for (__m256d& sum : sums) sum = none;
  for (; at + 32 <= end; at += 32) {
#pragma GCC unroll 8
    for (int part = 0; part < 8; part++) {
      if (part % 2 == 0) ahead(in + at + part * 4);
      const __m256d x = _mm256_loadu_pd(in + at + part * 4);
      sums[part] = _mm256_add_pd(sums[part], _mm256_blendv_pd(none, _mm256_mul_pd(x, x), _mm256_cmp_pd(x, zero, _CMP_GT_OQ)));
    }
  }
  for (int part = 0; part < 8; part++) _mm256_storeu_pd(lanes + part * 4, sums[part]);
  return at;
}

/// One register after the other, changed by `change`; `around`: past the caches, from a place that is a multiple of a register.
template <class Change>
inline u64 mapWords(const void* source, void* output, u64 at, u64 length, bool around, const Change& change) {
  const u8* const in = static_cast<const u8*>(source);
  u8* const out = static_cast<u8*>(output);
  const auto load = [&](u64 place) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + place * 4)); };
  const auto to = [&](u64 place) { return reinterpret_cast<__m256i*>(out + place * 4); };
  if (around) {
    for (; at + 32 <= length; at += 32) {
      ahead(in + at * 4);
      ahead(in + at * 4 + 64);
#pragma GCC unroll 4
      for (u64 part = 0; part < 32; part += 8) _mm256_stream_si256(to(at + part), change(load(at + part)));
    }
    _mm_sfence();
    return at;
  }
  for (; at + 32 <= length; at += 32) {
    ahead(in + at * 4);
    ahead(in + at * 4 + 64);
#pragma GCC unroll 4
    for (u64 part = 0; part < 32; part += 8) _mm256_storeu_si256(to(at + part), change(load(at + part)));
  }
  return at;
}

inline u64 mapSingles(const float* in, float* out, u64 at, u64 length, bool around) {
  const __m256 half = _mm256_set1_ps(0.5f), one = _mm256_set1_ps(1);
  return mapWords(in, out, at, length, around, [&](__m256i x) { return _mm256_castps_si256(_mm256_add_ps(_mm256_mul_ps(_mm256_castsi256_ps(x), half), one)); });
}

inline u64 mapIntegers(const void* in, void* out, u64 at, u64 length, bool around) {
  const __m256i seven = _mm256_set1_epi32(7);
  // Three times by additions: the multiplication takes longer.
  return mapWords(in, out, at, length, around, [&](__m256i x) { return _mm256_add_epi32(_mm256_add_epi32(x, _mm256_add_epi32(x, x)), seven); });
}

/// For every mask of eight lanes the places of those that are kept, in order.
struct Fronts {
  alignas(32) int places[256][8] = {};
  constexpr Fronts() {
    for (int mask = 0; mask < 256; mask++)
      for (int lane = 0, next = 0; lane < 8; lane++)
        if (mask >> lane & 1) places[mask][next++] = lane;
  }
};
inline constexpr Fronts FRONTS;

/// What is above 0, side by side from out[count] on; `count` never passes `at`, so that registers can be stored whole.
inline u64 filterSingles(const float* in, float* out, u64 length, u64& count) {
  u64 at = 0, kept = 0;
  for (; at + 32 <= length; at += 32) {
    ahead(in + at);
    ahead(in + at + 16);
#pragma GCC unroll 4
    for (u64 part = 0; part < 32; part += 8) {
      const __m256 x = _mm256_loadu_ps(in + at + part);
      const unsigned mask = unsigned(_mm256_movemask_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ)));
      _mm256_storeu_ps(out + kept, _mm256_permutevar8x32_ps(x, _mm256_load_si256(reinterpret_cast<const __m256i*>(FRONTS.places[mask]))));
      kept += u64(_mm_popcnt_u32(mask));
    }
  }
  count = kept;
  return at;
}

/// Four registers side by side hide each other's latency. A pixel that has escaped goes on to infinity unheeded and stays
/// outside, so no mask is carried along, and whether all have escaped is asked every fifth turn only.
inline u64 escape(u8* out, u64 from, u64 at, u64 length, double width, double step) {
  constexpr int SIDE_BY_SIDE = 4;
  const __m256d widths = _mm256_set1_pd(width), steps = _mm256_set1_pd(step), four = _mm256_set1_pd(4);
  for (; at + 4 * SIDE_BY_SIDE <= length; at += 4 * SIDE_BY_SIDE) {
    __m256d re[SIDE_BY_SIDE], im[SIDE_BY_SIDE], x[SIDE_BY_SIDE], y[SIDE_BY_SIDE];
    __m256i turns[SIDE_BY_SIDE];
#pragma GCC unroll 4
    for (int part = 0; part < SIDE_BY_SIDE; part++) {
      const __m256d place = _mm256_add_pd(_mm256_set1_pd(double(from + at + u64(part) * 4)), _mm256_set_pd(3, 2, 1, 0));
      const __m256d row = _mm256_floor_pd(_mm256_div_pd(place, widths));
      re[part] = _mm256_sub_pd(_mm256_mul_pd(_mm256_sub_pd(place, _mm256_mul_pd(row, widths)), steps), _mm256_set1_pd(2));
      im[part] = _mm256_sub_pd(_mm256_mul_pd(row, steps), _mm256_set1_pd(1.3));
      x[part] = y[part] = _mm256_setzero_pd();
      turns[part] = _mm256_setzero_si256();
    }
    for (int turn = 0; turn < 100; turn += 5) {
      __m256d inside[SIDE_BY_SIDE];
#pragma GCC unroll 5
      for (int more = 0; more < 5; more++)
#pragma GCC unroll 4
        for (int part = 0; part < SIDE_BY_SIDE; part++) {
          const __m256d xx = _mm256_mul_pd(x[part], x[part]), yy = _mm256_mul_pd(y[part], y[part]);
          inside[part] = _mm256_cmp_pd(_mm256_add_pd(xx, yy), four, _CMP_LE_OQ);
          turns[part] = _mm256_sub_epi64(turns[part], _mm256_castpd_si256(inside[part]));
          y[part] = _mm256_add_pd(_mm256_mul_pd(_mm256_add_pd(x[part], x[part]), y[part]), im[part]);
          x[part] = _mm256_add_pd(_mm256_sub_pd(xx, yy), re[part]);
        }
      if (_mm256_movemask_pd(_mm256_or_pd(_mm256_or_pd(inside[0], inside[1]), _mm256_or_pd(inside[2], inside[3]))) == 0) break;
    }
    // The lowest byte of each.
    const __m256i low = _mm256_or_si256(turns[0], _mm256_slli_epi64(turns[1], 32)), high = _mm256_or_si256(turns[2], _mm256_slli_epi64(turns[3], 32));
    alignas(32) u8 bytes[64];
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes), low);
    _mm256_store_si256(reinterpret_cast<__m256i*>(bytes + 32), high);
#pragma GCC unroll 4
    for (int lane = 0; lane < 4; lane++) {
      out[at + u64(lane)] = bytes[lane * 8];
      out[at + u64(lane) + 4] = bytes[lane * 8 + 4];
      out[at + u64(lane) + 8] = bytes[32 + lane * 8];
      out[at + u64(lane) + 12] = bytes[32 + lane * 8 + 4];
    }
  }
  return at;
}

inline void put(double* to, __m256d value, bool around) {
  if (around) _mm256_stream_pd(to, value);
  else _mm256_storeu_pd(to, value);
}

/// Running sums in any order, behind `sum`: only one addition of each register waits for that of the one before it.
template <bool Around>
inline u64 runningSums(const double* in, double* out, u64 at, u64 length, double& sum) {
  __m256d carried = _mm256_set1_pd(sum);
  const __m256d zero = _mm256_setzero_pd();
  for (; at + 8 <= length; at += 8) {
    ahead(in + at);
#pragma GCC unroll 2
    for (u64 part = 0; part < 8; part += 4) {
      __m256d x = _mm256_loadu_pd(in + at + part);
      x = _mm256_add_pd(x, _mm256_unpacklo_pd(zero, x));
      const __m256d pairs = _mm256_permute_pd(x, 15);
      x = _mm256_add_pd(x, _mm256_permute2f128_pd(pairs, pairs, 0x08));
      put(out + at + part, _mm256_add_pd(x, carried), Around);
      carried = _mm256_add_pd(carried, _mm256_permute4x64_pd(x, 0xff));
    }
  }
  sum = _mm256_cvtsd_f64(carried);
  return at;
}

/// Means of five neighbours.
template <bool Around>
inline u64 movingAverage(const double* in, double* out, u64 at, u64 length) {
  const __m256d five = _mm256_set1_pd(5);
  for (; at + 8 <= length; at += 8) {
    ahead(in + at);
#pragma GCC unroll 2
    for (u64 part = 0; part < 8; part += 4) {
      __m256d sum = _mm256_loadu_pd(in + at + part);
#pragma GCC unroll 4
      for (u64 place = 1; place < 5; place++) sum = _mm256_add_pd(sum, _mm256_loadu_pd(in + at + part + place));
      put(out + at + part, _mm256_div_pd(sum, five), Around);
    }
  }
  return at;
}

}  // namespace avx2
