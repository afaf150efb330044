// Arithmetic on floats. Only rounding to nearest; nothing is fused but fma. Compiled with -ffp-contract=off.
#include <cmath>
#include <limits>

#include "execute.hpp"
#include "lanes.hpp"

namespace ptx {

namespace {

struct Add {
  template <class T>
  T operator()(T a, T b) const { return a + b; }
};
struct Sub {
  template <class T>
  T operator()(T a, T b) const { return a - b; }
};
struct Mul {
  template <class T>
  T operator()(T a, T b) const { return a * b; }
};
struct Div {
  template <class T>
  T operator()(T a, T b) const { return a / b; }
};
struct Fma {
  template <class T>
  T operator()(T a, T b, T c) const { return std::fma(a, b, c); }
};
struct Sqrt {
  template <class T>
  T operator()(T a) const { return std::sqrt(a); }
};
struct Reciprocal {
  template <class T>
  T operator()(T a) const { return T{1} / a; }
};

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
template <class T>
constexpr BitsOf<T> SIGN = BitsOf<T>{1} << (8 * sizeof(T) - 1);

struct Neg {
  template <class T>
  T operator()(T a) const { return std::bit_cast<T>(std::bit_cast<BitsOf<T>>(a) ^ SIGN<T>); }
};
struct Abs {
  template <class T>
  T operator()(T a) const { return std::bit_cast<T>(std::bit_cast<BitsOf<T>>(a) & ~SIGN<T>); }
};
struct CopySign {
  /// PTX: the sign of the first, the magnitude of the second.
  template <class T>
  T operator()(T a, T b) const {
    return std::bit_cast<T>((std::bit_cast<BitsOf<T>>(a) & SIGN<T>) | (std::bit_cast<BitsOf<T>>(b) & ~SIGN<T>));
  }
};

/// The number where the other is NaN; -0 is less than +0.
template <bool NAN_WINS, bool LEAST>
struct Extreme {
  template <class T>
  T operator()(T a, T b) const {
    const bool aNan = a != a;
    const bool bNan = b != b;
    const T canonical = std::numeric_limits<T>::quiet_NaN();
    const bool aNegative = std::bit_cast<BitsOf<T>>(a) & SIGN<T>;
    const bool first = LEAST ? a < b || (a == b && aNegative) : a > b || (a == b && !aNegative);
    const T number = aNan ? b : bNan || first ? a : b;
    return (NAN_WINS ? aNan || bNan : aNan && bNan) ? canonical : number;
  }
};

struct Row {
  std::string_view name;
  Execute (*pick)(Type);
};

constexpr Row ROWS[] = {
    {"add", [](Type type) { return binaryOf<Add>(type, Floats{}); }},
    {"sub", [](Type type) { return binaryOf<Sub>(type, Floats{}); }},
    {"mul", [](Type type) { return binaryOf<Mul>(type, Floats{}); }},
    {"div", [](Type type) { return binaryOf<Div>(type, Floats{}); }},
    {"fma", [](Type type) { return ternaryOf<Fma>(type, Floats{}); }},
    {"sqrt", [](Type type) { return unaryOf<Sqrt>(type, Floats{}); }},
    {"rcp", [](Type type) { return unaryOf<Reciprocal>(type, Floats{}); }},
    {"neg", [](Type type) { return unaryOf<Neg>(type, Floats{}); }},
    {"abs", [](Type type) { return unaryOf<Abs>(type, Floats{}); }},
    {"copysign", [](Type type) { return binaryOf<CopySign>(type, Floats{}); }},
};

}  // namespace

Execute pickFloat(std::string_view operation, Type type) {
  for (const Row& row : ROWS)
    if (row.name == operation) return row.pick(type);
  return nullptr;
}

Execute pickFloatMinMax(std::string_view operation, Type type, bool nan) {
  if (operation == "min") return nan ? binaryOf<Extreme<true, true>>(type, Floats{}) : binaryOf<Extreme<false, true>>(type, Floats{});
  return nan ? binaryOf<Extreme<true, false>>(type, Floats{}) : binaryOf<Extreme<false, false>>(type, Floats{});
}

}  // namespace ptx
