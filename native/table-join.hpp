// Joins by key: the right rows in a hash table, the left ones looked up in it.
#pragma once

#include "table-column.hpp"

namespace dotcompute::table {

/// join(…left keys, …right keys; leftLength, rightLength, outer) → the pairs of places, left and right, whose keys are the same: in
/// the order of the left rows, and among the matches of one in the order of the right ones. With `outer` left rows that match
/// none are there, too, with NONE.
Results join(const Request& request);

/// match(…left keys, …right keys; leftLength, rightLength, keep) → the places on the left that have a match, or (keep = 0) have none
Results match(const Request& request);

/// common(…left columns, …right columns; leftLength, rightLength, keep) → the places on the left, each key's first, whose key is on
/// the right, too, or (keep = 0) is not
Results common(const Request& request);

}  // namespace dotcompute::table
