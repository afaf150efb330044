// Which rows are a group, and what becomes of a column when groups lie side by side.
#pragma once

#include "table-dealing.hpp"
#include "table-terminal.hpp"

namespace dotcompute::table {

/// Groups are numbered part by part. A part holds some tens of thousands of rows, which fit in the processor's cache.
template <class Way>
class Groups {
 public:
  explicit Groups(const Dealing<Way>& dealing) : dealing_(dealing), bases_(dealing.parts() + 1) {
    if constexpr (Way::WHOLE) {
      for (std::size_t part = 0; part < dealing.parts(); ++part) bases_[part + 1] = bases_[part] + (dealing.size(part) > 0);
      makeRoom();
      for (std::size_t part = 0; part < dealing.parts(); ++part) {
        if (dealing.size(part) == 0) continue;
        firsts_[bases_[part]] = dealing.first(part);
        sizes_[bases_[part]] = dealing.size(part);
      }
    } else {
      number();
    }
  }

  std::size_t count() const { return bases_.back(); }
  /// The first row of each, and how many it has.
  const Room<u32>& firsts() const { return firsts_; }
  const Room<u32>& sizes() const { return sizes_; }

  /// Whether a group's elements have the room that sums like.
  static constexpr bool ROOMY = !Way::WHOLE;
  /// Calls f(runs) for each part, on several threads, where runs(g) calls g(group, elements, count) for each of the part's groups.
  template <class T, class F>
  void eachPart(const T* column, const F& f) const {
    Room<T> dealt(dealing_.length());
    deal(reinterpret_cast<const Bits<T>*>(column), reinterpret_cast<Bits<T>*>(dealt.data()));
    inParts<Scratch<T>>(dealing_.pieces().threads(), dealing_.parts(), [&](std::size_t part, Scratch<T>& scratch) {
      const T* elements = dealt.data() + dealing_.begin(part);
      if constexpr (ROOMY) elements = sideBySide(part, elements, scratch);
      f([&](const auto& g) {
        const T* own = elements;
        for (std::size_t group = bases_[part]; group < bases_[part + 1]; ++group) {
          g(group, own, std::size_t(sizes_[group]));
          own += ROOMY ? roomFor<T>(sizes_[group]) : sizes_[group];
        }
      });
    });
  }

 private:
  const Dealing<Way>& dealing_;
  /// Of each part, the number of its first group.
  std::vector<std::size_t> bases_;
  Room<u32> firsts_{0}, sizes_{0};
  /// Of each row, as they are dealt out, which of the part's groups it belongs to.
  Room<u32> codes_{Way::WHOLE ? 0 : dealing_.length()};

  /// Elements of any type with so many bytes.
  template <class T>
  using Bits = std::conditional_t<sizeof(T) == 1, u8, std::conditional_t<sizeof(T) == 2, std::uint16_t, std::conditional_t<sizeof(T) == 4, u32, u64>>>;

  template <class T>
  void deal(const T* column, T* into) const {
    dealing_.deal([into, column](u32 to, std::size_t row, auto) { into[to] = column[row]; });
  }

  template <class T>
  struct Scratch {
    std::vector<std::size_t> next;
    std::vector<T> grouped;
  };

  /// What a part's rows are told apart by, and which they are.
  struct Dealt {
    typename Way::Word word;
    u32 row;
  };

  void makeRoom() {
    firsts_ = Room<u32>(count());
    sizes_ = Room<u32>(count());
  }

  void number() {
    const Way& way = dealing_.way();
    Room<Dealt> rows(dealing_.length());
    dealing_.deal([into = rows.data()](u32 to, std::size_t row, auto word) { into[to] = {word, u32(row)}; });
    struct Found {
      std::vector<u32> firsts, sizes;
    };
    std::vector<Found> found(dealing_.parts());
    inParts<std::vector<u32>>(dealing_.pieces().threads(), dealing_.parts(), [&](std::size_t part, std::vector<u32>& firsts) {
      auto table = way.table();
      const Dealt* const own = rows.data() + dealing_.begin(part);
      u32* const codes = codes_.data() + dealing_.begin(part);
      const std::size_t size = dealing_.size(part);
      firsts.resize(std::max(firsts.size(), size + 1));
      u32 count = 0;
      typename Way::Word words[LOOKED_UP];
      for (std::size_t from = 0; from < size; from += LOOKED_UP) {
        const std::size_t some = std::min(LOOKED_UP, size - from);
        for (std::size_t at = 0; at < some; ++at) words[at] = own[from + at].word;
        table.makeRoom(count, some);
        // Written for every row, and kept for new ones: whether a row is new can hardly be foretold.
        eachSlot(words, some, table, [&](std::size_t at, auto word, std::size_t slot) {
          const u32 code = table.findOrAdd(word, slot, count);
          firsts[count] = own[from + at].row;
          count += code == count;
          codes[from + at] = code;
        });
      }
      found[part].firsts.assign(firsts.begin(), firsts.begin() + count);
      found[part].sizes.resize(count);
      u32* const sizes = found[part].sizes.data();
      for (std::size_t at = 0; at < size; ++at) ++sizes[codes[at]];
    });
    for (std::size_t part = 0; part < found.size(); ++part) bases_[part + 1] = bases_[part] + found[part].sizes.size();
    makeRoom();
    for (std::size_t part = 0; part < found.size(); ++part) {
      std::copy(found[part].firsts.begin(), found[part].firsts.end(), firsts_.data() + bases_[part]);
      std::copy(found[part].sizes.begin(), found[part].sizes.end(), sizes_.data() + bases_[part]);
    }
  }

  /// The part's elements group by group, each group with the room that sums like.
  template <class T>
  const T* sideBySide(std::size_t part, const T* dealt, Scratch<T>& scratch) const {
    const std::size_t groups = bases_[part + 1] - bases_[part];
    if (scratch.next.size() < groups) scratch.next.resize(groups);
    std::size_t* const next = scratch.next.data();
    const u32* const sizes = sizes_.data() + bases_[part];
    std::size_t room = 0;
    for (std::size_t group = 0; group < groups; ++group) {
      next[group] = room;
      room += roomFor<T>(sizes[group]);
    }
    if (scratch.grouped.size() < room) scratch.grouped.resize(room);
    T* const grouped = scratch.grouped.data();
    if constexpr (std::is_floating_point_v<T>) std::fill(grouped, grouped + room, T(NOTHING));
    const u32* const codes = codes_.data() + dealing_.begin(part);
    const std::size_t size = dealing_.size(part);
    for (std::size_t at = 0; at < size; ++at) grouped[next[codes[at]]++] = dealt[at];
    return grouped;
  }
};

/// Words of no more bits have a part each: as many as have their lines of memory in the processor's cache.
inline constexpr unsigned SEPARATE_BITS = 11;
/// So many rows of a part fit in it, and there are at most so many parts.
inline constexpr std::size_t PART = std::size_t(1) << 15;
inline constexpr unsigned MOST_PART_BITS = 9;

/// Whether words of so many bits are best dealt out to a part each.
inline bool areSeparate(unsigned bits, std::size_t length) { return bits <= SEPARATE_BITS && (std::size_t(1) << bits) <= length + 64; }
inline unsigned partBitsFor(unsigned bits, std::size_t length) { return std::min({unsigned(std::bit_width(length / PART)), MOST_PART_BITS, bits}); }

/// Calls f(groups) for the groups of so many rows by their words, which are dealt out in this way.
template <class Way, class F>
void withGroups(const Way& way, const Words& words, const Words::Side& rows, unsigned threads, const F& f) {
  const Dealing<Way> dealing(way, words, rows, Pieces(rows.length, threads));
  f(Groups<Way>(dealing));
}

}  // namespace dotcompute::table
