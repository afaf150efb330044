// Contexts, and which one a thread uses.
#include "state.hpp"

using namespace driver;

ENTRY Result cuDevicePrimaryCtxRetain(void** context, int device) {
  return entry([=](State& state) {
    require(context);
    state.checkDevice(device);
    require(!state.lost.contains(device), DEVICE_UNAVAILABLE);
    auto& own = state.contexts[static_cast<std::size_t>(device)];
    if (!own) own = std::make_unique<Context>(device);
    own->references++;
    *context = own.get();
  });
}

ENTRY Result cuDevicePrimaryCtxRelease_v2(int device) {
  return entry([=](State& state) {
    state.checkDevice(device);
    auto& own = state.contexts[static_cast<std::size_t>(device)];
    require(own && own->references > 0, INVALID_CONTEXT);
    if (--own->references == 0) state.destroy(*own);
  });
}

ENTRY Result cuDevicePrimaryCtxReset_v2(int device) {
  return entry([=](State& state) {
    state.checkDevice(device);
    auto& own = state.contexts[static_cast<std::size_t>(device)];
    if (own) state.destroy(*own);
  });
}

ENTRY Result cuCtxSetCurrent(void* context) {
  return entry([=](State& state) {
    auto& stack = state.stack();
    if (!stack.empty()) stack.pop_back();
    if (context) stack.push_back(&state.contextOf(context));
  });
}

ENTRY Result cuCtxGetCurrent(void** context) {
  return entry([=](State& state) { require(context), *context = state.stack().empty() ? nullptr : state.stack().back(); });
}

ENTRY Result cuCtxPushCurrent_v2(void* context) {
  return entry([=](State& state) { state.stack().push_back(&state.contextOf(context)); });
}

ENTRY Result cuCtxPopCurrent_v2(void** context) {
  return entry([=](State& state) {
    require(!state.stack().empty(), INVALID_CONTEXT);
    if (context) *context = state.stack().back();
    state.stack().pop_back();
  });
}

ENTRY Result cuCtxGetDevice(int* device) {
  return entry([=](State& state) {
    require(device);
    require(!state.stack().empty(), INVALID_CONTEXT);
    *device = state.contextOf(state.stack().back()).device;
  });
}

ENTRY Result cuCtxSynchronize() {
  return entry([](State& state) {
    Context& context = state.current();
    context.synchronise();
    require(context.sticky == SUCCESS, context.sticky);
  });
}

ENTRY Result cuCtxEnablePeerAccess(void* peer, unsigned flags) {
  return entry([=](State& state) {
    require(flags == 0);
    Context& context = state.current();
    Context& other = state.contextOf(peer);
    require(context.device != other.device, INVALID_DEVICE);
    require(state.settings.peers != 0, PEER_ACCESS_UNSUPPORTED);
    if (state.settings.failPeer) require(++state.occasions.peers != state.settings.failPeer, TOO_MANY_PEERS);
    require(context.peers.insert(other.device).second, PEER_ACCESS_ALREADY_ENABLED);
  });
}
