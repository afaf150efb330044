// The names and numbers of CUDA's driver interface that the stand-in uses, declared here so that it builds without CUDA.
#pragma once

#include <cstddef>
#include <cstdint>

namespace driver {

using Result = int;
using Address = unsigned long long;

constexpr Result SUCCESS = 0;
constexpr Result INVALID_VALUE = 1;
constexpr Result OUT_OF_MEMORY = 2;
constexpr Result NOT_INITIALIZED = 3;
constexpr Result DEVICE_UNAVAILABLE = 46;
constexpr Result NO_DEVICE = 100;
constexpr Result INVALID_DEVICE = 101;
constexpr Result INVALID_IMAGE = 200;
constexpr Result INVALID_CONTEXT = 201;
constexpr Result NO_BINARY_FOR_GPU = 209;
constexpr Result PEER_ACCESS_UNSUPPORTED = 217;
constexpr Result INVALID_PTX = 218;
constexpr Result UNSUPPORTED_PTX_VERSION = 222;
constexpr Result INVALID_HANDLE = 400;
constexpr Result NOT_FOUND = 500;
constexpr Result NOT_READY = 600;
constexpr Result ILLEGAL_ADDRESS = 700;
constexpr Result LAUNCH_OUT_OF_RESOURCES = 701;
constexpr Result LAUNCH_TIMEOUT = 702;
constexpr Result PEER_ACCESS_ALREADY_ENABLED = 704;
constexpr Result PEER_ACCESS_NOT_ENABLED = 705;
constexpr Result CONTEXT_IS_DESTROYED = 709;
constexpr Result TOO_MANY_PEERS = 711;
constexpr Result HOST_MEMORY_ALREADY_REGISTERED = 712;
constexpr Result HOST_MEMORY_NOT_REGISTERED = 713;
constexpr Result ILLEGAL_INSTRUCTION = 715;
constexpr Result MISALIGNED_ADDRESS = 716;
constexpr Result LAUNCH_FAILED = 719;
constexpr Result NOT_SUPPORTED = 801;
constexpr Result UNKNOWN = 999;

/// What a driver's function fails with; it becomes that function's result.
struct Failure {
  Result result;
};

constexpr const char* DEVICE_NAME = "PTX interpreter (test)";

}  // namespace driver

/// A function that the library exports under its C name.
#define ENTRY extern "C" __attribute__((visibility("default")))
