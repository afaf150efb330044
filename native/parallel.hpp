// Runs of kernels, shared by several threads where that pays.
#pragma once

#include <atomic>
#include <cstdint>

#include "library.hpp"

namespace dotcompute {

/// Runs a kernel on the calling thread and on at most `threads` in all. The results are those of one call, whatever the number:
/// parts are whole subtrees of the canonical order, and what filters keep stays in order. `passed`, if given, counts the elements of the parts
/// that are done; then one thread, too, runs in parts what can be run in parts.
Status execute(const Kernel& kernel, Call& call, unsigned threads, std::atomic<std::uint64_t>* passed = nullptr);

}  // namespace dotcompute
