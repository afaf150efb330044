// Everything an emitted CUDA kernel needs. No standard headers, as NVRTC has none.
#pragma once

// Kernels do not use everything that they are given (177) or compute (550), divide by constants that may be zero (39), and
// ask whether unsigned numbers are negative (186).
#pragma nv_diag_suppress 39, 177, 186, 550

#include "fold.cuh"
#include "map.cuh"
#include "reduce.cuh"
#include "scan.cuh"
#include "search.cuh"
#include "space.cuh"
