// Syntax tree to program. Everything that is not known is an error that names it.
#pragma once

#include <functional>

#include "program.hpp"

namespace ptx {

/// Where a module variable of global or constant memory lies.
using AddressOf = std::function<std::uint64_t(std::size_t variable)>;

Program decode(const Module& module, const AddressOf& addressOf);

}  // namespace ptx
