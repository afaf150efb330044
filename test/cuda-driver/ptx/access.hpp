// From an address operand to places in the host's memory, each access checked.
#pragma once

#include "lanes.hpp"

namespace ptx {

struct Access {
  std::byte* at[LANES];
  /// Every lane takes part, and they lie one after the other.
  bool contiguous = false;
  /// All lanes have the same place, also those that take no part.
  bool uniform = false;
};

enum class Purpose : std::uint8_t { Load, Store, Atomic };

/// The 32 addresses of an operand.
void addressesOf(Warp& warp, const Instruction& instruction, std::uint32_t mask, std::uint64_t (&addresses)[LANES]);
/// Throws LaneFault for an access that is misaligned or outside of what is there; counts those of global memory.
void resolve(Warp& warp, const Instruction& instruction, std::uint32_t mask, Purpose purpose, Access& access);

}  // namespace ptx
