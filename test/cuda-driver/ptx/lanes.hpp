// Loops over 32 lanes. Every lane is computed and those in the mask are kept, so that the loops have no branches and become
// vector instructions.
#pragma once

#include "machine.hpp"

namespace ptx {

template <class R, class A, class F>
void map1(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const A* a = warp.read<A>(instruction.a);
  alignas(64) R out[LANES];
  for (unsigned lane = 0; lane < LANES; lane++) out[lane] = F{}(a[lane]);
  warp.put(instruction.to, mask, out);
}

template <class R, class A, class B, class F>
void map2(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const A* a = warp.read<A>(instruction.a);
  const B* b = warp.read<B>(instruction.b);
  alignas(64) R out[LANES];
  for (unsigned lane = 0; lane < LANES; lane++) out[lane] = F{}(a[lane], b[lane]);
  warp.put(instruction.to, mask, out);
}

template <class R, class A, class B, class C, class F>
void map3(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const A* a = warp.read<A>(instruction.a);
  const B* b = warp.read<B>(instruction.b);
  const C* c = warp.read<C>(instruction.c);
  alignas(64) R out[LANES];
  for (unsigned lane = 0; lane < LANES; lane++) out[lane] = F{}(a[lane], b[lane], c[lane]);
  warp.put(instruction.to, mask, out);
}

template <class F>
void eachLane(std::uint32_t mask, F visit) {
  for (; mask; mask &= mask - 1) visit(static_cast<unsigned>(std::countr_zero(mask)));
}

template <class... T>
struct Types {};

using Integers = Types<std::uint16_t, std::int16_t, std::uint32_t, std::int32_t, std::uint64_t, std::int64_t>;
using WideIntegers = Types<std::uint32_t, std::int32_t, std::uint64_t, std::int64_t>;
using Floats = Types<float, double>;
using Words = Types<std::uint16_t, std::uint32_t, std::uint64_t>;

template <class T>
constexpr Type TYPE = Type::None;
template <> inline constexpr Type TYPE<std::uint8_t> = Type::U8;
template <> inline constexpr Type TYPE<std::int8_t> = Type::S8;
template <> inline constexpr Type TYPE<std::uint16_t> = Type::U16;
template <> inline constexpr Type TYPE<std::int16_t> = Type::S16;
template <> inline constexpr Type TYPE<std::uint32_t> = Type::U32;
template <> inline constexpr Type TYPE<std::int32_t> = Type::S32;
template <> inline constexpr Type TYPE<std::uint64_t> = Type::U64;
template <> inline constexpr Type TYPE<std::int64_t> = Type::S64;
template <> inline constexpr Type TYPE<float> = Type::F32;
template <> inline constexpr Type TYPE<double> = Type::F64;

/// Whether the C++ type can stand for the PTX type; types without a meaning (b32) are unsigned.
template <class T>
constexpr bool standsFor(Type type) {
  return TYPE<T> == type || (bitsOf(type) == type && TYPE<T> == unsignedOf(widthOf(type)));
}

template <class F, class... T>
Execute unaryOf(Type type, Types<T...>) {
  Execute found = nullptr;
  ((found = standsFor<T>(type) ? &map1<T, T, F> : found), ...);
  return found;
}

template <class F, class... T>
Execute binaryOf(Type type, Types<T...>) {
  Execute found = nullptr;
  ((found = standsFor<T>(type) ? &map2<T, T, T, F> : found), ...);
  return found;
}

template <class F, class... T>
Execute ternaryOf(Type type, Types<T...>) {
  Execute found = nullptr;
  ((found = standsFor<T>(type) ? &map3<T, T, T, T, F> : found), ...);
  return found;
}

}  // namespace ptx
