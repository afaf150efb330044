// Memory for the arrays that kernels store. That of large ones comes from the pool, and nothing is zeroed or copied: a filter
// keeps what it filled of the room it was given, and an array's buffer holds what was stored and nothing else.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine.hpp"
#include "library.hpp"

namespace dotcompute {

/// Outputs of this many bytes and more do not fit the caches, beside what they are made of.
inline constexpr std::size_t BEYOND_CACHES = std::size_t(16) << 20;

/// Room for the elements a kernel may yield. Owned until `take` hands it to JavaScript.
class Storage {
 public:
  static constexpr std::size_t LARGE = std::size_t(1) << 20;

  Storage() = default;
  /// Throws Napi::RangeError if there is not enough memory.
  Storage(Napi::Env env, std::size_t bytes);
  /// Throws std::bad_alloc instead: for threads without an environment.
  explicit Storage(std::size_t bytes);
  ~Storage();
  Storage(Storage&& other) noexcept;
  Storage& operator=(Storage&& other) noexcept;

  void* data() const { return data_; }
  /// Whether it is better written past the caches: for `Call::around`. New pages have to be cleared first, which brings them there.
  bool goesAround() const { return recycled_ && bytes_ >= BEYOND_CACHES; }

  /// The first `count` elements as a typed array of exactly that length. The storage is used up.
  napi_value take(napi_env env, const Engine& engine, const Element& element, std::size_t count);

  /// How many large arrays had to be copied, since the engine takes no memory of ours.
  static std::uint64_t copied();

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  bool pooled_ = false;
  bool recycled_ = false;
  void release();
  void shrink(std::size_t bytes);
};

/// The same for each of several array sinks.
class Storages {
 public:
  Storages() = default;
  Storages(Napi::Env env, const std::vector<const Element*>& elements, std::size_t length);

  void* const* data() const { return places_.data(); }
  /// Whether they are better written past the caches: for `Call::around`.
  bool goAround() const;
  /// An array of typed arrays.
  napi_value take(napi_env env, const Engine& engine, const std::vector<const Element*>& elements, std::size_t count);

 private:
  std::vector<Storage> storages_;
  std::vector<void*> places_;
};

}  // namespace dotcompute
