// Canonical sums of many groups. Rows are moved twice: first to those of some thousand groups, which fit in the processor's
// cache, and there to those of their group.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>

#include "table-canonical.hpp"
#include "table-column.hpp"

namespace dotcompute::table {

class Partition {
 public:
  /// Of more rows the places in a part may be too large for 32 bits.
  static constexpr std::size_t MOST_ROWS = std::size_t(NONE) - (std::size_t(8) << 16);

  /// The codes are below `count`.
  Partition(const u32* codes, std::size_t length, std::size_t count) : codes_(codes), length_(length), count_(count), shift_(shiftFor(count)), begins_((count >> shift_) + 2), lows_(length), sizes_(count) {
    for (std::size_t at = 0; at < length; ++at) begins_[(codes[at] >> shift_) + 1]++;
    for (std::size_t part = 1; part < begins_.size(); ++part) begins_[part] += begins_[part - 1];
  }

  /// How many rows each group has: known after the first sums.
  const u32* sizes() const { return sizes_.data(); }

  template <class T>
  Room<double> sums(const T* data) {
    Room<T> parted(length_);
    std::vector<u32> next = begins_;
    const auto part = [&](const auto& store) {
      for (std::size_t at = 0; at < length_; ++at) {
        const u32 to = next[codes_[at] >> shift_]++;
        parted[to] = data[at];
        store(to, codes_[at]);
      }
    };
    if (counted_) part([](u32, u32) {});
    else part([&](u32 to, u32 code) { lows_[to] = Low(code & ((u32(1) << shift_) - 1)); });
    Room<double> sums(count_);
    for (std::size_t at = 0; at + 1 < begins_.size(); ++at) sumPart(parted.data(), at, sums.data());
    counted_ = true;
    return sums;
  }

 private:
  using Low = std::uint16_t;
  const u32* const codes_;
  const std::size_t length_, count_;
  /// A part has the codes that are the same but for so many low bits.
  const unsigned shift_;
  std::vector<u32> begins_;
  Room<Low> lows_;
  Room<u32> sizes_;
  bool counted_ = false;
  std::vector<u32> next_;
  std::vector<double> grouped_;

  /// As few parts as there are lines in the nearest cache, as long as their rows fit in the next.
  static unsigned shiftFor(std::size_t count) { return std::clamp(unsigned(std::bit_width(count)), 20u, 24u) - 8; }

  /// Groups of few rows have room for 8, 16 or all 32 lanes, filled up with what changes no sum.
  static std::size_t roomFor(u32 size) { return size <= 8 ? 8 : size <= 16 ? 16 : size <= LANES ? LANES : size; }

  template <class T>
  void sumPart(const T* parted, std::size_t part, double* sums) {
    const std::size_t first = part << shift_;
    const std::size_t groups = std::min(count_ - std::min(first, count_), std::size_t(1) << shift_);
    const u32 from = begins_[part], to = begins_[part + 1];
    if (groups == 0) return;
    u32* const sizes = sizes_.data() + first;
    if (!counted_) {
      std::memset(sizes, 0, groups * sizeof(u32));
      for (u32 at = from; at < to; ++at) sizes[lows_[at]]++;
    }
    next_.resize(std::max(next_.size(), groups));
    std::size_t room = 0;
    for (std::size_t group = 0; group < groups; ++group) {
      next_[group] = u32(room);
      room += roomFor(sizes[group]);
    }
    if (grouped_.size() < room) grouped_.resize(room);
    double* const grouped = grouped_.data();
    std::fill(grouped, grouped + room, NOTHING);
    for (u32 at = from; at < to; ++at) grouped[next_[lows_[at]]++] = double(parted[at]);
    double* own = grouped;
    for (std::size_t group = 0; group < groups; ++group) {
      const u32 size = sizes[group];
      const std::size_t width = roomFor(size);
      const double sum = width == 8 ? foldedWhole<8>(own) : width == 16 ? foldedWhole<16>(own) : width == LANES ? foldedWhole<LANES>(own) : canonicalSum(own, size);
      // A sum starts from 0.
      sums[first + group] = 0.0 + sum;
      own += width;
    }
  }
};

}  // namespace dotcompute::table
