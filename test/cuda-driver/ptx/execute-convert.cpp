// cvt between all types. Compiled with -frounding-math: directed rounding is the processor's own.
#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "execute.hpp"
#include "lanes.hpp"

namespace ptx {

namespace {

/// The values of a register that may be wider than the type.
template <class T>
void gather(Warp& warp, Source source, T (&out)[LANES]) {
  const auto take = [&]<class R>(const R* from) {
    for (unsigned lane = 0; lane < LANES; lane++) out[lane] = static_cast<T>(from[lane]);
  };
  if constexpr (std::is_floating_point_v<T>) {
    std::memcpy(out, warp.read<T>(source), sizeof out);
  } else {
    switch (source.width) {
      case 2: return take(warp.read<std::uint16_t>(source));
      case 4: return take(warp.read<std::uint32_t>(source));
      default: return take(warp.read<std::uint64_t>(source));
    }
  }
}

/// Into a register that may be wider: extended by the sign where the type has one.
template <class T>
void scatter(Warp& warp, Source to, std::uint32_t mask, const T (&values)[LANES]) {
  if constexpr (std::is_floating_point_v<T>) {
    warp.put(to, mask, values);
  } else {
    const auto give = [&]<class R>(R) {
      R out[LANES];
      for (unsigned lane = 0; lane < LANES; lane++) out[lane] = static_cast<R>(values[lane]);
      warp.put(to, mask, out);
    };
    switch (to.width) {
      case 2: return give(std::uint16_t{});
      case 4: return give(std::uint32_t{});
      default: return give(std::uint64_t{});
    }
  }
}

class RoundingMode {
 public:
  explicit RoundingMode(Rounding rounding) {
    switch (rounding) {
      case Rounding::Zero: case Rounding::ZeroInteger: std::fesetround(FE_TOWARDZERO); break;
      case Rounding::Down: case Rounding::DownInteger: std::fesetround(FE_DOWNWARD); break;
      case Rounding::Up: case Rounding::UpInteger: std::fesetround(FE_UPWARD); break;
      default: break;
    }
  }
  RoundingMode(const RoundingMode&) = delete;
  RoundingMode& operator=(const RoundingMode&) = delete;
  ~RoundingMode() { std::fesetround(FE_TONEAREST); }
};

/// The nearest integer in the current direction, with its sign where it is zero.
template <class T>
T toInteger(T value) { return std::nearbyint(value); }

/// NaN is 0, and what lies beyond the range its nearest end.
template <class To, class From>
To clampToInteger(From value) {
  using Limits = std::numeric_limits<To>;
  // Both are exact: powers of two.
  const From below = static_cast<From>(Limits::min());
  const From beyond = std::ldexp(From{1}, Limits::digits);
  if (value != value) return 0;
  if (value < below) return Limits::min();
  return value >= beyond ? Limits::max() : static_cast<To>(value);
}

template <class To, class From>
To convertOne(From value, bool saturate, bool toWhole) {
  if constexpr (std::is_floating_point_v<From> && std::is_floating_point_v<To>) {
    To out = static_cast<To>(toWhole ? toInteger(value) : value);
    if (saturate) out = out > To{0} ? std::min(out, To{1}) : To{0};
    return out;
  } else if constexpr (std::is_floating_point_v<From>) {
    return clampToInteger<To>(toInteger(value));
  } else if constexpr (std::is_floating_point_v<To>) {
    To out = static_cast<To>(value);
    if (saturate) out = out > To{0} ? std::min(out, To{1}) : To{0};
    return out;
  } else {
    if (!saturate) return static_cast<To>(value);
    using Limits = std::numeric_limits<To>;
    return std::cmp_less(value, Limits::min()) ? Limits::min() : std::cmp_greater(value, Limits::max()) ? Limits::max() : static_cast<To>(value);
  }
}

template <class To, class From>
void convert(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  From in[LANES];
  To out[LANES];
  gather(warp, instruction.a, in);
  const bool toWhole = instruction.rounding >= Rounding::NearestInteger;
  const bool directed = (std::is_floating_point_v<From> || std::is_floating_point_v<To>) && instruction.rounding != Rounding::Nearest &&
                        instruction.rounding != Rounding::NearestInteger && instruction.rounding != Rounding::None;
  if (directed) {
    const RoundingMode mode(instruction.rounding);
    for (unsigned lane = 0; lane < LANES; lane++) out[lane] = convertOne<To>(in[lane], instruction.saturate, toWhole);
  } else {
    for (unsigned lane = 0; lane < LANES; lane++) out[lane] = convertOne<To>(in[lane], instruction.saturate, toWhole);
  }
  scatter(warp, instruction.to, mask, out);
}

template <class To, class... From>
Execute from(Type type, Types<From...>) {
  Execute found = nullptr;
  ((found = TYPE<From> == type ? &convert<To, From> : found), ...);
  return found;
}

using All = Types<std::uint8_t, std::int8_t, std::uint16_t, std::int16_t, std::uint32_t, std::int32_t, std::uint64_t, std::int64_t, float, double>;

template <class... To>
Execute pick(Type to, Type type, Types<To...>) {
  Execute found = nullptr;
  ((found = TYPE<To> == to ? from<To>(type, All{}) : found), ...);
  return found;
}

}  // namespace

Execute pickConvert(Type to, Type from) { return pick(to, from, All{}); }

}  // namespace ptx
