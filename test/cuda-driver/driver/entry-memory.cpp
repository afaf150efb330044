// Memory and copies.
#include <cstring>
#include <string>
#include <vector>

#include "state.hpp"

using namespace driver;

/// CUmemAccessDesc.
struct PoolAccess {
  int kind;
  int device;
  int flags;
};

namespace {

/// The host's view of device memory that must all be there.
std::byte* hostOf(const ptx::Memory& memory, Address address, std::size_t bytes) {
  const ptx::Region* region = memory.find(address, bytes);
  return region ? region->host + (address - region->begin) : nullptr;
}

bool pinned(const ptx::Memory& memory, const void* host, std::size_t bytes) {
  const ptx::Region* region = memory.find(reinterpret_cast<std::uint64_t>(host), bytes);
  return region && region->device == ptx::HOST;
}

/// What was there when the copy was ordered may be gone when it runs: that is the caller's error.
template <class F>
void withDevice(State& state, Context& context, Address address, std::size_t bytes, F copy) {
  std::byte* device = hostOf(state.memory, address, bytes);
  if (device && state.memory.find(address, bytes)->pending) state.fault(context, ILLEGAL_ADDRESS, std::string("A copy or fill of ") + PENDING);
  else if (device) copy(device);
  else state.fault(context, ILLEGAL_ADDRESS, "A copy or fill of memory that was freed before it ran.");
}

void toDevice(void* stream, Address to, const void* from, std::size_t bytes, bool waits) {
  State& state = State::get();
  Context& context = state.current();
  Timeline& timeline = state.timelineOf(context, stream);
  if (bytes == 0) return;
  require(from && hostOf(state.memory, to, bytes));
  state.counters.bytesToDevice += bytes;
  // A driver copies pageable memory aside before it returns.
  std::vector<std::byte> staged;
  if (!pinned(state.memory, from, bytes)) {
    const auto* first = static_cast<const std::byte*>(from);
    staged.assign(first, first + bytes);
  }
  context.submit(timeline, [&state, &context, to, from, bytes, staged = std::move(staged)] {
    withDevice(state, context, to, bytes, [&](std::byte* device) { std::memcpy(device, staged.empty() ? from : staged.data(), bytes); });
  });
  if (waits) timeline.end().reach();
  if (waits) require(context.sticky == SUCCESS, context.sticky);
}

void toHost(void* stream, void* to, Address from, std::size_t bytes, bool waits) {
  State& state = State::get();
  Context& context = state.current();
  Timeline& timeline = state.timelineOf(context, stream);
  if (bytes == 0) return;
  require(to && hostOf(state.memory, from, bytes));
  state.counters.bytesToHost += bytes;
  context.submit(timeline, [&state, &context, to, from, bytes] {
    withDevice(state, context, from, bytes, [&](const std::byte* device) { std::memcpy(to, device, bytes); });
  });
  // Into pageable memory a driver returns when it is there.
  if (!waits && pinned(state.memory, to, bytes)) return;
  timeline.end().reach();
  require(context.sticky == SUCCESS, context.sticky);
}

void onDevice(void* stream, Address to, Address from, std::size_t bytes, bool waits) {
  State& state = State::get();
  Context& context = state.current();
  Timeline& timeline = state.timelineOf(context, stream);
  if (bytes == 0) return;
  require(hostOf(state.memory, to, bytes) && hostOf(state.memory, from, bytes));
  state.counters.bytesOnDevice += bytes;
  context.submit(timeline, [&state, &context, to, from, bytes] {
    withDevice(state, context, from, bytes, [&](const std::byte* source) {
      withDevice(state, context, to, bytes, [&](std::byte* target) { std::memmove(target, source, bytes); });
    });
  });
  if (waits) timeline.end().reach();
  if (waits) require(context.sticky == SUCCESS, context.sticky);
}

template <class T>
void fill(void* stream, Address to, T value, std::size_t count) {
  State& state = State::get();
  Context& context = state.current();
  Timeline& timeline = state.timelineOf(context, stream);
  if (count == 0) return;
  require(to % sizeof(T) == 0 && hostOf(state.memory, to, count * sizeof(T)));
  context.submit(timeline, [&state, &context, to, value, count] {
    withDevice(state, context, to, count * sizeof(T), [&](std::byte* device) {
      for (std::size_t i = 0; i < count; i++) std::memcpy(device + i * sizeof(T), &value, sizeof(T));
    });
  });
}

void freeNow(State& state, Address address) {
  const ptx::Region* region = state.memory.at(address);
  require(region && region->device != ptx::HOST);
  state.memory.release(address);
}

}  // namespace

ENTRY Result cuMemAlloc_v2(Address* address, std::size_t bytes) {
  return entry([=](State& state) {
    require(address);
    *address = state.allocate(state.current().device, bytes);
  });
}

ENTRY Result cuMemFree_v2(Address address) {
  return entry([=](State& state) {
    Context& context = state.current();
    if (address == 0) return;
    context.synchronise();
    freeNow(state, address);
  });
}

ENTRY Result cuMemGetInfo_v2(std::size_t* free, std::size_t* total) {
  return entry([=](State& state) {
    require(free && total);
    const std::uint64_t used = state.memory.used(state.current().device);
    *total = state.settings.memory;
    *free = used < *total ? *total - used : 0;
  });
}

ENTRY Result cuMemAllocAsync(Address* address, std::size_t bytes, void* stream) {
  return entry([=](State& state) {
    require(address);
    require(state.settings.pools, NOT_SUPPORTED);
    Context& context = state.current();
    Timeline& timeline = state.timelineOf(context, stream);
    const Address begin = *address = state.allocate(context.device, bytes);
    state.memory.setPending(begin, true);
    context.submit(timeline, [&state, begin] { state.memory.setPending(begin, false); });
  });
}

ENTRY Result cuMemFreeAsync(Address address, void* stream) {
  return entry([=](State& state) {
    require(state.settings.pools, NOT_SUPPORTED);
    Context& context = state.current();
    Timeline& timeline = state.timelineOf(context, stream);
    const ptx::Region* const region = state.memory.at(address);
    require(region);
    context.submit(timeline, [&state, &context, address, bytes = region->end - region->begin] {
      if (!state.memory.release(address)) return state.fault(context, INVALID_VALUE, "Memory was freed twice.");
      if (!state.settings.keeps) return;
      Kept& kept = state.kept[static_cast<std::size_t>(context.device)];
      kept.pieces.insert(bytes);
      kept.trim(kept.threshold);
    });
  });
}

/// A device's pool is the device's memory.
ENTRY Result cuDeviceGetDefaultMemPool(void** pool, int device) {
  return entry([=](State& state) {
    require(pool);
    state.checkDevice(device);
    require(state.settings.pools, NOT_SUPPORTED);
    *pool = reinterpret_cast<void*>(static_cast<std::uintptr_t>(device) + 1);
  });
}

namespace {

Kept& keptIn(State& state, void* pool) {
  const auto device = reinterpret_cast<std::uintptr_t>(pool) - 1;
  state.checkDevice(static_cast<int>(device));
  return state.kept[device];
}

}  // namespace

ENTRY Result cuMemPoolSetAttribute(void* pool, int attribute, void* value) {
  return entry([=](State& state) {
    require(pool && value && attribute == 4);
    keptIn(state, pool).threshold = *static_cast<std::uint64_t*>(value);
  });
}

/// What is reserved, and what of it is used.
ENTRY Result cuMemPoolGetAttribute(void* pool, int attribute, void* value) {
  return entry([=](State& state) {
    require(pool && value && (attribute == 5 || attribute == 7));
    const std::uint64_t used = state.memory.used(static_cast<int>(reinterpret_cast<std::uintptr_t>(pool)) - 1);
    *static_cast<std::uint64_t*>(value) = attribute == 7 ? used : used + keptIn(state, pool).bytes();
  });
}

/// Lets devices use a device's pool.
ENTRY Result cuMemPoolSetAccess(void* pool, const PoolAccess* access, std::size_t count) {
  return entry([=](State& state) {
    require(pool && access && count > 0);
    const auto device = reinterpret_cast<std::uintptr_t>(pool) - 1;
    state.checkDevice(static_cast<int>(device));
    auto& own = state.contexts[device];
    require(own != nullptr, INVALID_CONTEXT);
    for (std::size_t i = 0; i < count; i++) {
      require(access[i].kind == 1 && access[i].flags == 3);
      state.checkDevice(access[i].device);
      own->poolPeers.insert(access[i].device);
    }
  });
}

ENTRY Result cuMemPoolTrimTo(void* pool, std::size_t most) {
  return entry([=](State& state) {
    require(pool);
    keptIn(state, pool).trim(most);
  });
}

ENTRY Result cuMemAllocHost_v2(void** host, std::size_t bytes) {
  return entry([=](State& state) {
    require(host && bytes > 0);
    state.current();
    *host = state.memory.allocateHost(bytes);
    require(*host, OUT_OF_MEMORY);
  });
}

ENTRY Result cuMemFreeHost(void* host) {
  return entry([=](State& state) {
    for (auto& context : state.contexts)
      if (context && !state.lost.contains(context->device)) context->synchronise();
    const ptx::Region* region = state.memory.at(reinterpret_cast<std::uint64_t>(host));
    require(region && region->device == ptx::HOST);
    require(state.memory.release(region->begin));
  });
}

ENTRY Result cuMemHostRegister_v2(void* host, std::size_t bytes, unsigned) {
  return entry([=](State& state) {
    require(host && bytes > 0);
    state.current();
    require(state.memory.registerHost(host, bytes), HOST_MEMORY_ALREADY_REGISTERED);
  });
}

ENTRY Result cuMemHostUnregister(void* host) {
  return entry([=](State& state) {
    state.current().synchronise();
    require(state.memory.unregisterHost(host), HOST_MEMORY_NOT_REGISTERED);
  });
}

ENTRY Result cuMemcpyHtoD_v2(Address to, const void* from, std::size_t bytes) {
  return entry([=](State&) { toDevice(nullptr, to, from, bytes, true); });
}
ENTRY Result cuMemcpyDtoH_v2(void* to, Address from, std::size_t bytes) {
  return entry([=](State&) { toHost(nullptr, to, from, bytes, true); });
}
ENTRY Result cuMemcpyDtoD_v2(Address to, Address from, std::size_t bytes) {
  return entry([=](State&) { onDevice(nullptr, to, from, bytes, false); });
}
ENTRY Result cuMemcpyHtoDAsync_v2(Address to, const void* from, std::size_t bytes, void* stream) {
  return entry([=](State&) { toDevice(stream, to, from, bytes, false); });
}
ENTRY Result cuMemcpyDtoHAsync_v2(void* to, Address from, std::size_t bytes, void* stream) {
  return entry([=](State&) { toHost(stream, to, from, bytes, false); });
}
ENTRY Result cuMemcpyDtoDAsync_v2(Address to, Address from, std::size_t bytes, void* stream) {
  return entry([=](State&) { onDevice(stream, to, from, bytes, false); });
}
ENTRY Result cuMemcpyPeerAsync(Address to, void* toContext, Address from, void* fromContext, std::size_t bytes, void* stream) {
  return entry([=](State& state) {
    const Context& target = state.contextOf(toContext);
    const Context& source = state.contextOf(fromContext);
    if (state.settings.failPeerCopy) require(++state.occasions.peerCopies != state.settings.failPeerCopy, OUT_OF_MEMORY);
    const ptx::Region* there = state.memory.find(to, bytes);
    const ptx::Region* here = state.memory.find(from, bytes);
    require(there && here && there->device == target.device && here->device == source.device);
    // A real driver goes through the host where it may not go straight: what is tested is that nobody relies on that.
    require(target.peers.contains(source.device) && (!state.settings.pools || source.poolPeers.contains(target.device)), PEER_ACCESS_NOT_ENABLED);
    state.counters.bytesBetween += bytes;
    onDevice(stream, to, from, bytes, false);
  });
}
ENTRY Result cuMemsetD8Async(Address to, unsigned char value, std::size_t count, void* stream) {
  return entry([=](State&) { fill(stream, to, value, count); });
}
ENTRY Result cuMemsetD32Async(Address to, unsigned value, std::size_t count, void* stream) {
  return entry([=](State&) { fill(stream, to, value, count); });
}
