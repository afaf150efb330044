#include "table-spread.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "table-codes.hpp"
#include "table-groups.hpp"

namespace dotcompute::table {

namespace {

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

template <class Way>
Storage spreads(const Groups<Way>& groups, const u32* codes, const Column& column, Spread terminal, double argument) {
  Room<double> spreads(groups.count());
  dispatch(column.kind, [&](auto type) {
    using T = typename decltype(type)::type;
    groups.eachPart(column.as<T>(), [&](const auto& runs) {
      std::vector<double> room;
      runs([&](std::size_t group, const T* elements, std::size_t count) {
        if (room.size() < count) room.resize(count);
        double& spread = spreads[codes[groups.firsts()[group]]];
        if (terminal == Spread::Median || terminal == Spread::Quantile) {
          std::copy(elements, elements + count, room.data());
          spread = quantileOf(room.data(), count, argument);
        } else {
          const double variance = varianceOf(elements, count, argument, room.data());
          spread = terminal == Spread::Variance ? variance : std::sqrt(variance);
        }
      });
    });
  });
  return spreads.take();
}

}  // namespace

Results spread(const Request& request) {
  const u32* const codes = request.places(0);
  const std::size_t length = request.array(0).length, count = request.number(0);
  checkCodes(codes, length, count, request.threads);
  const Words::Side rows{request.columns(0, 1, length), length};
  std::size_t from = 0;
  const Words words({&rows}, from, request.threads);
  Results results;
  const auto all = [&](const auto& groups) {
    if (groups.count() != count) throw std::out_of_range("a code does not occur");
    for (std::size_t at = 1; at < request.arrays.size(); ++at) {
      const Column column = request.columns(at, 1, length)[0];
      const auto terminal = Spread(request.number(2 * at - 1, std::size_t(Spread::Quantile)));
      const double argument = 2 * at < request.numbers.size() ? request.numbers[2 * at] : -1;
      if (!(argument >= 0 && argument <= 1)) throw std::out_of_range("an argument is not among 0 … 1");
      results.emplace_back(Kind::F64, count, spreads(groups, codes, column, terminal, argument));
    }
  };
  // Codes that all occur are few enough for a table.
  const unsigned bits = words.bits();
  if (areSeparate(bits, length)) withGroups(Separate{bits}, words, rows, request.threads, all);
  else if (bits <= directBits(length)) withGroups(Stretches{bits, partBitsFor(bits, length)}, words, rows, request.threads, all);
  else throw std::out_of_range("a code does not occur");
  return results;
}

}  // namespace dotcompute::table
