#include "cuda.hpp"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <limits>
#include <system_error>
#include <thread>
#include <utility>

#include "cuda-arguments.hpp"

namespace dotcompute::cuda {

namespace {

/// How long the end of an environment waits for work on the device, so as to give back what it uses.
constexpr auto PATIENCE = std::chrono::milliseconds(250);

Napi::Object refusal(Napi::Env env, const std::string& reason) {
  Napi::Object result = Napi::Object::New(env);
  result.Set("reason", Napi::String::New(env, reason));
  return result;
}

std::string uuidText(const Uuid& uuid) {
  std::string text = "GPU-";
  for (int i = 0; i < 16; ++i) {
    char digits[4];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(uuid.bytes[i]));
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits;
  }
  return text;
}

Napi::Object describe(Napi::Env env, const Driver& driver, int ordinal) {
  const DriverApi& api = driver.api;
  Device device = 0;
  driver.check("cuDeviceGet", api.deviceGet(&device, ordinal));
  Napi::Object result = Napi::Object::New(env);
  const auto put = [&](const char* name, int attribute) {
    int value = 0;
    driver.check("cuDeviceGetAttribute", api.deviceGetAttribute(&value, attribute, device));
    result.Set(name, Napi::Number::New(env, value));
  };
  // Of those that not every driver knows, zero.
  const auto putKnown = [&](const char* name, int attribute) {
    int value = 0;
    if (api.deviceGetAttribute(&value, attribute, device) != SUCCESS) value = 0;
    result.Set(name, Napi::Number::New(env, value));
  };
  char name[256] = "";
  driver.check("cuDeviceGetName", api.deviceGetName(name, sizeof name - 1, device));
  std::size_t bytes = 0;
  driver.check("cuDeviceTotalMem", api.deviceTotalMem(&bytes, device));
  Uuid uuid{};
  driver.check("cuDeviceGetUuid", api.deviceGetUuid(&uuid, device));
  result.Set("name", Napi::String::New(env, name));
  result.Set("uuid", Napi::String::New(env, uuidText(uuid)));
  result.Set("memoryBytes", Napi::Number::New(env, static_cast<double>(bytes)));
  put("major", COMPUTE_CAPABILITY_MAJOR);
  put("minor", COMPUTE_CAPABILITY_MINOR);
  put("multiprocessors", MULTIPROCESSORS);
  put("warpLanes", WARP_LANES);
  put("mostBlockThreads", MOST_BLOCK_THREADS);
  put("blockSharedBytes", BLOCK_SHARED_BYTES);
  putKnown("mostMultiprocessorThreads", MOST_MULTIPROCESSOR_THREADS);
  putKnown("mostBlocks", MOST_GRID_X);
  putKnown("blockSharedBytesOptIn", BLOCK_SHARED_BYTES_OPT_IN);
  putKnown("cacheBytes", CACHE_BYTES);
  putKnown("memoryPools", MEMORY_POOLS);
  return result;
}

}  // namespace

// --- life ----------------------------------------------------------------------------------------------------------

Napi::Value Cuda::object(Napi::Env env) {
  if (!object_.IsEmpty()) return object_.Value();
  mailbox_.open(env);
  // Hooks run last in, first out: this one ends the threads before Node ends the function they call.
  napi_add_env_cleanup_hook(env, [](void* self) { static_cast<Cuda*>(self)->close(); }, this);
  Napi::Object object = Napi::Object::New(env);
  add(object, "openDriver", &Cuda::openDriver);
  add(object, "openCompiler", &Cuda::openCompiler);
  add(object, "devices", &Cuda::devices);
  add(object, "context", &Cuda::context);
  add(object, "lost", &Cuda::lost);
  add(object, "memory", &Cuda::memory);
  add(object, "usage", &Cuda::usage);
  add(object, "allow", &Cuda::allow);
  add(object, "limit", &Cuda::limit);
  add(object, "trim", &Cuda::trim);
  add(object, "canReach", &Cuda::canReach);
  add(object, "reach", &Cuda::reach);
  add(object, "stream", &Cuda::stream);
  add(object, "module", &Cuda::module);
  add(object, "moduleLater", &Cuda::moduleLater);
  add(object, "function", &Cuda::function);
  add(object, "occupancy", &Cuda::occupancy);
  add(object, "allowSharedBytes", &Cuda::allowSharedBytes);
  add(object, "allocate", &Cuda::allocate);
  add(object, "release", &Cuda::release);
  add(object, "write", &Cuda::write);
  add(object, "writeLater", &Cuda::writeLater);
  add(object, "read", &Cuda::read);
  add(object, "readLater", &Cuda::readLater);
  add(object, "copy", &Cuda::copy);
  add(object, "copyPeer", &Cuda::copyPeer);
  add(object, "copyPeerLater", &Cuda::copyPeerLater);
  add(object, "fill", &Cuda::fill);
  add(object, "launch", &Cuda::launch);
  add(object, "synchronise", &Cuda::synchronise);
  add(object, "synchroniseLater", &Cuda::synchroniseLater);
  add(object, "flag", &Cuda::flag);
  add(object, "raise", &Cuda::raise);
  add(object, "event", &Cuda::event);
  add(object, "record", &Cuda::record);
  add(object, "wait", &Cuda::wait);
  add(object, "elapsed", &Cuda::elapsed);
  add(object, "compile", &Cuda::compile);
  add(object, "compileLater", &Cuda::compileLater);
  object_ = Napi::Persistent(object);
  return object;
}

void Cuda::add(Napi::Object object, const char* name, Method method) {
  object.Set(name, Napi::Function::New(
                       object.Env(),
                       [this, method](Info info) -> Napi::Value {
                         if (closed_) throw Napi::Error::New(info.Env(), ending().what());
                         try {
                           return (this->*method)(info);
                         } catch (const Napi::Error&) {
                           throw;
                         } catch (const Failure& failure) {
                           throw failure.error(info.Env());
                         } catch (const std::system_error& error) {
                           throw Failure(Kind::Transient, "", 0, "", std::string("No thread can be started for the CUDA device: ") + error.what()).error(info.Env());
                         } catch (const std::exception& error) {  // no memory
                           throw Napi::RangeError::New(info.Env(), error.what());
                         }
                       },
                       name));
}

void Cuda::close() {
  if (closed_) return;
  closed_ = true;
  for (const auto& [number, handle] : handles_)
    if (const auto* const flag = std::get_if<Shared<Flag>>(&handle)) (*flag)->set(1);
  for (const auto& stream : streams_) stream->startClosing();
  for (const auto& stream : streams_) stream->close();
  compilers_.close();
  const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
  for (const auto& stream : streams_) {
    Context& context = stream->context();
    while (context.lost().empty() && !stream->isDone()) {
      if (std::chrono::steady_clock::now() > deadline) context.leaveBehind();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  mailbox_.close();
  handles_.clear();
  streams_.clear();
  contexts_.clear();
}

// --- handles -------------------------------------------------------------------------------------------------------

Napi::Value Cuda::give(Napi::Env env, Handle handle) {
  handles_.emplace(++lastHandle_, std::move(handle));
  return Napi::Number::New(env, lastHandle_);
}

Stream& Cuda::streamOf(Info info, std::size_t place) { return *take<Stream*>(info, place, "a stream"); }

Cuda::Stretch Cuda::stretchOf(Info info, const Context& context, std::size_t place, std::size_t offset, std::size_t bytes) {
  const Shared<Allocation> allocation = take<Shared<Allocation>>(info, place, "device memory");
  if (&allocation->stream().context() != &context) throw Napi::TypeError::New(info.Env(), "the memory and the stream are of different devices");
  if (offset > allocation->bytes() || bytes > allocation->bytes() - offset)
    throw Napi::RangeError::New(info.Env(), std::to_string(bytes) + " bytes from byte " + std::to_string(offset) + " are not within the " +
                                                std::to_string(allocation->bytes()) + " bytes of device memory");
  return {allocation, allocation->address() + offset};
}

/// release(handle): memory, a module, a function, an event or a flag; a stream becomes another's. Nothing if it is released already.
Napi::Value Cuda::release(Info info) {
  const auto found = handles_.find(wholeAt(info, 0, "a handle"));
  if (found == handles_.end() || std::holds_alternative<Context*>(found->second)) return info.Env().Undefined();
  const Handle handle = std::move(found->second);
  handles_.erase(found);
  if (Stream* const* const stream = std::get_if<Stream*>(&handle)) {
    spare_.push_back(*stream);
    try {
      (*stream)->later([spare = *stream] { spare->unpin(); });
    } catch (const std::system_error&) {
      // No thread can be started: its page-locked memory serves whoever gets it next.
    }
  }
  if (const auto* const allocation = std::get_if<Shared<Allocation>>(&handle)) {
    // After the commands that use it; and where there are no pools, giving back waits for the device.
    Stream& stream = (*allocation)->stream();
    if (!stream.isIdle() || !stream.context().hasPools()) stream.giveBack(*allocation);
  }
  return info.Env().Undefined();
}

// --- libraries and devices -----------------------------------------------------------------------------------------

/// openDriver(path or null) → { reason } or { reason: null, driver, path, version }
Napi::Value Cuda::openDriver(Info info) {
  Napi::Env env = info.Env();
  std::string reason;
  const auto driver = Driver::open(optionalStringAt(info, 0, "the driver's path"), reason);
  if (!driver) return refusal(env, reason);
  Napi::Object result = Napi::Object::New(env);
  result.Set("reason", env.Null());
  result.Set("driver", give(env, driver));
  result.Set("path", Napi::String::New(env, driver->path));
  result.Set("version", Napi::Number::New(env, driver->version));
  return result;
}

/// openCompiler(path or null) → { reason } or { reason: null, compiler, path, major, minor, architectures }
Napi::Value Cuda::openCompiler(Info info) {
  Napi::Env env = info.Env();
  std::string reason;
  const auto nvrtc = Nvrtc::open(optionalStringAt(info, 0, "NVRTC's path"), reason);
  if (!nvrtc) return refusal(env, reason);
  Napi::Array architectures = Napi::Array::New(env);
  for (const int architecture : nvrtc->architectures) architectures.Set(architectures.Length(), Napi::Number::New(env, architecture));
  Napi::Object result = Napi::Object::New(env);
  result.Set("reason", env.Null());
  result.Set("compiler", give(env, nvrtc));
  result.Set("path", Napi::String::New(env, nvrtc->path));
  result.Set("major", Napi::Number::New(env, nvrtc->major));
  result.Set("minor", Napi::Number::New(env, nvrtc->minor));
  result.Set("architectures", architectures);
  return result;
}

/// devices(driver) → [{ name, uuid, memoryBytes, major, minor, … }]
Napi::Value Cuda::devices(Info info) {
  Napi::Env env = info.Env();
  const auto driver = take<Shared<const Driver>>(info, 0, "a driver");
  int count = 0;
  driver->check("cuDeviceGetCount", driver->api.deviceGetCount(&count));
  Napi::Array result = Napi::Array::New(env);
  for (int ordinal = 0; ordinal < count; ++ordinal) result.Set(std::uint32_t(ordinal), describe(env, *driver, ordinal));
  return result;
}

/// context(driver, ordinal) → context: the same each time
Napi::Value Cuda::context(Info info) {
  const auto driver = take<Shared<const Driver>>(info, 0, "a driver");
  const int ordinal = int(wholeAt(info, 1, "a device's number", 2147483647));
  for (const auto& known : contexts_)
    if (known->driver()->path == driver->path && known->ordinal() == ordinal) return give(info.Env(), known.get());
  contexts_.push_back(std::make_unique<Context>(driver, ordinal));
  return give(info.Env(), contexts_.back().get());
}

/// lost(context) → why it was abandoned, or null
Napi::Value Cuda::lost(Info info) {
  const std::string why = take<Context*>(info, 0, "a context")->lost();
  return why.empty() ? info.Env().Null() : Napi::Value(Napi::String::New(info.Env(), why));
}

/// memory(context) → { free, total }
Napi::Value Cuda::memory(Info info) {
  Context& context = *take<Context*>(info, 0, "a context");
  std::size_t free = 0, total = 0;
  {
    const Context::Entered entered = context.enter();
    context.check("cuMemGetInfo", context.api().memGetInfo(&free, &total));
  }
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("free", Napi::Number::New(info.Env(), static_cast<double>(free)));
  result.Set("total", Napi::Number::New(info.Env(), static_cast<double>(total)));
  return result;
}

/// usage(context) → { most, used, peak, blocks, reused, fresh, copied, limit, kept }: of the device's memory
Napi::Value Cuda::usage(Info info) {
  const Context::Usage now = take<Context*>(info, 0, "a context")->usage();
  Napi::Object result = Napi::Object::New(info.Env());
  const auto put = [&](const char* name, std::uint64_t value) {
    const double number = value == ~std::uint64_t(0) ? std::numeric_limits<double>::infinity() : static_cast<double>(value);
    result.Set(name, Napi::Number::New(info.Env(), number));
  };
  put("most", now.most);
  put("used", now.used);
  put("peak", now.peak);
  put("blocks", now.blocks);
  put("reused", now.reused);
  put("fresh", now.fresh);
  put("copied", 0);
  put("limit", now.limit);
  put("kept", now.kept);
  return result;
}

/// allow(context, bytes): never more of the device's memory is in use
Napi::Value Cuda::allow(Info info) {
  take<Context*>(info, 0, "a context")->allow(std::uint64_t(wholeAt(info, 1, "a number of bytes")));
  return info.Env().Undefined();
}

/// limit(context, bytes): the driver keeps at most so many for what comes next
Napi::Value Cuda::limit(Info info) {
  take<Context*>(info, 0, "a context")->limit(std::uint64_t(wholeAt(info, 1, "a number of bytes")));
  return info.Env().Undefined();
}

/// trim(context): gives back what the driver keeps
Napi::Value Cuda::trim(Info info) {
  take<Context*>(info, 0, "a context")->trim();
  return info.Env().Undefined();
}

/// canReach(context, peer) → whether the driver copies straight from the peer's memory
Napi::Value Cuda::canReach(Info info) {
  const Context* const peer = take<Context*>(info, 1, "a context");
  return Napi::Boolean::New(info.Env(), take<Context*>(info, 0, "a context")->canReach(*peer));
}

/// reach(context, peer): lets the context's device use the peer's memory
Napi::Value Cuda::reach(Info info) {
  take<Context*>(info, 0, "a context")->reach(*take<Context*>(info, 1, "a context"));
  return info.Env().Undefined();
}

/// stream(context) → stream
Napi::Value Cuda::stream(Info info) {
  Context& context = *take<Context*>(info, 0, "a context");
  for (std::size_t i = 0; i < spare_.size(); ++i) {
    Stream* const stream = spare_[i];
    if (&stream->context() != &context) continue;
    spare_.erase(spare_.begin() + std::ptrdiff_t(i));
    return give(info.Env(), stream);
  }
  streams_.push_back(std::make_unique<Stream>(context));
  return give(info.Env(), streams_.back().get());
}

}  // namespace dotcompute::cuda
