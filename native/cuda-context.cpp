#include "cuda-context.hpp"

#include <cstdint>
#include <utility>

namespace dotcompute::cuda {

Context::Context(std::shared_ptr<const Driver> driver, int ordinal) : driver_(std::move(driver)), ordinal_(ordinal) {
  driver_->check("cuDeviceGet", api().deviceGet(&device_, ordinal));
  driver_->check("cuDevicePrimaryCtxRetain", api().primaryCtxRetain(&handle_, device_));
  openPool();
}

Context::~Context() {
  // Also of a lost context: that it is lost is known to the driver, and the count of its users is all that changes.
  if (!leftBehind_) api().primaryCtxRelease(device_);
}

/// By default a pool gives its memory back to the system at every synchronisation, and the next query takes it anew.
void Context::openPool() {
  int supported = 0;
  hasPools_ = api().memAllocAsync && api().memFreeAsync &&
              api().deviceGetAttribute(&supported, MEMORY_POOLS, device_) == SUCCESS && supported != 0;
  if (!hasPools_ || !api().deviceGetDefaultMemPool || !api().memPoolSetAttribute) return;
  if (api().deviceGetDefaultMemPool(&pool_, device_) != SUCCESS) {
    pool_ = nullptr;
    return;
  }
  std::uint64_t all = ~std::uint64_t(0);
  api().memPoolSetAttribute(pool_, POOL_RELEASE_THRESHOLD, &all);  // a matter of speed alone
}

Context::Entered::~Entered() {
  ContextHandle ignored;
  driver_.api.ctxPopCurrent(&ignored);
}

Context::Entered Context::enter() {
  if (const std::string why = lost(); !why.empty())
    throw Failure(Kind::Fatal, "", 0, "", "The CUDA context of device " + std::to_string(ordinal_) + " was abandoned: " + why);
  check("cuCtxPushCurrent", api().ctxPushCurrent(handle_));
  return Entered(*driver_);
}

void Context::fail(const char* call, Result result, const std::string& log) {
  Failure failure = driver_->failure(call, result, log);
  // To whoever wants a device these say that it is not to be had; to whoever has it, that it is gone.
  if (result == DEVICE_UNAVAILABLE || result == NO_DEVICE || result == INVALID_DEVICE) failure.kind = Kind::Fatal;
  if (failure.kind == Kind::Fatal) abandon(failure.what());
  throw failure;
}

void Context::abandon(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (lost_.empty()) lost_ = why;
}

void Context::leaveBehind() {
  abandon("the environment ended while work was on its way");
  leftBehind_ = true;
}

std::string Context::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

Module::Module(Context& context, const std::string& image) : context_(context) {
  const Context::Entered entered = context.enter();
  char log[8192] = "";
  int keys[] = {JIT_ERROR_LOG, JIT_ERROR_LOG_BYTES};
  void* values[] = {log, reinterpret_cast<void*>(std::uintptr_t(sizeof log - 1))};
  // PTX ends with a zero, which std::string keeps behind its characters.
  const Result result = context.api().moduleLoadData(&handle_, image.c_str(), 2, keys, values);
  if (result != SUCCESS) context.fail("cuModuleLoadDataEx", result, log);
}

Module::~Module() {
  context_.quietly([this] { context_.check("cuModuleUnload", context_.api().moduleUnload(handle_)); });
}

Function::Function(std::shared_ptr<const Module> module, const std::string& name) : module_(std::move(module)) {
  const Context::Entered entered = context().enter();
  const Result result = context().api().moduleGetFunction(&handle_, module_->handle(), name.c_str());
  if (result != SUCCESS) context().fail("cuModuleGetFunction", result, "there is no kernel " + name + " in the module");
}

int Function::attribute(int which) const {
  const Context::Entered entered = context().enter();
  int value = 0;
  context().check("cuFuncGetAttribute", context().api().funcGetAttribute(&value, which, handle_));
  return value;
}

int Function::occupancy(int blockThreads, std::size_t dynamicSharedBytes) const {
  const Context::Entered entered = context().enter();
  int blocks = 0;
  context().check("cuOccupancyMaxActiveBlocksPerMultiprocessor", context().api().occupancy(&blocks, handle_, blockThreads, dynamicSharedBytes));
  return blocks;
}

void Function::allowSharedBytes(int bytes) const {
  const Context::Entered entered = context().enter();
  context().check("cuFuncSetAttribute", context().api().funcSetAttribute(handle_, FUNCTION_MOST_DYNAMIC_SHARED_BYTES, bytes));
}

}  // namespace dotcompute::cuda
