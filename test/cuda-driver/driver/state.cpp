#include "state.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>

namespace driver {

void Context::submit(Timeline& timeline, std::function<void()> work) {
  std::vector<Point> after;
  if (&timeline == defaultStream.get()) {
    for (const auto& [handle, stream] : streams)
      if (stream->timeline->blocking) after.push_back(stream->timeline->end());
  } else if (timeline.blocking) {
    after.push_back(defaultStream->end());
  }
  timeline.add(std::move(work), std::move(after));
  if (!State::get().settings.deferred) timeline.end().reach();
}

bool Context::idle() const {
  return defaultStream->idle() && std::all_of(streams.begin(), streams.end(), [](const auto& entry) { return entry.second->timeline->idle(); });
}

void Context::synchronise() {
  ptx::Random& random = State::get().random;
  while (!idle()) {
    std::vector<Timeline*> busy;
    if (!defaultStream->idle()) busy.push_back(defaultStream.get());
    for (const auto& [handle, stream] : streams)
      if (!stream->timeline->idle()) busy.push_back(stream->timeline.get());
    Timeline& chosen = *busy[random.below(static_cast<std::uint32_t>(busy.size()))];
    chosen.runUntil(chosen.finished() + 1);
  }
}

/// Never destroyed: other threads may still call when the process ends.
State& State::get() {
  static State* const state = new State;
  return *state;
}

std::vector<Context*>& State::stack() {
  thread_local std::vector<Context*> contexts;
  return contexts;
}

void State::checkDevice(int device) const {
  require(device >= 0 && static_cast<std::uint64_t>(device) < settings.devices, INVALID_DEVICE);
}

Context* State::find(void* handle) {
  for (const auto& context : contexts)
    if (context.get() == handle && handle) return context.get();
  for (const auto& context : graveyard)
    if (context.get() == handle) return context.get();
  return nullptr;
}

Context& State::contextOf(void* handle) {
  Context* context = find(handle);
  require(context, INVALID_CONTEXT);
  require(!context->destroyed, CONTEXT_IS_DESTROYED);
  return *context;
}

Context& State::current() {
  require(!stack().empty() && stack().back(), INVALID_CONTEXT);
  Context& context = contextOf(stack().back());
  require(!lost.contains(context.device), DEVICE_UNAVAILABLE);
  require(context.sticky == SUCCESS, context.sticky);
  return context;
}

Timeline& State::timelineOf(Context& context, void* stream) {
  // 0, and the names of the legacy stream and of a thread's own, which is the same here.
  const auto number = reinterpret_cast<std::uintptr_t>(stream);
  if (number <= 2) return *context.defaultStream;
  const auto found = context.streams.find(stream);
  require(found != context.streams.end(), INVALID_HANDLE);
  return *found->second->timeline;
}

Event& State::eventOf(void* handle) {
  const auto found = events.find(handle);
  require(found != events.end(), INVALID_HANDLE);
  return *found->second;
}

LoadedModule& State::moduleOf(void* handle) {
  for (const auto& context : contexts) {
    if (!context) continue;
    const auto found = context->modules.find(handle);
    if (found != context->modules.end()) return *found->second;
  }
  throw Failure{INVALID_HANDLE};
}

LoadedFunction& State::functionOf(void* handle) {
  for (const auto& context : contexts) {
    if (!context) continue;
    for (const auto& [at, module] : context->modules)
      for (const auto& [name, function] : module->functions)
        if (function.get() == handle) return *function;
  }
  throw Failure{INVALID_HANDLE};
}

std::uint64_t Kept::bytes() const {
  std::uint64_t sum = 0;
  for (const std::uint64_t piece : pieces) sum += piece;
  return sum;
}

void Kept::trim(std::uint64_t most) {
  while (!pieces.empty() && bytes() > most) pieces.erase(std::prev(pieces.end()));
}

std::uint64_t State::allocated() const {
  std::uint64_t bytes = 0;
  for (unsigned device = 0; device < ptx::MOST_DEVICES; device++) bytes += memory.used(static_cast<int>(device));
  return bytes;
}

Address State::allocate(int device, std::size_t bytes) {
  require(bytes > 0);
  counters.allocations++;
  const std::uint64_t number = ++occasions.allocations;
  const std::uint64_t first = settings.failAllocation;
  require(first == 0 || number < first || number >= first + settings.failAllocations, OUT_OF_MEMORY);
  // A piece that is kept serves what is not much smaller.
  auto& kept = this->kept[static_cast<std::size_t>(device)];
  if (const auto piece = kept.pieces.lower_bound(bytes); piece != kept.pieces.end() && *piece <= 2 * bytes) kept.pieces.erase(piece);
  const auto fits = [&] { return bytes <= settings.memory && memory.used(device) + kept.bytes() <= settings.memory - bytes; };
  // A real driver waits for the frees that are still to come in its streams.
  if (!fits()) contexts[static_cast<std::size_t>(device)]->synchronise();
  require(fits(), OUT_OF_MEMORY);
  const auto address = memory.allocate(device, bytes);
  require(address.has_value(), OUT_OF_MEMORY);
  counters.peakBytes = std::max(counters.peakBytes, allocated());
  return *address;
}

void State::destroy(Context& context) {
  if (!lost.contains(context.device)) context.synchronise();
  context.defaultStream->abandon();
  for (auto& [handle, stream] : context.streams) stream->timeline->abandon();
  std::erase_if(events, [&](const auto& entry) { return entry.second->context == &context; });
  context.modules.clear();
  context.streams.clear();
  memory.releaseDevice(context.device);
  context.destroyed = true;
  graveyard.push_back(std::move(contexts[static_cast<std::size_t>(context.device)]));
}

Result State::askedFailure(const char* call) {
  // What only tests call does not count.
  if (settings.failCall == 0 || std::strncmp(call, "cu", 2) != 0) return SUCCESS;
  calls.push_back(call);
  if (calls.size() != settings.failCall) return SUCCESS;
  failedCall = call;
  const auto result = static_cast<Result>(settings.failCallResult);
  Context* const context = stack().empty() ? nullptr : find(stack().back());
  if (context && result == DEVICE_UNAVAILABLE) lost.insert(context->device);
  if (context && (result == ILLEGAL_ADDRESS || result == LAUNCH_FAILED)) context->sticky = result;
  return result;
}

bool givesBack(const char* call) {
  for (const char* const word : {"Free", "Destroy", "Unload", "Release", "Unregister", "PopCurrent"})
    if (std::strstr(call, word)) return true;
  return false;
}

void State::fault(Context& context, Result result, const std::string& what) {
  context.sticky = result;
  lastFault = what;
  if (settings.log) std::fprintf(stderr, "%s: %s\n", DEVICE_NAME, what.c_str());
}

}  // namespace driver
