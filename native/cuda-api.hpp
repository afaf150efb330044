// What this addon uses of the CUDA driver's and NVRTC's interfaces, declared here so that it builds without CUDA's headers.
// Both libraries are opened at run time; a table row is a function's name, the symbol it has there, and its parameters.
#pragma once

#include <cstddef>

namespace dotcompute::cuda {

using Result = int;                           // CUresult
using Device = int;                           // CUdevice
using Address = unsigned long long;           // CUdeviceptr
using ContextHandle = struct OpaqueContext*;  // CUcontext
using StreamHandle = struct OpaqueStream*;    // CUstream
using EventHandle = struct OpaqueEvent*;      // CUevent
using ModuleHandle = struct OpaqueModule*;    // CUmodule
using FunctionHandle = struct OpaqueFunction*;
using PoolHandle = struct OpaquePool*;        // CUmemoryPool

struct Uuid {
  char bytes[16];
};

/// CUmemAccessDesc: who may use a pool's memory, and how.
struct PoolAccess {
  int kind;  // of place
  int device;
  int flags;
};

inline constexpr Result SUCCESS = 0;
inline constexpr Result OUT_OF_MEMORY = 2;
inline constexpr Result DEVICE_UNAVAILABLE = 46;
inline constexpr Result NO_DEVICE = 100;
inline constexpr Result INVALID_DEVICE = 101;
inline constexpr Result NOT_FOUND = 500;
inline constexpr Result NOT_READY = 600;
inline constexpr Result PEER_ACCESS_ALREADY_ENABLED = 704;

inline constexpr unsigned STREAM_NON_BLOCKING = 1;
inline constexpr unsigned EVENT_DISABLE_TIMING = 2;
inline constexpr int POOL_RELEASE_THRESHOLD = 4;
inline constexpr int POOL_RESERVED_BYTES = 5;
inline constexpr int POOL_USED_BYTES = 7;
inline constexpr int PLACE_DEVICE = 1;
inline constexpr int ACCESS_READ_AND_WRITE = 3;

// cuLaunchKernel's `extra`: a list of keys and values.
inline constexpr std::size_t LAUNCH_END = 0;
inline constexpr std::size_t LAUNCH_BUFFER_POINTER = 1;
inline constexpr std::size_t LAUNCH_BUFFER_SIZE = 2;
/// What every driver and device takes; newer ones take more.
inline constexpr std::size_t MOST_PARAMETER_BYTES = 4096;

// cuModuleLoadDataEx's options.
inline constexpr int JIT_ERROR_LOG = 5;
inline constexpr int JIT_ERROR_LOG_BYTES = 6;

// cuDeviceGetAttribute.
inline constexpr int COMPUTE_CAPABILITY_MAJOR = 75;
inline constexpr int COMPUTE_CAPABILITY_MINOR = 76;
inline constexpr int MULTIPROCESSORS = 16;
inline constexpr int WARP_LANES = 10;
inline constexpr int MOST_BLOCK_THREADS = 1;
inline constexpr int MOST_MULTIPROCESSOR_THREADS = 39;
inline constexpr int MOST_GRID_X = 5;
inline constexpr int BLOCK_SHARED_BYTES = 8;
inline constexpr int BLOCK_SHARED_BYTES_OPT_IN = 97;
inline constexpr int CACHE_BYTES = 38;
inline constexpr int MEMORY_POOLS = 115;

// cuFuncGetAttribute and cuFuncSetAttribute.
inline constexpr int FUNCTION_MOST_BLOCK_THREADS = 0;
inline constexpr int FUNCTION_SHARED_BYTES = 1;
inline constexpr int FUNCTION_CONSTANT_BYTES = 2;
inline constexpr int FUNCTION_LOCAL_BYTES = 3;
inline constexpr int FUNCTION_REGISTERS = 4;
inline constexpr int FUNCTION_BINARY_VERSION = 6;
inline constexpr int FUNCTION_MOST_DYNAMIC_SHARED_BYTES = 8;

/// Without one of these there is no working driver.
#define DOTCOMPUTE_CUDA_REQUIRED(ROW)                                                                                      \
  ROW(init, "cuInit", (unsigned flags))                                                                                    \
  ROW(driverGetVersion, "cuDriverGetVersion", (int* version))                                                              \
  ROW(getErrorName, "cuGetErrorName", (Result, const char** name))                                                         \
  ROW(getErrorString, "cuGetErrorString", (Result, const char** text))                                                     \
  ROW(deviceGetCount, "cuDeviceGetCount", (int* count))                                                                    \
  ROW(deviceGet, "cuDeviceGet", (Device*, int ordinal))                                                                    \
  ROW(deviceGetName, "cuDeviceGetName", (char* name, int room, Device))                                                    \
  ROW(deviceGetAttribute, "cuDeviceGetAttribute", (int* value, int attribute, Device))                                     \
  ROW(deviceTotalMem, "cuDeviceTotalMem_v2", (std::size_t * bytes, Device))                                                \
  ROW(deviceGetUuid, "cuDeviceGetUuid", (Uuid*, Device))                                                                   \
  ROW(primaryCtxRetain, "cuDevicePrimaryCtxRetain", (ContextHandle*, Device))                                              \
  ROW(primaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", (Device))                                                         \
  ROW(ctxPushCurrent, "cuCtxPushCurrent_v2", (ContextHandle))                                                              \
  ROW(ctxPopCurrent, "cuCtxPopCurrent_v2", (ContextHandle*))                                                               \
  ROW(moduleLoadData, "cuModuleLoadDataEx", (ModuleHandle*, const void* image, unsigned options, int* keys, void** values)) \
  ROW(moduleUnload, "cuModuleUnload", (ModuleHandle))                                                                      \
  ROW(moduleGetFunction, "cuModuleGetFunction", (FunctionHandle*, ModuleHandle, const char* name))                         \
  ROW(funcGetAttribute, "cuFuncGetAttribute", (int* value, int attribute, FunctionHandle))                                 \
  ROW(funcSetAttribute, "cuFuncSetAttribute", (FunctionHandle, int attribute, int value))                                  \
  ROW(occupancy, "cuOccupancyMaxActiveBlocksPerMultiprocessor",                                                            \
      (int* blocks, FunctionHandle, int blockThreads, std::size_t dynamicSharedBytes))                                     \
  ROW(launchKernel, "cuLaunchKernel",                                                                                      \
      (FunctionHandle, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,  \
       unsigned sharedBytes, StreamHandle, void** parameters, void** extra))                                               \
  ROW(memAlloc, "cuMemAlloc_v2", (Address*, std::size_t bytes))                                                            \
  ROW(memFree, "cuMemFree_v2", (Address))                                                                                  \
  ROW(memGetInfo, "cuMemGetInfo_v2", (std::size_t * free, std::size_t * total))                                            \
  ROW(memAllocHost, "cuMemAllocHost_v2", (void**, std::size_t bytes))                                                      \
  ROW(memFreeHost, "cuMemFreeHost", (void*))                                                                               \
  ROW(memcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", (Address to, const void* from, std::size_t bytes, StreamHandle))            \
  ROW(memcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", (void* to, Address from, std::size_t bytes, StreamHandle))                  \
  ROW(memcpyDtoDAsync, "cuMemcpyDtoDAsync_v2", (Address to, Address from, std::size_t bytes, StreamHandle))                \
  ROW(memsetD8Async, "cuMemsetD8Async", (Address, unsigned char, std::size_t count, StreamHandle))                         \
  ROW(memsetD32Async, "cuMemsetD32Async", (Address, unsigned, std::size_t count, StreamHandle))                            \
  ROW(streamCreate, "cuStreamCreate", (StreamHandle*, unsigned flags))                                                     \
  ROW(streamDestroy, "cuStreamDestroy_v2", (StreamHandle))                                                                 \
  ROW(streamQuery, "cuStreamQuery", (StreamHandle))                                                                        \
  ROW(streamWaitEvent, "cuStreamWaitEvent", (StreamHandle, EventHandle, unsigned flags))                                   \
  ROW(eventCreate, "cuEventCreate", (EventHandle*, unsigned flags))                                                        \
  ROW(eventDestroy, "cuEventDestroy_v2", (EventHandle))                                                                    \
  ROW(eventRecord, "cuEventRecord", (EventHandle, StreamHandle))                                                           \
  ROW(eventQuery, "cuEventQuery", (EventHandle))                                                                           \
  ROW(eventElapsedTime, "cuEventElapsedTime", (float* milliseconds, EventHandle start, EventHandle end))

/// Null where the driver is older than they are.
#define DOTCOMPUTE_CUDA_OPTIONAL(ROW)                                                               \
  ROW(memAllocAsync, "cuMemAllocAsync", (Address*, std::size_t bytes, StreamHandle))                \
  ROW(memFreeAsync, "cuMemFreeAsync", (Address, StreamHandle))                                      \
  ROW(deviceGetDefaultMemPool, "cuDeviceGetDefaultMemPool", (PoolHandle*, Device))                  \
  ROW(memPoolSetAttribute, "cuMemPoolSetAttribute", (PoolHandle, int attribute, void* value))       \
  ROW(memHostGetDevicePointer, "cuMemHostGetDevicePointer_v2", (Address*, void* memory, unsigned flags)) \
  ROW(memPoolTrimTo, "cuMemPoolTrimTo", (PoolHandle, std::size_t bytesToKeep))                      \
  ROW(memPoolGetAttribute, "cuMemPoolGetAttribute", (PoolHandle, int attribute, void* value))       \
  ROW(memPoolSetAccess, "cuMemPoolSetAccess", (PoolHandle, const PoolAccess*, std::size_t count))   \
  ROW(deviceCanAccessPeer, "cuDeviceCanAccessPeer", (int* can, Device, Device peer))                \
  ROW(ctxEnablePeerAccess, "cuCtxEnablePeerAccess", (ContextHandle peer, unsigned flags))           \
  ROW(memcpyPeerAsync, "cuMemcpyPeerAsync",                                                         \
      (Address to, ContextHandle toContext, Address from, ContextHandle fromContext, std::size_t bytes, StreamHandle))

using Program = struct OpaqueProgram*;  // nvrtcProgram

#define DOTCOMPUTE_NVRTC_REQUIRED(ROW)                                                                            \
  ROW(version, "nvrtcVersion", (int* major, int* minor))                                                          \
  ROW(createProgram, "nvrtcCreateProgram",                                                                        \
      (Program*, const char* source, const char* name, int count, const char* const* headers, const char* const* names)) \
  ROW(destroyProgram, "nvrtcDestroyProgram", (Program*))                                                          \
  ROW(compileProgram, "nvrtcCompileProgram", (Program, int count, const char* const* options))                    \
  ROW(getPtxSize, "nvrtcGetPTXSize", (Program, std::size_t*))                                                     \
  ROW(getPtx, "nvrtcGetPTX", (Program, char*))                                                                    \
  ROW(getLogSize, "nvrtcGetProgramLogSize", (Program, std::size_t*))                                              \
  ROW(getLog, "nvrtcGetProgramLog", (Program, char*))

#define DOTCOMPUTE_NVRTC_OPTIONAL(ROW)                                 \
  ROW(getCubinSize, "nvrtcGetCUBINSize", (Program, std::size_t*))      \
  ROW(getCubin, "nvrtcGetCUBIN", (Program, char*))                     \
  ROW(getArchitectureCount, "nvrtcGetNumSupportedArchs", (int*))       \
  ROW(getArchitectures, "nvrtcGetSupportedArchs", (int*))

#define DOTCOMPUTE_CUDA_MEMBER(name, symbol, parameters) Result(*name) parameters = nullptr;

/// The driver's functions.
struct DriverApi {
  DOTCOMPUTE_CUDA_REQUIRED(DOTCOMPUTE_CUDA_MEMBER)
  DOTCOMPUTE_CUDA_OPTIONAL(DOTCOMPUTE_CUDA_MEMBER)
};

/// NVRTC's functions; what they return is an nvrtcResult.
struct NvrtcApi {
  DOTCOMPUTE_NVRTC_REQUIRED(DOTCOMPUTE_CUDA_MEMBER)
  DOTCOMPUTE_NVRTC_OPTIONAL(DOTCOMPUTE_CUDA_MEMBER)
  const char* (*getErrorString)(Result) = nullptr;
};

#undef DOTCOMPUTE_CUDA_MEMBER

}  // namespace dotcompute::cuda
