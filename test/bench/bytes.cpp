// Loops over bytes and shorts as a good programmer would write them: plainly, where the compiler makes vectors of a plain loop, else by
// the instructions of AVX2. Scalars are left in `count`.
#include "../../native/rt/abi.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace {

using namespace dotcompute;

using i16 = short;
using u16 = unsigned short;

template <class To, class From, class F>
Status mapped(Call* call, F function) {
  const From* __restrict const in = static_cast<const From*>(call->source);
  To* __restrict const out = static_cast<To*>(call->output);
  const u64 length = call->length;  // a byte that is stored might be one of the call's
  for (u64 at = 0; at < length; at++) out[at] = function(in[at]);
  call->count = length;
  return Status::Done;
}

template <class T>
const T* column(const Call* call, int place) {
  return static_cast<const T*>(call->arrays[place].data);
}

/// Appends lanes as a table says, eight at a time.
template <class T, class F>
Status filtered(Call* call, F keep) {
  const T* const in = static_cast<const T*>(call->source);
  T* const out = static_cast<T*>(call->output);
  const u64 length = call->length;
  u64 kept = 0, at = 0;
#if defined(__AVX2__)
  static const auto table = [] {
    struct {
      alignas(16) u8 of[256][8 * sizeof(T)];
    } made = {};
    for (int mask = 0; mask < 256; mask++)
      for (int lane = 0, next = 0; lane < 8; lane++)
        if (mask >> lane & 1)
          for (u64 part = 0; part < sizeof(T); part++) made.of[mask][next++] = u8(lane * int(sizeof(T)) + int(part));
    return made;
  }();
  for (; length - at >= 16; at += 16) {
    if constexpr (sizeof(T) == 1) {
      const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at));
      const unsigned bits = unsigned(_mm_movemask_epi8(keep(x)));
      const __m128i low = _mm_shuffle_epi8(x, _mm_loadl_epi64(reinterpret_cast<const __m128i*>(table.of[bits & 255])));
      const __m128i high = _mm_shuffle_epi8(_mm_srli_si128(x, 8), _mm_loadl_epi64(reinterpret_cast<const __m128i*>(table.of[bits >> 8])));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(out + kept), low);
      kept += u64(__builtin_popcount(bits & 255));
      _mm_storel_epi64(reinterpret_cast<__m128i*>(out + kept), high);
      kept += u64(__builtin_popcount(bits >> 8));
    } else {
      const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at)), y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + at + 8));
      const unsigned bits = unsigned(_mm_movemask_epi8(_mm_packs_epi16(keep(x), keep(y))));
      const __m128i low = _mm_shuffle_epi8(x, _mm_load_si128(reinterpret_cast<const __m128i*>(table.of[bits & 255])));
      const __m128i high = _mm_shuffle_epi8(y, _mm_load_si128(reinterpret_cast<const __m128i*>(table.of[bits >> 8])));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + kept), low);
      kept += u64(__builtin_popcount(bits & 255));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + kept), high);
      kept += u64(__builtin_popcount(bits >> 8));
    }
  }
#endif
  for (; at < length; at++) {
    const T x = in[at];
    out[kept] = x;
    kept += keep(x);
  }
  call->count = kept;
  return Status::Done;
}

/// Counts in lanes as narrow as the elements: plainly written, compilers widen each truth to 64 bits.
template <class T, class F>
Status counted(Call* call, F test) {
  u64 count = 0, at = 0;
  for (; call->length - at >= 64 * 255; at += 64 * 255) {
    T lanes[64] = {};
    for (u64 row = at; row < at + 64 * 255; row += 64)
      for (u64 lane = 0; lane < 64; lane++) lanes[lane] = T(lanes[lane] + test(row + lane));
    for (u64 lane = 0; lane < 64; lane++) count += u64(lanes[lane]);
  }
  for (; at < call->length; at++) count += test(at);
  call->count = count;
  return Status::Done;
}

template <class T>
Status greatest(Call* call) {
  const T* const in = static_cast<const T*>(call->source);
  T most = in[0];
  for (u64 at = 0; at < call->length; at++) most = in[at] > most ? in[at] : most;
  call->count = u64(most);
  return Status::Done;
}

struct AboveByte {
#if defined(__AVX2__)
  __m128i operator()(__m128i x) const { return _mm_cmpgt_epi8(_mm_xor_si128(x, _mm_set1_epi8(char(128))), _mm_set1_epi8(0)); }
#endif
  bool operator()(u8 x) const { return x > 128; }
};
struct AboveShort {
#if defined(__AVX2__)
  __m128i operator()(__m128i x) const { return _mm_cmpgt_epi16(x, _mm_set1_epi16(100)); }
#endif
  bool operator()(i16 x) const { return x > 100; }
};

}  // namespace

extern "C" Status bytes_invert(Call* call) { return mapped<u8, u8>(call, [](u8 x) { return u8(255 - x); }); }
extern "C" Status bytes_brighten(Call* call) { return mapped<u8, u8>(call, [](u8 x) { return u8(x + 40 < 255 ? x + 40 : 255); }); }
extern "C" Status bytes_threshold(Call* call) { return mapped<u8, u8>(call, [](u8 x) { return u8(x > 128 ? 255 : 0); }); }
extern "C" Status shorts_gain(Call* call) { return mapped<i16, i16>(call, [](i16 x) { return i16((x * 3) >> 2); }); }
extern "C" Status shorts_clip(Call* call) {
  return mapped<i16, i16>(call, [](i16 x) { return i16(x < -1000 ? -1000 : x > 1000 ? 1000 : x); });
}
extern "C" Status bytes_filter(Call* call) { return filtered<u8>(call, AboveByte()); }
extern "C" Status shorts_filter(Call* call) { return filtered<i16>(call, AboveShort()); }
extern "C" Status bytes_count(Call* call) {
  const u8* const in = static_cast<const u8*>(call->source);
  return counted<u8>(call, [=](u64 at) { return in[at] > 128; });
}
extern "C" Status shorts_count(Call* call) {
  const i16* const in = static_cast<const i16*>(call->source);
  return counted<i16>(call, [=](u64 at) { return in[at] > 100; });
}
extern "C" Status bytes_max(Call* call) { return greatest<u8>(call); }
extern "C" Status shorts_max(Call* call) { return greatest<i16>(call); }
extern "C" Status bytes_sum(Call* call) {
  const u8* const in = static_cast<const u8*>(call->source);
  u64 sum = 0, at = 0;
#if defined(__AVX2__)
  __m256i a = _mm256_setzero_si256(), b = a;
  for (; call->length - at >= 64; at += 64) {
    a = _mm256_add_epi64(a, _mm256_sad_epu8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at)), _mm256_setzero_si256()));
    b = _mm256_add_epi64(b, _mm256_sad_epu8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at + 32)), _mm256_setzero_si256()));
  }
  u64 lanes[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), _mm256_add_epi64(a, b));
  for (const u64 lane : lanes) sum += lane;
#endif
  for (; at < call->length; at++) sum += in[at];
  call->count = sum;
  return Status::Done;
}
/// Whether any byte is 7: none is.
extern "C" Status bytes_some(Call* call) {
  const u8* const in = static_cast<const u8*>(call->source);
  u64 at = 0;
  call->count = 0;
#if defined(__AVX2__)
  const __m256i wanted = _mm256_set1_epi8(7);
  for (; call->length - at >= 64; at += 64) {
    const __m256i a = _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at)), wanted);
    const __m256i b = _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(in + at + 32)), wanted);
    if (_mm256_movemask_epi8(_mm256_or_si256(a, b)) != 0) return call->count = 1, Status::Done;
  }
#endif
  for (; at < call->length; at++)
    if (in[at] == 7) return call->count = 1, Status::Done;
  return Status::Done;
}
extern "C" Status shorts_running(Call* call) {
  const i16* const in = static_cast<const i16*>(call->source);
  i16* const out = static_cast<i16*>(call->output);
  i16 most = -32768;
  for (u64 at = 0; at < call->length; at++) out[at] = most = in[at] > most ? in[at] : most;
  call->count = call->length;
  return Status::Done;
}
extern "C" Status bytes_above(Call* call) {
  const u8 *__restrict const a = column<u8>(call, 0), *__restrict const b = column<u8>(call, 1);
  u8* __restrict const out = static_cast<u8*>(call->output);
  const u64 length = call->length;
  for (u64 at = 0; at < length; at++) out[at] = a[at] > b[at] ? 255 : 0;
  call->count = length;
  return Status::Done;
}
extern "C" Status bytes_grey(Call* call) {
  const u8 *__restrict const r = column<u8>(call, 0), *__restrict const g = column<u8>(call, 1), *__restrict const b = column<u8>(call, 2);
  u8* __restrict const out = static_cast<u8*>(call->output);
  // In 16 bits: plain ints take the compiler twice the registers.
  const u64 length = call->length;
  for (u64 at = 0; at < length; at++) out[at] = u8(u16(u16(77 * r[at]) + u16(150 * g[at]) + u16(29 * b[at])) >> 8);
  call->count = length;
  return Status::Done;
}
extern "C" Status bytes_above_count(Call* call) {
  const u8 *const a = column<u8>(call, 0), *const b = column<u8>(call, 1);
  return counted<u8>(call, [=](u64 at) { return a[at] > b[at]; });
}
