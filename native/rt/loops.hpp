// Everything an emitted C++ kernel needs. No standard headers: a kernel compiles in about a tenth of a second.
#pragma once

#include "filter.hpp"
#include "fold.hpp"
#include "map.hpp"
#include "reduce.hpp"
#include "scan.hpp"
#include "search.hpp"
#include "totals.hpp"
