// Operators on narrow lanes: each is right in the low 16 or 8 bits of what 32 would hold.
#pragma once

#include "math.hpp"

namespace dotcompute::rt {

#if RT_GCC_X86 && RT_WIDTH == 64
#define RT_WITHIN(name, suffix, lane, every) (Reg<T>)__builtin_ia32_##name##suffix##512_mask((Reg<lane>)a, (Reg<lane>)b, Reg<lane>{}, every)
#elif RT_GCC_X86 && RT_WIDTH == 32
#define RT_WITHIN(name, suffix, lane, every) (Reg<T>)__builtin_ia32_##name##suffix##256((Reg<lane>)a, (Reg<lane>)b)
#elif RT_GCC_X86
#define RT_WITHIN(name, suffix, lane, every) (Reg<T>)__builtin_ia32_##name##suffix##128((Reg<lane>)a, (Reg<lane>)b)
#endif
/// Sums and differences of narrow lanes that go no further than the least and the greatest number of a lane.
template <class T>
RT_INLINE Reg<T> reg_add_within(Reg<T> a, Reg<T> b) {
#if RT_GCC_X86
  if constexpr (same<T, u8>) return RT_WITHIN(paddus, b, char, ~0ull);
  else if constexpr (same<T, signed char>) return RT_WITHIN(padds, b, char, ~0ull);
  else if constexpr (same<T, unsigned short>) return RT_WITHIN(paddus, w, short, ~0u);
  else return RT_WITHIN(padds, w, short, ~0u);
#else
  const Reg<T> sum = a + b;
  if constexpr (is_unsigned<T>) return sum | (Reg<T>)(sum < a);
  // Where both have the sign that the sum has not, it is beyond the limit on their side.
  const Reg<T> limit = (a >> (8 * int(sizeof(T)) - 1)) ^ T(~(T(1) << (8 * sizeof(T) - 1)));
  const Reg<T> beyond = (Reg<T>)(((a ^ sum) & (b ^ sum)) < 0);
  return (limit & beyond) | (sum & ~beyond);
#endif
}
template <class T>
RT_INLINE Reg<T> reg_sub_within(Reg<T> a, Reg<T> b) {
#if RT_GCC_X86
  if constexpr (same<T, u8>) return RT_WITHIN(psubus, b, char, ~0ull);
  else if constexpr (same<T, signed char>) return RT_WITHIN(psubs, b, char, ~0ull);
  else if constexpr (same<T, unsigned short>) return RT_WITHIN(psubus, w, short, ~0u);
  else return RT_WITHIN(psubs, w, short, ~0u);
#else
  const Reg<T> rest = a - b;
  if constexpr (is_unsigned<T>) return rest & ~(Reg<T>)(rest > a);
  const Reg<T> limit = (a >> (8 * int(sizeof(T)) - 1)) ^ T(~(T(1) << (8 * sizeof(T) - 1)));
  const Reg<T> beyond = (Reg<T>)(((a ^ b) & (a ^ rest)) < 0);
  return (limit & beyond) | (rest & ~beyond);
#endif
}
#undef RT_WITHIN
template <class T, int G>
RT_INLINE Pack<T, G> pack_add_within(Pack<T, G> a, Pack<T, G> b) {
  constexpr int N = Pack<T, G>::N;
  RT_REGISTERS(a.r[i] = reg_add_within<T>(a.r[i], b.r[i]))
  return a;
}
template <class T, int G>
RT_INLINE Pack<T, G> pack_sub_within(Pack<T, G> a, Pack<T, G> b) {
  constexpr int N = Pack<T, G>::N;
  RT_REGISTERS(a.r[i] = reg_sub_within<T>(a.r[i], b.r[i]))
  return a;
}

// Bits above those of a lane are all the sign, or none.
template <class T>
concept Small = sizeof(T) <= 2;
template <class T>
inline constexpr int BITS = 8 * int(sizeof(T));
template <Small T, int G>
RT_INLINE Pack<T, G> rt_shl(Pack<T, G> a, int count) {
  constexpr int N = Pack<T, G>::N;
  if (count >= BITS<T>) return T(0);
  RT_REGISTERS(a.r[i] = a.r[i] << count)
  return a;
}
template <Small T, int G>
RT_INLINE Pack<T, G> rt_shr(Pack<T, G> a, int count) {
  constexpr int N = Pack<T, G>::N;
  if (is_unsigned<T> && count >= BITS<T>) return T(0);
  RT_REGISTERS(a.r[i] = a.r[i] >> (count < BITS<T> ? count : BITS<T> - 1))
  return a;
}
template <Small T, int G>
RT_INLINE Pack<T, G> rt_wrap_i8(Pack<T, G> a) {
  constexpr int N = Pack<T, G>::N;
  if constexpr (sizeof(T) == 2) RT_REGISTERS(a.r[i] = (Reg<T>)((Reg<short>)(a.r[i] << 8) >> 8))
  return a;
}
template <Small T, int G>
RT_INLINE Pack<T, G> rt_wrap_u8(Pack<T, G> a) {
  return a & T(255);
}
template <Small T, int G>
RT_INLINE Pack<T, G> rt_wrap_i16(Pack<T, G> a) {
  return a;
}
template <Small T, int G>
RT_INLINE Pack<T, G> rt_wrap_u16(Pack<T, G> a) {
  return a;
}

}  // namespace dotcompute::rt
