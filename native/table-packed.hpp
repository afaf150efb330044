// Several sort keys side by side in words.
#pragma once

#include "table-order.hpp"
#include "table-radix.hpp"

namespace dotcompute::table {

/// Those bits of the words that are not the same in all of them; by how much they exceed the least, where that is less.
struct Span {
  u64 base, varying, first;
};

template <class T>
Span spanOf(const T* data, std::size_t length, WordOf<T> flip) {
  using W = WordOf<T>;
  if (length == 0) return {0, 0, 0};
  const W first = ordered(data[0], flip);
  if constexpr (std::is_floating_point_v<T>) {
    W varying = 0;
    for (std::size_t at = 0; at < length; ++at) varying |= ordered(data[at], flip) ^ first;
    return {0, varying, first};
  } else {
    W least = first, most = first;
    for (std::size_t at = 0; at < length; ++at) {
      const W word = ordered(data[at], flip);
      least = std::min(least, word);
      most = std::max(most, word);
    }
    return {least, u64(most) - least, first};
  }
}

/// Some keys side by side in one word, the first in the highest bits.
struct Packed {
  std::vector<SortKey> keys;
  unsigned bits = 0;

  template <class W, class From>
  void words(From from, std::size_t count, W* into) const {
    if (keys.empty()) std::fill(into, into + count, W(0));
    for (const SortKey& key : keys) key.append(from, count, &key != &keys.front(), into);
  }

  /// Calls f(word, place) for all rows, or for those at these places.
  template <class W, class F>
  void each(std::size_t length, const u32* places, const F& f) const {
    W batch[BATCH];
    for (std::size_t from = 0; from < length; from += BATCH) {
      const std::size_t count = std::min(BATCH, length - from);
      if (places) words(places + from, count, batch);
      else words(from, count, batch);
      for (std::size_t i = 0; i < count; ++i) f(batch[i], places ? places[from + i] : u32(from + i));
    }
  }
};

/// Rows beyond the limit that a first digit shows to be so are not sorted: of what has no greater digit than the row at the limit
/// `wanted` is true. How many these are; `length` if it does not pay.
constexpr unsigned SIEVE_BITS = 12;

template <class W>
struct Sieve {
  unsigned shift = 0;
  std::size_t last = 0;
  std::size_t count;

  template <class Each>
  Sieve(std::size_t length, std::size_t limit, unsigned bits, const Each& each) : count(length) {
    if (limit > length / 8) return;
    shift = bits > SIEVE_BITS ? bits - SIEVE_BITS : 0;
    std::vector<u32> counts(std::size_t(1) << SIEVE_BITS);
    each([&](W word, u32) { counts[std::size_t(word >> shift)]++; });
    for (std::size_t passed = 0; last < counts.size(); ++last) {
      passed += counts[last];
      if (passed < limit) continue;
      if (passed <= length / 2) count = passed;
      return;
    }
  }
  bool wanted(W word) const { return std::size_t(word >> shift) <= last; }
};

/// As many keys together as fit, from the last on: the words are sorted by one after the other, the last keys first.
std::vector<Packed> packed(std::vector<SortKey> keys);

/// The places of the first `limit` rows in the order of these.
Room<u32> sortedPlaces(const std::vector<Packed>& rounds, std::size_t length, std::size_t limit);

/// The keys of a request for so many rows, and from this number on whether each descends.
std::vector<SortKey> keysOf(const Request& request, std::size_t length, std::size_t number);

}  // namespace dotcompute::table
