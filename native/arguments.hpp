// Checks what JavaScript hands over. Every mistake becomes a TypeError or RangeError; nothing unchecked reaches a kernel.
#pragma once

#include <napi.h>

#include <vector>

#include "library.hpp"
#include "storage.hpp"

namespace dotcompute {

/// A typed array's memory, valid until JavaScript runs again.
struct View {
  void* data = nullptr;
  std::size_t length = 0;
  napi_value buffer = nullptr;  // its ArrayBuffer or SharedArrayBuffer
};

/// The arguments (source, length, output, arrays) of a run, checked against the kernel's signature.
struct Arguments {
  static constexpr std::size_t COUNT = 4;
  static constexpr std::size_t INLINE = 8;

  View source;
  std::size_t length = 0;
  bool hasOutput = false;
  View output;
  std::vector<napi_value> buffers;  // of `arrays`
  std::vector<ArrayArgument> many;
  ArrayArgument few[INLINE];        // the usual few arrays need no allocation
  const ArrayArgument* arrays = few;

  /// Throws Napi::Error. The fast path of every query: plain Node-API calls, no allocation for up to INLINE arrays.
  Arguments(napi_env env, const Signature& signature, const napi_value* argv);
  /// Whether the caller's output is better written past the caches; where it is the source, it comes there as such.
  bool outputGoesAround(const Signature& signature) const { return length * signature.output->bytes >= BEYOND_CACHES && output.data != source.data; }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
};

/// The largest number of elements that a typed array can have in every supported engine.
inline constexpr double MOST_ELEMENTS = 4294967295.0;

}  // namespace dotcompute
