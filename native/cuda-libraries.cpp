#include "cuda-libraries.hpp"

#include <dlfcn.h>

#include <filesystem>
#include <system_error>

namespace dotcompute::cuda {

namespace {

const char* const DRIVERS[] = {"libcuda.so.1", "libcuda.so", "/usr/lib/wsl/lib/libcuda.so.1"};
const char* const COMPILERS[] = {"libnvrtc.so.13", "libnvrtc.so.12",   "libnvrtc.so.11.2", "libnvrtc.so.11.8", "libnvrtc.so.11.1",
                                 "libnvrtc.so.11.0", "libnvrtc.so", "/usr/local/cuda/lib64/libnvrtc.so"};

/// An open library and the name it was found by.
struct Opened {
  void* handle = nullptr;
  std::string name;
};

/// The first that can be opened. The linker's words about the first candidate make the reason: the others are guesses.
template <std::size_t count>
Opened openFirst(const std::string& path, const char* const (&usual)[count], std::string& reason) {
  const auto attempt = [&](const char* name) -> void* {
    void* const handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!handle && reason.empty()) {
      const char* const words = dlerror();
      reason = words ? words : name + std::string(" cannot be opened");
    }
    return handle;
  };
  if (!path.empty()) return {attempt(path.c_str()), path};
  for (const char* const name : usual)
    if (void* const handle = attempt(name)) return {handle, name};
  return {};
}

template <typename Function>
bool find(void* handle, const char* symbol, Function& function) {
  function = reinterpret_cast<Function>(dlsym(handle, symbol));
  return function != nullptr;
}

/// Where the library lies in which this address is.
std::string fileOf(const void* address, const std::string& name) {
  Dl_info found;
  if (dladdr(address, &found) == 0 || !found.dli_fname) return name;
  std::error_code fault;
  const std::filesystem::path file = std::filesystem::canonical(found.dli_fname, fault);
  return fault ? found.dli_fname : file.string();
}

/// NVRTC opens its second half by name when it first compiles. Where only NVRTC's own path is known the linker would not find
/// it, unless it is open by then.
void openBuiltins(const std::string& nvrtc, int major, int minor) {
  const std::filesystem::path folder = std::filesystem::path(nvrtc).parent_path();
  const std::string base = "libnvrtc-builtins.so";
  const std::string version = std::to_string(major) + "." + std::to_string(minor);
  for (const std::string& name : {base + "." + version, base}) {
    const std::string file = (folder / name).string();
    std::error_code fault;
    if (std::filesystem::exists(file, fault) && dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE)) return;
  }
}

/// Ends a program in any case.
class Owned {
 public:
  explicit Owned(const NvrtcApi& api) : api_(api) {}
  ~Owned() {
    if (program) api_.destroyProgram(&program);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Program program = nullptr;

 private:
  const NvrtcApi& api_;
};

Kind kindOfNvrtc(Result result) {
  return result == 1 ? Kind::Resource : Kind::Programmer;  // 1: NVRTC_ERROR_OUT_OF_MEMORY
}

}  // namespace

std::shared_ptr<const Driver> Driver::open(const std::string& path, std::string& reason) {
  const Opened opened = openFirst(path, DRIVERS, reason);
  if (!opened.handle) {
    reason = "the CUDA driver's library cannot be opened: " + reason;
    return nullptr;
  }
  const auto driver = std::make_shared<Driver>();
  DriverApi& api = driver->api;
#define DOTCOMPUTE_FIND(member, symbol, parameters)                                                        \
  if (!find(opened.handle, symbol, api.member)) {                                                          \
    reason = opened.name + " is no CUDA driver that this version can use: it has no function " symbol; \
    return nullptr;                                                                                        \
  }
  DOTCOMPUTE_CUDA_REQUIRED(DOTCOMPUTE_FIND)
#undef DOTCOMPUTE_FIND
#define DOTCOMPUTE_FIND(member, symbol, parameters) find(opened.handle, symbol, api.member);
  DOTCOMPUTE_CUDA_OPTIONAL(DOTCOMPUTE_FIND)
#undef DOTCOMPUTE_FIND
  driver->path = fileOf(reinterpret_cast<void*>(api.init), opened.name);
  const auto failed = [&](const char* call, Result result) {
    reason = "the CUDA driver " + driver->path + " does not start: " + driver->failure(call, result).what();
    return nullptr;
  };
  if (const Result result = api.init(0); result != SUCCESS) return failed("cuInit", result);
  if (const Result result = api.driverGetVersion(&driver->version); result != SUCCESS) return failed("cuDriverGetVersion", result);
  int devices = 0;
  if (const Result result = api.deviceGetCount(&devices); result != SUCCESS) return failed("cuDeviceGetCount", result);
  if (devices < 1) {
    reason = "the CUDA driver " + driver->path + " has no device";
    return nullptr;
  }
  reason.clear();
  return driver;
}

std::string Driver::name(Result result) const {
  const char* name = nullptr;
  return api.getErrorName(result, &name) == SUCCESS && name ? name : "CUresult " + std::to_string(result);
}

std::string Driver::text(Result result) const {
  const char* text = nullptr;
  return api.getErrorString(result, &text) == SUCCESS && text ? text : "unknown error";
}

Failure Driver::failure(const char* call, Result result, const std::string& log) const {
  const std::string what = std::string(call) + " failed with " + name(result) + " (" + text(result) + ")";
  Failure failure(kindOf(result), call, result, name(result), log.empty() ? what : what + ":\n" + log);
  failure.log = log;
  return failure;
}

std::shared_ptr<const Nvrtc> Nvrtc::open(const std::string& path, std::string& reason) {
  const Opened opened = openFirst(path, COMPILERS, reason);
  if (!opened.handle) {
    reason = "NVRTC's library cannot be opened: " + reason;
    return nullptr;
  }
  const auto nvrtc = std::make_shared<Nvrtc>();
  NvrtcApi& api = nvrtc->api;
  const auto lacks = [&](const char* symbol) {
    reason = opened.name + " is no NVRTC that this version can use: it has no function " + symbol;
    return nullptr;
  };
#define DOTCOMPUTE_FIND(member, symbol, parameters) \
  if (!find(opened.handle, symbol, api.member)) return lacks(symbol);
  DOTCOMPUTE_NVRTC_REQUIRED(DOTCOMPUTE_FIND)
#undef DOTCOMPUTE_FIND
#define DOTCOMPUTE_FIND(member, symbol, parameters) find(opened.handle, symbol, api.member);
  DOTCOMPUTE_NVRTC_OPTIONAL(DOTCOMPUTE_FIND)
#undef DOTCOMPUTE_FIND
  if (!find(opened.handle, "nvrtcGetErrorString", api.getErrorString)) return lacks("nvrtcGetErrorString");
  nvrtc->path = fileOf(reinterpret_cast<void*>(api.version), opened.name);
  try {
    nvrtc->check("nvrtcVersion", api.version(&nvrtc->major, &nvrtc->minor));
    int count = 0;
    if (api.getArchitectureCount && api.getArchitectures && api.getArchitectureCount(&count) == SUCCESS && count > 0) {
      nvrtc->architectures.resize(static_cast<std::size_t>(count));
      nvrtc->check("nvrtcGetSupportedArchs", api.getArchitectures(nvrtc->architectures.data()));
    }
  } catch (const Failure& failure) {
    reason = "NVRTC " + nvrtc->path + " does not start: " + failure.what();
    return nullptr;
  }
  openBuiltins(nvrtc->path, nvrtc->major, nvrtc->minor);
  reason.clear();
  return nvrtc;
}

void Nvrtc::check(const char* call, Result result, const std::string& log) const {
  if (result == SUCCESS) return;
  const char* const text = api.getErrorString(result);
  const std::string name = text ? text : "nvrtcResult " + std::to_string(result);
  const std::string what = std::string(call) + " failed with " + name;
  Failure failure(kindOfNvrtc(result), call, result, name, log.empty() ? what : what + ":\n" + log);
  failure.log = log;
  throw failure;
}

std::string Nvrtc::logOf(Program program) const {
  std::size_t bytes = 0;
  if (api.getLogSize(program, &bytes) != SUCCESS || bytes < 2) return "";
  std::string log(bytes, '\0');
  if (api.getLog(program, log.data()) != SUCCESS) return "";
  log.resize(bytes - 1);  // its zero
  while (!log.empty() && (log.back() == '\n' || log.back() == '\0')) log.pop_back();
  return log;
}

Nvrtc::Compiled Nvrtc::compile(const std::string& source, const std::string& name, const std::vector<Header>& headers, const std::vector<std::string>& options, Form form) const {
  if (form == Form::Cubin && !(api.getCubin && api.getCubinSize))
    throw Failure(Kind::Programmer, "nvrtcGetCUBIN", 0, "", "NVRTC " + path + " is too old to make CUBIN");
  std::vector<const char*> texts, names, words;
  for (const Header& header : headers) {
    texts.push_back(header.text.c_str());
    names.push_back(header.name.c_str());
  }
  for (const std::string& option : options) words.push_back(option.c_str());

  Owned owned(api);
  check("nvrtcCreateProgram", api.createProgram(&owned.program, source.c_str(), name.c_str(), int(headers.size()), texts.data(), names.data()));
  const Result result = api.compileProgram(owned.program, int(words.size()), words.data());
  Compiled compiled;
  compiled.log = logOf(owned.program);
  check("nvrtcCompileProgram", result, compiled.log);

  const bool cubin = form == Form::Cubin;
  std::size_t bytes = 0;
  if (cubin)
    check("nvrtcGetCUBINSize", api.getCubinSize(owned.program, &bytes));
  else
    check("nvrtcGetPTXSize", api.getPtxSize(owned.program, &bytes));
  if (bytes == 0) throw Failure(Kind::Programmer, cubin ? "nvrtcGetCUBIN" : "nvrtcGetPTX", 0, "", "NVRTC gave no code: CUBIN takes an option --gpu-architecture=sm_…, PTX one of compute_…");
  compiled.code.resize(bytes);
  if (cubin)
    check("nvrtcGetCUBIN", api.getCubin(owned.program, compiled.code.data()));
  else
    check("nvrtcGetPTX", api.getPtx(owned.program, compiled.code.data()));
  return compiled;
}

}  // namespace dotcompute::cuda
