#include "arguments.hpp"

#include <string>

namespace dotcompute {

namespace {

[[noreturn]] void typeError(napi_env env, const std::string& what) { throw Napi::TypeError::New(env, what); }
[[noreturn]] void rangeError(napi_env env, const std::string& what) { throw Napi::RangeError::New(env, what); }

[[noreturn]] void tooShort(napi_env env, const View& view, std::size_t length, const std::string& what) {
  bool detached = false;
  napi_is_detached_arraybuffer(env, view.buffer, &detached);
  if (detached) typeError(env, what + " is detached");
  rangeError(env, what + " has " + std::to_string(view.length) + " elements, fewer than " + std::to_string(length));
}

/// A typed array of exactly this element type.
View viewOf(napi_env env, napi_value value, const Element& element, const char* what) {
  View view;
  napi_typedarray_type type;
  const napi_status status = napi_get_typedarray_info(env, value, &type, &view.length, &view.data, &view.buffer, nullptr);
  if (status != napi_ok || type != element.type) typeError(env, std::string(what) + " must be a " + element.array);
  if (reinterpret_cast<std::uintptr_t>(view.data) % element.bytes != 0)
    rangeError(env, std::string(what) + " is not aligned to its elements in memory");
  return view;
}

bool isNull(napi_env env, napi_value value) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && (type == napi_null || type == napi_undefined);
}

}  // namespace

Arguments::Arguments(napi_env env, const Signature& signature, const napi_value* argv) {
  double elements;
  if (napi_get_value_double(env, argv[1], &elements) != napi_ok) typeError(env, "length must be a number");
  if (!(elements >= 0 && elements <= 9007199254740991.0) || elements != static_cast<double>(static_cast<std::uint64_t>(elements)))
    rangeError(env, "length must be a safe integer and not negative");
  length = static_cast<std::size_t>(elements);

  if (signature.source) {
    source = viewOf(env, argv[0], *signature.source, "source");
    if (source.length < length) tooShort(env, source, length, "source");
  } else if (!isNull(env, argv[0])) {
    typeError(env, "source must be null: this kernel runs over a range");
  }

  hasOutput = !isNull(env, argv[2]);
  if (hasOutput) {
    if (!signature.output) typeError(env, "output must be null: this kernel stores no array");
    output = viewOf(env, argv[2], *signature.output, "output");
    if (output.length < length) tooShort(env, output, length, "output");
  } else if ((signature.output || !signature.outputs.empty()) && elements > MOST_ELEMENTS) {
    rangeError(env, "Invalid typed array length: " + std::to_string(length));
  }

  const std::size_t wanted = signature.arrays.size();
  if (wanted == 0) {
    if (!isNull(env, argv[3])) typeError(env, "arrays must be null: this kernel reads no array");
    return;
  }
  std::uint32_t given = 0;
  bool isArray = false;
  napi_is_array(env, argv[3], &isArray);
  if (!isArray || napi_get_array_length(env, argv[3], &given) != napi_ok || given != wanted)
    typeError(env, "arrays must be an array of " + std::to_string(wanted) + " typed arrays");
  buffers.reserve(wanted);
  ArrayArgument* next = few;
  if (wanted > INLINE) {
    many.resize(wanted);
    arrays = next = many.data();
  }
  for (std::uint32_t i = 0; i < wanted; ++i) {
    napi_value value;
    if (napi_get_element(env, argv[3], i, &value) != napi_ok) throw Napi::Error::New(env);
    const View view = viewOf(env, value, *signature.arrays[i], "a captured array");
    // The length is taken here and now: a captured array may have shrunk, or be detached, without harm to memory.
    next[i] = {view.data, view.length};
    buffers.push_back(view.buffer);
  }
}

}  // namespace dotcompute
