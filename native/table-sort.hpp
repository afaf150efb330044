// Sorting: places by one or several keys, or values by themselves. Stable; the order is that of table-order.hpp.
#pragma once

#include "table-column.hpp"

namespace dotcompute::table {

/// sort(…keys; length, limit, …descending) → the places of the first `limit` rows
Results sort(const Request& request);

/// order(values; length, limit, descending) → the first `limit` values
Results order(const Request& request);

}  // namespace dotcompute::table
