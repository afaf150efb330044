#include "engine.hpp"

#include <new>

#include "process-symbols.hpp"

namespace dotcompute {

namespace {

/// What Node-API needs to know to free memory of ours.
struct Loan {
  Engine::Free release;
  std::size_t bytes;
};

/// Engines that keep all array memory in a cage of their own refuse every external buffer; the others lend this byte.
bool allowsExternal(napi_env env) {
  static char byte;
  napi_value buffer;
  return napi_create_external_arraybuffer(env, &byte, 1, [](napi_env, void*, void*) {}, nullptr, &buffer) == napi_ok;
}

}  // namespace

Engine::Engine(napi_env env) : external_(allowsExternal(env)) {
  find(bufferStore_, "_ZN2v811ArrayBuffer15GetBackingStoreEv");
  find(sharedStore_, "_ZN2v817SharedArrayBuffer15GetBackingStoreEv");
  find(isResizable_, "_ZNK2v812BackingStore27IsResizableByUserJavaScriptEv");
  find(newStore_, "_ZN2v811ArrayBuffer15NewBackingStoreEPvmPFvS1_mS1_ES1_");
  find(destroyStore_, "_ZN2v812BackingStoreD1Ev");
  find(currentIsolate_, "_ZN2v87Isolate10GetCurrentEv");
  find(newBuffer_, "_ZN2v811ArrayBuffer3NewEPNS_7IsolateESt10shared_ptrINS_12BackingStoreEE");
#if defined(__GLIBCXX__)
  // That last name holds the name of the engine's shared_ptr: its presence proves that it is the one compiled in here.
  const bool sameLibrary = newBuffer_ != nullptr;
#else
  const bool sameLibrary = false;
#endif
  pin_ = sameLibrary && bufferStore_ && sharedStore_ && isResizable_;
  stores_ = sameLibrary && external_ && newStore_ && destroyStore_ && currentIsolate_;
}

void Engine::forgo(bool pinning, bool stores, bool externals) {
  pin_ = pin_ && !pinning;
  stores_ = stores_ && !stores && !externals;
  external_ = external_ && !externals;
}

Engine::Store Engine::storeOf(napi_env env, napi_value buffer) const {
  bool own = false;
  napi_is_arraybuffer(env, buffer, &own);
  return own ? bufferStore_(buffer) : sharedStore_(buffer);
}

bool Engine::isShrinkable(napi_env env, napi_value buffer, const Store& store) const {
  bool own = false;  // shared buffers only grow
  napi_is_arraybuffer(env, buffer, &own);
  return own && isResizable_(store.get());
}

napi_value Engine::adopt(napi_env env, void* data, std::size_t bytes, Free release) const {
  if (stores_) {
    v8::BackingStore* store = newStore_(data, bytes, release, nullptr).store;
    const auto destroy = destroyStore_;
    return newBuffer_(currentIsolate_(), Store(store, [destroy](v8::BackingStore* ended) {
                        destroy(ended);
                        ::operator delete(static_cast<void*>(ended));
                      }));
  }
  if (!external_ || bytes > 0xffffffff) return nullptr;  // Node's buffers hold no more
  auto loan = std::make_unique<Loan>(Loan{release, bytes});
  napi_value buffer;
  const napi_status status = napi_create_external_arraybuffer(
      env, data, bytes,
      [](napi_env, void* memory, void* hint) {
        const std::unique_ptr<Loan> ended(static_cast<Loan*>(hint));
        ended->release(memory, ended->bytes, nullptr);
      },
      loan.get(), &buffer);
  if (status != napi_ok) return nullptr;
  loan.release();
  return buffer;
}

void stayLoaded() {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&stayLoaded), &self) != 0) dlopen(self.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace dotcompute
