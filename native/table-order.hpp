// Sort keys as unsigned words whose order is the keys' own: -0 before 0, NaN last, in descending order too.
#pragma once

#include <bit>
#include <limits>
#include <type_traits>

#include "table-column.hpp"

namespace dotcompute::table {

/// The unsigned integer as wide as T.
template <class T>
using WordOf = std::conditional_t<sizeof(T) == 1, std::uint8_t, std::conditional_t<sizeof(T) == 2, std::uint16_t, std::conditional_t<sizeof(T) == 4, u32, u64>>>;

/// `flip`: all ones for descending order, else 0. Of floats it leaves NaN where it is.
template <class T>
inline WordOf<T> ordered(T value, WordOf<T> flip) {
  using W = WordOf<T>;
  constexpr W top = W(W(1) << (sizeof(W) * 8 - 1));
  const W bits = std::bit_cast<W>(value);
  if constexpr (std::is_floating_point_v<T>) {
    // Bits of positive floats are in the floats' order; those of negative ones in the opposite, and below.
    const W mask = W(W(0) - (bits >> (sizeof(W) * 8 - 1))) | top;
    const W word = bits ^ mask ^ flip;
    return value == value ? word : W(~W(0));
  } else {
    return W(bits ^ (std::is_signed_v<T> ? top : W(0)) ^ flip);
  }
}

/// The value of which `ordered` gives this word; of all NaNs one.
template <class T>
inline T disordered(WordOf<T> word, WordOf<T> flip) {
  using W = WordOf<T>;
  constexpr W top = W(W(1) << (sizeof(W) * 8 - 1));
  if constexpr (std::is_floating_point_v<T>) {
    if (word == W(~W(0))) return std::numeric_limits<T>::quiet_NaN();
    const W plain = word ^ flip;
    return std::bit_cast<T>(W(plain & top ? plain ^ top : ~plain));
  } else {
    return std::bit_cast<T>(W(word ^ (std::is_signed_v<T> ? top : W(0)) ^ flip));
  }
}

/// A key, and where in its words the bits are that are not the same in all rows.
struct SortKey {
  Column column;
  bool descending = false;
  u64 base = 0;       // is subtracted
  unsigned low = 0;   // then this many bits are shifted out
  unsigned bits = 0;  // and so many are left
  u64 same = 0;       // is added to these, in their places, to have a row's word again

  SortKey(const Column& column, std::size_t length, bool descending);

  /// The words of so many rows, beginning with `from`. `behind`: behind what is there already, `into[i] = into[i] << bits | word`.
  template <class W>
  void append(std::size_t from, std::size_t count, bool behind, W* into) const {
    read(count, behind, into, [from](const auto* data, std::size_t i) { return data[from + i]; });
  }
  /// The same of the rows at these places.
  template <class W>
  void append(const u32* places, std::size_t count, bool behind, W* into) const {
    read(count, behind, into, [places](const auto* data, std::size_t i) { return data[places[i]]; });
  }

 private:
  template <class W, class Get>
  void read(std::size_t count, bool behind, W* into, const Get& get) const {
    if (bits == 0) return;
    dispatch(column.kind, [&](auto type) {
      using T = typename decltype(type)::type;
      using Own = WordOf<T>;
      const T* const data = column.as<T>();
      const Own flip = descending ? Own(~Own(0)) : Own(0);
      const Own least = Own(base), mask = Own(~u64(0) >> (64 - bits));
      const auto wordAt = [&](std::size_t i) { return W(Own(Own(Own(ordered(get(data, i), flip) - least) >> low) & mask)); };
      if (!behind) {
        for (std::size_t i = 0; i < count; ++i) into[i] = wordAt(i);
        return;
      }
      // A shift by all of a word's bits is none in C++.
      const unsigned half = bits / 2;
      for (std::size_t i = 0; i < count; ++i) into[i] = W(W(W(into[i] << half) << (bits - half)) | wordAt(i));
    });
  }
};

}  // namespace dotcompute::table
