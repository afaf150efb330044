// Sorting: places by one or several keys, or values by themselves. Stable; the order is that of table-order.hpp.
#pragma once

#include "table-column.hpp"

namespace dotcompute::table {

/// sort(…keys; length, limit, …descending) → the places of the first `limit` rows
Results sort(const Request& request);

/// order(…keys; length, limit, …descending) → the keys of the first `limit` rows
Results order(const Request& request);

}  // namespace dotcompute::table
