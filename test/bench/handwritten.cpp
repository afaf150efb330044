// What a good programmer would write by hand for each of the benchmark's workloads: the bar for emitted kernels.
//
// Same meaning as the queries: no fused multiply-add, float reductions in the canonical order (32 lanes, blocks of 1024
// elements, balanced tree). Same calling convention, so that both run through the same addon. Explicit AVX-512 or AVX2 where the
// machine has it, else loops that compilers vectorise by themselves.
#include "../../native/rt/abi.hpp"

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && defined(__AVX512BW__)
#include <immintrin.h>
#define AVX512 1
#else
#define AVX512 0
#endif
#if defined(__AVX2__)
#include "handwritten-avx2.hpp"
#define AVX2 1
#else
#define AVX2 0
#endif
#include "handwritten-scan.hpp"

namespace {

using namespace dotcompute;

constexpr u64 LANES = 32, BLOCK = 1024;

/// Sums of blocks, combined as a balanced binary tree in the order of the blocks.
struct Tree {
  double waiting[64];
  int depth = 0;
  u64 pushed = 0;

  void push(double value) {
    for (u64 bits = pushed++; bits & 1; bits >>= 1) value = waiting[--depth] + value;
    waiting[depth++] = value;
  }
  double finish() {
    if (depth == 0) return -0.0;
    double value = waiting[depth - 1];
    for (int i = depth - 2; i >= 0; i--) value = waiting[i] + value;
    return value;
  }
};

double foldLanes(double* lanes) {
  for (u64 half = LANES / 2; half > 0; half /= 2)
    for (u64 j = 0; j < half; j++) lanes[j] += lanes[j + half];
  return lanes[0];
}

void sumTail(double* lanes, const float* in, u64 count) {
  for (u64 j = 0; j < count; j++) {
    const float y = in[j] * 2.0f + 1.0f;
    if (y > 0.5f) lanes[j] += double(y);
  }
}
/// How many elements come before the first whole register, for stores past the cache.
template <class T>
u64 headOf(const Call* call, const T* out) {
  const u64 head = -reinterpret_cast<u64>(out) % 64 / sizeof(T);
  return call->around && head < call->length ? head : 0;
}
void squaresTail(double* lanes, const double* in, u64 count) {
  for (u64 j = 0; j < count; j++)
    if (in[j] > 0) lanes[j] += in[j] * in[j];
}

}  // namespace

/// compute(f32).map(x => x * 2 + 1).filter(x => x > 0.5).sum()
extern "C" Status mapFilterSum(Call* call) {
  const float* const in = static_cast<const float*>(call->source);
  Tree tree;
  for (u64 start = 0; start < call->length; start += BLOCK) {
    const u64 end = start + BLOCK < call->length ? start + BLOCK : call->length;
    alignas(64) double lanes[LANES];
    u64 at = start;
#if AVX512
    const __m512 two = _mm512_set1_ps(2), one = _mm512_set1_ps(1), least = _mm512_set1_ps(0.5f), none = _mm512_set1_ps(-0.0f);
    const auto kept = [&](const float* from) {
      const __m512 y = _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(from), two), one);
      return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(y, least, _CMP_GT_OQ), none, y);
    };
    __m512d a = _mm512_set1_pd(-0.0), b = a, c = a, d = a;
    for (; at + LANES <= end; at += LANES) {
      _mm_prefetch(in + at + 256, _MM_HINT_T0);
      _mm_prefetch(in + at + 272, _MM_HINT_T0);
      const __m512 low = kept(in + at), high = kept(in + at + 16);
      a = _mm512_add_pd(a, _mm512_cvtps_pd(_mm512_castps512_ps256(low)));
      b = _mm512_add_pd(b, _mm512_cvtps_pd(_mm512_extractf32x8_ps(low, 1)));
      c = _mm512_add_pd(c, _mm512_cvtps_pd(_mm512_castps512_ps256(high)));
      d = _mm512_add_pd(d, _mm512_cvtps_pd(_mm512_extractf32x8_ps(high, 1)));
    }
    _mm512_store_pd(lanes, a);
    _mm512_store_pd(lanes + 8, b);
    _mm512_store_pd(lanes + 16, c);
    _mm512_store_pd(lanes + 24, d);
#elif AVX2
    at = avx2::mapFilterSum(in, at, end, lanes);
#else
    for (double& lane : lanes) lane = -0.0;
    for (; at + LANES <= end; at += LANES)
      for (u64 j = 0; j < LANES; j++) {
        const float y = in[at + j] * 2.0f + 1.0f;
        lanes[j] += double(y > 0.5f ? y : -0.0f);
      }
#endif
    sumTail(lanes, in + at, end - at);
    tree.push(foldLanes(lanes));
  }
  call->value.f64 = tree.finish();
  return Status::Done;
}

/// compute(f64).filter(x => x > 0).reduce((a, x) => a + x * x, 0)
extern "C" Status sumSquares(Call* call) {
  const double* const in = static_cast<const double*>(call->source);
  Tree tree;
  for (u64 start = 0; start < call->length; start += BLOCK) {
    const u64 end = start + BLOCK < call->length ? start + BLOCK : call->length;
    alignas(64) double lanes[LANES];
    u64 at = start;
#if AVX512
    const __m512d zero = _mm512_setzero_pd();
    __m512d sums[4] = {_mm512_set1_pd(-0.0), _mm512_set1_pd(-0.0), _mm512_set1_pd(-0.0), _mm512_set1_pd(-0.0)};
    for (; at + LANES <= end; at += LANES) {
#pragma GCC unroll 4
      for (int part = 0; part < 4; part++) {
        _mm_prefetch(in + at + 128 + part * 8, _MM_HINT_T0);
        const __m512d x = _mm512_loadu_pd(in + at + part * 8);
        const __mmask8 kept = _mm512_cmp_pd_mask(x, zero, _CMP_GT_OQ);
        sums[part] = _mm512_mask_add_pd(sums[part], kept, sums[part], _mm512_mul_pd(x, x));
      }
    }
    for (int part = 0; part < 4; part++) _mm512_store_pd(lanes + part * 8, sums[part]);
#elif AVX2
    at = avx2::sumSquares(in, at, end, lanes);
#else
    for (double& lane : lanes) lane = -0.0;
    for (; at + LANES <= end; at += LANES)
      for (u64 j = 0; j < LANES; j++) {
        const double x = in[at + j];
        lanes[j] += x > 0 ? x * x : -0.0;
      }
#endif
    squaresTail(lanes, in + at, end - at);
    tree.push(foldLanes(lanes));
  }
  call->value.f64 = tree.finish();
  return Status::Done;
}

/// compute(f32).map(x => x * 0.5 + 1).toArray()
extern "C" Status mapSingles(Call* call) {
  const float* const in = static_cast<const float*>(call->source);
  float* const out = static_cast<float*>(call->output);
  const u64 length = call->length;
  u64 at = 0;
  for (const u64 head = headOf(call, out); at < head; at++) out[at] = in[at] * 0.5f + 1.0f;
#if AVX512
  const __m512 half = _mm512_set1_ps(0.5f), one = _mm512_set1_ps(1);
  if (call->around)
    for (; at + 16 <= length; at += 16) _mm512_stream_ps(out + at, _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(in + at), half), one));
  for (; at + 64 <= length; at += 64) {
#pragma GCC unroll 4
    for (int part = 0; part < 64; part += 16) {
      _mm_prefetch(in + at + 256 + part, _MM_HINT_T0);
      _mm512_storeu_ps(out + at + part, _mm512_add_ps(_mm512_mul_ps(_mm512_loadu_ps(in + at + part), half), one));
    }
  }
#elif AVX2
  at = avx2::mapSingles(in, out, at, length, call->around != 0);
#endif
  for (; at < length; at++) out[at] = in[at] * 0.5f + 1.0f;
  call->count = length;
  return Status::Done;
}

/// compute(f32).filter(x => x > 0).toArray()
extern "C" Status filterSingles(Call* call) {
  const float* const in = static_cast<const float*>(call->source);
  float* const out = static_cast<float*>(call->output);
  const u64 length = call->length;
  u64 at = 0, count = 0;
#if AVX512
  // Compressed in a register and stored whole: compressing stores are slow on some machines. `count` never passes `at`.
  for (; at + 64 <= length; at += 64) {
#pragma GCC unroll 4
    for (int part = 0; part < 64; part += 16) {
      _mm_prefetch(in + at + 256 + part, _MM_HINT_T0);
      const __m512 x = _mm512_loadu_ps(in + at + part);
      const __mmask16 kept = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ);
      _mm512_storeu_ps(out + count, _mm512_maskz_compress_ps(kept, x));
      count += u64(__builtin_popcount(kept));
    }
  }
#elif AVX2
  at = avx2::filterSingles(in, out, length, count);
#endif
  for (; at < length; at++) {
    out[count] = in[at];
    count += in[at] > 0;
  }
  call->count = count;
  return Status::Done;
}

/// compute(i32).map(x => (x * 3 + 7) | 0).toArray()
extern "C" Status mapIntegers(Call* call) {
  const u32* const in = static_cast<const u32*>(call->source);
  u32* const out = static_cast<u32*>(call->output);
  const u64 length = call->length;
  u64 at = 0;
  for (const u64 head = headOf(call, out); at < head; at++) out[at] = in[at] * 3u + 7u;
#if AVX512
  const __m512i three = _mm512_set1_epi32(3), seven = _mm512_set1_epi32(7);
  if (call->around)
    for (; at + 16 <= length; at += 16)
      _mm512_stream_si512(reinterpret_cast<__m512i*>(out + at), _mm512_add_epi32(_mm512_mullo_epi32(_mm512_loadu_si512(in + at), three), seven));
  for (; at + 64 <= length; at += 64) {
#pragma GCC unroll 4
    for (int part = 0; part < 64; part += 16) {
      _mm_prefetch(in + at + 256 + part, _MM_HINT_T0);
      _mm512_storeu_si512(out + at + part, _mm512_add_epi32(_mm512_mullo_epi32(_mm512_loadu_si512(in + at + part), three), seven));
    }
  }
#elif AVX2
  at = avx2::mapIntegers(in, out, at, length, call->around != 0);
#endif
  for (; at < length; at++) out[at] = in[at] * 3u + 7u;
  call->count = length;
  return Status::Done;
}

namespace {

/// How often z² + c stays within the circle of radius 2, at most 100 times; `at` is a pixel's number.
u8 escapeTime(double at, double width, double step) {
  const double row = __builtin_floor(at / width);
  const double re = (at - row * width) * step - 2, im = row * step - 1.3;
  double x = 0, y = 0;
  int turns = 0;
  for (; turns < 100; turns++) {
    const double xx = x * x, yy = y * y;
    if (xx + yy > 4) break;
    y = 2 * x * y + im;
    x = xx - yy + re;
  }
  return u8(turns);
}

}  // namespace

/// compute(range(n)).map(escapeTime, Uint8Array, { width, step }).toArray()
extern "C" Status escape(Call* call) {
  const double width = call->scalars[0].f64, step = call->scalars[1].f64;
  u8* const out = static_cast<u8*>(call->output);
  // `from` is the first pixel's number.
  const u64 from = call->from;
  u64 at = 0;
#if AVX512
  // Registers side by side hide each other's latency. A pixel that has escaped goes on to infinity unheeded.
  constexpr int SIDE_BY_SIDE = 4;
  const __m512d widths = _mm512_set1_pd(width), steps = _mm512_set1_pd(step), four = _mm512_set1_pd(4);
  const __m512i one = _mm512_set1_epi64(1);
  const __m512d eight = _mm512_set_pd(7, 6, 5, 4, 3, 2, 1, 0);
  for (; at + 8 * SIDE_BY_SIDE <= call->length; at += 8 * SIDE_BY_SIDE) {
    __m512d re[SIDE_BY_SIDE], im[SIDE_BY_SIDE], x[SIDE_BY_SIDE], y[SIDE_BY_SIDE];
    __m512i turns[SIDE_BY_SIDE];
    __mmask8 inside[SIDE_BY_SIDE];
#pragma GCC unroll 4
    for (int part = 0; part < SIDE_BY_SIDE; part++) {
      const __m512d place = _mm512_add_pd(_mm512_set1_pd(double(from + at + u64(part) * 8)), eight);
      const __m512d row = _mm512_roundscale_pd(_mm512_div_pd(place, widths), _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
      re[part] = _mm512_sub_pd(_mm512_mul_pd(_mm512_sub_pd(place, _mm512_mul_pd(row, widths)), steps), _mm512_set1_pd(2));
      im[part] = _mm512_sub_pd(_mm512_mul_pd(row, steps), _mm512_set1_pd(1.3));
      x[part] = y[part] = _mm512_setzero_pd();
      turns[part] = _mm512_setzero_si512();
      inside[part] = 0xff;
    }
    for (int turn = 0; turn < 100; turn++) {
      unsigned any = 0;
#pragma GCC unroll 4
      for (int part = 0; part < SIDE_BY_SIDE; part++) {
        const __m512d xx = _mm512_mul_pd(x[part], x[part]), yy = _mm512_mul_pd(y[part], y[part]);
        inside[part] = _mm512_mask_cmp_pd_mask(inside[part], _mm512_add_pd(xx, yy), four, _CMP_LE_OQ);
        any |= inside[part];
        turns[part] = _mm512_mask_add_epi64(turns[part], inside[part], turns[part], one);
        y[part] = _mm512_add_pd(_mm512_mul_pd(_mm512_add_pd(x[part], x[part]), y[part]), im[part]);
        x[part] = _mm512_add_pd(_mm512_sub_pd(xx, yy), re[part]);
      }
      if (any == 0) break;
    }
#pragma GCC unroll 4
    for (int part = 0; part < SIDE_BY_SIDE; part++)
      _mm_storel_epi64(reinterpret_cast<__m128i*>(out + at + part * 8), _mm512_cvtepi64_epi8(turns[part]));
  }
#elif AVX2
  at = avx2::escape(out, from, at, call->length, width, step);
#endif
  for (; at < call->length; at++) out[at] = escapeTime(double(from + at), width, step);
  call->count = call->length;
  return Status::Done;
}

namespace {

/// Running sums of whole numbers, in any order, behind `call->value`. Eight sums side by side, in three steps.
Status runningSums(Call* call) {
  const double* const in = static_cast<const double*>(call->source);
  double* const out = static_cast<double*>(call->output);
  const u64 length = call->length;
  double sum = call->value.f64;
  u64 at = 0;
  for (const u64 head = headOf(call, out); at < head; at++) out[at] = sum += in[at];
#if AVX512
  const __m512i by1 = _mm512_set_epi64(6, 5, 4, 3, 2, 1, 0, 0), by2 = _mm512_set_epi64(5, 4, 3, 2, 1, 0, 0, 0), by4 = _mm512_set_epi64(3, 2, 1, 0, 0, 0, 0, 0);
  __m512d carried = _mm512_set1_pd(sum);
  for (; at + 8 <= length; at += 8) {
    __m512d x = _mm512_loadu_pd(in + at);
    x = _mm512_add_pd(x, _mm512_maskz_permutexvar_pd(0xfe, by1, x));
    x = _mm512_add_pd(x, _mm512_maskz_permutexvar_pd(0xfc, by2, x));
    x = _mm512_add_pd(x, _mm512_maskz_permutexvar_pd(0xf0, by4, x));
    const __m512d result = _mm512_add_pd(x, carried);
    if (call->around) _mm512_stream_pd(out + at, result);
    else _mm512_storeu_pd(out + at, result);
    carried = _mm512_add_pd(carried, _mm512_permutexvar_pd(_mm512_set1_epi64(7), x));
  }
  sum = _mm512_cvtsd_f64(carried);
#elif AVX2
  at = call->around ? avx2::runningSums<true>(in, out, at, length, sum) : avx2::runningSums<false>(in, out, at, length, sum);
#endif
  for (; at < length; at++) out[at] = sum += in[at];
  call->count = length;
  return Status::Done;
}

}  // namespace

/// compute(f64).scan((sum, x) => sum + x, 0).toArray()
extern "C" Status prefixSum(Call* call) {
  call->value.f64 = 0;
  return runningSums(call);
}

/// The same with the bits that the query gives for numbers of every kind.
extern "C" Status prefixSumInOrder(Call* call) {
  call->value.f64 = scanBlocks(static_cast<const double*>(call->source), static_cast<double*>(call->output), call->length, 0, call->around != 0);
  call->count = call->length;
  return Status::Done;
}

/// compute(f64).window(5).average().toArray()
extern "C" Status movingAverage(Call* call) {
  const double* const in = static_cast<const double*>(call->source);
  double* const out = static_cast<double*>(call->output);
  const u64 length = call->length < 4 ? 0 : call->length - 4;
  const auto average = [in](u64 at) { return (in[at] + in[at + 1] + in[at + 2] + in[at + 3] + in[at + 4]) / 5; };
  u64 at = 0;
  for (const u64 head = headOf(call, out); at < head && at < length; at++) out[at] = average(at);
#if AVX512
  const __m512d five = _mm512_set1_pd(5);
  for (; at + 8 <= length; at += 8) {
    __m512d sum = _mm512_loadu_pd(in + at);
    for (int place = 1; place < 5; place++) sum = _mm512_add_pd(sum, _mm512_loadu_pd(in + at + place));
    if (call->around) _mm512_stream_pd(out + at, _mm512_div_pd(sum, five));
    else _mm512_storeu_pd(out + at, _mm512_div_pd(sum, five));
  }
#elif AVX2
  at = call->around ? avx2::movingAverage<true>(in, out, at, length) : avx2::movingAverage<false>(in, out, at, length);
#endif
  for (; at < length; at++) out[at] = average(at);
  call->count = length;
  return Status::Done;
}
