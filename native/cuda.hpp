// The addon's CUDA half, as JavaScript sees it: numbers for handles, checked on every call, and promises for what may take
// long. Knows nothing of kernels: it compiles text, moves bytes, and launches functions with the parameters it is given.
#pragma once

#include <napi.h>

#include <exception>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cuda-libraries.hpp"
#include "cuda-mailbox.hpp"
#include "cuda-stream.hpp"
#include "engine.hpp"
#include "runs.hpp"

namespace dotcompute::cuda {

/// Of one environment. Everything is used on its thread, but for the tasks it hands to threads.
class Cuda {
 public:
  explicit Cuda(const Engine& engine) : engine_(engine) {}
  ~Cuda() { close(); }
  Cuda(const Cuda&) = delete;
  Cuda& operator=(const Cuda&) = delete;

  /// The object with the methods below. Costs nothing until it is asked for.
  Napi::Value object(Napi::Env env);
  /// Ends all threads and gives everything back. For the end of the environment or the process.
  void close();

 private:
  template <typename Thing>
  using Shared = std::shared_ptr<Thing>;
  using Handle = std::variant<Shared<const Driver>, Shared<const Nvrtc>, Context*, Stream*, Shared<Allocation>, Shared<Module>, Shared<Function>, Shared<Event>, Shared<Flag>>;
  using Info = const Napi::CallbackInfo&;
  using Method = Napi::Value (Cuda::*)(Info);

  const Engine& engine_;
  Napi::ObjectReference object_;
  bool closed_ = false;
  double lastHandle_ = 0;
  Mailbox mailbox_;
  Executor compilers_{4};
  // In the order in which they are made: streams end before their contexts, handles before both.
  std::vector<std::unique_ptr<Context>> contexts_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Stream*> spare_;
  std::map<double, Handle> handles_;

  // Each is described, with its arguments, in src/backends/cuda/native.ts.
  Napi::Value openDriver(Info info);
  Napi::Value openCompiler(Info info);
  Napi::Value devices(Info info);
  Napi::Value context(Info info);
  Napi::Value lost(Info info);
  Napi::Value memory(Info info);
  Napi::Value usage(Info info);
  Napi::Value allow(Info info);
  Napi::Value limit(Info info);
  Napi::Value trim(Info info);
  Napi::Value canReach(Info info);
  Napi::Value reach(Info info);
  Napi::Value stream(Info info);
  Napi::Value module(Info info);
  Napi::Value moduleLater(Info info);
  Napi::Value function(Info info);
  Napi::Value occupancy(Info info);
  Napi::Value allowSharedBytes(Info info);
  Napi::Value allocate(Info info);
  Napi::Value release(Info info);
  Napi::Value write(Info info);
  Napi::Value writeLater(Info info);
  Napi::Value read(Info info);
  Napi::Value readLater(Info info);
  Napi::Value copy(Info info);
  Napi::Value copyPeer(Info info);
  Napi::Value copyPeerLater(Info info);
  Napi::Value fill(Info info);
  Napi::Value launch(Info info);
  Napi::Value synchronise(Info info);
  Napi::Value synchroniseLater(Info info);
  Napi::Value flag(Info info);
  Napi::Value raise(Info info);
  Napi::Value event(Info info);
  Napi::Value record(Info info);
  Napi::Value wait(Info info);
  Napi::Value elapsed(Info info);
  Napi::Value compile(Info info);
  Napi::Value compileLater(Info info);

  void add(Napi::Object object, const char* name, Method method);
  Napi::Value give(Napi::Env env, Handle handle);
  template <typename Thing>
  Thing take(Info info, std::size_t place, const char* what);
  Stream& streamOf(Info info, std::size_t place);
  /// A stretch of an allocation of the stream's context. Throws Napi::RangeError if it is not within.
  struct Stretch {
    Shared<Allocation> allocation;
    Address address;
  };
  Stretch stretchOf(Info info, const Context& context, std::size_t place, std::size_t offset, std::size_t bytes);
  Stretch stretchOf(Info info, Stream& stream, std::size_t place, std::size_t offset, std::size_t bytes) { return stretchOf(info, stream.context(), place, offset, bytes); }
  /// A copy from another device's memory to the stream's.
  struct Peering {
    Stream& stream;
    Stretch target, source;
    std::size_t bytes;
    void command() const { stream.copyPeer(target.address, source.allocation->stream().context(), source.address, bytes); }
  };
  Peering peeringOf(Info info);

  /// Hands a task over that fulfils the promise it gives, and holds on to things until then.
  template <typename Work>
  Napi::Value promise(Napi::Env env, Executor& executor, Work work);
  template <typename Command>
  Napi::Value streamPromise(Napi::Env env, Stream& stream, Command command);
};

template <typename Thing>
Thing Cuda::take(Info info, std::size_t place, const char* what) {
  if (info[place].IsNumber()) {
    const auto found = handles_.find(info[place].As<Napi::Number>().DoubleValue());
    if (found != handles_.end())
      if (const Thing* const thing = std::get_if<Thing>(&found->second)) return *thing;
  }
  throw Napi::TypeError::New(info.Env(), "argument " + std::to_string(place + 1) + " is not the handle of " + what + ", or that has been released");
}

template <typename Work>
Napi::Value Cuda::promise(Napi::Env env, Executor& executor, Work work) {
  const Mailbox::Promised promised = mailbox_.begin(env);
  try {
    executor.add([this, ticket = promised.ticket, work = std::move(work)]() mutable {
      try {
        mailbox_.resolve(ticket, work());
      } catch (const Failure& failure) {
        mailbox_.reject(ticket, failure);
      } catch (const std::exception& error) {
        mailbox_.reject(ticket, Failure(Kind::Resource, "", 0, "", error.what()));
      }
    });
  } catch (...) {
    mailbox_.withdraw(env, promised.ticket);
    throw;
  }
  return Napi::Value(env, promised.promise);
}

/// The command gives the promise's value; an earlier failure that nobody has heard of takes its place.
template <typename Command>
Napi::Value Cuda::streamPromise(Napi::Env env, Stream& stream, Command command) {
  return promise(env, stream.queue(), [&stream, command = std::move(command)]() mutable -> Mailbox::Value {
    stream.raise();
    return command();
  });
}

}  // namespace dotcompute::cuda
