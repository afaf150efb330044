// Rows moved as they are: those at given places, or all of them back to front.
#pragma once

#include "table-column.hpp"

namespace dotcompute::table {

/// rows(places, …columns; zeros) → of each column the elements at these places, in their order; with `zeros` 0 where the place is NONE
Results rows(const Request& request);

/// The elements of a column at so many places, none of which is beyond its end.
Result rowsOf(const Column& column, const u32* places, std::size_t count, unsigned threads);

/// reverse(…columns; length) → the columns, last element first
Results reverse(const Request& request);

}  // namespace dotcompute::table
