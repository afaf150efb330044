// Arithmetic on integers: wraps, as the hardware does.
#include <limits>
#include <type_traits>

#include "execute.hpp"
#include "lanes.hpp"

namespace ptx {

namespace {

__extension__ typedef __int128 Signed128;
__extension__ typedef unsigned __int128 Unsigned128;

/// Wide enough that C++'s promotion to int cannot overflow.
template <class T>
using Wrapping = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
template <class T>
using Twice = std::conditional_t<
    sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, std::int32_t, std::uint32_t>,
    std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>,
                       std::conditional_t<std::is_signed_v<T>, Signed128, Unsigned128>>>;

template <class T>
constexpr Wrapping<T> wrapping(T a) { return static_cast<Wrapping<T>>(a); }

struct Add {
  template <class T>
  T operator()(T a, T b) const { return static_cast<T>(wrapping(a) + wrapping(b)); }
};
struct Sub {
  template <class T>
  T operator()(T a, T b) const { return static_cast<T>(wrapping(a) - wrapping(b)); }
};
struct MulLow {
  template <class T>
  T operator()(T a, T b) const { return static_cast<T>(wrapping(a) * wrapping(b)); }
};
struct MulHigh {
  template <class T>
  T operator()(T a, T b) const { return static_cast<T>((static_cast<Twice<T>>(a) * static_cast<Twice<T>>(b)) >> (8 * sizeof(T))); }
};
struct MadLow {
  template <class T>
  T operator()(T a, T b, T c) const { return Add{}(MulLow{}(a, b), c); }
};
struct MadHigh {
  template <class T>
  T operator()(T a, T b, T c) const { return Add{}(MulHigh{}(a, b), c); }
};
struct MulWide {
  template <class T>
  Twice<T> operator()(T a, T b) const { return static_cast<Twice<T>>(a) * static_cast<Twice<T>>(b); }
};
struct MadWide {
  template <class T>
  Twice<T> operator()(T a, T b, Twice<T> c) const { return Add{}(MulWide{}(a, b), c); }
};
/// A division by zero gives all ones: unspecified by PTX, and what devices do.
struct Div {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0) return static_cast<T>(~Wrapping<T>{0});
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return Sub{}(T{0}, a);
    return static_cast<T>(a / b);
  }
};
struct Rem {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0) return static_cast<T>(~Wrapping<T>{0});
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return 0;
    return static_cast<T>(a % b);
  }
};
struct Min {
  template <class T>
  T operator()(T a, T b) const { return a < b ? a : b; }
};
struct Max {
  template <class T>
  T operator()(T a, T b) const { return a > b ? a : b; }
};
struct Neg {
  template <class T>
  T operator()(T a) const { return Sub{}(T{0}, a); }
};
struct Abs {
  template <class T>
  T operator()(T a) const { return a < 0 ? Sub{}(T{0}, a) : a; }
};
struct Sad {
  template <class T>
  T operator()(T a, T b, T c) const { return Add{}(c, a < b ? Sub{}(b, a) : Sub{}(a, b)); }
};

template <bool ADD>
struct Saturating {
  std::int32_t operator()(std::int32_t a, std::int32_t b) const {
    const std::int64_t exact = ADD ? std::int64_t{a} + b : std::int64_t{a} - b;
    using Limits = std::numeric_limits<std::int32_t>;
    return static_cast<std::int32_t>(exact < Limits::min() ? Limits::min() : exact > Limits::max() ? Limits::max() : exact);
  }
};

/// add.cc, addc and their kind: the carry of each lane is kept by the warp.
template <class T, bool SUBTRACT, bool USES, bool SETS>
void carried(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const T* a = warp.read<T>(instruction.a);
  const T* b = warp.read<T>(instruction.b);
  T out[LANES] = {};
  std::uint32_t carries = 0;
  eachLane(mask, [&](unsigned lane) {
    using Wide = Unsigned128;
    const Wide in = USES ? (warp.carry >> lane) & 1 : 0;
    const Wide exact = SUBTRACT ? Wide{a[lane]} - b[lane] - in : Wide{a[lane]} + b[lane] + in;
    out[lane] = static_cast<T>(exact);
    carries |= static_cast<std::uint32_t>((exact >> (8 * sizeof(T))) & 1) << lane;
  });
  warp.put(instruction.to, mask, out);
  if (SETS) warp.carry = (warp.carry & ~mask) | carries;
}

template <bool SUBTRACT, bool USES>
Execute carriedOf(Type type, bool sets) {
  if (widthOf(type) == 4) return sets ? &carried<std::uint32_t, SUBTRACT, USES, true> : &carried<std::uint32_t, SUBTRACT, USES, false>;
  if (widthOf(type) == 8) return sets ? &carried<std::uint64_t, SUBTRACT, USES, true> : &carried<std::uint64_t, SUBTRACT, USES, false>;
  return nullptr;
}

struct Row {
  std::string_view name;
  Execute (*pick)(Type);
};

constexpr Row ROWS[] = {
    {"add", [](Type type) { return binaryOf<Add>(type, Integers{}); }},
    {"sub", [](Type type) { return binaryOf<Sub>(type, Integers{}); }},
    {"mul.lo", [](Type type) { return binaryOf<MulLow>(type, Integers{}); }},
    {"mul.hi", [](Type type) { return binaryOf<MulHigh>(type, Integers{}); }},
    {"mad.lo", [](Type type) { return ternaryOf<MadLow>(type, Integers{}); }},
    {"mad.hi", [](Type type) { return ternaryOf<MadHigh>(type, Integers{}); }},
    {"div", [](Type type) { return binaryOf<Div>(type, Integers{}); }},
    {"rem", [](Type type) { return binaryOf<Rem>(type, Integers{}); }},
    {"min", [](Type type) { return binaryOf<Min>(type, Integers{}); }},
    {"max", [](Type type) { return binaryOf<Max>(type, Integers{}); }},
    {"neg", [](Type type) { return unaryOf<Neg>(type, Types<std::int16_t, std::int32_t, std::int64_t>{}); }},
    {"abs", [](Type type) { return unaryOf<Abs>(type, Types<std::int16_t, std::int32_t, std::int64_t>{}); }},
    {"sad", [](Type type) { return ternaryOf<Sad>(type, Integers{}); }},
};

template <class T>
constexpr Execute WIDE = &map2<Twice<T>, T, T, MulWide>;
template <class T>
constexpr Execute WIDE_ADD = &map3<Twice<T>, T, T, Twice<T>, MadWide>;

}  // namespace

Execute pickInteger(std::string_view operation, Type type) {
  for (const Row& row : ROWS)
    if (row.name == operation) return row.pick(type);
  return nullptr;
}

Execute pickWide(std::string_view operation, Type type) {
  const bool adds = operation == "mad.wide";
  switch (type) {
    case Type::U16: return adds ? WIDE_ADD<std::uint16_t> : WIDE<std::uint16_t>;
    case Type::S16: return adds ? WIDE_ADD<std::int16_t> : WIDE<std::int16_t>;
    case Type::U32: return adds ? WIDE_ADD<std::uint32_t> : WIDE<std::uint32_t>;
    case Type::S32: return adds ? WIDE_ADD<std::int32_t> : WIDE<std::int32_t>;
    default: return nullptr;
  }
}

Execute pickSaturating(std::string_view operation) {
  using I = std::int32_t;
  return operation == "add" ? &map2<I, I, I, Saturating<true>> : operation == "sub" ? &map2<I, I, I, Saturating<false>> : nullptr;
}

Execute pickCarry(std::string_view operation, Type type, bool sets) {
  if (operation == "add") return carriedOf<false, false>(type, sets);
  if (operation == "addc") return carriedOf<false, true>(type, sets);
  if (operation == "sub") return carriedOf<true, false>(type, sets);
  if (operation == "subc") return carriedOf<true, true>(type, sets);
  return nullptr;
}

}  // namespace ptx
