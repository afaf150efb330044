#include "table-keys.hpp"

#include "table-share.hpp"

namespace dotcompute::table {

namespace {

/// The least and the greatest integer; not `whole` where something else was found.
struct Extent {
  bool whole = true;
  bool some = false;
  u64 least = 0, most = 0;  // signed, but for unsigned elements
};

template <class T>
Extent extentOf(const T* data, std::size_t length) {
  if (length == 0) return {};
  // Integers are compared as they are: processors compare many narrow ones at a time.
  using Wide = std::conditional_t<std::is_floating_point_v<T>, i64, T>;
  const auto wideOf = [](T value) {
    if constexpr (std::is_floating_point_v<T>) return Words::wholeOf(value);
    else return value;
  };
  Wide least = wideOf(data[0]), most = least;
  for (std::size_t at = 0; at < length; ++at) {
    const Wide value = wideOf(data[at]);
    if constexpr (std::is_floating_point_v<T>) {
      if (T(value) != data[at]) return {.whole = false};
    }
    least = std::min(least, value);
    most = std::max(most, value);
  }
  using Signed = std::conditional_t<std::is_same_v<Wide, u64>, u64, i64>;
  return {true, true, u64(Signed(least)), u64(Signed(most))};
}

Extent together(const Extent& one, const Extent& other, bool isUnsigned) {
  if (!one.whole || !other.whole) return {.whole = false};
  if (!one.some || !other.some) return one.some ? one : other;
  const auto less = [&](u64 a, u64 b) { return isUnsigned ? a < b : i64(a) < i64(b); };
  return {true, true, std::min(one.least, other.least, less), std::max(one.most, other.most, less)};
}

KeyPart partOf(const std::vector<const Words::Side*>& sides, std::size_t column, unsigned threads) {
  const Kind kind = sides[0]->columns[column].kind;
  Extent extent;
  for (const Words::Side* side : sides) {
    dispatch(kind, [&](auto type) {
      using T = typename decltype(type)::type;
      const T* const data = side->columns[column].as<T>();
      const Pieces pieces(side->length, threads);
      std::vector<Extent> extents(pieces.count());
      inParts(pieces.threads(), pieces.count(), [&](std::size_t piece) { extents[piece] = extentOf(data + pieces.begin(piece), pieces.end(piece) - pieces.begin(piece)); });
      for (const Extent& own : extents) extent = together(extent, own, std::is_same_v<T, u64>);
    });
  }
  const unsigned own = unsigned(bytesOf(kind) * 8);
  if (!extent.whole) return {false, 0, own};
  const unsigned bits = unsigned(std::bit_width(extent.most - extent.least));
  const bool floats = kind == Kind::F32 || kind == Kind::F64;
  return floats && bits >= own ? KeyPart{false, 0, own} : KeyPart{true, extent.least, bits};
}

}  // namespace

Words::Words(const std::vector<const Side*>& sides, std::size_t& from, unsigned threads) : first_(from) {
  for (; from < sides[0]->columns.size(); ++from) {
    const KeyPart part = partOf(sides, from, threads);
    if (bits_ + part.bits > 64) return;
    parts_.push_back(part);
    bits_ += part.bits;
  }
}

}  // namespace dotcompute::table
