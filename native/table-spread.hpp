// What needs the elements of groups side by side: how far they are spread, and their quantiles.
#pragma once

#include "table-column.hpp"

namespace dotcompute::table {

/// Mirrored by src/backends/cpu/moves.ts.
enum class Spread { Variance, StandardDeviation, Median, Quantile };

/// spread(codes, …columns; number of codes, …(terminal, argument)) → an array for each column. The codes are numbers below the
/// number of codes, each of which occurs. `argument`: which quantile, 0 to 1; of variances how much less than the count divides.
Results spread(const Request& request);

}  // namespace dotcompute::table
