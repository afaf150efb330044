// What V8 offers beyond Node-API, found at run time: keeping an ArrayBuffer's memory alive from another thread, and
// ArrayBuffers over memory of ours that can be transferred and are freed as soon as they are collected. Everything has a
// slower substitute where the engine lacks a symbol, so the addon stays one binary for all versions.
#pragma once

#include <node_api.h>

#include <cstddef>
#include <memory>

namespace v8 {
class BackingStore;
class Isolate;
}  // namespace v8

namespace dotcompute {

class Engine {
 public:
  using Store = std::shared_ptr<v8::BackingStore>;
  using Free = void (*)(void* data, std::size_t bytes, void* hint);

  explicit Engine(napi_env env);

  bool canPin() const { return pin_; }

  /// The memory of an ArrayBuffer or SharedArrayBuffer: it lives as long as the result does, even if the buffer is detached.
  Store storeOf(napi_env env, napi_value buffer) const;

  /// Whether scripts can shrink it, which takes pages away from under a running kernel.
  bool isShrinkable(napi_env env, napi_value buffer, const Store& store) const;

  /// An ArrayBuffer over memory of ours. Null if the engine forbids such buffers; the memory is then still the caller's.
  napi_value adopt(napi_env env, void* data, std::size_t bytes, Free release) const;

  /// Does without some of what the engine has; the tests of the substitutes use it.
  void forgo(bool pinning, bool stores, bool externals);

 private:
  // Members of V8's classes are called as free functions whose first argument is `this`, which for a handle is the
  // Node-API value. What V8 returns by unique_ptr is returned in memory, as OwnedStore is.
  struct OwnedStore {
    v8::BackingStore* store;
    ~OwnedStore() {}
  };
  Store (*bufferStore_)(napi_value self);
  Store (*sharedStore_)(napi_value self);
  bool (*isResizable_)(const v8::BackingStore* self);
  OwnedStore (*newStore_)(void* data, std::size_t bytes, Free release, void* hint);
  void (*destroyStore_)(v8::BackingStore* self);
  v8::Isolate* (*currentIsolate_)();
  napi_value (*newBuffer_)(v8::Isolate*, Store);

  bool pin_;       // storeOf works
  bool stores_;    // an ArrayBuffer can be made from a backing store of ours
  bool external_;  // Node-API makes external buffers
};

/// Keeps this shared object loaded: memory handed to the engine may be freed by code of ours after the environment is gone.
void stayLoaded();

}  // namespace dotcompute
