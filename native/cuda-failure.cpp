#include "cuda-failure.hpp"

#include <utility>

namespace dotcompute::cuda {

namespace {

const char* wordFor(Kind kind) {
  switch (kind) {
    case Kind::Transient: return "transient";
    case Kind::Resource: return "resource";
    case Kind::Programmer: return "programmer";
    case Kind::Fatal: return "fatal";
  }
  return "fatal";
}

}  // namespace

Kind kindOf(int result) {
  switch (result) {
    case 46:   // CUDA_ERROR_DEVICE_UNAVAILABLE: another process has it for itself
    case 600:  // CUDA_ERROR_NOT_READY
    case 802:  // CUDA_ERROR_SYSTEM_NOT_READY
    case 805:  // CUDA_ERROR_MPS_CONNECTION_FAILED
    case 807:  // CUDA_ERROR_MPS_SERVER_NOT_READY
    case 909:  // CUDA_ERROR_TIMEOUT
      return Kind::Transient;
    case 2:    // CUDA_ERROR_OUT_OF_MEMORY
    case 701:  // CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES
    case 711:  // CUDA_ERROR_TOO_MANY_PEERS
    case 720:  // CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE
    case 808:  // CUDA_ERROR_MPS_MAX_CLIENTS_REACHED
    case 809:  // CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED
    case 915:  // CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION
      return Kind::Resource;
    case 1:    // CUDA_ERROR_INVALID_VALUE
    case 34:   // CUDA_ERROR_STUB_LIBRARY
    case 36:   // CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER
    case 100:  // CUDA_ERROR_NO_DEVICE
    case 101:  // CUDA_ERROR_INVALID_DEVICE
    case 102:  // CUDA_ERROR_DEVICE_NOT_LICENSED
    case 200:  // CUDA_ERROR_INVALID_IMAGE
    case 209:  // CUDA_ERROR_NO_BINARY_FOR_GPU
    case 217:  // CUDA_ERROR_PEER_ACCESS_UNSUPPORTED
    case 218:  // CUDA_ERROR_INVALID_PTX
    case 221:  // CUDA_ERROR_JIT_COMPILER_NOT_FOUND
    case 222:  // CUDA_ERROR_UNSUPPORTED_PTX_VERSION
    case 223:  // CUDA_ERROR_JIT_COMPILATION_DISABLED
    case 224:  // CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY
    case 225:  // CUDA_ERROR_UNSUPPORTED_DEVSIDE_SYNC
    case 300:  // CUDA_ERROR_INVALID_SOURCE
    case 301:  // CUDA_ERROR_FILE_NOT_FOUND
    case 302:  // CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND
    case 303:  // CUDA_ERROR_SHARED_OBJECT_INIT_FAILED
    case 400:  // CUDA_ERROR_INVALID_HANDLE
    case 401:  // CUDA_ERROR_ILLEGAL_STATE
    case 500:  // CUDA_ERROR_NOT_FOUND
    case 703:  // CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING
    case 704:  // CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED
    case 705:  // CUDA_ERROR_PEER_ACCESS_NOT_ENABLED
    case 712:  // CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED
    case 713:  // CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED
    case 800:  // CUDA_ERROR_NOT_PERMITTED
    case 801:  // CUDA_ERROR_NOT_SUPPORTED
    case 912:  // CUDA_ERROR_INVALID_CLUSTER_SIZE
    case 913:  // CUDA_ERROR_FUNCTION_NOT_LOADED
    case 914:  // CUDA_ERROR_INVALID_RESOURCE_TYPE
      return Kind::Programmer;
    default:
      return result >= 900 && result < 909 ? Kind::Programmer : Kind::Fatal;  // 900 to 908: capture of streams
  }
}

Failure::Failure(Kind theKind, std::string theCall, int theCode, std::string theName, const std::string& what)
    : std::runtime_error(what), kind(theKind), call(std::move(theCall)), code(theCode), name(std::move(theName)) {}

Napi::Error Failure::error(Napi::Env env) const {
  Napi::Error error = Napi::Error::New(env, what());
  error.Set("kind", Napi::String::New(env, wordFor(kind)));
  error.Set("call", Napi::String::New(env, call));
  error.Set("result", Napi::Number::New(env, code));
  error.Set("resultName", Napi::String::New(env, name));
  error.Set("log", Napi::String::New(env, log));
  return error;
}

Failure ending() { return Failure(Kind::Transient, "", 0, "", "The process or the worker is ending: nothing more runs on the CUDA device"); }

}  // namespace dotcompute::cuda
