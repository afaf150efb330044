#include "table-sort.hpp"

#include "table-order.hpp"
#include "table-radix.hpp"

namespace dotcompute::table {

namespace {

/// Those bits of the words that are not the same in all of them; by how much they exceed the least, where that is less.
struct Span {
  u64 base, varying;
};

template <class T>
Span spanOf(const T* data, std::size_t length, WordOf<T> flip) {
  using W = WordOf<T>;
  if (length == 0) return {0, 0};
  const W first = ordered(data[0], flip);
  if constexpr (std::is_floating_point_v<T>) {
    W varying = 0;
    for (std::size_t at = 0; at < length; ++at) varying |= ordered(data[at], flip) ^ first;
    return {0, varying};
  } else {
    W least = first, most = first;
    for (std::size_t at = 0; at < length; ++at) {
      const W word = ordered(data[at], flip);
      least = std::min(least, word);
      most = std::max(most, word);
    }
    return {least, u64(most) - least};
  }
}

}  // namespace

SortKey::SortKey(const Column& column, std::size_t length, bool descending) : column(column), descending(descending) {
  const Span span = dispatch(column.kind, [&](auto type) {
    using T = typename decltype(type)::type;
    return spanOf(column.as<T>(), length, descending ? WordOf<T>(~WordOf<T>(0)) : WordOf<T>(0));
  });
  if (span.varying == 0) return;
  base = span.base;
  const bool whole = column.kind != Kind::F32 && column.kind != Kind::F64;
  low = whole ? 0 : unsigned(std::countr_zero(span.varying));
  bits = unsigned(std::bit_width(span.varying)) - low;
}

namespace {

/// Some keys side by side in one word, the first in the highest bits.
struct Packed {
  std::vector<SortKey> keys;
  unsigned bits = 0;

  template <class W, class From>
  void words(From from, std::size_t count, W* into) const {
    std::fill(into, into + count, W(0));
    for (const SortKey& key : keys) key.append(from, count, into);
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

template <class W>
void sortPacked(const Packed& packed, std::size_t length, std::size_t limit, const u32* places, Room<u32>& sorted) {
  const auto all = [&](const auto& f) { packed.template each<W>(length, places, f); };
  const Sieve<W> sieve(length, limit, packed.bits, all);
  if (sieve.count == length) return sortRecords<W>(length, packed.bits, sorted.data(), all);
  Room<Record<W>> candidates(sieve.count);
  std::size_t count = 0;
  all([&](W word, u32 place) {
    if (sieve.wanted(word) && count < sieve.count) candidates[count++].set(word, place);
  });
  sortRecords<W>(count, packed.bits, sorted.data(), [&](const auto& f) {
    for (std::size_t at = 0; at < count; ++at) f(candidates[at].word(), candidates[at].place);
  });
}

/// As many keys together as fit, from the last on: the words are sorted by one after the other, the last keys first.
std::vector<Packed> packed(std::vector<SortKey> keys) {
  std::vector<Packed> all;
  for (; !keys.empty(); keys.pop_back()) {
    const SortKey& key = keys.back();
    if (key.bits == 0) continue;
    if (all.empty() || all.back().bits + key.bits > 64) all.emplace_back();
    all.back().keys.insert(all.back().keys.begin(), key);
    all.back().bits += key.bits;
  }
  return all;
}

}  // namespace

Results sort(const Request& request) {
  const std::size_t length = request.number(0), limit = std::min(request.number(1), length);
  std::vector<SortKey> keys;
  const std::vector<Column> columns = request.columns(0, request.arrays.size(), length);
  for (std::size_t at = 0; at < columns.size(); ++at) keys.emplace_back(columns[at], length, request.number(2 + at, 1) == 1);
  const std::vector<Packed> rounds = packed(std::move(keys));
  Room<u32> sorted(length), other(rounds.size() > 1 ? length : 0);
  for (std::size_t round = 0; round < rounds.size(); ++round) {
    const u32* const places = round == 0 ? nullptr : other.data();
    const std::size_t wanted = round + 1 == rounds.size() ? limit : length;
    if (rounds[round].bits <= 32) sortPacked<u32>(rounds[round], length, wanted, places, sorted);
    else sortPacked<u64>(rounds[round], length, wanted, places, sorted);
    if (round + 1 < rounds.size()) std::swap(sorted, other);
  }
  if (rounds.empty()) for (std::size_t at = 0; at < limit; ++at) sorted[at] = u32(at);
  Results results;
  results.push_back(places(sorted, limit));
  return results;
}

namespace {

template <class T>
Storage inOrder(const T* data, std::size_t length, std::size_t limit, bool descending) {
  using W = WordOf<T>;
  const W flip = descending ? W(~W(0)) : W(0);
  const Span span = spanOf(data, length, flip);
  // Bits that are the same everywhere are left in the words, and not looked at.
  const W base = W(span.base);
  const unsigned low = span.varying == 0 ? 0 : unsigned(std::countr_zero(span.varying));
  const bool whole = !std::is_floating_point_v<T>;
  const unsigned bits = unsigned(std::bit_width(span.varying)) - (whole ? 0 : low);
  const unsigned shift = whole ? 0 : low;
  const auto word = [&](T value) { return W(ordered(value, flip) - base); };
  const auto value = [&](W own) { return disordered<T>(W(own + base), flip); };
  const auto all = [&](const auto& f) {
    for (std::size_t at = 0; at < length; ++at) f(word(data[at]), 0);
  };

  const W mask = bits >= sizeof(W) * 8 ? W(~W(0)) : W((W(1) << bits) - 1);
  const auto significant = [&](W own) { return W(W(own >> shift) & mask); };
  const Sieve<W> sieve(length, limit, bits, [&](const auto& f) { all([&](W own, u32 at) { f(significant(own), at); }); });
  Room<W> candidates(sieve.count < length ? sieve.count : 0);
  std::size_t count = length;
  if (sieve.count < length) {
    count = 0;
    all([&](W own, u32) {
      if (sieve.wanted(significant(own)) && count < sieve.count) candidates[count++] = own;
    });
  }
  const auto each = [&](const auto& f) {
    if (sieve.count < length) for (std::size_t at = 0; at < count; ++at) f(candidates[at]);
    else for (std::size_t at = 0; at < length; ++at) f(word(data[at]));
  };

  Room<T> sorted(count);
  const Digits digits(bits);
  if (digits.passes == 0) {
    std::size_t at = 0;
    each([&](W own) { sorted[at++] = value(own); });
    return sorted.take();
  }
  Counts counts(digits);
  each([&](W own) { counts.add(significant(own)); });
  counts.settle();
  const auto scatter = [&](unsigned pass, const auto& from, const auto& store) {
    u32* const next = counts.of(pass);
    from([&](W own) { store(placeFor(next, digits.of(significant(own), pass), count), own); });
  };
  const auto store = [&](u32 at, W own) { sorted[at] = value(own); };
  if (digits.passes == 1) {
    scatter(0, each, store);
    return sorted.take();
  }
  // The last pass stores in `sorted`; those before it go to and fro, so that they end elsewhere.
  Room<W> scratch(count);
  W* const results = reinterpret_cast<W*>(sorted.data());
  W* read = nullptr;
  for (unsigned pass = 0; pass < digits.passes; ++pass) {
    W* const write = (digits.passes - pass) % 2 == 1 ? results : scratch.data();
    const auto before = [&](const auto& f) {
      for (std::size_t at = 0; at < count; ++at) f(read[at]);
    };
    const auto keep = [&](u32 at, W own) { write[at] = own; };
    if (pass == 0) scatter(pass, each, keep);
    else if (pass + 1 < digits.passes) scatter(pass, before, keep);
    else scatter(pass, before, store);
    read = write;
  }
  return sorted.take();
}

}  // namespace

Results order(const Request& request) {
  const std::size_t length = request.number(0), limit = std::min(request.number(1), length);
  const Column values = request.columns(0, 1, length)[0];
  const bool descending = request.number(2, 1) == 1;
  Results results;
  dispatch(values.kind, [&](auto type) {
    using T = typename decltype(type)::type;
    results.emplace_back(values.kind, limit, inOrder(values.as<T>(), length, limit, descending));
  });
  return results;
}

}  // namespace dotcompute::table
