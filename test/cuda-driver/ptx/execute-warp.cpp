// What lanes tell each other, and what a lane knows of its place in the grid.
#include <algorithm>
#include <chrono>
#include <type_traits>

#include "execute.hpp"
#include "lanes.hpp"

namespace ptx {

namespace {

enum class ShuffleMode : std::uint32_t { Up, Down, Butterfly, Index };

/// `c` holds the clamp in its low five bits and the segment's mask above them.
void shuffle(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const auto* values = warp.read<std::uint32_t>(instruction.a);
  const auto* by = warp.read<std::uint32_t>(instruction.b);
  const auto* control = warp.read<std::uint32_t>(instruction.c);
  std::uint32_t out[LANES];
  std::uint32_t found = 0;
  eachLane(mask, [&](unsigned lane) {
    const int amount = static_cast<int>(by[lane] & 31);
    const int clamp = static_cast<int>(control[lane] & 31);
    const int segment = static_cast<int>((control[lane] >> 8) & 31);
    const int at = static_cast<int>(lane);
    const int most = (at & segment) | (clamp & ~segment);
    const int least = at & segment;
    int from = 0;
    bool inside = false;
    switch (static_cast<ShuffleMode>(instruction.small)) {
      case ShuffleMode::Up: from = at - amount, inside = from >= most; break;
      case ShuffleMode::Down: from = at + amount, inside = from <= most; break;
      case ShuffleMode::Butterfly: from = at ^ amount, inside = from <= most; break;
      case ShuffleMode::Index: from = least | (amount & ~segment), inside = from <= most; break;
    }
    if (!inside) from = at;
    // What a lane outside of the mask holds is undefined: something that is easily seen.
    out[lane] = (mask >> from) & 1 ? values[from] : 0xffffffff;
    found |= static_cast<std::uint32_t>(inside) << lane;
  });
  if (instruction.to.base != Base::Nowhere) warp.put(instruction.to, mask, out);
  warp.putPredicate(instruction.other, mask, found);
}

enum class Vote { Ballot, All, Any, Uniform };
template <Vote VOTE>
void vote(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const std::uint32_t votes = (warp.predicate(instruction.a) ^ (instruction.inverted ? ALL_LANES : 0)) & mask;
  if constexpr (VOTE == Vote::Ballot) {
    std::uint32_t out[LANES];
    std::fill_n(out, LANES, votes);
    warp.put(instruction.to, mask, out);
  } else {
    const bool holds = VOTE == Vote::All ? votes == mask : VOTE == Vote::Any ? votes != 0 : votes == 0 || votes == mask;
    warp.putPredicate(instruction.to, mask, holds ? ALL_LANES : 0);
  }
}

template <bool ALL, class T>
void match(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const T* values = warp.read<T>(instruction.a);
  std::uint32_t out[LANES] = {};
  bool every = true;
  eachLane(mask, [&](unsigned lane) {
    eachLane(mask, [&](unsigned other) { out[lane] |= static_cast<std::uint32_t>(values[other] == values[lane]) << other; });
    every &= out[lane] == mask;
  });
  if (ALL) std::fill_n(out, LANES, every ? mask : 0);
  warp.put(instruction.to, mask, out);
  warp.putPredicate(instruction.other, mask, every ? ALL_LANES : 0);
}

template <class T, class F>
void reduce(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const T* values = warp.read<T>(instruction.a);
  const auto first = static_cast<unsigned>(std::countr_zero(mask));
  T all = values[first];
  eachLane(mask & (mask - 1), [&](unsigned lane) { all = F{}(all, values[lane]); });
  T out[LANES];
  std::fill_n(out, LANES, all);
  warp.put(instruction.to, mask, out);
}

template <class T>
Execute reduceOf(std::string_view operation) {
  using U = std::uint32_t;
  if (operation == "add") return &reduce<T, decltype([](T a, T b) { return static_cast<T>(static_cast<U>(a) + static_cast<U>(b)); })>;
  if (operation == "min") return &reduce<T, decltype([](T a, T b) { return std::min(a, b); })>;
  if (operation == "max") return &reduce<T, decltype([](T a, T b) { return std::max(a, b); })>;
  if (operation == "and") return &reduce<T, decltype([](T a, T b) { return a & b; })>;
  if (operation == "or") return &reduce<T, decltype([](T a, T b) { return a | b; })>;
  if (operation == "xor") return &reduce<T, decltype([](T a, T b) { return a ^ b; })>;
  return nullptr;
}

/// One lane is told that it is the one.
void elect(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const auto leader = static_cast<std::uint32_t>(std::countr_zero(mask));
  std::uint32_t out[LANES];
  std::fill_n(out, LANES, leader);
  if (instruction.to.base != Base::Nowhere) warp.put(instruction.to, mask, out);
  warp.putPredicate(instruction.other, mask, std::uint32_t{1} << leader);
}

void activeMask(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  std::uint32_t out[LANES];
  std::fill_n(out, LANES, mask);
  warp.put(instruction.to, mask, out);
}

template <class F, class T = std::uint32_t>
void special(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  T out[LANES];
  for (unsigned lane = 0; lane < LANES; lane++) out[lane] = static_cast<T>(F{}(warp, lane));
  warp.put(instruction.to, mask, out);
}

using W = const Warp&;
std::uint32_t thread(W warp, unsigned lane) { return warp.index() * LANES + lane; }
bool isLine(W warp) { return warp.launch().block.y == 1 && warp.launch().block.z == 1; }
std::uint64_t nanoseconds() {
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1));
}

struct Row {
  std::string_view name;
  Execute execute;
  Type type = Type::U32;
};

#define SPECIAL(EXPRESSION) &special<decltype([](W w, unsigned lane) { (void)w, (void)lane; return EXPRESSION; })>
#define SPECIAL64(EXPRESSION) &special<decltype([](W w, unsigned lane) { (void)w, (void)lane; return EXPRESSION; }), std::uint64_t>, Type::U64

const Row ROWS[] = {
    // Divisions cost more than all the rest of a short kernel, and most blocks have one dimension.
    {"%tid.x", SPECIAL(isLine(w) ? thread(w, lane) : thread(w, lane) % w.launch().block.x)},
    {"%tid.y", SPECIAL(thread(w, lane) / w.launch().block.x % w.launch().block.y)},
    {"%tid.z", SPECIAL(thread(w, lane) / w.launch().block.x / w.launch().block.y)},
    {"%ntid.x", SPECIAL(w.launch().block.x)},
    {"%ntid.y", SPECIAL(w.launch().block.y)},
    {"%ntid.z", SPECIAL(w.launch().block.z)},
    {"%ctaid.x", SPECIAL(w.block().index.x)},
    {"%ctaid.y", SPECIAL(w.block().index.y)},
    {"%ctaid.z", SPECIAL(w.block().index.z)},
    {"%nctaid.x", SPECIAL(w.launch().grid.x)},
    {"%nctaid.y", SPECIAL(w.launch().grid.y)},
    {"%nctaid.z", SPECIAL(w.launch().grid.z)},
    {"%laneid", SPECIAL(lane)},
    {"%warpid", SPECIAL(w.index())},
    {"%nwarpid", SPECIAL(w.block().warps.size())},
    {"%smid", SPECIAL(w.block().number % 4)},
    {"%nsmid", SPECIAL(4)},
    {"%lanemask_eq", SPECIAL(std::uint32_t{1} << lane)},
    {"%lanemask_lt", SPECIAL((std::uint32_t{1} << lane) - 1)},
    {"%lanemask_le", SPECIAL(((std::uint32_t{1} << lane) - 1) | (std::uint32_t{1} << lane))},
    {"%lanemask_gt", SPECIAL(~(((std::uint32_t{1} << lane) - 1) | (std::uint32_t{1} << lane)))},
    {"%lanemask_ge", SPECIAL(~((std::uint32_t{1} << lane) - 1))},
    {"%dynamic_smem_size", SPECIAL(w.launch().dynamicShared)},
    {"%total_smem_size", SPECIAL(w.launch().sharedBytes)},
    {"%clock", SPECIAL(w.launch().counts.instructions)},
    {"%clock64", SPECIAL64(w.launch().counts.instructions)},
    {"%globaltimer", SPECIAL64(nanoseconds())},
};

}  // namespace

Execute pickShuffle() { return &shuffle; }

Execute pickVote(std::string_view mode) {
  if (mode == "ballot") return &vote<Vote::Ballot>;
  if (mode == "all") return &vote<Vote::All>;
  if (mode == "any") return &vote<Vote::Any>;
  return mode == "uni" ? &vote<Vote::Uniform> : nullptr;
}

Execute pickMatch(bool all, unsigned width) {
  if (width == 4) return all ? &match<true, std::uint32_t> : &match<false, std::uint32_t>;
  if (width == 8) return all ? &match<true, std::uint64_t> : &match<false, std::uint64_t>;
  return nullptr;
}

Execute pickReduce(std::string_view operation, Type type) {
  if (type == Type::S32) return reduceOf<std::int32_t>(operation);
  return widthOf(type) == 4 && !isFloat(type) ? reduceOf<std::uint32_t>(operation) : nullptr;
}

Execute pickElect() { return &elect; }
Execute pickActiveMask() { return &activeMask; }

Execute pickSpecial(std::string_view name, Type& type) {
  for (const Row& row : ROWS) {
    if (row.name != name) continue;
    type = row.type;
    return row.execute;
  }
  return nullptr;
}

}  // namespace ptx
