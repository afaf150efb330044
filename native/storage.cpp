#include "storage.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "pool.hpp"

namespace dotcompute {

namespace {

/// A filter that kept less than this of a large array gets an ordinary small one.
constexpr std::size_t WORTH_KEEPING = std::size_t(64) << 10;

std::atomic<std::uint64_t> copies{0};

void giveBack(void* data, std::size_t bytes, void*) { Pool::ofProcess().give(data, bytes, true); }

napi_value typedArray(napi_env env, const Element& element, std::size_t count, napi_value buffer) {
  napi_value array;
  if (napi_create_typedarray(env, element.type, count, buffer, 0, &array) != napi_ok) throw Napi::Error::New(env);
  return array;
}

napi_value copyOf(napi_env env, const Element& element, std::size_t count, const void* from) {
  const std::size_t bytes = count * element.bytes;
  void* data = nullptr;
  napi_value buffer;
  if (bytes < Storage::LARGE) {
    if (napi_create_arraybuffer(env, bytes, &data, &buffer) != napi_ok) throw Napi::Error::New(env);
  } else {
    // Where napi_create_arraybuffer ends the process for want of memory, JavaScript's constructor throws.
    const Napi::Object made =
        Napi::Env(env).Global().Get("ArrayBuffer").As<Napi::Function>().New({Napi::Number::New(env, static_cast<double>(bytes))});
    data = made.As<Napi::ArrayBuffer>().Data();
    buffer = made;
  }
  if (bytes > 0) std::memcpy(data, from, bytes);
  return typedArray(env, element, count, buffer);
}

}  // namespace

Storage::Storage(std::size_t bytes) : bytes_(bytes), pooled_(bytes >= LARGE) {
  if (pooled_) {
    const Pool::Block block = Pool::ofProcess().take(bytes);
    data_ = block.data;
    recycled_ = block.recycled;
  } else {
    data_ = std::malloc(bytes == 0 ? 1 : bytes);
  }
  if (!data_) throw std::bad_alloc();
}

Storage::Storage(Napi::Env env, std::size_t bytes) try : Storage(bytes) {
} catch (const std::bad_alloc&) {
  throw Napi::RangeError::New(env, "Array buffer allocation failed: no memory for " + std::to_string(bytes) + " bytes");
}

Storage::Storage(Storage&& other) noexcept { *this = std::move(other); }

Storage& Storage::operator=(Storage&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(pooled_, other.pooled_);
  std::swap(recycled_, other.recycled_);
  return *this;
}

Storage::~Storage() { release(); }

void Storage::release() {
  if (!data_) return;
  if (pooled_)
    Pool::ofProcess().give(data_, bytes_, true);
  else
    std::free(data_);
  data_ = nullptr;
}

/// Gives back what lies behind the first so many bytes. In new memory nothing has been written there.
void Storage::shrink(std::size_t bytes) {
  const std::size_t kept = Pool::unitsOf(bytes), had = Pool::unitsOf(bytes_);
  if (kept < had) Pool::ofProcess().give(static_cast<char*>(data_) + kept, had - kept, recycled_);
  if (kept == 0) data_ = nullptr;
  bytes_ = bytes;
}

napi_value Storage::take(napi_env env, const Engine& engine, const Element& element, std::size_t count) {
  const std::size_t used = count * element.bytes;
  if (!pooled_) return copyOf(env, element, count, data_);

  shrink(used);
  const napi_value buffer = used >= WORTH_KEEPING ? engine.adopt(env, data_, used, giveBack) : nullptr;
  if (!buffer) {
    napi_value array = copyOf(env, element, count, data_);
    if (used >= WORTH_KEEPING) ++copies;
    release();
    return array;
  }
  data_ = nullptr;  // the buffer's now
  return typedArray(env, element, count, buffer);
}

std::uint64_t Storage::copied() { return copies; }

Storages::Storages(Napi::Env env, const std::vector<const Element*>& elements, std::size_t length) {
  for (const Element* element : elements) places_.push_back(storages_.emplace_back(env, length * element->bytes).data());
}

bool Storages::goAround() const {
  return !storages_.empty() && std::all_of(storages_.begin(), storages_.end(), [](const Storage& storage) { return storage.goesAround(); });
}

napi_value Storages::take(napi_env env, const Engine& engine, const std::vector<const Element*>& elements, std::size_t count) {
  napi_value arrays;
  if (napi_create_array_with_length(env, elements.size(), &arrays) != napi_ok) throw Napi::Error::New(env);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const napi_value array = storages_[i].take(env, engine, *elements[i], count);
    if (napi_set_element(env, arrays, std::uint32_t(i), array) != napi_ok) throw Napi::Error::New(env);
  }
  return arrays;
}

}  // namespace dotcompute
