// An addon for tests: calls any function of a shared library with integers and pointers. The stand-in driver's tests use the
// driver through it as a C program would.
#include <dlfcn.h>
#include <node_api.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t MOST_ARGUMENTS = 12;

[[noreturn]] void stop(napi_env env, const std::string& what) {
  napi_throw_error(env, nullptr, what.c_str());
  throw 0;
}

std::string text(napi_env env, napi_value value) {
  std::size_t bytes = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &bytes) != napi_ok) stop(env, "A string is expected");
  std::string out(bytes, '\0');
  napi_get_value_string_utf8(env, value, out.data(), bytes + 1, &bytes);
  return out;
}

void* memoryOf(napi_env env, napi_value value) {
  bool is = false;
  void* data = nullptr;
  napi_is_typedarray(env, value, &is);
  if (is && napi_get_typedarray_info(env, value, nullptr, nullptr, &data, nullptr, nullptr) == napi_ok) return data;
  napi_is_arraybuffer(env, value, &is);
  if (is && napi_get_arraybuffer_info(env, value, &data, nullptr) == napi_ok) return data;
  stop(env, "A typed array or an ArrayBuffer is expected");
}

/// Numbers and bigints as they are, typed arrays and strings by their address, null as 0. Strings live until the call ends.
std::uint64_t word(napi_env env, napi_value value, std::vector<std::string>& strings) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  switch (type) {
    case napi_null: case napi_undefined: return 0;
    case napi_number: {
      std::int64_t number = 0;
      napi_get_value_int64(env, value, &number);
      return static_cast<std::uint64_t>(number);
    }
    case napi_bigint: {
      std::uint64_t number = 0;
      bool lossless = false;
      napi_get_value_bigint_uint64(env, value, &number, &lossless);
      return number;
    }
    case napi_string: strings.push_back(text(env, value)); return reinterpret_cast<std::uint64_t>(strings.back().c_str());
    default: return reinterpret_cast<std::uint64_t>(memoryOf(env, value));
  }
}

std::vector<napi_value> argumentsOf(napi_env env, napi_callback_info info) {
  std::size_t count = MOST_ARGUMENTS + 2;
  std::vector<napi_value> values(count);
  napi_get_cb_info(env, info, &count, values.data(), nullptr, nullptr);
  values.resize(std::min(count, values.size()));
  return values;
}

template <class F>
napi_value guarded(F body) {
  try {
    return body();
  } catch (int) {
    return nullptr;  // an exception is pending
  }
}

/// open(path) gives the library's handle, a bigint.
napi_value open(napi_env env, napi_callback_info info) {
  return guarded([&] {
    const auto arguments = argumentsOf(env, info);
    void* handle = dlopen(text(env, arguments.at(0)).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) stop(env, dlerror());
    napi_value out = nullptr;
    napi_create_bigint_uint64(env, reinterpret_cast<std::uint64_t>(handle), &out);
    return out;
  });
}

/// call(handle, name, …arguments) gives the function's result as a number.
napi_value call(napi_env env, napi_callback_info info) {
  return guarded([&] {
    const auto arguments = argumentsOf(env, info);
    std::vector<std::string> strings;
    strings.reserve(MOST_ARGUMENTS);
    void* handle = reinterpret_cast<void*>(word(env, arguments.at(0), strings));
    const std::string name = text(env, arguments.at(1));
    void* function = dlsym(handle, name.c_str());
    if (!function) stop(env, "There is no function " + name);
    std::uint64_t words[MOST_ARGUMENTS] = {};
    for (std::size_t i = 2; i < arguments.size(); i++) words[i - 2] = word(env, arguments[i], strings);
    // Every such ABI passes integers and pointers alike, and ignores what is handed over beyond the parameters.
    using U = std::uint64_t;
    const auto entry = reinterpret_cast<U (*)(U, U, U, U, U, U, U, U, U, U, U, U)>(function);
    const U result = entry(words[0], words[1], words[2], words[3], words[4], words[5], words[6], words[7], words[8], words[9], words[10], words[11]);
    napi_value out = nullptr;
    napi_create_int32(env, static_cast<std::int32_t>(result), &out);
    return out;
  });
}

/// address(array) gives where its first element is.
napi_value address(napi_env env, napi_callback_info info) {
  return guarded([&] {
    napi_value out = nullptr;
    napi_create_bigint_uint64(env, reinterpret_cast<std::uint64_t>(memoryOf(env, argumentsOf(env, info).at(0))), &out);
    return out;
  });
}

}  // namespace

NAPI_MODULE_INIT() {
  const std::pair<const char*, napi_callback> functions[] = {{"open", open}, {"call", call}, {"address", address}};
  for (const auto& [name, callback] : functions) {
    napi_value function = nullptr;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  }
  return exports;
}
