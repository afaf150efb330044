// What is done with devices: code, memory and commands. See cuda.cpp for how handles come and go.
#include <chrono>
#include <cstring>
#include <utility>

#include "cuda-arguments.hpp"
#include "cuda.hpp"
#include "watched.hpp"

namespace dotcompute::cuda {

namespace {

GiveUp endOf(napi_env env) {
  return [env] { return isEnding(env); };
}

/// What a compilation was asked for.
struct Order {
  std::shared_ptr<const Nvrtc> nvrtc;
  std::string source;
  std::string name;
  std::vector<Nvrtc::Header> headers;
  std::vector<std::string> options;
  Nvrtc::Form form;

  Nvrtc::Compiled fulfil() const { return nvrtc->compile(source, name, headers, options, form); }
};

Napi::Value compiledValue(Napi::Env env, const Nvrtc::Compiled& compiled, Nvrtc::Form form) {
  // PTX is text that NVRTC ends with a zero.
  const std::size_t bytes = compiled.code.size() - (form == Nvrtc::Form::Ptx && compiled.code.back() == '\0' ? 1 : 0);
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, bytes);
  if (bytes > 0) std::memcpy(buffer.Data(), compiled.code.data(), bytes);
  Napi::Object result = Napi::Object::New(env);
  result.Set("code", Napi::Uint8Array::New(env, bytes, buffer, 0));
  result.Set("log", Napi::String::New(env, compiled.log));
  return result;
}

Order orderOf(const Napi::CallbackInfo& info, std::shared_ptr<const Nvrtc> nvrtc) {
  const std::string form = stringAt(info, 5, "the form of the code");
  if (form != "ptx" && form != "cubin") throw Napi::TypeError::New(info.Env(), "the form of the code is ptx or cubin");
  return {std::move(nvrtc), stringAt(info, 1, "the source"), stringAt(info, 2, "the source's name"), headersAt(info, 3), stringsAt(info, 4, "options"),
          form == "ptx" ? Nvrtc::Form::Ptx : Nvrtc::Form::Cubin};
}

std::string imageAt(const Napi::CallbackInfo& info, std::size_t place) {
  const View bytes = bytesAt(info, place, "a module's image");
  if (bytes.length == 0) throw Napi::RangeError::New(info.Env(), "a module's image is empty");
  return std::string(static_cast<const char*>(bytes.data), bytes.length);
}

}  // namespace

// --- code ----------------------------------------------------------------------------------------------------------

/// module(context, image) → module
Napi::Value Cuda::module(Info info) {
  Context& context = *take<Context*>(info, 0, "a context");
  return give(info.Env(), std::make_shared<Module>(context, imageAt(info, 1)));
}

/// moduleLater(context, image) → promise of a module: PTX is assembled by the driver, which takes a while
Napi::Value Cuda::moduleLater(Info info) {
  Context& context = *take<Context*>(info, 0, "a context");
  return promise(info.Env(), compilers_, [this, &context, image = imageAt(info, 1)]() -> Mailbox::Value {
    return [this, module = std::make_shared<Module>(context, image)](Napi::Env env) { return give(env, module); };
  });
}

/// function(module, name) → { function, registers, sharedBytes, localBytes, constantBytes, mostBlockThreads, binaryVersion }
Napi::Value Cuda::function(Info info) {
  Napi::Env env = info.Env();
  const auto module = take<Shared<Module>>(info, 0, "a module");
  const auto function = std::make_shared<Function>(module, stringAt(info, 1, "a kernel's name"));
  Napi::Object result = Napi::Object::New(env);
  const auto put = [&](const char* name, int attribute) { result.Set(name, Napi::Number::New(env, function->attribute(attribute))); };
  put("registers", FUNCTION_REGISTERS);
  put("sharedBytes", FUNCTION_SHARED_BYTES);
  put("localBytes", FUNCTION_LOCAL_BYTES);
  put("constantBytes", FUNCTION_CONSTANT_BYTES);
  put("mostBlockThreads", FUNCTION_MOST_BLOCK_THREADS);
  put("binaryVersion", FUNCTION_BINARY_VERSION);
  result.Set("function", give(env, function));
  return result;
}

/// occupancy(function, blockThreads, dynamicSharedBytes) → blocks on a multiprocessor at a time
Napi::Value Cuda::occupancy(Info info) {
  const auto function = take<Shared<Function>>(info, 0, "a function");
  const int threads = int(wholeAt(info, 1, "threads of a block", 65536));
  return Napi::Number::New(info.Env(), function->occupancy(threads, std::size_t(wholeAt(info, 2, "bytes of shared memory"))));
}

/// allowSharedBytes(function, bytes)
Napi::Value Cuda::allowSharedBytes(Info info) {
  take<Shared<Function>>(info, 0, "a function")->allowSharedBytes(int(wholeAt(info, 1, "bytes of shared memory", 2147483647)));
  return info.Env().Undefined();
}

/// compile(compiler, source, name, headers, options, form) → { code, log }
Napi::Value Cuda::compile(Info info) {
  const Order order = orderOf(info, take<Shared<const Nvrtc>>(info, 0, "a compiler"));
  return compiledValue(info.Env(), order.fulfil(), order.form);
}

/// compileLater(…) → promise of { code, log }
Napi::Value Cuda::compileLater(Info info) {
  return promise(info.Env(), compilers_, [order = orderOf(info, take<Shared<const Nvrtc>>(info, 0, "a compiler"))]() -> Mailbox::Value {
    return [compiled = order.fulfil(), form = order.form](Napi::Env env) { return compiledValue(env, compiled, form); };
  });
}

// --- memory --------------------------------------------------------------------------------------------------------

/// allocate(stream, bytes) → { memory, address }
Napi::Value Cuda::allocate(Info info) {
  Napi::Env env = info.Env();
  Stream& stream = streamOf(info, 0);
  const std::size_t bytes = std::size_t(wholeAt(info, 1, "bytes of device memory"));
  Shared<Allocation> allocation;
  try {
    allocation = std::make_shared<Allocation>(stream, bytes);
  } catch (const Failure& failure) {
    if (failure.kind != Kind::Resource) throw;
    // What has been given back may not have arrived yet, on this stream or on others. Those may be behind a kernel that does
    // not end, so they are waited for a moment only.
    stream.now(endOf(env), [&] { stream.finish(endOf(env)); });
    const auto late = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
    const GiveUp giveUp = [late, ends = endOf(env)] { return ends() || std::chrono::steady_clock::now() >= late; };
    for (const auto& other : streams_)
      if (&other->context() == &stream.context() && other->isGivingBack()) other->queue().waitIdle(giveUp);
    allocation = std::make_shared<Allocation>(stream, bytes);
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("address", Napi::BigInt::New(env, std::uint64_t(allocation->address())));
  result.Set("memory", give(env, std::move(allocation)));
  return result;
}

/// write(stream, memory, offset, array): the array may change as soon as this returns
Napi::Value Cuda::write(Info info) {
  Stream& stream = streamOf(info, 0);
  const std::size_t offset = std::size_t(wholeAt(info, 2, "an offset"));
  const View source = bytesAt(info, 3, "what is written");
  const Stretch target = stretchOf(info, stream, 1, offset, source.length);
  const GiveUp giveUp = endOf(info.Env());
  stream.now(giveUp, [&] { stream.write(target.address, source.data, source.length, giveUp); });
  return info.Env().Undefined();
}

/// writeLater(stream, memory, offset, array) → promise: the array may change once it is kept
Napi::Value Cuda::writeLater(Info info) {
  Stream& stream = streamOf(info, 0);
  const std::size_t offset = std::size_t(wholeAt(info, 2, "an offset"));
  const View source = bytesAt(info, 3, "what is written");
  const Stretch target = stretchOf(info, stream, 1, offset, source.length);
  auto held = std::make_shared<Held>(info.Env(), engine_, source, source.length, false);
  return streamPromise(info.Env(), stream, [&stream, target, held, bytes = source.length]() mutable -> Mailbox::Value {
    stream.write(target.address, held->data(), bytes, stream.closing());
    // The engine's memory is let go on the engine's thread.
    return [held = std::move(held)](Napi::Env env) { return env.Undefined(); };
  });
}

/// read(stream, memory, offset, array)
Napi::Value Cuda::read(Info info) {
  Stream& stream = streamOf(info, 0);
  const std::size_t offset = std::size_t(wholeAt(info, 2, "an offset"));
  const View target = bytesAt(info, 3, "what is read into");
  const Stretch source = stretchOf(info, stream, 1, offset, target.length);
  const GiveUp giveUp = endOf(info.Env());
  stream.now(giveUp, [&] { stream.read(target.data, source.address, target.length, giveUp); });
  return info.Env().Undefined();
}

/// readLater(stream, memory, offset, array) → promise
Napi::Value Cuda::readLater(Info info) {
  Stream& stream = streamOf(info, 0);
  const std::size_t offset = std::size_t(wholeAt(info, 2, "an offset"));
  const View target = bytesAt(info, 3, "what is read into");
  const Stretch source = stretchOf(info, stream, 1, offset, target.length);
  auto held = std::make_shared<Held>(info.Env(), engine_, target, target.length, true);
  return streamPromise(info.Env(), stream, [&stream, source, held, bytes = target.length]() mutable -> Mailbox::Value {
    stream.read(held->data(), source.address, bytes, stream.closing());
    return [held = std::move(held)](Napi::Env env) { return env.Undefined(); };
  });
}

/// copy(stream, memory, offset, from, fromOffset, bytes): within the device
Napi::Value Cuda::copy(Info info) {
  Stream& stream = streamOf(info, 0);
  const std::size_t bytes = std::size_t(wholeAt(info, 5, "a number of bytes"));
  const Stretch target = stretchOf(info, stream, 1, std::size_t(wholeAt(info, 2, "an offset")), bytes);
  const Stretch source = stretchOf(info, stream, 3, std::size_t(wholeAt(info, 4, "an offset")), bytes);
  stream.soon([&stream, target, source, bytes] { stream.copy(target.address, source.address, bytes); });
  return info.Env().Undefined();
}

Cuda::Peering Cuda::peeringOf(Info info) {
  Stream& stream = streamOf(info, 0);
  const std::size_t bytes = std::size_t(wholeAt(info, 5, "a number of bytes"));
  const Stretch target = stretchOf(info, stream, 1, std::size_t(wholeAt(info, 2, "an offset")), bytes);
  const Context& peer = take<Shared<Allocation>>(info, 3, "device memory")->stream().context();
  return {stream, target, stretchOf(info, peer, 3, std::size_t(wholeAt(info, 4, "an offset")), bytes), bytes};
}

/// copyPeer(stream, memory, offset, from, fromOffset, bytes): from another device that this one reaches
Napi::Value Cuda::copyPeer(Info info) {
  const Peering peering = peeringOf(info);
  peering.stream.now(endOf(info.Env()), [&] { peering.command(); });
  return info.Env().Undefined();
}

/// copyPeerLater(…) → promise: that the command was given
Napi::Value Cuda::copyPeerLater(Info info) {
  const Peering peering = peeringOf(info);
  return streamPromise(info.Env(), peering.stream, [peering]() -> Mailbox::Value {
    peering.command();
    return nullptr;
  });
}

/// fill(stream, memory, offset, count, value, unit): `count` units of 1 or 4 bytes
Napi::Value Cuda::fill(Info info) {
  Stream& stream = streamOf(info, 0);
  const std::size_t offset = std::size_t(wholeAt(info, 2, "an offset"));
  const unsigned unit = unsigned(wholeAt(info, 5, "a unit's bytes", 4));
  if (unit != 1 && unit != 4) throw Napi::RangeError::New(info.Env(), "a unit has 1 or 4 bytes");
  const std::size_t count = std::size_t(wholeAt(info, 3, "a number of units", double(std::uint64_t(1) << 50)));
  const unsigned value = unsigned(wholeAt(info, 4, "a unit's value", unit == 1 ? 255 : 4294967295.0));
  const Stretch target = stretchOf(info, stream, 1, offset, count * unit);
  if (target.address % unit != 0) throw Napi::RangeError::New(info.Env(), "the memory to fill is not aligned to its units");
  stream.soon([&stream, target, value, count, unit] { stream.fill(target.address, value, count, unit); });
  return info.Env().Undefined();
}

// --- running -------------------------------------------------------------------------------------------------------

/// launch(stream, function, grid, block, sharedBytes, parameters)
Napi::Value Cuda::launch(Info info) {
  Stream& stream = streamOf(info, 0);
  const auto function = take<Shared<Function>>(info, 1, "a function");
  if (&function->context() != &stream.context()) throw Napi::TypeError::New(info.Env(), "the function and the stream are of different devices");
  Stream::Launch shape{};
  extentAt(info, 2, "a grid", shape.grid);
  extentAt(info, 3, "a block", shape.block);
  shape.sharedBytes = unsigned(wholeAt(info, 4, "bytes of shared memory", 4294967295.0));
  const View bytes = bytesAt(info, 5, "the parameters");
  if (bytes.length > MOST_PARAMETER_BYTES)
    throw Napi::RangeError::New(info.Env(), "a kernel takes at most " + std::to_string(MOST_PARAMETER_BYTES) + " bytes of parameters, not " + std::to_string(bytes.length));
  stream.soon([&stream, function, shape, parameters = std::string(static_cast<const char*>(bytes.data), bytes.length)] {
    stream.launch(*function, shape, parameters.data(), parameters.size());
  });
  return info.Env().Undefined();
}

/// synchronise(stream): waits for all that was given
Napi::Value Cuda::synchronise(Info info) {
  Stream& stream = streamOf(info, 0);
  const GiveUp giveUp = endOf(info.Env());
  stream.now(giveUp, [&] { stream.finish(giveUp); });
  return info.Env().Undefined();
}

/// synchroniseLater(stream) → promise
Napi::Value Cuda::synchroniseLater(Info info) {
  Stream& stream = streamOf(info, 0);
  return streamPromise(info.Env(), stream, [&stream]() -> Mailbox::Value {
    stream.finish(stream.closing());
    return nullptr;
  });
}

/// flag(context) → { flag, address }: a 32-bit word, 0, for kernels to look at; at the end of the environment it becomes 1
Napi::Value Cuda::flag(Info info) {
  const auto flag = std::make_shared<Flag>(*take<Context*>(info, 0, "a context"));
  Napi::Object result = Napi::Object::New(info.Env());
  result.Set("address", Napi::BigInt::New(info.Env(), std::uint64_t(flag->address())));
  result.Set("flag", give(info.Env(), flag));
  return result;
}

/// raise(flag, value)
Napi::Value Cuda::raise(Info info) {
  take<Shared<Flag>>(info, 0, "a flag")->set(int(wholeAt(info, 1, "a flag's value", 2147483647)));
  return info.Env().Undefined();
}

/// event(context, timed) → event
Napi::Value Cuda::event(Info info) {
  Context& context = *take<Context*>(info, 0, "a context");
  return give(info.Env(), std::make_shared<Event>(context, info[1].ToBoolean()));
}

/// record(stream, event)
Napi::Value Cuda::record(Info info) {
  Stream& stream = streamOf(info, 0);
  const auto event = take<Shared<Event>>(info, 1, "an event");
  if (&event->context() != &stream.context()) throw Napi::TypeError::New(info.Env(), "the event and the stream are of different devices");
  // Settled when the command has run or is dropped.
  const Shared<void> announcement(nullptr, [event, recording = event->announce()](void*) { event->settle(recording); });
  stream.soon([&stream, event, announcement] { stream.record(*event); });
  return info.Env().Undefined();
}

/// wait(stream, event): what is given to the stream from now on waits for that
Napi::Value Cuda::wait(Info info) {
  Stream& stream = streamOf(info, 0);
  const auto event = take<Shared<Event>>(info, 1, "an event");
  const unsigned long long last = event->pending();
  const auto command = [&stream, event, last] { stream.await(*event, last, stream.closing()); };
  // Here this thread must not wait for another's.
  if (last > 0)
    stream.later(command);
  else
    stream.soon(command);
  return info.Env().Undefined();
}

/// elapsed(from, to) → milliseconds between two timed events that have come to pass
Napi::Value Cuda::elapsed(Info info) {
  const auto from = take<Shared<Event>>(info, 0, "an event");
  const auto to = take<Shared<Event>>(info, 1, "an event");
  Context& context = from->context();
  float milliseconds = 0;
  const Context::Entered entered = context.enter();
  context.check("cuEventElapsedTime", context.api().eventElapsedTime(&milliseconds, from->handle(), to->handle()));
  return Napi::Number::New(info.Env(), double(milliseconds));
}

}  // namespace dotcompute::cuda
