#include "table-spread.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "table-canonical.hpp"
#include "table-codes.hpp"

namespace dotcompute::table {

namespace {

/// A sum starts from 0; those of integers are exact, and rounded once.
template <class T>
double sumOf(const T* group, std::size_t length) {
  if constexpr (std::is_floating_point_v<T>) {
    return 0 + canonicalSum(group, length);
  } else {
    i64 sum = 0;
    for (std::size_t at = 0; at < length; ++at) sum += i64(group[at]);
    return double(sum);
  }
}

/// The sum of the deviations tells how far the mean was rounded. `room`: for as many doubles as there are elements.
template <class T>
double varianceOf(const T* group, std::size_t length, double less, double* room) {
  const double mean = sumOf(group, length) / double(length);
  for (std::size_t at = 0; at < length; ++at) room[at] = double(group[at]) - mean;
  const double rest = canonicalSum(room, length);
  for (std::size_t at = 0; at < length; ++at) room[at] *= room[at];
  const double sum = canonicalSum(room, length) - rest * rest / double(length);
  return (sum > 0 || sum != sum ? sum : 0.0) / std::max(0.0, double(length) - less);
}

/// The difference of infinities is no number, so where nothing lies between, nothing is subtracted. Zero has no sign here.
double between(double low, double high, double fraction) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (low == high || (low == -infinity && high < infinity)) return low + 0;
  return low + (high - low) * fraction;
}

/// The values are left in another order.
double quantileOf(double* values, std::size_t length, double quantile) {
  if (std::any_of(values, values + length, [](double value) { return value != value; })) return std::numeric_limits<double>::quiet_NaN();
  const double at = double(length - 1) * quantile;
  const auto place = std::size_t(std::floor(at));
  const double fraction = at - std::floor(at);
  std::nth_element(values, values + place, values + length);
  const double low = values[place];
  return between(low, fraction == 0 ? low : *std::min_element(values + place + 1, values + length), fraction);
}

/// The elements of each group at once, and room for as many doubles.
template <class T>
void spreadOf(const T* column, const Buckets& buckets, std::size_t count, Spread terminal, double argument, double* results) {
  std::size_t longest = 0;
  for (std::size_t code = 0; code < count; ++code) longest = std::max<std::size_t>(longest, buckets.offsets[code + 1] - buckets.offsets[code]);
  Room<T> group(longest);
  Room<double> values(longest);
  for (std::size_t code = 0; code < count; ++code) {
    const u32* const places = buckets.places.data() + buckets.offsets[code];
    const std::size_t length = buckets.offsets[code + 1] - buckets.offsets[code];
    if (length == 0) throw std::out_of_range("a code does not occur");
    if (terminal == Spread::Median || terminal == Spread::Quantile) {
      for (std::size_t at = 0; at < length; ++at) values[at] = double(column[places[at]]);
      results[code] = quantileOf(values.data(), length, argument);
    } else {
      for (std::size_t at = 0; at < length; ++at) group[at] = column[places[at]];
      const double variance = varianceOf(group.data(), length, argument, values.data());
      results[code] = terminal == Spread::Variance ? variance : std::sqrt(variance);
    }
  }
}

}  // namespace

Results spread(const Request& request) {
  const std::size_t length = request.array(0).length, count = request.number(0);
  const Buckets buckets(request.places(0), length, count);
  Results results;
  for (std::size_t at = 1; at < request.arrays.size(); ++at) {
    const Column column = request.columns(at, 1, length)[0];
    const auto terminal = Spread(request.number(2 * at - 1, std::size_t(Spread::Quantile)));
    const double argument = 2 * at < request.numbers.size() ? request.numbers[2 * at] : -1;
    if (!(argument >= 0 && argument <= 1)) throw std::out_of_range("an argument is not among 0 … 1");
    Room<double> spreads(count);
    dispatch(column.kind, [&](auto type) { spreadOf(column.as<typename decltype(type)::type>(), buckets, count, terminal, argument, spreads.data()); });
    results.emplace_back(Kind::F64, count, spreads.take());
  }
  return results;
}

}  // namespace dotcompute::table
