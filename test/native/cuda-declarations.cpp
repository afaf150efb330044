// Holds this project's declarations of the driver (native/cuda-api.hpp) against CUDA's own, where a toolkit is installed.
// Compiling it is the test.
#include <cuda.h>

#include <cstddef>
#include <string_view>
#include <type_traits>

#include "cuda-api.hpp"

namespace ours = dotcompute::cuda;

/// Handles are other types here; what a call hands over is alike if it has the same size and is passed alike.
template <class A, class B>
inline constexpr bool alike = sizeof(A) == sizeof(B) && std::is_pointer_v<A> == std::is_pointer_v<B> && std::is_floating_point_v<A> == std::is_floating_point_v<B>;

template <class... A, class... B>
constexpr bool sameCall(ours::Result (*)(A...), CUresult (*)(B...)) {
  if constexpr (sizeof...(A) == sizeof...(B)) return (alike<A, B> && ...);
  return false;
}

constexpr ours::DriverApi api;

constexpr std::string_view symbolOf(std::string_view member) {
#define ROW(name, symbol, parameters) \
  if (member == #name) return symbol;
  DOTCOMPUTE_CUDA_REQUIRED(ROW)
  DOTCOMPUTE_CUDA_OPTIONAL(ROW)
#undef ROW
  return "";
}

// cuda.h makes a name without a version the newest version's, which STRING then shows.
#define STRING(name) #name
#define EXPANDED(name) STRING(name)
#define CHECK(member, function)                               \
  static_assert(sameCall(api.member, decltype(&function)())); \
  static_assert(symbolOf(#member) == EXPANDED(function));

CHECK(init, cuInit)
CHECK(driverGetVersion, cuDriverGetVersion)
CHECK(getErrorName, cuGetErrorName)
CHECK(getErrorString, cuGetErrorString)
CHECK(deviceGetCount, cuDeviceGetCount)
CHECK(deviceGet, cuDeviceGet)
CHECK(deviceGetName, cuDeviceGetName)
CHECK(deviceGetAttribute, cuDeviceGetAttribute)
CHECK(deviceTotalMem, cuDeviceTotalMem)
CHECK(primaryCtxRetain, cuDevicePrimaryCtxRetain)
CHECK(primaryCtxRelease, cuDevicePrimaryCtxRelease)
CHECK(ctxPushCurrent, cuCtxPushCurrent)
CHECK(ctxPopCurrent, cuCtxPopCurrent)
CHECK(moduleLoadData, cuModuleLoadDataEx)
CHECK(moduleUnload, cuModuleUnload)
CHECK(moduleGetFunction, cuModuleGetFunction)
CHECK(funcGetAttribute, cuFuncGetAttribute)
CHECK(funcSetAttribute, cuFuncSetAttribute)
CHECK(occupancy, cuOccupancyMaxActiveBlocksPerMultiprocessor)
CHECK(launchKernel, cuLaunchKernel)
CHECK(memAlloc, cuMemAlloc)
CHECK(memFree, cuMemFree)
CHECK(memGetInfo, cuMemGetInfo)
CHECK(memAllocHost, cuMemAllocHost)
CHECK(memFreeHost, cuMemFreeHost)
CHECK(memcpyHtoDAsync, cuMemcpyHtoDAsync)
CHECK(memcpyDtoHAsync, cuMemcpyDtoHAsync)
CHECK(memcpyDtoDAsync, cuMemcpyDtoDAsync)
CHECK(memsetD8Async, cuMemsetD8Async)
CHECK(memsetD32Async, cuMemsetD32Async)
CHECK(streamCreate, cuStreamCreate)
CHECK(streamDestroy, cuStreamDestroy)
CHECK(streamQuery, cuStreamQuery)
CHECK(streamWaitEvent, cuStreamWaitEvent)
CHECK(eventCreate, cuEventCreate)
CHECK(eventDestroy, cuEventDestroy)
CHECK(eventRecord, cuEventRecord)
CHECK(eventQuery, cuEventQuery)
CHECK(memAllocAsync, cuMemAllocAsync)
CHECK(memFreeAsync, cuMemFreeAsync)
CHECK(deviceGetDefaultMemPool, cuDeviceGetDefaultMemPool)
CHECK(memPoolSetAttribute, cuMemPoolSetAttribute)
CHECK(memPoolTrimTo, cuMemPoolTrimTo)
CHECK(memPoolGetAttribute, cuMemPoolGetAttribute)
CHECK(memPoolSetAccess, cuMemPoolSetAccess)
CHECK(deviceCanAccessPeer, cuDeviceCanAccessPeer)
CHECK(ctxEnablePeerAccess, cuCtxEnablePeerAccess)
CHECK(memcpyPeerAsync, cuMemcpyPeerAsync)
CHECK(memHostGetDevicePointer, cuMemHostGetDevicePointer)
// Of these the first version is asked for, which every driver has; the second differs only in what it measures.
static_assert(sameCall(api.deviceGetUuid, decltype(&cuDeviceGetUuid)()));
static_assert(sameCall(api.eventElapsedTime, decltype(&cuEventElapsedTime)()));

static_assert(sizeof(ours::Uuid) == sizeof(CUuuid));
static_assert(ours::SUCCESS == CUDA_SUCCESS && ours::OUT_OF_MEMORY == CUDA_ERROR_OUT_OF_MEMORY && ours::NOT_READY == CUDA_ERROR_NOT_READY);
static_assert(ours::DEVICE_UNAVAILABLE == CUDA_ERROR_DEVICE_UNAVAILABLE && ours::NO_DEVICE == CUDA_ERROR_NO_DEVICE && ours::INVALID_DEVICE == CUDA_ERROR_INVALID_DEVICE);
static_assert(ours::STREAM_NON_BLOCKING == CU_STREAM_NON_BLOCKING && ours::EVENT_DISABLE_TIMING == CU_EVENT_DISABLE_TIMING);
static_assert(ours::POOL_RELEASE_THRESHOLD == CU_MEMPOOL_ATTR_RELEASE_THRESHOLD);
static_assert(ours::POOL_RESERVED_BYTES == CU_MEMPOOL_ATTR_RESERVED_MEM_CURRENT && ours::POOL_USED_BYTES == CU_MEMPOOL_ATTR_USED_MEM_CURRENT);
static_assert(sizeof(ours::PoolAccess) == sizeof(CUmemAccessDesc) && offsetof(ours::PoolAccess, flags) == offsetof(CUmemAccessDesc, flags));
static_assert(ours::PLACE_DEVICE == CU_MEM_LOCATION_TYPE_DEVICE && ours::ACCESS_READ_AND_WRITE == CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
static_assert(ours::PEER_ACCESS_ALREADY_ENABLED == CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED);
static_assert(ours::JIT_ERROR_LOG == CU_JIT_ERROR_LOG_BUFFER && ours::JIT_ERROR_LOG_BYTES == CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
static_assert(ours::COMPUTE_CAPABILITY_MAJOR == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR && ours::COMPUTE_CAPABILITY_MINOR == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
static_assert(ours::MULTIPROCESSORS == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT && ours::WARP_LANES == CU_DEVICE_ATTRIBUTE_WARP_SIZE);
static_assert(ours::MOST_BLOCK_THREADS == CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK && ours::MOST_MULTIPROCESSOR_THREADS == CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR);
static_assert(ours::MOST_GRID_X == CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X && ours::BLOCK_SHARED_BYTES == CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK);
static_assert(ours::BLOCK_SHARED_BYTES_OPT_IN == CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN && ours::CACHE_BYTES == CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
static_assert(ours::MEMORY_POOLS == CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED);
static_assert(ours::FUNCTION_MOST_BLOCK_THREADS == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK && ours::FUNCTION_SHARED_BYTES == CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
static_assert(ours::FUNCTION_CONSTANT_BYTES == CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES && ours::FUNCTION_LOCAL_BYTES == CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES);
static_assert(ours::FUNCTION_REGISTERS == CU_FUNC_ATTRIBUTE_NUM_REGS && ours::FUNCTION_BINARY_VERSION == CU_FUNC_ATTRIBUTE_BINARY_VERSION);
static_assert(ours::FUNCTION_MOST_DYNAMIC_SHARED_BYTES == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);

int main() {}
