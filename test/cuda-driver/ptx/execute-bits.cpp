// Logic, shifts, bit fields, moves, packing.
#include <type_traits>

#include "execute.hpp"
#include "lanes.hpp"

namespace ptx {

namespace {

struct And {
  template <class T>
  T operator()(T a, T b) const { return static_cast<T>(a & b); }
};
struct Or {
  template <class T>
  T operator()(T a, T b) const { return static_cast<T>(a | b); }
};
struct Xor {
  template <class T>
  T operator()(T a, T b) const { return static_cast<T>(a ^ b); }
};
struct Not {
  template <class T>
  T operator()(T a) const { return static_cast<T>(~a); }
};
struct CNot {
  template <class T>
  T operator()(T a) const { return a == 0; }
};
/// Shifts by the width and more are clamped to it, not taken modulo it.
struct ShiftLeft {
  template <class T>
  T operator()(T a, std::uint32_t by) const { return by >= 8 * sizeof(T) ? T{0} : static_cast<T>(a << by); }
};
struct ShiftRight {
  template <class T>
  T operator()(T a, std::uint32_t by) const {
    constexpr std::uint32_t width = 8 * sizeof(T);
    return by >= width ? static_cast<T>(std::is_signed_v<T> && a < 0 ? -1 : 0) : static_cast<T>(a >> by);
  }
};
struct Reverse {
  template <class T>
  T operator()(T a) const {
    T out = 0;
    for (unsigned bit = 0; bit < 8 * sizeof(T); bit++) out = static_cast<T>(out | ((a >> bit) & 1) << (8 * sizeof(T) - 1 - bit));
    return out;
  }
};
struct LeadingZeros {
  template <class T>
  std::uint32_t operator()(T a) const { return static_cast<std::uint32_t>(std::countl_zero(a)); }
};
struct CountOnes {
  template <class T>
  std::uint32_t operator()(T a) const { return static_cast<std::uint32_t>(std::popcount(a)); }
};
struct FindLeading {
  template <class T>
  std::uint32_t operator()(T a) const {
    using U = std::make_unsigned_t<T>;
    const U bits = static_cast<U>(std::is_signed_v<T> && a < 0 ? ~a : a);
    return bits == 0 ? 0xffffffff : static_cast<std::uint32_t>(8 * sizeof(T) - 1) - static_cast<std::uint32_t>(std::countl_zero(bits));
  }
};

struct ExtractField {
  template <class T>
  T operator()(T a, std::uint32_t at, std::uint32_t count) const {
    using U = std::make_unsigned_t<T>;
    constexpr std::uint32_t top = 8 * sizeof(T) - 1;
    at &= 0xff;
    count &= 0xff;
    const auto bit = [&](std::uint32_t place) { return (static_cast<U>(a) >> place) & 1; };
    const U sign = !std::is_signed_v<T> || count == 0 ? 0 : bit(std::min(at + count - 1, top));
    const U shifted = at > top ? 0 : static_cast<U>(a) >> at;
    // Bits beyond the field or the operand are copies of the field's sign.
    const std::uint32_t kept = std::min(count, at > top ? 0 : top + 1 - at);
    const U mask = kept > top ? ~U{0} : (U{1} << kept) - 1;
    return static_cast<T>((shifted & mask) | (sign ? ~mask : 0));
  }
};
struct InsertField {
  template <class T>
  T operator()(T field, T into, std::uint32_t at, std::uint32_t count) const {
    constexpr std::uint32_t width = 8 * sizeof(T);
    at &= 0xff;
    count &= 0xff;
    if (at >= width || count == 0) return into;
    const T ones = count >= width ? ~T{0} : (T{1} << count) - 1;
    return (into & ~(ones << at)) | ((field & ones) << at);
  }
};
/// The fourth operand is where instructions with one keep it: in `other`.
template <class T>
void insertField(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const T* a = warp.read<T>(instruction.a);
  const T* b = warp.read<T>(instruction.b);
  const auto* at = warp.read<std::uint32_t>(instruction.c);
  const auto* count = warp.read<std::uint32_t>(instruction.other);
  T out[LANES];
  for (unsigned lane = 0; lane < LANES; lane++) out[lane] = InsertField{}(a[lane], b[lane], at[lane], count[lane]);
  warp.put(instruction.to, mask, out);
}

struct Permute {
  std::uint32_t operator()(std::uint32_t a, std::uint32_t b, std::uint32_t selectors) const {
    const std::uint64_t bytes = a | std::uint64_t{b} << 32;
    std::uint32_t out = 0;
    for (unsigned i = 0; i < 4; i++) {
      const std::uint32_t selector = selectors >> (4 * i);
      auto byte = static_cast<std::uint32_t>(bytes >> (8 * (selector & 7))) & 0xff;
      if (selector & 8) byte = byte & 0x80 ? 0xff : 0;
      out |= byte << (8 * i);
    }
    return out;
  }
};
void anyLogic(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const auto* a = warp.read<std::uint32_t>(instruction.a);
  const auto* b = warp.read<std::uint32_t>(instruction.b);
  const auto* c = warp.read<std::uint32_t>(instruction.c);
  std::uint32_t out[LANES] = {};
  for (unsigned row = 0; row < 8; row++) {
    if (!((instruction.small >> row) & 1)) continue;
    for (unsigned lane = 0; lane < LANES; lane++)
      out[lane] |= (row & 4 ? a[lane] : ~a[lane]) & (row & 2 ? b[lane] : ~b[lane]) & (row & 1 ? c[lane] : ~c[lane]);
  }
  warp.put(instruction.to, mask, out);
}

template <bool LEFT, bool CLAMP>
struct Funnel {
  std::uint32_t operator()(std::uint32_t low, std::uint32_t high, std::uint32_t by) const {
    by = CLAMP ? std::min(by, 32U) : by & 31;
    const std::uint64_t both = low | std::uint64_t{high} << 32;
    return static_cast<std::uint32_t>(LEFT ? (both << by) >> 32 : both >> by);
  }
};

struct Same {
  template <class T>
  T operator()(T a) const { return a; }
};

enum class Logic { And, Or, Xor, Not, Move };
template <Logic LOGIC>
void logicOfPredicates(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const std::uint32_t a = warp.predicate(instruction.a) ^ (instruction.inverted ? ALL_LANES : 0);
  const std::uint32_t b = LOGIC < Logic::Not ? warp.predicate(instruction.b) : 0;
  const std::uint32_t out = LOGIC == Logic::And ? a & b : LOGIC == Logic::Or ? a | b : LOGIC == Logic::Xor ? a ^ b : LOGIC == Logic::Not ? ~a : a;
  warp.putPredicate(instruction.to, mask, out);
}

/// mov.b64 %rd, {%r1, %r2} and the other way round.
template <class Whole, class Part>
void pack(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  Whole out[LANES] = {};
  unsigned shift = 0;
  for (const Source& source : instruction.detail->values) {
    const Part* part = warp.read<Part>(source);
    for (unsigned lane = 0; lane < LANES; lane++) out[lane] = static_cast<Whole>(out[lane] | static_cast<Whole>(part[lane]) << shift);
    shift += 8 * sizeof(Part);
  }
  warp.put(instruction.to, mask, out);
}
template <class Whole, class Part>
void unpack(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  Whole whole[LANES];
  std::memcpy(whole, warp.read<Whole>(instruction.a), sizeof whole);
  unsigned shift = 0;
  for (const Source& target : instruction.detail->values) {
    Part out[LANES];
    for (unsigned lane = 0; lane < LANES; lane++) out[lane] = static_cast<Part>(whole[lane] >> shift);
    if (target.base != Base::Nowhere) warp.put(target, mask, out);
    shift += 8 * sizeof(Part);
  }
}

template <class F, class... T>
Execute shiftOf(Type type, Types<T...>) {
  Execute found = nullptr;
  ((found = standsFor<T>(type) ? &map2<T, T, std::uint32_t, F> : found), ...);
  return found;
}
template <class F, class... T>
Execute countOf(Type type, Types<T...>) {
  Execute found = nullptr;
  ((found = standsFor<T>(type) ? &map1<std::uint32_t, T, F> : found), ...);
  return found;
}
template <class... T>
Execute fieldOf(Type type, Types<T...>) {
  Execute found = nullptr;
  ((found = standsFor<T>(type) ? &map3<T, T, std::uint32_t, std::uint32_t, ExtractField> : found), ...);
  return found;
}

using Wide = Types<std::uint32_t, std::uint64_t>;

struct Row {
  std::string_view name;
  Execute (*pick)(Type);
};

constexpr Row ROWS[] = {
    {"and", [](Type type) { return binaryOf<And>(type, Words{}); }},
    {"or", [](Type type) { return binaryOf<Or>(type, Words{}); }},
    {"xor", [](Type type) { return binaryOf<Xor>(type, Words{}); }},
    {"not", [](Type type) { return unaryOf<Not>(type, Words{}); }},
    {"cnot", [](Type type) { return unaryOf<CNot>(type, Words{}); }},
    {"shl", [](Type type) { return shiftOf<ShiftLeft>(type, Words{}); }},
    {"shr", [](Type type) { return shiftOf<ShiftRight>(type, Integers{}); }},
    {"brev", [](Type type) { return unaryOf<Reverse>(type, Wide{}); }},
    {"clz", [](Type type) { return countOf<LeadingZeros>(type, Wide{}); }},
    {"popc", [](Type type) { return countOf<CountOnes>(type, Wide{}); }},
    {"bfind", [](Type type) { return countOf<FindLeading>(type, WideIntegers{}); }},
    {"bfe", [](Type type) { return fieldOf(type, WideIntegers{}); }},
    {"bfi", [](Type type) -> Execute {
       return type == Type::B32 ? &insertField<std::uint32_t> : type == Type::B64 ? &insertField<std::uint64_t> : nullptr;
     }},
    {"prmt", [](Type type) -> Execute {
       using U = std::uint32_t;
       return type == Type::B32 ? &map3<U, U, U, U, Permute> : nullptr;
     }},
    {"lop3", [](Type type) -> Execute { return type == Type::B32 ? &anyLogic : nullptr; }},
};

}  // namespace

Execute pickBits(std::string_view operation, Type type) {
  for (const Row& row : ROWS)
    if (row.name == operation) return row.pick(type);
  return nullptr;
}

Execute pickPredicate(std::string_view operation) {
  if (operation == "and") return &logicOfPredicates<Logic::And>;
  if (operation == "or") return &logicOfPredicates<Logic::Or>;
  if (operation == "xor") return &logicOfPredicates<Logic::Xor>;
  if (operation == "not") return &logicOfPredicates<Logic::Not>;
  return nullptr;
}

Execute pickPredicateMove() { return &logicOfPredicates<Logic::Move>; }

Execute pickMove(unsigned width) { return unaryOf<Same>(unsignedOf(width), Words{}); }

Execute pickPack(unsigned parts, unsigned width) {
  if (width == 8) return parts == 2 ? &pack<std::uint64_t, std::uint32_t> : parts == 4 ? &pack<std::uint64_t, std::uint16_t> : nullptr;
  return width == 4 && parts == 2 ? &pack<std::uint32_t, std::uint16_t> : nullptr;
}

Execute pickUnpack(unsigned parts, unsigned width) {
  if (width == 8) return parts == 2 ? &unpack<std::uint64_t, std::uint32_t> : parts == 4 ? &unpack<std::uint64_t, std::uint16_t> : nullptr;
  return width == 4 && parts == 2 ? &unpack<std::uint32_t, std::uint16_t> : nullptr;
}

Execute pickFunnelShift(bool left, bool clamp) {
  using U = std::uint32_t;
  if (left) return clamp ? &map3<U, U, U, U, Funnel<true, true>> : &map3<U, U, U, U, Funnel<true, false>>;
  return clamp ? &map3<U, U, U, U, Funnel<false, true>> : &map3<U, U, U, U, Funnel<false, false>>;
}

}  // namespace ptx
