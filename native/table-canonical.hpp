// Sums of floats in the canonical order (native/rt/reduce.hpp): 32 lanes, blocks of 1024 elements, a pairwise tree.
#pragma once

#include <cstddef>

namespace dotcompute::table {

inline constexpr std::size_t LANES = 32;
inline constexpr std::size_t BLOCK = 1024;

/// What a lane without elements holds: the one number that changes no other when it is added.
inline constexpr double NOTHING = -0.0;

/// The sum of the first `count` lanes, which are used up: lane j with j + 16, then 8, 4, 2, 1. The others hold nothing.
inline double foldLanes(double* lanes, std::size_t count) {
  for (std::size_t half = LANES / 2; half > 0; half /= 2)
    for (std::size_t lane = half; lane < (count < 2 * half ? count : 2 * half); ++lane) lanes[lane - half] += lanes[lane];
  return count == 0 ? NOTHING : lanes[0];
}

/// The same, of the first lanes of a block without other elements.
template <std::size_t count>
double foldedWhole(double* lanes) {
  for (std::size_t half = count / 2; half > 0; half /= 2)
    for (std::size_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  return lanes[0];
}

/// A balanced pairwise tree over the sums of blocks: equal sizes merge as soon as they meet, as bits carry in a counter.
class Tree {
 public:
  void push(double value) {
    for (std::size_t carry = blocks_++; carry & 1; carry >>= 1) value = waiting_[--depth_] + value;
    waiting_[depth_++] = value;
  }
  double sum() const {
    if (depth_ == 0) return NOTHING;
    double value = waiting_[depth_ - 1];
    for (int at = depth_ - 2; at >= 0; --at) value = waiting_[at] + value;
    return value;
  }

 private:
  double waiting_[64];
  int depth_ = 0;
  std::size_t blocks_ = 0;
};

/// Of elements that lie side by side.
template <class T>
double canonicalSum(const T* data, std::size_t length) {
  double lanes[LANES];
  const auto block = [&](const T* from, std::size_t count) {
    const std::size_t used = count < LANES ? count : LANES;
    for (std::size_t lane = 0; lane < used; ++lane) lanes[lane] = double(from[lane]);
    std::size_t at = LANES;
    for (; at + LANES <= count; at += LANES)
      for (std::size_t lane = 0; lane < LANES; ++lane) lanes[lane] += double(from[at + lane]);
    for (; at < count; ++at) lanes[at % LANES] += double(from[at]);
    return foldLanes(lanes, used);
  };
  if (length <= BLOCK) return block(data, length);
  Tree tree;
  for (std::size_t at = 0; at < length; at += BLOCK) tree.push(block(data + at, length - at < BLOCK ? length - at : BLOCK));
  return tree.sum();
}

}  // namespace dotcompute::table
