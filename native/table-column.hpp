// Columns as the table operations see them: memory with an element type. Nothing here knows of JavaScript, so that all of it
// runs on any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "storage.hpp"

namespace dotcompute::table {

using u8 = std::uint8_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using i64 = std::int64_t;

/// A value that no place and no code has.
inline constexpr u32 NONE = 0xffffffff;

/// The element types of typed arrays.
enum class Kind { I8, U8, U8C, I16, U16, I32, U32, F32, F64, I64, U64 };

template <class T>
struct Type {
  using type = T;
};

/// Calls `visit(Type<T>())` with the C++ type of such elements.
template <class Visit>
auto dispatch(Kind kind, Visit&& visit) {
  switch (kind) {
    case Kind::I8: return visit(Type<std::int8_t>());
    case Kind::U8:
    case Kind::U8C: return visit(Type<std::uint8_t>());
    case Kind::I16: return visit(Type<std::int16_t>());
    case Kind::U16: return visit(Type<std::uint16_t>());
    case Kind::I32: return visit(Type<std::int32_t>());
    case Kind::U32: return visit(Type<std::uint32_t>());
    case Kind::F32: return visit(Type<float>());
    case Kind::F64: return visit(Type<double>());
    case Kind::I64: return visit(Type<std::int64_t>());
    case Kind::U64: return visit(Type<std::uint64_t>());
  }
  throw std::invalid_argument("there is no such element type");
}

inline std::size_t bytesOf(Kind kind) {
  return dispatch(kind, [](auto type) { return sizeof(typename decltype(type)::type); });
}

struct Column {
  Kind kind;
  const void* data;
  std::size_t length;

  template <class T>
  const T* as() const {
    return static_cast<const T*>(data);
  }
};

/// Memory for so many elements, given back at the end of its scope.
template <class T>
class Room {
 public:
  explicit Room(std::size_t count) : storage_(count * sizeof(T)), count_(count) {}
  T* data() { return static_cast<T*>(storage_.data()); }
  const T* data() const { return static_cast<const T*>(storage_.data()); }
  T& operator[](std::size_t at) { return data()[at]; }
  const T& operator[](std::size_t at) const { return data()[at]; }
  std::size_t size() const { return count_; }
  Storage take() { return std::move(storage_); }

 private:
  Storage storage_;
  std::size_t count_;
};

/// An array that an operation gives: the first `count` elements of the memory.
struct Result {
  Kind kind;
  std::size_t count;
  Storage memory;

  Result(Kind kind, std::size_t count, Storage memory) : kind(kind), count(count), memory(std::move(memory)) {}
};
using Results = std::vector<Result>;

inline Result places(Room<u32>& room, std::size_t count) { return Result(Kind::U32, count, room.take()); }

/// What an operation is given. It checks its own part: what is wrong becomes std::invalid_argument or std::out_of_range.
struct Request {
  std::vector<Column> arrays;
  std::vector<double> numbers;
  /// How many threads may have a share in it, the calling one included.
  unsigned threads = 1;

  const Column& array(std::size_t at) const {
    if (at >= arrays.size()) throw std::invalid_argument("an array is missing");
    return arrays[at];
  }
  /// A whole number, at most `most`.
  std::size_t number(std::size_t at, std::size_t most = NONE - 1) const {
    if (at >= numbers.size()) throw std::invalid_argument("a number is missing");
    const double value = numbers[at];
    if (!(value >= 0 && value <= double(most)) || value != double(std::size_t(value)))
      throw std::out_of_range("the number " + std::to_string(value) + " is not among 0 … " + std::to_string(most));
    return std::size_t(value);
  }
  /// Some of the arrays, each of at least `length` elements.
  std::vector<Column> columns(std::size_t from, std::size_t count, std::size_t length) const {
    std::vector<Column> some;
    for (std::size_t at = from; at < from + count; ++at) {
      if (array(at).length < length) throw std::out_of_range("a column has " + std::to_string(array(at).length) + " elements, fewer than " + std::to_string(length));
      some.push_back(array(at));
    }
    return some;
  }
  const u32* places(std::size_t at) const {
    if (array(at).kind != Kind::U32) throw std::invalid_argument("places must be a Uint32Array");
    return array(at).as<u32>();
  }
};

}  // namespace dotcompute::table
