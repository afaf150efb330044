// Loads, stores and addresses.
#include <algorithm>
#include <type_traits>

#include "access.hpp"
#include "execute.hpp"

namespace ptx {

namespace {

/// A register may be wider than what is loaded into it: extended by the sign where the type has one.
template <class Memory, class Register>
void loadInto(Warp& warp, Source to, std::uint32_t mask, const Access& access, unsigned element) {
  Register out[LANES];
  if (access.uniform) {
    Memory value;
    std::memcpy(&value, access.at[0] + element * sizeof value, sizeof value);
    std::fill_n(out, LANES, static_cast<Register>(value));
  } else if (access.contiguous && element == 0) {
    Memory values[LANES];
    std::memcpy(values, access.at[0], sizeof values);
    for (unsigned lane = 0; lane < LANES; lane++) out[lane] = static_cast<Register>(values[lane]);
  } else {
    eachLane(mask, [&](unsigned lane) {
      Memory value;
      std::memcpy(&value, access.at[lane] + element * sizeof value, sizeof value);
      out[lane] = static_cast<Register>(value);
    });
  }
  warp.put(to, mask, out);
}

template <class Memory>
void load(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  Access access;
  resolve(warp, instruction, mask, Purpose::Load, access);
  const auto& targets = instruction.detail->values;
  if (targets.size() > 1) access.contiguous = false;
  for (unsigned element = 0; element < targets.size(); element++) {
    const Source to = targets[element];
    if (to.base == Base::Nowhere) continue;
    if constexpr (sizeof(Memory) <= 2) {
      if (to.width == 2) loadInto<Memory, std::uint16_t>(warp, to, mask, access, element);
    }
    if constexpr (sizeof(Memory) <= 4) {
      if (to.width == 4) loadInto<Memory, std::uint32_t>(warp, to, mask, access, element);
    }
    if (to.width == 8) loadInto<Memory, std::uint64_t>(warp, to, mask, access, element);
  }
}

template <class Memory, class Register>
void storeFrom(Warp& warp, Source from, std::uint32_t mask, const Access& access, unsigned element) {
  const auto* values = warp.read<Register>(from);
  eachLane(mask, [&](unsigned lane) {
    const auto value = static_cast<Memory>(values[lane]);
    std::memcpy(access.at[lane] + element * sizeof value, &value, sizeof value);
  });
}

template <class Memory>
void store(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  Access access;
  resolve(warp, instruction, mask, Purpose::Store, access);
  const auto& sources = instruction.detail->values;
  if (access.contiguous && sources.size() == 1 && sources[0].width == sizeof(Memory)) {
    std::memcpy(access.at[0], warp.read<Memory>(sources[0]), LANES * sizeof(Memory));
    return;
  }
  for (unsigned element = 0; element < sources.size(); element++) {
    const Source from = sources[element];
    if (from.width == 2) storeFrom<Memory, std::uint16_t>(warp, from, mask, access, element);
    else if (from.width == 4) storeFrom<Memory, std::uint32_t>(warp, from, mask, access, element);
    else storeFrom<Memory, std::uint64_t>(warp, from, mask, access, element);
  }
}

/// mov of a variable's address; the generic one only where the variable is generic's.
void addressOf(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  std::uint64_t addresses[LANES];
  addressesOf(warp, instruction, mask, addresses);
  if (instruction.detail->address.space == Space::Param)
    for (std::uint64_t& address : addresses) address += PARAM_WINDOW;
  if (instruction.to.width == 8) return warp.put(instruction.to, mask, addresses);
  std::uint32_t narrow[LANES];
  for (unsigned lane = 0; lane < LANES; lane++) narrow[lane] = static_cast<std::uint32_t>(addresses[lane]);
  warp.put(instruction.to, mask, narrow);
}

constexpr std::uint64_t windowOf(Space space) { return space == Space::Shared ? SHARED_WINDOW : space == Space::Local ? LOCAL_WINDOW : 0; }

/// Global, constant and parameter addresses are generic ones already.
template <std::uint64_t ADDED>
struct Shifted {
  std::uint64_t operator()(std::uint64_t address) const { return address + ADDED; }
};

void isSpace(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const auto* addresses = warp.read<std::uint64_t>(instruction.a);
  std::uint32_t out = 0;
  for (unsigned lane = 0; lane < LANES; lane++) {
    const std::uint64_t window = addresses[lane] / WINDOW_BYTES * WINDOW_BYTES;
    const Space space = window == SHARED_WINDOW ? Space::Shared : window == LOCAL_WINDOW ? Space::Local : window == PARAM_WINDOW ? Space::Param : Space::Global;
    out |= static_cast<std::uint32_t>(static_cast<std::uint32_t>(space) == instruction.small) << lane;
  }
  warp.putPredicate(instruction.to, mask, out);
}

}  // namespace

Execute pickLoad(Type type) {
  switch (type) {
    case Type::B8: case Type::U8: return &load<std::uint8_t>;
    case Type::S8: return &load<std::int8_t>;
    case Type::B16: case Type::U16: return &load<std::uint16_t>;
    case Type::S16: return &load<std::int16_t>;
    case Type::B32: case Type::U32: case Type::F32: return &load<std::uint32_t>;
    case Type::S32: return &load<std::int32_t>;
    case Type::B64: case Type::U64: case Type::S64: case Type::F64: return &load<std::uint64_t>;
    default: return nullptr;
  }
}

Execute pickStore(Type type) {
  switch (widthOf(type)) {
    case 1: return &store<std::uint8_t>;
    case 2: return &store<std::uint16_t>;
    case 4: return &store<std::uint32_t>;
    case 8: return &store<std::uint64_t>;
    default: return nullptr;
  }
}

Execute pickAddress() { return &addressOf; }

Execute pickToGeneric(Space space) {
  using U = std::uint64_t;
  if (space == Space::Shared) return &map1<U, U, Shifted<windowOf(Space::Shared)>>;
  return space == Space::Local ? &map1<U, U, Shifted<windowOf(Space::Local)>> : &map1<U, U, Shifted<0>>;
}

Execute pickFromGeneric(Space space) {
  using U = std::uint64_t;
  if (space == Space::Shared) return &map1<U, U, Shifted<0 - windowOf(Space::Shared)>>;
  return space == Space::Local ? &map1<U, U, Shifted<0 - windowOf(Space::Local)>> : &map1<U, U, Shifted<0>>;
}

Execute pickIsSpace() { return &isSpace; }

}  // namespace ptx
