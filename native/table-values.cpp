#include <algorithm>

#include "table-packed.hpp"
#include "table-rows.hpp"
#include "table-sort.hpp"

namespace dotcompute::table {

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

template <class W>
Room<W> wordsInOrder(const Packed& packed, std::size_t length, std::size_t limit) {
  const auto all = [&](const auto& f) { packed.template each<W>(length, nullptr, f); };
  const Sieve<W> sieve(length, limit, packed.bits, all);
  if (sieve.count == length) return sortedWords<W>(length, packed.bits, [&](const auto& f) { all([&](W word, u32) { f(word); }); });
  Room<W> candidates(sieve.count);
  std::size_t count = 0;
  all([&](W word, u32) {
    if (sieve.wanted(word) && count < sieve.count) candidates[count++] = word;
  });
  return sortedWords<W>(count, packed.bits, [&](const auto& f) {
    for (std::size_t at = 0; at < count; ++at) f(candidates[at]);
  });
}

/// The values of a key, which is so many bits from the low end of the words.
template <class W>
Storage unpacked(const SortKey& key, unsigned from, const Room<W>& words, std::size_t count) {
  return dispatch(key.column.kind, [&](auto type) {
    using T = typename decltype(type)::type;
    using Own = WordOf<T>;
    const Own flip = key.descending ? Own(~Own(0)) : Own(0), same = Own(key.same);
    Room<T> values(count);
    if (key.bits == 0) {
      std::fill(values.data(), values.data() + count, disordered<T>(same, flip));
      return values.take();
    }
    const Own mask = Own(~u64(0) >> (64 - key.bits));
    for (std::size_t at = 0; at < count; ++at) values[at] = disordered<T>(Own(Own(Own(Own(words[at] >> from) & mask) << key.low) + same), flip);
    return values.take();
  });
}

template <class W>
void unpack(const std::vector<SortKey>& keys, const Packed& packed, std::size_t length, std::size_t limit, Results& results) {
  const Room<W> words = wordsInOrder<W>(packed, length, limit);
  unsigned from = packed.bits;
  for (const SortKey& key : keys) {
    from -= key.bits;
    results.emplace_back(key.column.kind, limit, unpacked(key, from, words, limit));
  }
}

}  // namespace

Results order(const Request& request) {
  const std::size_t length = request.number(0), limit = std::min(request.number(1), length);
  Results results;
  if (request.arrays.size() < 2) {
    const Column values = request.columns(0, 1, length)[0];
    const bool descending = request.number(2, 1) == 1;
    dispatch(values.kind, [&](auto type) {
      using T = typename decltype(type)::type;
      results.emplace_back(values.kind, limit, inOrder(values.as<T>(), length, limit, descending));
    });
    return results;
  }
  const std::vector<SortKey> keys = keysOf(request, length, 2);
  std::vector<Packed> rounds = packed(keys);
  if (rounds.size() <= 1) {
    // Where all rows are the same there is nothing to sort, but there are as many.
    const Packed whole = rounds.empty() ? Packed() : std::move(rounds[0]);
    if (whole.bits <= 32) unpack<u32>(keys, whole, length, limit, results);
    else unpack<u64>(keys, whole, length, limit, results);
    return results;
  }
  const Room<u32> places = sortedPlaces(rounds, length, limit);
  for (const SortKey& key : keys) results.push_back(rowsOf(key.column, places.data(), limit, request.threads));
  return results;
}

}  // namespace dotcompute::table
