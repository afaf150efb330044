// Rows as words that are the same where the rows' values are, as `Map` tells values apart: NaN is itself, and -0 is 0.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "table-column.hpp"

namespace dotcompute::table {

/// One column's share of a word.
struct KeyPart {
  bool whole = false;  // holds integers only: their distance from `base` is the word
  u64 base = 0;
  unsigned bits = 0;
};

/// Columns whose words lie side by side in one, of at most 64 bits. Of two sides (a join's), the same for both.
class Words {
 public:
  /// Takes columns, from `from` on, as long as they fit, and counts them in `from`. `sides`: columns of equal element types.
  struct Side {
    std::vector<Column> columns;
    std::size_t length;
  };
  Words(const std::vector<const Side*>& sides, std::size_t& from, unsigned threads = 1);

  unsigned bits() const { return bits_; }

  /// The words of `count` rows of a side.
  template <class W>
  void read(const Side& side, std::size_t from, std::size_t count, W* into) const {
    bool some = false;
    for (std::size_t at = 0; at < parts_.size(); ++at) {
      if (parts_[at].bits == 0) continue;
      append(side.columns[first_ + at], parts_[at], from, count, some, into);
      some = true;
    }
    if (!some) std::fill(into, into + count, W(0));
  }

 private:
  std::size_t first_;
  std::vector<KeyPart> parts_;
  unsigned bits_ = 0;

  /// `behind`: the words of other columns are there already.
  template <class W>
  static void append(const Column& column, const KeyPart& part, std::size_t from, std::size_t count, bool behind, W* into) {
    dispatch(column.kind, [&](auto type) {
      using T = typename decltype(type)::type;
      const T* const data = column.as<T>() + from;
      // Another thread may change the values meanwhile: words never have more bits than was said.
      const u64 mask = part.bits == 64 ? ~u64(0) : (u64(1) << part.bits) - 1;
      const unsigned half = part.bits / 2;
      const auto put = [&](const auto& wordOf) {
        if (!behind) for (std::size_t i = 0; i < count; ++i) into[i] = W(W(wordOf(data[i])) & W(mask));
        else for (std::size_t i = 0; i < count; ++i) into[i] = W(W(W(into[i] << half) << (part.bits - half)) | W(W(wordOf(data[i])) & W(mask)));
      };
      if constexpr (std::is_floating_point_v<T>) {
        if (part.whole) return put([&](T value) { return u64(wholeOf(value)) - part.base; });
        using Bits = std::conditional_t<sizeof(T) == 4, u32, u64>;
        return put([](T value) { return u64(std::bit_cast<Bits>(value == value ? T(value + T(0)) : std::numeric_limits<T>::quiet_NaN())); });
      } else {
        // As wide as the words: what is left of it is less.
        return put([base = W(part.base)](T value) { return W(W(value) - base); });
      }
    });
  }

 public:
  /// An integer that a float is; any if it is none.
  template <class T>
  static i64 wholeOf(T value) {
    return std::fabs(value) < T(9007199254740992.0) ? i64(value) : 0;
  }
};

}  // namespace dotcompute::table
