// Everything an emitted CUDA kernel needs. No standard headers, as NVRTC has none.
#pragma once

// Kernels do not use everything that they are given.
#pragma nv_diag_suppress 177

#include "fold.cuh"
#include "map.cuh"
#include "reduce.cuh"
#include "search.cuh"
