// Start, versions, errors, devices.
#include <dlfcn.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "state.hpp"

using namespace driver;

namespace {

constexpr std::pair<Result, const char*> ERRORS[] = {
    {SUCCESS, "CUDA_SUCCESS\0no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE\0invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY\0out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED\0initialization error"},
    {DEVICE_UNAVAILABLE, "CUDA_ERROR_DEVICE_UNAVAILABLE\0device(s) is/are busy or unavailable"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE\0no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE\0invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE\0device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT\0invalid device context"},
    {NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU\0no kernel image is available for execution on the device"},
    {PEER_ACCESS_UNSUPPORTED, "CUDA_ERROR_PEER_ACCESS_UNSUPPORTED\0peer access is not supported between these two devices"},
    {INVALID_PTX, "CUDA_ERROR_INVALID_PTX\0a PTX JIT compilation failed"},
    {UNSUPPORTED_PTX_VERSION, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION\0the provided PTX was compiled with an unsupported toolchain."},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE\0invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND\0named symbol not found"},
    {NOT_READY, "CUDA_ERROR_NOT_READY\0device not ready"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS\0an illegal memory access was encountered"},
    {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES\0too many resources requested for launch"},
    {LAUNCH_TIMEOUT, "CUDA_ERROR_LAUNCH_TIMEOUT\0the launch timed out and was terminated"},
    {PEER_ACCESS_ALREADY_ENABLED, "CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED\0peer access is already enabled"},
    {PEER_ACCESS_NOT_ENABLED, "CUDA_ERROR_PEER_ACCESS_NOT_ENABLED\0peer access has not been enabled"},
    {CONTEXT_IS_DESTROYED, "CUDA_ERROR_CONTEXT_IS_DESTROYED\0context is destroyed"},
    {TOO_MANY_PEERS, "CUDA_ERROR_TOO_MANY_PEERS\0peer mapping resources exhausted"},
    {HOST_MEMORY_ALREADY_REGISTERED, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED\0part or all of the requested memory range is already mapped"},
    {HOST_MEMORY_NOT_REGISTERED, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED\0pointer does not correspond to a registered memory region"},
    {ILLEGAL_INSTRUCTION, "CUDA_ERROR_ILLEGAL_INSTRUCTION\0an illegal instruction was encountered"},
    {MISALIGNED_ADDRESS, "CUDA_ERROR_MISALIGNED_ADDRESS\0misaligned address"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED\0unspecified launch failure"},
    {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED\0operation not supported"},
    {UNKNOWN, "CUDA_ERROR_UNKNOWN\0unknown error"},
};

const char* rowOf(Result result) {
  for (const auto& [number, words] : ERRORS)
    if (number == result) return words;
  return nullptr;
}

int attributeOf(const Settings& settings, int attribute, int device) {
  const auto capability = static_cast<int>(settings.capability);
  switch (attribute) {
    case 1: case 2: case 3: return 1024;   // threads of a block, and along x and y
    case 4: return 64;                     // along z
    case 5: return 0x7fffffff;             // blocks along x
    case 6: case 7: return 65535;          // along y and z
    case 8: return 48 * 1024;              // shared memory of a block
    case 9: return 64 * 1024;              // constant memory
    case 10: return 32;                    // lanes of a warp
    case 11: return 0x7fffffff;            // pitch
    case 12: case 82: return 65536;        // registers of a block, of a multiprocessor
    case 13: return 1'000'000;             // kHz
    case 15: case 19: case 31: case 41: case 78: case 91: case 99: return 1;
    case 16: return static_cast<int>(settings.multiprocessors);
    case 33: return device + 1;            // PCI bus
    case 36: return 1'000'000;             // memory's kHz
    case 37: return 256;                   // its bus, in bits
    case 38: return 4 << 20;               // L2 cache
    case 39: return capability < 80 ? 1024 : capability >= 120 ? 1536 : 2048;  // threads of a multiprocessor
    case 40: return 2;                     // copy engines
    case 75: return capability / 10;
    case 76: return capability % 10;
    case 81: return capability < 80 ? 64 * 1024 : 228 * 1024;  // shared memory of a multiprocessor
    case 97: return capability < 80 ? 64 * 1024 : 227 * 1024;  // shared memory of a block that asks for it
    case 106: return 16;                   // blocks of a multiprocessor
    case 111: return 1024;
    case 115: return settings.pools != 0;
    default: return 0;
  }
}

}  // namespace

ENTRY Result cuInit(unsigned flags) {
  return entry(
      [=](State& state) {
        require(flags == 0);
        require(state.settings.failInit == 0, static_cast<Result>(state.settings.failInit));
        require(state.settings.devices > 0, NO_DEVICE);
        state.initialised = true;
      },
      false);
}

ENTRY Result cuDriverGetVersion(int* version) {
  return entry([=](State& state) { require(version), *version = static_cast<int>(state.settings.driverVersion); }, false);
}

ENTRY Result cuGetErrorName(Result result, const char** name) {
  if (!name) return INVALID_VALUE;
  *name = rowOf(result);
  return *name ? SUCCESS : INVALID_VALUE;
}

ENTRY Result cuGetErrorString(Result result, const char** text) {
  if (!text) return INVALID_VALUE;
  const char* row = rowOf(result);
  *text = row ? row + std::strlen(row) + 1 : nullptr;
  return row ? SUCCESS : INVALID_VALUE;
}

ENTRY Result cuDeviceGetCount(int* count) {
  return entry([=](State& state) { require(count), *count = static_cast<int>(state.settings.devices); });
}

ENTRY Result cuDeviceGet(int* device, int ordinal) {
  return entry([=](State& state) { require(device), state.checkDevice(ordinal), *device = ordinal; });
}

ENTRY Result cuDeviceGetName(char* name, int room, int device) {
  return entry([=](State& state) {
    require(name && room > 0);
    state.checkDevice(device);
    const auto bytes = std::min(static_cast<std::size_t>(room - 1), std::strlen(DEVICE_NAME));
    std::memcpy(name, DEVICE_NAME, bytes);
    name[bytes] = '\0';
  });
}

ENTRY Result cuDeviceGetAttribute(int* value, int attribute, int device) {
  return entry([=](State& state) {
    require(value && attribute > 0);
    state.checkDevice(device);
    *value = attributeOf(state.settings, attribute, device);
  });
}

ENTRY Result cuDeviceTotalMem_v2(std::size_t* bytes, int device) {
  return entry([=](State& state) { require(bytes), state.checkDevice(device), *bytes = state.settings.memory; });
}

ENTRY Result cuDeviceGetUuid(char* uuid, int device) {
  return entry([=](State& state) {
    require(uuid);
    state.checkDevice(device);
    std::memcpy(uuid, "PTX interpreter ", 16);
    uuid[15] = static_cast<char>('0' + device);
  });
}

ENTRY Result cuDeviceGetUuid_v2(char* uuid, int device) { return cuDeviceGetUuid(uuid, device); }

ENTRY Result cuDeviceCanAccessPeer(int* can, int device, int peer) {
  return entry([=](State& state) {
    require(can);
    state.checkDevice(device);
    state.checkDevice(peer);
    *can = device != peer && state.settings.peers != 0;
  });
}

/// NVRTC asks for tables of private functions; it does without.
ENTRY Result cuGetExportTable(const void** table, const void*) {
  if (table) *table = nullptr;
  return NOT_FOUND;
}

ENTRY Result cuGetProcAddress_v2(const char* symbol, void** function, int, std::uint64_t, int* status) {
  if (!symbol || !function) return INVALID_VALUE;
  *function = nullptr;
  Dl_info self{};
  void* library = dladdr(reinterpret_cast<void*>(&cuInit), &self) ? dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD) : nullptr;
  if (library) {
    for (const char* suffix : {"_v2", ""})
      if (!*function) *function = dlsym(library, (std::string(symbol) + suffix).c_str());
    dlclose(library);
  }
  if (status) *status = *function ? 0 : 1;
  return *function ? SUCCESS : NOT_FOUND;
}
