// Rows moved as they are: those at given places, or all of them back to front.
#pragma once

#include "table-column.hpp"

namespace dotcompute::table {

/// rows(places, …columns; zeros) → of each column the elements at these places, in their order; with `zeros` 0 where the place is NONE
Results rows(const Request& request);

/// reverse(…columns; length) → the columns, last element first
Results reverse(const Request& request);

}  // namespace dotcompute::table
