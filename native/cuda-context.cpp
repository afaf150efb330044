#include "cuda-context.hpp"

#include <algorithm>
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
  if (api().memPoolSetAttribute(pool_, POOL_RELEASE_THRESHOLD, &all) == SUCCESS) limit_ = all;  // a matter of speed alone
}

bool Context::canReach(const Context& peer) const {
  if (!api().deviceCanAccessPeer || !api().ctxEnablePeerAccess || !api().memcpyPeerAsync) return false;
  int can = 0;
  return api().deviceCanAccessPeer(&can, device_, peer.device_) == SUCCESS && can != 0;
}

void Context::reach(Context& peer) {
  const Entered entered = enter();
  const Result result = api().ctxEnablePeerAccess(peer.handle_, 0);
  if (result != SUCCESS && result != PEER_ACCESS_ALREADY_ENABLED) fail("cuCtxEnablePeerAccess", result);
  if (!peer.hasPools_) return;
  // Memory of pools has an access of its own.
  if (!peer.pool_ || !api().memPoolSetAccess) throw Failure(Kind::Programmer, "cuMemPoolSetAccess", 0, "", "the driver shares no memory of pools between devices");
  const PoolAccess access{PLACE_DEVICE, device_, ACCESS_READ_AND_WRITE};
  check("cuMemPoolSetAccess", api().memPoolSetAccess(peer.pool_, &access, 1));
}

std::uint64_t Context::poolAttribute(int attribute) {
  std::uint64_t value = 0;
  if (!pool_ || !api().memPoolGetAttribute || api().memPoolGetAttribute(pool_, attribute, &value) != SUCCESS) return 0;
  return value;
}

std::uint64_t Context::reserved() { return poolAttribute(POOL_RESERVED_BYTES); }

void Context::noteBlock(std::uint64_t before) {
  const bool reused = pool_ && before > 0 && reserved() <= before;
  const std::lock_guard lock(mutex_);
  ++(reused ? reused_ : fresh_);
}

Context::Usage Context::usage() {
  std::uint64_t kept = 0;
  quietly([&] {
    const std::uint64_t reserved = poolAttribute(POOL_RESERVED_BYTES), used = poolAttribute(POOL_USED_BYTES);
    kept = reserved > used ? reserved - used : 0;
  });
  const std::lock_guard lock(mutex_);
  return {most_, used_, peak_, blocks_, reused_, fresh_, limit_, kept};
}

void Context::limit(std::uint64_t bytes) {
  if (!pool_) return;
  const Entered entered = enter();
  check("cuMemPoolSetAttribute", api().memPoolSetAttribute(pool_, POOL_RELEASE_THRESHOLD, &bytes));
  limit_ = bytes;
  if (api().memPoolTrimTo) check("cuMemPoolTrimTo", api().memPoolTrimTo(pool_, bytes));
}

void Context::trim() {
  if (!pool_ || !api().memPoolTrimTo) return;
  const Entered entered = enter();
  check("cuMemPoolTrimTo", api().memPoolTrimTo(pool_, 0));
}

Context::Reservation::Reservation(Context& context, std::uint64_t bytes) : context_(context), bytes_(bytes) {
  const std::lock_guard lock(context.mutex_);
  const std::uint64_t most = context.most_;
  if (bytes > most || context.used_ > most - bytes)
    throw Failure(Kind::Resource, "", 0, "",
                  "of the " + std::to_string(most) + " bytes of device memory that may be used, " + std::to_string(context.used_) + " are in use: there is no room for " +
                      std::to_string(bytes) + " more");
  context.used_ += bytes;
  context.peak_ = std::max(context.peak_, context.used_);
  ++context.blocks_;
}

Context::Reservation::~Reservation() {
  const std::lock_guard lock(context_.mutex_);
  context_.used_ -= bytes_;
  --context_.blocks_;
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

void Context::note(const char* call, Result result) noexcept {
  try {
    check(call, result);
  } catch (...) {
  }
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
  context_.quietly([this] { context_.note("cuModuleUnload", context_.api().moduleUnload(handle_)); });
}

Function::Function(std::shared_ptr<const Module> module, const std::string& name) : module_(std::move(module)) {
  const Context::Entered entered = context().enter();
  const Result result = context().api().moduleGetFunction(&handle_, module_->handle(), name.c_str());
  if (result != SUCCESS) context().fail("cuModuleGetFunction", result, result == NOT_FOUND ? "there is no kernel " + name + " in the module" : "");
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
