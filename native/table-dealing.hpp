// Rows dealt out to parts, so that all rows of a word are in one part, and in their order.
#pragma once

#include "table-lookup.hpp"
#include "table-share.hpp"

namespace dotcompute::table {

/// Words of few bits: each has a part of its own.
struct Separate {
  using Word = u32;
  unsigned bits;
  static constexpr bool WHOLE = true;  // a part needs not be looked at any more
  std::size_t parts() const { return std::size_t(1) << bits; }
  std::size_t partOf(u32 word) const { return word; }
  u32 keptOf(u32) const { return 0; }
};

/// Words that are places in a table: of each part, a stretch of it. They are stirred before, for they may lie close together or
/// have few factors in common; an odd factor leaves different ones different.
struct Stretches {
  using Word = u32;
  struct Table : DirectTable<u32> {
    using DirectTable::DirectTable;
    static constexpr bool AHEAD = false;  // it is small
  };
  unsigned bits, partBits;
  static constexpr bool WHOLE = false;
  std::size_t parts() const { return std::size_t(1) << partBits; }
  std::size_t partOf(u32 word) const { return stirred(word) >> (bits - partBits); }
  u32 keptOf(u32 word) const { return stirred(word) & ((u32(1) << (bits - partBits)) - 1); }
  Table table() const { return Table(bits - partBits); }

 private:
  u32 stirred(u32 word) const { return word * 0x9e3779b1u & ((u32(1) << bits) - 1); }
};

/// Any words.
template <class W>
struct Hashed {
  using Word = W;
  using Table = HashTable<W>;
  unsigned partBits;
  static constexpr bool WHOLE = false;
  std::size_t parts() const { return std::size_t(1) << partBits; }
  /// Another hash than the table's, whose places are to be all over it.
  std::size_t partOf(W word) const { return std::size_t((u64(word) ^ (u64(word) >> 29)) * 0xbf58476d1ce4e5b9ull >> 32 >> (32 - partBits)); }
  W keptOf(W word) const { return word; }
  Table table() const { return Table(0); }
};

/// Where rows go.
template <class Way>
class Dealing {
 public:
  using Word = typename Way::Word;

  Dealing(const Way& way, const Words& words, const Words::Side& rows, const Pieces& pieces)
      : way_(way), words_(words), rows_(rows), pieces_(pieces), begins_(way.parts() + 1), next_(pieces.count() * way.parts()) {
    if constexpr (Way::WHOLE) firsts_.resize(next_.size());
    inParts(pieces.threads(), pieces.count(), [&](std::size_t piece) {
      u32* const counts = &next_[piece * parts()];
      each(piece, [&](std::size_t row, Word, std::size_t part) {
        if constexpr (Way::WHOLE) if (counts[part] == 0) firsts_[piece * parts() + part] = u32(row);
        ++counts[part];
      });
    });
    u32 before = 0;
    for (std::size_t part = 0; part < parts(); ++part) {
      begins_[part] = before;
      if constexpr (Way::WHOLE) {
        // That of the first piece that has rows for the part is the part's.
        for (std::size_t piece = pieces.count(); piece-- > 1;)
          if (next_[(piece - 1) * parts() + part] == 0) firsts_[(piece - 1) * parts() + part] = firsts_[piece * parts() + part];
      }
      for (std::size_t piece = 0; piece < pieces.count(); ++piece) before += std::exchange(next_[piece * parts() + part], before);
    }
    begins_[parts()] = before;
  }

  const Way& way() const { return way_; }
  std::size_t parts() const { return way_.parts(); }
  std::size_t length() const { return rows_.length; }
  const Pieces& pieces() const { return pieces_; }
  u32 begin(std::size_t part) const { return begins_[part]; }
  u32 size(std::size_t part) const { return begins_[part + 1] - begins_[part]; }
  /// The first row of a part that has some, where parts are whole.
  u32 first(std::size_t part) const { return firsts_[part]; }

  /// Calls store(to, row, kept) for all rows, on several threads. Throws if another thread has changed keys since they were counted.
  template <class Store>
  void deal(const Store& store) const {
    inParts<std::vector<u32>>(pieces_.threads(), pieces_.count(), [&](std::size_t piece, std::vector<u32>& scratch) {
      scratch.assign(&next_[piece * parts()], &next_[piece * parts()] + parts());
      u32* const next = scratch.data();
      const std::size_t length = rows_.length;
      each(piece, [&](std::size_t row, Word kept, std::size_t part) {
        const u32 to = next[part]++;
        if (to < length) store(to, row, kept);
      });
      for (std::size_t part = 0; part < parts(); ++part)
        if (next[part] != end(piece, part)) throw std::runtime_error("The keys have been changed while rows were grouped");
    });
  }

 private:
  Way way_;
  const Words& words_;
  const Words::Side& rows_;
  Pieces pieces_;
  std::vector<u32> begins_;
  /// Of each piece and part, where the piece's first row goes.
  std::vector<u32> next_;
  std::vector<u32> firsts_;

  /// Where those of a piece end.
  u32 end(std::size_t piece, std::size_t part) const { return piece + 1 == pieces_.count() ? begins_[part + 1] : next_[(piece + 1) * parts() + part]; }

  template <class F>
  void each(std::size_t piece, const F& f) const {
    // Copies, which no store can be thought to change.
    const Way way = way_;
    Word batch[READ];
    for (std::size_t from = pieces_.begin(piece); from < pieces_.end(piece); from += READ) {
      const std::size_t count = std::min(READ, pieces_.end(piece) - from);
      words_.read(rows_, from, count, batch);
      for (std::size_t i = 0; i < count; ++i) f(from + i, way.keptOf(batch[i]), way.partOf(batch[i]));
    }
  }
};

}  // namespace dotcompute::table
