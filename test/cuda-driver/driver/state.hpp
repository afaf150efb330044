// All that the stand-in driver holds: devices, contexts and their handles, memory, counters. One lock guards it, since tests
// care for order and not for speed.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "../ptx/machine.hpp"
#include "api.hpp"
#include "settings.hpp"
#include "streams.hpp"

namespace driver {

struct LoadedModule;

struct LoadedFunction {
  LoadedModule* module;
  const ptx::Procedure* procedure;
  std::uint32_t staticShared;
  std::uint32_t mostDynamicShared;
};

struct LoadedModule {
  Context* context;
  ptx::Program program;
  unsigned version;  // of PTX, as 90 for 9.0
  std::vector<Address> variables;
  std::map<std::string, std::unique_ptr<LoadedFunction>> functions;
};

/// The primary context of a device; another one comes after the last release.
class Context {
 public:
  explicit Context(int device) : device(device), defaultStream(std::make_shared<Timeline>(*this, true)) {}

  const int device;
  unsigned references = 0;
  bool destroyed = false;
  Result sticky = SUCCESS;  // of a kernel that ended badly: every later call's result
  std::set<int> peers;      // devices whose memory kernels here may access
  std::set<int> poolPeers;  // devices that may access this one's pool
  std::shared_ptr<Timeline> defaultStream;
  std::map<void*, std::unique_ptr<Stream>> streams;
  std::map<void*, std::unique_ptr<LoadedModule>> modules;

  /// Adds work to a stream, in order with the default one; runs it at once unless deferred.
  void submit(Timeline& timeline, std::function<void()> work);
  /// Runs everything, in deferred mode the streams' work in an order by the seed.
  void synchronise();
  bool idle() const;
};

/// What memory is whose stream has not come to its allocation: an event must order other streams behind that.
inline constexpr const char* PENDING = "memory that the stream it was allocated in has not come to yet.";

struct Counters {
  ptx::Counts kernels;
  std::uint64_t launches = 0;
  std::uint64_t allocations = 0;  // ever made
  std::uint64_t peakBytes = 0;
  std::uint64_t modulesLoaded = 0;
  std::uint64_t bytesToDevice = 0;
  std::uint64_t bytesToHost = 0;
  std::uint64_t bytesOnDevice = 0;  // copied from device memory to device memory
  std::uint64_t bytesBetween = 0;   // of these, from one device to another
};

/// What a device's pool keeps for later.
struct Kept {
  std::uint64_t threshold = 0;
  std::multiset<std::uint64_t> pieces;
  std::uint64_t bytes() const;
  /// Gives back the largest first, down to so many bytes.
  void trim(std::uint64_t most);
};

/// How often something has happened since a setting that counts it was made.
struct Occasions {
  std::uint64_t allocations = 0;
  std::uint64_t launches = 0;
  std::uint64_t sticky = 0;
  std::uint64_t losses = 0;
  std::uint64_t modules = 0;
  std::uint64_t records = 0;
  std::uint64_t queries = 0;
  std::uint64_t peers = 0;
  std::uint64_t peerCopies = 0;
};

class State {
 public:
  static State& get();

  std::recursive_mutex lock;
  Settings settings = settingsFromEnvironment();
  bool initialised = false;
  ptx::Memory memory;
  std::array<std::unique_ptr<Context>, ptx::MOST_DEVICES> contexts;
  std::vector<std::unique_ptr<Context>> graveyard;  // destroyed contexts, whose handles must be recognised
  std::set<int> lost;                               // devices that have disappeared
  std::map<void*, std::unique_ptr<Event>> events;
  std::array<Kept, ptx::MOST_DEVICES> kept;
  Counters counters;
  Occasions occasions;
  ptx::Random random{1};
  std::string lastFault;
  std::string failedCall;  // the call that failCall has let fail; empty if none
  std::vector<const char*> calls;  // since failCall was set

  void checkDevice(int device) const;
  Context& contextOf(void* handle);
  Context* find(void* handle);
  /// The calling thread's context, fit for use. Throws Failure.
  Context& current();
  std::vector<Context*>& stack();
  Timeline& timelineOf(Context& context, void* stream);
  /// Null for an unknown handle is INVALID_HANDLE.
  Event& eventOf(void* handle);
  LoadedModule& moduleOf(void* handle);
  LoadedFunction& functionOf(void* handle);
  Address allocate(int device, std::size_t bytes);
  void destroy(Context& context);
  void fault(Context& context, Result result, const std::string& what);
  std::uint64_t allocated() const;
  /// What this call fails with because the test asked for it; else SUCCESS.
  Result askedFailure(const char* call);
};

/// Whether a call gives something back or leaves a context: a real one has done so even where it tells of an earlier failure.
bool givesBack(const char* call);

/// Runs the body of an exported function, the one that calls this: under the lock, failures as results.
template <class F>
Result entry(F body, bool needsInit = true, const char* call = __builtin_FUNCTION()) {
  State& state = State::get();
  const std::lock_guard guard(state.lock);
  if (needsInit && !state.initialised) return NOT_INITIALIZED;
  const Result asked = state.askedFailure(call);
  if (asked != SUCCESS && !givesBack(call)) return asked;
  try {
    body(state);
    return asked;
  } catch (const Failure& failure) {
    return failure.result;
  } catch (const std::bad_alloc&) {
    return OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    state.lastFault = error.what();
    return UNKNOWN;
  }
}

inline void require(bool holds, Result otherwise = INVALID_VALUE) {
  if (!holds) throw Failure{otherwise};
}

}  // namespace driver
