#include "storage.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <utility>

namespace dotcompute {

namespace {

constexpr std::size_t HUGE_PAGE = std::size_t(2) << 20;
/// A filter that kept less than this of a large array gets an ordinary small one.
constexpr std::size_t WORTH_KEEPING = std::size_t(64) << 10;

std::size_t pageSize() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }
std::size_t roundUp(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

void unmap(void* data, std::size_t bytes) {
  if (bytes > 0) munmap(data, roundUp(bytes, pageSize()));
}

/// Pages starting at a huge page's boundary, where the system gives whole huge pages. Null if it has none.
void* map(std::size_t bytes) {
  const std::size_t room = roundUp(bytes, pageSize());
  const std::size_t slack = room >= HUGE_PAGE ? HUGE_PAGE : 0;
  if (room < bytes || room + slack < room) return nullptr;
  void* whole = mmap(nullptr, room + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (whole == MAP_FAILED) return nullptr;
  if (slack == 0) return whole;

  char* const begin = static_cast<char*>(whole);
  char* const data = reinterpret_cast<char*>(roundUp(reinterpret_cast<std::uintptr_t>(begin), HUGE_PAGE));
  unmap(begin, static_cast<std::size_t>(data - begin));
  unmap(data + room, static_cast<std::size_t>(begin + room + slack - (data + room)));
#ifdef MADV_HUGEPAGE
  madvise(data, room, MADV_HUGEPAGE);
#endif
  return data;
}

napi_value typedArray(napi_env env, const Element& element, std::size_t count, napi_value buffer) {
  napi_value array;
  if (napi_create_typedarray(env, element.type, count, buffer, 0, &array) != napi_ok) throw Napi::Error::New(env);
  return array;
}

napi_value copied(napi_env env, const Element& element, std::size_t count, const void* from) {
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

Storage::Storage(std::size_t bytes) : bytes_(bytes), mapped_(bytes >= LARGE) {
  data_ = mapped_ ? map(bytes) : std::malloc(bytes == 0 ? 1 : bytes);
  if (!data_) throw std::bad_alloc();
}

Storage::Storage(Napi::Env env, std::size_t bytes) try : Storage(bytes) {
} catch (const std::bad_alloc&) {
  throw Napi::RangeError::New(env, "Array buffer allocation failed: no memory for " + std::to_string(bytes) + " bytes");
}

Storage::Storage(Storage&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)), mapped_(other.mapped_) {}

Storage& Storage::operator=(Storage&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(bytes_, other.bytes_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

Storage::~Storage() { release(); }

void Storage::release() {
  if (mapped_)
    unmap(data_, bytes_);
  else
    std::free(data_);
  data_ = nullptr;
  bytes_ = 0;
  mapped_ = false;
}

napi_value Storage::take(napi_env env, const Engine& engine, const Element& element, std::size_t count) {
  const std::size_t used = count * element.bytes;
  if (!mapped_) return copied(env, element, count, data_);

  napi_value buffer = nullptr;
  if (used >= WORTH_KEEPING) {
    const std::size_t kept = roundUp(used, pageSize());
    const std::size_t had = roundUp(bytes_, pageSize());
    unmap(static_cast<char*>(data_) + kept, had - kept);
    bytes_ = used;
    buffer = engine.adopt(env, data_, used, [](void* data, std::size_t bytes, void*) { unmap(data, bytes); });
  }
  if (!buffer) {
    napi_value array = copied(env, element, count, data_);
    release();
    return array;
  }
  data_ = nullptr;  // the buffer's now
  bytes_ = 0;
  mapped_ = false;
  return typedArray(env, element, count, buffer);
}

Storages::Storages(Napi::Env env, const std::vector<const Element*>& elements, std::size_t length) {
  for (const Element* element : elements) places_.push_back(storages_.emplace_back(env, length * element->bytes).data());
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
