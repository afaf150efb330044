// Comparisons and what chooses by them.
#include <cmath>

#include "execute.hpp"
#include "lanes.hpp"

namespace ptx {

namespace {

constexpr std::string_view NAMES[] = {"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"};

template <class T, class F>
std::uint32_t bits(const T* a, const T* b, F compare) {
  std::uint32_t out = 0;
  for (unsigned lane = 0; lane < LANES; lane++) out |= static_cast<std::uint32_t>(compare(a[lane], b[lane])) << lane;
  return out;
}

template <class T>
std::uint32_t compared(Comparison comparison, const T* a, const T* b) {
  switch (comparison) {
    case Comparison::Eq: return bits(a, b, [](T x, T y) { return x == y; });
    // Not equal and both numbers: ordered, unlike C's.
    case Comparison::Ne: return bits(a, b, [](T x, T y) { return (x < y) | (x > y); });
    case Comparison::Lt: return bits(a, b, [](T x, T y) { return x < y; });
    case Comparison::Le: return bits(a, b, [](T x, T y) { return x <= y; });
    case Comparison::Gt: return bits(a, b, [](T x, T y) { return x > y; });
    case Comparison::Ge: return bits(a, b, [](T x, T y) { return x >= y; });
    case Comparison::Equ: return bits(a, b, [](T x, T y) { return !((x < y) | (x > y)); });
    case Comparison::Neu: return bits(a, b, [](T x, T y) { return !(x == y); });
    case Comparison::Ltu: return bits(a, b, [](T x, T y) { return !(x >= y); });
    case Comparison::Leu: return bits(a, b, [](T x, T y) { return !(x > y); });
    case Comparison::Gtu: return bits(a, b, [](T x, T y) { return !(x <= y); });
    case Comparison::Geu: return bits(a, b, [](T x, T y) { return !(x < y); });
    case Comparison::Num: return bits(a, b, [](T x, T y) { return (x == x) & (y == y); });
    case Comparison::Nan: return bits(a, b, [](T x, T y) { return (x != x) | (y != y); });
  }
  return 0;
}

std::uint32_t combined(Combine how, std::uint32_t a, std::uint32_t b) {
  switch (how) {
    case Combine::And: return a & b;
    case Combine::Or: return a | b;
    case Combine::Xor: return a ^ b;
    case Combine::None: break;
  }
  return a;
}

template <class T>
std::uint32_t result(Warp& warp, const Instruction& instruction, std::uint32_t* inverse) {
  const auto comparison = static_cast<Comparison>(instruction.small & 0xff);
  const auto combine = static_cast<Combine>(instruction.small >> 8);
  const std::uint32_t holds = compared(comparison, warp.read<T>(instruction.a), warp.read<T>(instruction.b));
  std::uint32_t with = combine == Combine::None ? 0 : warp.predicate(instruction.c);
  if (instruction.inverted) with = ~with;
  if (inverse) *inverse = combined(combine, ~holds, with);
  return combined(combine, holds, with);
}

template <class T>
void setp(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  std::uint32_t inverse = 0;
  const std::uint32_t holds = result<T>(warp, instruction, &inverse);
  warp.putPredicate(instruction.to, mask, holds);
  warp.putPredicate(instruction.other, mask, inverse);
}

/// Into a number: 1.0 for f32, all ones for an integer.
template <class R, class T>
void set(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const std::uint32_t holds = result<T>(warp, instruction, nullptr);
  R out[LANES];
  for (unsigned lane = 0; lane < LANES; lane++) out[lane] = (holds >> lane) & 1 ? (std::is_same_v<R, float> ? R(1) : R(-1)) : R(0);
  warp.put(instruction.to, mask, out);
}

template <class T>
void select(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const T* a = warp.read<T>(instruction.a);
  const T* b = warp.read<T>(instruction.b);
  const std::uint32_t by = warp.predicate(instruction.c) ^ (instruction.inverted ? ALL_LANES : 0);
  T out[LANES];
  for (unsigned lane = 0; lane < LANES; lane++) out[lane] = (by >> lane) & 1 ? a[lane] : b[lane];
  warp.put(instruction.to, mask, out);
}

template <class T>
struct ChooseBySign {
  template <class C>
  T operator()(T a, T b, C c) const { return c >= 0 ? a : b; }
};

enum class Test { Finite, Infinite, Number, NotANumber, Normal, Subnormal };
template <class T>
void testp(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const T* a = warp.read<T>(instruction.a);
  std::uint32_t out = 0;
  for (unsigned lane = 0; lane < LANES; lane++) {
    const int kind = std::fpclassify(a[lane]);
    bool holds = false;
    switch (static_cast<Test>(instruction.small)) {
      case Test::Finite: holds = kind != FP_INFINITE && kind != FP_NAN; break;
      case Test::Infinite: holds = kind == FP_INFINITE; break;
      case Test::Number: holds = kind != FP_NAN; break;
      case Test::NotANumber: holds = kind == FP_NAN; break;
      case Test::Normal: holds = kind == FP_NORMAL; break;
      case Test::Subnormal: holds = kind == FP_SUBNORMAL; break;
    }
    out |= static_cast<std::uint32_t>(holds) << lane;
  }
  warp.putPredicate(instruction.to, mask, out);
}

template <class... T>
Execute setpOf(Type type, Types<T...>) {
  Execute found = nullptr;
  ((found = standsFor<T>(type) ? &setp<T> : found), ...);
  return found;
}
template <class R, class... T>
Execute setOf(Type type, Types<T...>) {
  Execute found = nullptr;
  ((found = standsFor<T>(type) ? &set<R, T> : found), ...);
  return found;
}

using All = Types<std::uint16_t, std::int16_t, std::uint32_t, std::int32_t, std::uint64_t, std::int64_t, float, double>;

}  // namespace

bool comparisonNamed(std::string_view name, Type type, Comparison& comparison) {
  // Unsigned integers have names of their own.
  if (!isFloat(type) && name.size() == 2) {
    if (name == "lo") name = "lt";
    if (name == "ls") name = "le";
    if (name == "hi") name = "gt";
    if (name == "hs") name = "ge";
  }
  for (std::size_t i = 0; i < std::size(NAMES); i++) {
    if (NAMES[i] != name) continue;
    comparison = static_cast<Comparison>(i);
    return isFloat(type) || comparison <= Comparison::Ge;
  }
  return false;
}

Execute pickSetp(Type type) { return setpOf(type, All{}); }

Execute pickSet(Type result, Type type) {
  if (result == Type::F32) return setOf<float>(type, All{});
  return result == Type::U32 || result == Type::S32 ? setOf<std::uint32_t>(type, All{}) : nullptr;
}

Execute pickSelect(unsigned width) {
  return width == 2 ? &select<std::uint16_t> : width == 4 ? &select<std::uint32_t> : width == 8 ? &select<std::uint64_t> : nullptr;
}

Execute pickSlct(unsigned width, Type type) {
  using U32 = std::uint32_t;
  using U64 = std::uint64_t;
  if (type == Type::S32) {
    if (width == 4) return &map3<U32, U32, U32, std::int32_t, ChooseBySign<U32>>;
    if (width == 8) return &map3<U64, U64, U64, std::int32_t, ChooseBySign<U64>>;
  }
  if (type == Type::F32) {
    if (width == 4) return &map3<U32, U32, U32, float, ChooseBySign<U32>>;
    if (width == 8) return &map3<U64, U64, U64, float, ChooseBySign<U64>>;
  }
  return nullptr;
}

Execute pickTestp(Type type) { return type == Type::F32 ? &testp<float> : type == Type::F64 ? &testp<double> : nullptr; }

}  // namespace ptx
