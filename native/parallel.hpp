// Runs of kernels, shared by several threads where that pays.
#pragma once

#include "library.hpp"

namespace dotcompute {

/// Runs a kernel on the calling thread and on at most `threads` in all. The results are those of one call, whatever the number:
/// parts are whole subtrees of the canonical order, and what filters keep stays in order.
Status execute(const Kernel& kernel, Call& call, unsigned threads);

}  // namespace dotcompute
