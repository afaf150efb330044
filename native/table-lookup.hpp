// Tables in which words are found again, and the numbers they were given.
#pragma once

#include <algorithm>
#include <cstring>

#include "table-keys.hpp"

namespace dotcompute::table {

/// So many rows' words are read, and their slots asked for, before the first is looked for: memory answers many at a time.
inline constexpr std::size_t LOOKED_UP = 64;

/// How many bits are few. A table of no more than some bytes for each row is faster than hashing, even where most of it stays empty.
inline unsigned directBits(std::size_t length) { return std::clamp(unsigned(std::bit_width(length)) + 1, 16u, 30u); }

/// Words of few bits are places in a table. `AHEAD`: whether slots are asked for ahead.
template <class W>
class DirectTable {
 public:
  explicit DirectTable(unsigned bits) : codes_(std::size_t(1) << bits) { std::memset(codes_.data(), 0xff, codes_.size() * sizeof(u32)); }
  void makeRoom(std::size_t, std::size_t) {}
  std::size_t slotOf(W word) const { return std::size_t(word); }
  static constexpr bool AHEAD = true;
  void prefetch(std::size_t slot) const { __builtin_prefetch(&codes_[slot], 1); }
  u32 find(W, std::size_t slot) const { return codes_[slot]; }
  u32 findOrAdd(W, std::size_t slot, std::size_t next) {
    const u32 here = codes_[slot], code = here == NONE ? u32(next) : here;
    return codes_[slot] = code;
  }

 private:
  Room<u32> codes_;
};

/// A bit for each word of few bits: whether it is known.
template <class W>
class SeenTable {
 public:
  explicit SeenTable(unsigned bits) : seen_((std::size_t(1) << bits) / 64 + 1) {}
  void makeRoom(std::size_t, std::size_t) {}
  std::size_t slotOf(W word) const { return std::size_t(word); }
  /// It is small enough.
  static constexpr bool AHEAD = false;
  bool add(W, std::size_t slot, std::size_t) {
    u64& here = seen_[slot / 64];
    const u64 before = here;
    here = before | u64(1) << (slot % 64);
    return (before >> (slot % 64) & 1) == 0;
  }

 private:
  std::vector<u64> seen_;
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
  static constexpr bool AHEAD = true;
  void prefetch(std::size_t slot) const { __builtin_prefetch(&slots_[slot], 1); }
  u32 find(W word, std::size_t slot) const {
    for (;; slot = (slot + 1) & (slots_.size() - 1)) {
      const Slot& here = slots_[slot];
      if (here.code == NONE || here.word == word) return here.code;
    }
  }
  /// Whether a word was not known yet.
  bool add(W word, std::size_t slot, std::size_t next) { return findOrAdd(word, slot, next) == next; }
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

/// So many rows' words are read at a time.
inline constexpr std::size_t READ = 8 * LOOKED_UP;

/// Calls f(at, word, slot) for so many words.
template <class W, class Table, class F>
void eachSlot(const W* words, std::size_t count, Table& table, const F& f) {
  if constexpr (!Table::AHEAD) {
    for (std::size_t at = 0; at < count; ++at) f(at, words[at], table.slotOf(words[at]));
  } else {
    std::size_t slots[LOOKED_UP];
    for (std::size_t from = 0; from < count; from += LOOKED_UP) {
      const std::size_t end = std::min(from + LOOKED_UP, count);
      for (std::size_t at = from; at < end; ++at) table.prefetch(slots[at - from] = table.slotOf(words[at]));
      for (std::size_t at = from; at < end; ++at) f(at, words[at], slots[at - from]);
    }
  }
}

/// Calls f(row, word, slot) for all rows of a side; before so many more of them, before(more).
template <class W, class Table, class F, class Before>
void eachWord(const Words& words, const Words::Side& side, Table& table, const Before& before, const F& f) {
  W batch[READ];
  for (std::size_t from = 0; from < side.length; from += READ) {
    const std::size_t count = std::min(READ, side.length - from);
    words.read(side, from, count, batch);
    before(count);
    eachSlot(batch, count, table, [&](std::size_t at, W word, std::size_t slot) { f(from + at, word, slot); });
  }
}

}  // namespace dotcompute::table
