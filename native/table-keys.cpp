#include "table-keys.hpp"

namespace dotcompute::table {

namespace {

/// The least and the greatest integer; not `whole` where something else was found.
struct Extent {
  bool whole = true;
  bool some = false;
  u64 least = 0, most = 0;  // signed, but for unsigned elements
};

template <class T>
void extend(Extent& extent, const T* data, std::size_t length) {
  if (length == 0 || !extent.whole) return;
  // Integers are compared as they are: processors compare many narrow ones at a time.
  using Wide = std::conditional_t<std::is_floating_point_v<T>, i64, T>;
  const auto wideOf = [](T value) {
    if constexpr (std::is_floating_point_v<T>) return Words::wholeOf(value);
    else return value;
  };
  Wide least = extent.some ? Wide(extent.least) : wideOf(data[0]);
  Wide most = extent.some ? Wide(extent.most) : least;
  for (std::size_t at = 0; at < length; ++at) {
    const Wide value = wideOf(data[at]);
    if constexpr (std::is_floating_point_v<T>) {
      if (T(value) != data[at]) {
        extent.whole = false;
        return;
      }
    }
    least = std::min(least, value);
    most = std::max(most, value);
  }
  using Signed = std::conditional_t<std::is_same_v<Wide, u64>, u64, i64>;
  extent = {true, true, u64(Signed(least)), u64(Signed(most))};
}

KeyPart partOf(const std::vector<const Words::Side*>& sides, std::size_t column) {
  const Kind kind = sides[0]->columns[column].kind;
  Extent extent;
  for (const Words::Side* side : sides) {
    dispatch(kind, [&](auto type) {
      using T = typename decltype(type)::type;
      extend(extent, side->columns[column].as<T>(), side->length);
    });
  }
  const unsigned own = unsigned(bytesOf(kind) * 8);
  if (!extent.whole) return {false, 0, own};
  const unsigned bits = unsigned(std::bit_width(extent.most - extent.least));
  const bool floats = kind == Kind::F32 || kind == Kind::F64;
  return floats && bits >= own ? KeyPart{false, 0, own} : KeyPart{true, extent.least, bits};
}

}  // namespace

Words::Words(const std::vector<const Side*>& sides, std::size_t& from) : first_(from) {
  for (; from < sides[0]->columns.size(); ++from) {
    const KeyPart part = partOf(sides, from);
    if (bits_ + part.bits > 64) return;
    parts_.push_back(part);
    bits_ += part.bits;
  }
}

}  // namespace dotcompute::table
