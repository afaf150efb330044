// A stable radix sort from the least significant digit up (Knuth, The Art of Computer Programming 3, 5.2.5). Digits are as many as
// the varying bits need and no more, and all of them are counted in one pass.
#pragma once

#include <algorithm>
#include <array>
#include <memory>

#include "table-column.hpp"

namespace dotcompute::table {

/// Where the next word of each digit goes is then in the nearest cache: a pass more costs less than misses in all of them.
inline constexpr unsigned MOST_DIGIT_BITS = 9;
inline constexpr std::size_t BATCH = 1024;

/// How words of so many bits are cut into digits.
struct Digits {
  unsigned passes;
  unsigned bits;

  explicit Digits(unsigned total) : passes((total + MOST_DIGIT_BITS - 1) / MOST_DIGIT_BITS), bits(passes == 0 ? 0 : (total + passes - 1) / passes) {}
  std::size_t count() const { return std::size_t(1) << bits; }
  template <class W>
  std::size_t of(W word, unsigned pass) const {
    return std::size_t(word >> (pass * bits)) & (count() - 1);
  }
};

/// For each pass and digit, where in its output the next element with that digit goes.
class Counts {
 public:
  Counts(const Digits& digits) : digits_(digits), next_(std::make_unique<u32[]>(std::max(1u, digits.passes) * digits.count())) {}

  template <class W>
  void add(W word) {
    u32* row = next_.get();
    for (unsigned pass = 0; pass < digits_.passes; ++pass, row += digits_.count()) row[digits_.of(word, pass)]++;
  }
  /// From how many there are to where they begin.
  void settle() {
    for (unsigned pass = 0; pass < digits_.passes; ++pass) {
      u32 before = 0;
      for (std::size_t digit = 0; digit < digits_.count(); ++digit) before += std::exchange(of(pass)[digit], before);
    }
  }
  u32* of(unsigned pass) { return next_.get() + pass * digits_.count(); }

 private:
  Digits digits_;
  std::unique_ptr<u32[]> next_;
};

/// The next place for a digit. Where keys are changed by another thread while they are sorted, counts and keys may not agree.
inline u32 placeFor(u32* next, std::size_t digit, std::size_t length) {
  const u32 place = next[digit]++;
  if (place >= length) throw std::runtime_error("The keys have been changed while they were sorted");
  return place;
}

/// A word and the place that it comes from; without gaps in memory.
template <class W>
struct Record {
  u32 parts[sizeof(W) / 4];
  u32 place;

  void set(W word, u32 at) {
    __builtin_memcpy(parts, &word, sizeof word);
    place = at;
  }
  W word() const {
    W value;
    __builtin_memcpy(&value, parts, sizeof value);
    return value;
  }
};

/// Stores the places of `count` records in the order of their words. `each(f)` calls f(word, place) for each of them, twice over.
template <class W, class Each>
void sortRecords(std::size_t count, unsigned bits, u32* sorted, const Each& each) {
  const Digits digits(bits);
  if (digits.passes == 0) {
    std::size_t at = 0;
    each([&](W, u32 place) { sorted[at++] = place; });
    return;
  }
  Counts counts(digits);
  each([&](W word, u32) { counts.add(word); });
  counts.settle();
  u32* next = counts.of(0);
  if (digits.passes == 1) {
    each([&](W word, u32 place) { sorted[placeFor(next, digits.of(word, 0), count)] = place; });
    return;
  }
  Room<Record<W>> from(count), to(digits.passes > 2 ? count : 0);
  Record<W>* read = from.data();
  Record<W>* write = to.data();
  each([&](W word, u32 place) { read[placeFor(next, digits.of(word, 0), count)].set(word, place); });
  for (unsigned pass = 1; pass + 1 < digits.passes; ++pass) {
    next = counts.of(pass);
    for (std::size_t at = 0; at < count; ++at) write[placeFor(next, digits.of(read[at].word(), pass), count)] = read[at];
    std::swap(read, write);
  }
  next = counts.of(digits.passes - 1);
  for (std::size_t at = 0; at < count; ++at) sorted[placeFor(next, digits.of(read[at].word(), digits.passes - 1), count)] = read[at].place;
}

/// `count` words in order. `each(f)` calls f(word) for each of them, twice over.
template <class W, class Each>
Room<W> sortedWords(std::size_t count, unsigned bits, const Each& each) {
  const Digits digits(bits);
  Room<W> from(count), to(digits.passes > 1 ? count : 0);
  if (digits.passes == 0) {
    std::fill(from.data(), from.data() + count, W(0));
    return from;
  }
  Counts counts(digits);
  each([&](W word) { counts.add(word); });
  counts.settle();
  W* read = from.data();
  u32* next = counts.of(0);
  each([&](W word) { read[placeFor(next, digits.of(word, 0), count)] = word; });
  W* write = to.data();
  for (unsigned pass = 1; pass < digits.passes; ++pass) {
    next = counts.of(pass);
    for (std::size_t at = 0; at < count; ++at) write[placeFor(next, digits.of(read[at], pass), count)] = read[at];
    std::swap(read, write);
  }
  return read == from.data() ? std::move(from) : std::move(to);
}

}  // namespace dotcompute::table
