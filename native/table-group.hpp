// What groups of rows come to. An aggregate has the bits that the terminal of that name gives for the group's elements alone.
#pragma once

#include "table-column.hpp"

namespace dotcompute::table {

/// group(…keys, …columns; length, number of keys, …(terminal, column)) → the first row of each group, in their order, then an
/// array for each aggregate
Results group(const Request& request);

/// aggregate(codes, …columns; number of codes, …(terminal, column)) → an array for each aggregate. The
/// codes are numbers below the number of codes, each of which occurs. `column` counts the columns from 0.
Results aggregate(const Request& request);

}  // namespace dotcompute::table
