// Names the processor's abilities, so that code compiled for one machine is never run on another.
#pragma once

#include <string>
#include <vector>

namespace dotcompute {

/// The architecture and every feature bit that a compiler's -march=native looks at.
std::string processor();

/// The instruction sets that portable kernels are compiled for and that this processor has, best first: see
/// src/backends/cpu/levels.ts.
std::vector<std::string> levels();

}  // namespace dotcompute
