#include "table-codes.hpp"

#include <algorithm>
#include <cstring>

namespace dotcompute::table {

namespace {

/// So many rows' words are read, and their slots asked for, before the first is looked for: memory answers many at a time.
constexpr std::size_t BATCH = 64;

/// Words of few bits are places in a table.
template <class W>
class DirectTable {
 public:
  explicit DirectTable(unsigned bits) : codes_(std::size_t(1) << bits) { std::memset(codes_.data(), 0xff, codes_.size() * sizeof(u32)); }
  void makeRoom(std::size_t, std::size_t) {}
  std::size_t slotOf(W word) const { return std::size_t(word); }
  void prefetch(std::size_t slot) const { __builtin_prefetch(&codes_[slot], 1); }
  u32 find(W, std::size_t slot) const { return codes_[slot]; }
  u32 findOrAdd(W, std::size_t slot, std::size_t next) {
    if (codes_[slot] == NONE) codes_[slot] = u32(next);
    return codes_[slot];
  }

 private:
  Room<u32> codes_;
};

/// Open addressing; doubled before it is more than half full.
template <class W>
class HashTable {
 public:
  explicit HashTable(unsigned) : slots_(1024) { clear(slots_); }

  /// Called with how many words there are, before so many more are added.
  void makeRoom(std::size_t count, std::size_t more) {
    if ((count + more) * 2 <= slots_.size()) return;
    Room<Slot> before = std::exchange(slots_, Room<Slot>(slots_.size() * 4));
    clear(slots_);
    shift_ -= 2;
    for (std::size_t at = 0; at < before.size(); ++at) {
      if (before[at].code == NONE) continue;
      std::size_t slot = slotOf(before[at].word);
      while (slots_[slot].code != NONE) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = before[at];
    }
  }
  std::size_t slotOf(W word) const {
    // Fibonacci hashing of a word whose high half has been folded into its low one.
    const u64 mixed = u64(word) ^ (u64(word) >> 32);
    return std::size_t((mixed * 0x9e3779b97f4a7c15ull) >> shift_);
  }
  void prefetch(std::size_t slot) const { __builtin_prefetch(&slots_[slot], 1); }
  u32 find(W word, std::size_t slot) const {
    for (;; slot = (slot + 1) & (slots_.size() - 1)) {
      const Slot& here = slots_[slot];
      if (here.code == NONE || here.word == word) return here.code;
    }
  }
  u32 findOrAdd(W word, std::size_t slot, std::size_t next) {
    for (;; slot = (slot + 1) & (slots_.size() - 1)) {
      Slot& here = slots_[slot];
      if (here.code == NONE) here = {word, u32(next)};
      else if (here.word != word) continue;
      return here.code;
    }
  }

 private:
  struct Slot {
    W word;
    u32 code;
  };
  Room<Slot> slots_;
  unsigned shift_ = 64 - 10;

  static void clear(Room<Slot>& slots) { std::memset(static_cast<void*>(slots.data()), 0xff, slots.size() * sizeof(Slot)); }
};

/// Calls f(row, word, slot) for all rows of a side.
template <class W, class Table, class F, class Before>
void eachWord(const Words& words, const Words::Side& side, Table& table, const Before& before, const F& f) {
  W batch[BATCH];
  std::size_t slots[BATCH];
  for (std::size_t from = 0; from < side.length; from += BATCH) {
    const std::size_t count = std::min(BATCH, side.length - from);
    words.read(side, from, count, batch);
    before(count);
    for (std::size_t i = 0; i < count; ++i) table.prefetch(slots[i] = table.slotOf(batch[i]));
    for (std::size_t i = 0; i < count; ++i) f(from + i, batch[i], slots[i]);
  }
}

template <class W, class Table>
void fill(const Words& words, const Words::Side& rows, const Words::Side* others, Codes& found, u32* othersCodes) {
  Table table(words.bits());
  eachWord<W>(words, rows, table, [&](std::size_t more) { table.makeRoom(found.count, more); }, [&](std::size_t row, W word, std::size_t slot) {
    const u32 code = table.findOrAdd(word, slot, found.count);
    if (code == found.count) found.firsts[found.count++] = u32(row);
    found.codes[row] = code;
  });
  if (!others) return;
  eachWord<W>(words, *others, table, [](std::size_t) {}, [&](std::size_t row, W word, std::size_t slot) { othersCodes[row] = table.find(word, slot); });
}

Codes codesOfWords(const Words& words, const Words::Side& rows, const Words::Side* others, u32* othersCodes) {
  Codes found(rows.length);
  const std::size_t length = rows.length + (others ? others->length : 0);
  // A table of no more than some bytes for each row is faster than hashing, even where most of it stays empty.
  const unsigned direct = std::max(16u, unsigned(std::bit_width(length)) + 1);
  if (words.bits() <= std::min(direct, 30u)) fill<u32, DirectTable<u32>>(words, rows, others, found, othersCodes);
  else if (words.bits() <= 32) fill<u32, HashTable<u32>>(words, rows, others, found, othersCodes);
  else fill<u64, HashTable<u64>>(words, rows, others, found, othersCodes);
  return found;
}

/// Where columns do not fit in one word, those that do become columns of codes, until they do.
Codes codesOfSides(const Words::Side& rows, const Words::Side* others, u32* othersCodes) {
  std::vector<const Words::Side*> sides = {&rows};
  if (others) sides.push_back(others);
  Words::Side codesOfRows{{}, rows.length}, codesOfOthers{{}, others ? others->length : 0};
  std::vector<Room<u32>> kept;
  for (std::size_t from = 0;;) {
    const Words words(sides, from);
    const bool last = from == rows.columns.size();
    if (last && codesOfRows.columns.empty()) return codesOfWords(words, rows, others, othersCodes);
    Room<u32> ofOthers(codesOfOthers.length);
    Codes found = codesOfWords(words, rows, others, ofOthers.data());
    kept.push_back(std::move(found.codes));
    codesOfRows.columns.push_back({Kind::U32, kept.back().data(), rows.length});
    kept.push_back(std::move(ofOthers));
    codesOfOthers.columns.push_back({Kind::U32, kept.back().data(), codesOfOthers.length});
    if (last) return codesOfSides(codesOfRows, others ? &codesOfOthers : nullptr, othersCodes);
  }
}

}  // namespace

Codes codesOf(const Words::Side& rows) { return codesOfSides(rows, nullptr, nullptr); }

Codes codesOf(const Words::Side& rows, const Words::Side& others, Room<u32>& othersCodes) { return codesOfSides(rows, &others, othersCodes.data()); }

Buckets::Buckets(const u32* codes, std::size_t length, std::size_t count) : places(length), offsets(count + 1) {
  std::memset(offsets.data(), 0, (count + 1) * sizeof(u32));
  for (std::size_t at = 0; at < length; ++at) {
    if (codes[at] >= count) throw std::out_of_range("a code is too large");
    offsets[codes[at]]++;
  }
  // The ends of the buckets, from which each place is stored downwards: what begins as an end becomes a beginning.
  u32 before = 0;
  for (std::size_t code = 0; code < count; ++code) before = offsets[code] += before;
  offsets[count] = before;
  for (std::size_t at = length; at-- > 0;) {
    u32& next = offsets[std::min<std::size_t>(codes[at], count - 1)];
    if (next > 0) places[--next] = u32(at);
  }
}

Results codes(const Request& request) {
  const std::size_t length = request.number(0);
  Codes found = codesOf({request.columns(0, request.arrays.size(), length), length});
  Results results;
  results.push_back(table::places(found.codes, length));
  results.push_back(table::places(found.firsts, found.count));
  return results;
}

Results buckets(const Request& request) {
  const std::size_t count = request.number(0);
  Buckets found(request.places(0), request.array(0).length, count);
  Results results;
  results.push_back(places(found.places, request.array(0).length));
  results.push_back(places(found.offsets, count + 1));
  return results;
}

}  // namespace dotcompute::table
