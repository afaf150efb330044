// PTX tokens to a syntax tree.
#pragma once

#include <string_view>

#include "syntax.hpp"

namespace ptx {

/// Throws PtxError, which names the line.
Module parse(std::string_view text);

}  // namespace ptx
