// Names the processor's abilities, so that code compiled for one machine is never run on another.
#pragma once

#include <string>

namespace dotcompute {

/// The architecture and every feature bit that a compiler's -march=native looks at.
std::string processor();

}  // namespace dotcompute
