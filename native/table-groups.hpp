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

  /// Calls f(runs) for each part, on several threads, where runs(g) calls g(group, elements, count) for each of the part's groups.
  /// `ROOMY`: the elements have the room that sums like.
  static constexpr bool ROOMY = !Way::WHOLE;
  template <class T, class F>
  void eachPart(const T* column, const F& f) const {
    Room<T> dealt(dealing_.length());
    dealing_.deal([into = dealt.data(), column](u32 to, std::size_t row, auto) { into[to] = column[row]; });
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
      typename Way::Word words[READ];
      for (std::size_t from = 0; from < size; from += READ) {
        const std::size_t some = std::min(READ, size - from);
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

}  // namespace dotcompute::table
