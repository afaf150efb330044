// What elements that lie side by side come to.
#pragma once

#include <type_traits>

#include "table-canonical.hpp"
#include "table-column.hpp"

namespace dotcompute::table {

/// Mirrored by src/backends/cpu/moves.ts.
enum class Terminal { Count, Sum, Average, Min, Max, First, Last };

template <class T>
inline constexpr bool IS_BIG = std::is_integral_v<T> && sizeof(T) == 8;

/// What an aggregate of such elements is stored as.
inline Kind kindOf(Terminal terminal, Kind kind) {
  const bool big = kind == Kind::I64 || kind == Kind::U64;
  if (terminal == Terminal::Count) return Kind::U32;
  if (terminal == Terminal::Average) return Kind::F64;
  return terminal == Terminal::Sum && !big ? Kind::F64 : kind;
}

/// Sums start from 0. Those of BigInts wrap, those of other integers are exact and rounded once.
template <class T>
auto sumOf(const T* elements, std::size_t count) {
  if constexpr (std::is_floating_point_v<T>) {
    return 0.0 + canonicalSum(elements, count);
  } else {
    u64 sum = 0;
    for (std::size_t at = 0; at < count; ++at) sum += u64(elements[at]);
    if constexpr (IS_BIG<T>) return T(sum);
    else return double(i64(sum));
  }
}

/// The room that a sum likes its elements to have: of few floats 8, 16 or 32, filled up with what changes no sum.
template <class T>
std::size_t roomFor(std::size_t count) {
  if constexpr (std::is_integral_v<T>) return count;
  return count <= 8 ? 8 : count <= 16 ? 16 : count <= LANES ? LANES : count;
}

/// The same sum, of elements that have such room.
template <class T>
auto sumInRoom(const T* elements, std::size_t count) {
  if constexpr (std::is_floating_point_v<T>) {
    const auto whole = [&](auto width) {
      constexpr std::size_t half = width / 2;
      double lanes[half];
      for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] = double(elements[lane]) + double(elements[lane + half]);
      return 0.0 + foldedWhole<half>(lanes);
    };
    if (count <= 8) return whole(std::integral_constant<std::size_t, 8>());
    if (count <= 16) return whole(std::integral_constant<std::size_t, 16>());
    if (count <= LANES) return whole(std::integral_constant<std::size_t, LANES>());
  }
  return sumOf(elements, count);
}

/// As JavaScript's Math.min and Math.max: NaN wins, and -0 is less than 0.
template <bool least, class T>
T better(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a || b != b) return a != a ? a : b;
    if (a == b) return (__builtin_signbit(a) != 0) == least ? a : b;
  }
  return (least ? a < b : a > b) ? a : b;
}

template <bool least, class T>
T best(const T* elements, std::size_t count) {
  T own = elements[0];
  for (std::size_t at = 1; at < count; ++at) own = better<least>(own, elements[at]);
  return own;
}

}  // namespace dotcompute::table
