// A CUDA driver for tests that has no device: its memory is the process's own, its kernels are the few functions below, and
// it does as it is told in a file: one line `name=value` each for the settings, see `settings`. Every call is noted in a log.
// It tests loading, errors, order and endings; what code on a GPU would do is for the stand-in in test/cuda-driver.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#ifndef FOLDER
#error FOLDER is where the settings and the log are
#endif
#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

std::recursive_mutex mutex;
using Lock = std::lock_guard<std::recursive_mutex>;

/// init, devices, pools (1 or 0), delay (queries until work is done), fail (a call's name), after (calls of it that go well
/// first), code, memory (bytes), pinned (0: none can be had), hang (1: work never ends).
std::string setting(const std::string& name) {
  FILE* file = std::fopen(FOLDER "/settings", "r");
  if (!file) return "";
  char line[256];
  std::string value;
  while (std::fgets(line, sizeof line, file)) {
    const std::string text(line, std::strcspn(line, "\n"));
    if (text.compare(0, name.size() + 1, name + "=") == 0) value = text.substr(name.size() + 1);
  }
  std::fclose(file);
  return value;
}
long number(const std::string& name, long otherwise) {
  const std::string value = setting(name);
  return value.empty() ? otherwise : std::atol(value.c_str());
}

void note(const std::string& line) {
  static const int log = open(FOLDER "/log", O_CREAT | O_APPEND | O_WRONLY, 0600);
  const std::string text = line + "\n";
  if (write(log, text.data(), text.size()) < 0) std::abort();
}

int sticky = 0;
std::map<std::string, long> calls;

/// Notes the call; gives the failure it was told to have.
int begin(const char* name) {
  note(name);
  if (sticky != 0) return sticky;
  if (setting("fail") == name && ++calls[name] > number("after", 0)) {
    const int code = int(number("code", 999));
    if (code == 700 || (code > 701 && code < 720) || code == 999) sticky = code;
    return code;
  }
  return 0;
}
#define CALL(name)                                  \
  const Lock lock(mutex);                           \
  if (const int failed = begin(name)) return failed

// Work in the order it was given, whatever its stream: one of the orders that a device could choose.
struct Work {
  std::function<void()> act;
  void* stream;
  void* event;
};
std::deque<Work> works;
long patience = 0;

void give(void* stream, std::function<void()> act, void* event = nullptr) {
  if (works.empty()) patience = number("delay", 0);
  works.push_back({std::move(act), stream, event});
}
template <typename Test>
int progress(Test concerns) {
  if (number("hang", 0) != 0 && !works.empty()) return 600;
  bool found = false;
  for (const Work& work : works) found = found || concerns(work);
  if (!found) return 0;
  if (patience-- > 0) return 600;
  while (found) {
    const Work work = works.front();
    works.pop_front();
    if (work.act) work.act();
    found = false;
    for (const Work& other : works) found = found || concerns(other);
  }
  patience = number("delay", 0);
  return 0;
}

std::map<char*, std::size_t> memory;
std::size_t used() {
  std::size_t sum = 0;
  for (const auto& [at, bytes] : memory) sum += bytes;
  return sum;
}
int allocate(unsigned long long* address, std::size_t bytes) {
  if (used() + bytes > std::size_t(number("memory", 1L << 30))) return 2;
  char* const at = static_cast<char*>(std::malloc(bytes));
  memory[at] = bytes;
  *address = reinterpret_cast<unsigned long long>(at);
  return 0;
}
int release(unsigned long long address) {
  char* const at = reinterpret_cast<char*>(address);
  if (memory.erase(at) == 0) return 1;
  std::free(at);
  return 0;
}
char* at(unsigned long long address) { return reinterpret_cast<char*>(address); }

struct Parameters {
  double* data;
  unsigned long long count;
  double value;
};
void kernelAdd(const Parameters& with) {
  for (unsigned long long i = 0; i < with.count; ++i) with.data[i] += with.value;
}

thread_local std::deque<void*> current;
int contextObject, retained = 0;
char moduleNames[64][16];

}  // namespace

EXPORT int cuInit(unsigned) { CALL("cuInit"); return int(number("init", 0)); }
EXPORT int cuDriverGetVersion(int* version) { CALL("cuDriverGetVersion"); *version = 13000; return 0; }
EXPORT int cuGetErrorName(int code, const char** name) {
  *name = code == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : code == 100 ? "CUDA_ERROR_NO_DEVICE" : code == 500 ? "CUDA_ERROR_NOT_FOUND" : code == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : nullptr;
  return *name ? 0 : 1;
}
EXPORT int cuGetErrorString(int code, const char** text) { *text = code == 2 ? "out of memory" : "words of the fake"; return 0; }
EXPORT int cuDeviceGetCount(int* count) { CALL("cuDeviceGetCount"); *count = int(number("devices", 1)); return 0; }
EXPORT int cuDeviceGet(int* device, int ordinal) { CALL("cuDeviceGet"); *device = ordinal; return ordinal < number("devices", 1) ? 0 : 101; }
EXPORT int cuDeviceGetName(char* name, int room, int) { CALL("cuDeviceGetName"); std::snprintf(name, std::size_t(room), "Fake (test)"); return 0; }
EXPORT int cuDeviceGetAttribute(int* value, int attribute, int) {
  CALL("cuDeviceGetAttribute");
  switch (attribute) {
    case 75: *value = 9; return 0;
    case 76: *value = 0; return 0;
    case 16: *value = 4; return 0;
    case 10: *value = 32; return 0;
    case 1: *value = 1024; return 0;
    case 8: *value = 49152; return 0;
    case 115: *value = int(number("pools", 1)); return 0;
    default: return 1;
  }
}
EXPORT int cuDeviceTotalMem_v2(std::size_t* bytes, int) { CALL("cuDeviceTotalMem"); *bytes = std::size_t(number("memory", 1L << 30)); return 0; }
EXPORT int cuDeviceGetUuid(char* uuid, int) { CALL("cuDeviceGetUuid"); for (int i = 0; i < 16; ++i) uuid[i] = char(i * 17); return 0; }
EXPORT int cuDevicePrimaryCtxRetain(void** context, int) { CALL("cuDevicePrimaryCtxRetain"); ++retained; *context = &contextObject; return 0; }
EXPORT int cuDevicePrimaryCtxRelease_v2(int) { note("cuDevicePrimaryCtxRelease"); return --retained < 0 ? 201 : 0; }
EXPORT int cuCtxPushCurrent_v2(void* context) { current.push_back(context); return retained > 0 ? 0 : 201; }
EXPORT int cuCtxPopCurrent_v2(void** context) {
  if (current.empty()) { note("pop of nothing"); return 201; }
  *context = current.back();
  current.pop_back();
  return 0;
}
#define CONTEXT if (current.empty()) { note("no context"); return 201; }

EXPORT int cuModuleLoadDataEx(void** module, const void* image, unsigned count, int* keys, void** values) {
  CALL("cuModuleLoadDataEx"); CONTEXT
  if (std::strncmp(static_cast<const char*>(image), "fake", 4) != 0) {
    for (unsigned i = 0; i < count; ++i) if (keys[i] == 5) std::strcpy(static_cast<char*>(values[i]), "line 1: not for this fake");
    return 218;
  }
  *module = moduleNames;
  return 0;
}
EXPORT int cuModuleUnload(void*) { CALL("cuModuleUnload"); CONTEXT return 0; }
EXPORT int cuModuleGetFunction(void** function, void*, const char* name) {
  CALL("cuModuleGetFunction"); CONTEXT
  *function = reinterpret_cast<void*>(kernelAdd);
  return std::strcmp(name, "add") == 0 ? 0 : 500;
}
EXPORT int cuFuncGetAttribute(int* value, int attribute, void*) { CALL("cuFuncGetAttribute"); *value = 10 + attribute; return 0; }
EXPORT int cuFuncSetAttribute(void*, int, int) { CALL("cuFuncSetAttribute"); return 0; }
EXPORT int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void*, int threads, std::size_t) { CALL("cuOccupancy"); *blocks = 2048 / threads; return 0; }
EXPORT int cuLaunchKernel(void* function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void* stream, void**, void** extra) {
  CALL("cuLaunchKernel"); CONTEXT
  Parameters with{};
  std::memcpy(&with, extra[1], *static_cast<std::size_t*>(extra[3]));
  give(stream, [=] { reinterpret_cast<void (*)(const Parameters&)>(function)(with); });
  return 0;
}
EXPORT int cuMemAlloc_v2(unsigned long long* address, std::size_t bytes) { CALL("cuMemAlloc"); CONTEXT return allocate(address, bytes); }
EXPORT int cuMemFree_v2(unsigned long long address) { CALL("cuMemFree"); CONTEXT while (!works.empty()) { if (works.front().act) works.front().act(); works.pop_front(); } return release(address); }
EXPORT int cuMemAllocAsync(unsigned long long* address, std::size_t bytes, void*) { CALL("cuMemAllocAsync"); CONTEXT return allocate(address, bytes); }
EXPORT int cuMemFreeAsync(unsigned long long address, void* stream) { CALL("cuMemFreeAsync"); CONTEXT give(stream, [=] { release(address); }); return 0; }
EXPORT int cuMemGetInfo_v2(std::size_t* free, std::size_t* total) { CALL("cuMemGetInfo"); CONTEXT *total = std::size_t(number("memory", 1L << 30)); *free = *total - used(); return 0; }
EXPORT int cuMemAllocHost_v2(void** pointer, std::size_t bytes) { CALL("cuMemAllocHost"); CONTEXT if (number("pinned", 1) == 0) return 2; *pointer = std::malloc(bytes); return 0; }
EXPORT int cuMemFreeHost(void* pointer) { CALL("cuMemFreeHost"); CONTEXT std::free(pointer); return 0; }
EXPORT int cuMemcpyHtoDAsync_v2(unsigned long long to, const void* from, std::size_t bytes, void* stream) { CALL("cuMemcpyHtoDAsync"); CONTEXT give(stream, [=] { std::memcpy(at(to), from, bytes); }); return 0; }
EXPORT int cuMemcpyDtoHAsync_v2(void* to, unsigned long long from, std::size_t bytes, void* stream) { CALL("cuMemcpyDtoHAsync"); CONTEXT give(stream, [=] { std::memcpy(to, at(from), bytes); }); return 0; }
EXPORT int cuMemcpyDtoDAsync_v2(unsigned long long to, unsigned long long from, std::size_t bytes, void* stream) { CALL("cuMemcpyDtoDAsync"); CONTEXT give(stream, [=] { std::memmove(at(to), at(from), bytes); }); return 0; }
EXPORT int cuMemsetD8Async(unsigned long long to, unsigned char value, std::size_t count, void* stream) { CALL("cuMemsetD8Async"); CONTEXT give(stream, [=] { std::memset(at(to), value, count); }); return 0; }
EXPORT int cuMemsetD32Async(unsigned long long to, unsigned value, std::size_t count, void* stream) {
  CALL("cuMemsetD32Async"); CONTEXT
  give(stream, [=] { for (std::size_t i = 0; i < count; ++i) std::memcpy(at(to) + 4 * i, &value, 4); });
  return 0;
}
EXPORT int cuStreamCreate(void** stream, unsigned) { CALL("cuStreamCreate"); CONTEXT *stream = new char; return 0; }
EXPORT int cuStreamDestroy_v2(void* stream) { CALL("cuStreamDestroy"); CONTEXT delete static_cast<char*>(stream); return 0; }
EXPORT int cuStreamQuery(void* stream) { CALL("cuStreamQuery"); CONTEXT return progress([=](const Work& work) { return work.stream == stream; }); }
EXPORT int cuStreamWaitEvent(void*, void*, unsigned) { CALL("cuStreamWaitEvent"); CONTEXT return 0; }
EXPORT int cuEventCreate(void** event, unsigned) { CALL("cuEventCreate"); CONTEXT *event = new char; return 0; }
EXPORT int cuEventDestroy_v2(void* event) { CALL("cuEventDestroy"); CONTEXT delete static_cast<char*>(event); return 0; }
EXPORT int cuEventRecord(void* event, void* stream) { CALL("cuEventRecord"); CONTEXT give(stream, nullptr, event); return 0; }
EXPORT int cuEventQuery(void* event) { CALL("cuEventQuery"); CONTEXT return progress([=](const Work& work) { return work.event == event; }); }
#ifndef LACKING
EXPORT int cuEventElapsedTime(float* milliseconds, void*, void*) { CALL("cuEventElapsedTime"); CONTEXT *milliseconds = 1.5f; return 0; }
#endif
