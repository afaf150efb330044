// Order statistics by selection: no more is put in order than is asked for.
#pragma once

#include "table-column.hpp"

namespace dotcompute::table {

/// select(values; …places, ascending) → as doubles what stands at these places when the values are in order; NaN everywhere if one is NaN
Results select(const Request& request);

}  // namespace dotcompute::table
