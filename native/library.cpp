#include "library.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "control.hpp"
#include "own-memory.hpp"

namespace dotcompute {

namespace {

std::string lastError() {
  const char* words = dlerror();
  return words ? words : "unknown error";
}

constexpr struct {
  const char* name;
  Element element;
} ELEMENTS[] = {
    {"i8", {napi_int8_array, 1, "Int8Array"}},
    {"u8", {napi_uint8_array, 1, "Uint8Array"}},
    {"u8c", {napi_uint8_clamped_array, 1, "Uint8ClampedArray"}},
    {"i16", {napi_int16_array, 2, "Int16Array"}},
    {"u16", {napi_uint16_array, 2, "Uint16Array"}},
    {"i32", {napi_int32_array, 4, "Int32Array"}},
    {"u32", {napi_uint32_array, 4, "Uint32Array"}},
    {"i64", {napi_bigint64_array, 8, "BigInt64Array"}},
    {"u64", {napi_biguint64_array, 8, "BigUint64Array"}},
    {"f32", {napi_float32_array, 4, "Float32Array"}},
    {"f64", {napi_float64_array, 8, "Float64Array"}},
};

const Element* elementOf(Napi::Env env, const Napi::Value& name) {
  if (!name.IsString()) throw Napi::TypeError::New(env, "A kernel's signature names element types by strings");
  const std::string text = name.As<Napi::String>().Utf8Value();
  const Element* element = Element::named(text);
  if (!element) throw Napi::TypeError::New(env, "Unknown element type in a kernel's signature: " + text);
  return element;
}

constexpr struct {
  const char* name;
  Sharing sharing;
} SHARINGS[] = {
    {"map", Sharing::Map},     {"filter", Sharing::Filter}, {"reduce", Sharing::Reduce}, {"fold", Sharing::Fold},
    {"count", Sharing::Count}, {"first", Sharing::First},   {"last", Sharing::Last},
    {"scan", Sharing::Scan},
};

Sharing sharingOf(Napi::Env env, const Napi::Value& name) {
  if (name.IsUndefined() || name.IsNull()) return Sharing::None;
  const std::string text = name.ToString().Utf8Value();
  for (const auto& row : SHARINGS)
    if (text == row.name) return row.sharing;
  throw Napi::TypeError::New(env, "Runs of kernels are not shared as " + text);
}

/// How often an object is open, and its file, if it no longer is mapped.
struct OpenObject {
  std::size_t count = 0;
  FileHold file;
};

/// Of the whole process, as the dynamic linker's own list is. What another environment may be running is not to be moved again.
std::mutex openMutex;
std::unordered_map<void*, OpenObject>& openObjects() {
  // Never ended: kernels may be given back at the very end of the process.
  static auto& objects = *new std::unordered_map<void*, OpenObject>;
  return objects;
}

}  // namespace

std::shared_ptr<Library> Library::open(Napi::Env env, const std::string& path, bool mapped) {
  const std::lock_guard<std::mutex> lock(openMutex);
  FileHold file = mapped ? FileHold() : FileHold(path);
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) throw Napi::Error::New(env, "Cannot load the kernel: " + lastError());
  OpenObject& object = openObjects()[handle];
  if (++object.count == 1 && !mapped && file.hold(path)) {
    object.file = std::move(file);
    takeIntoOwnMemory(handle);
  }
  return std::shared_ptr<Library>(new Library(handle, path));
}

Library::~Library() {
  const std::lock_guard<std::mutex> lock(openMutex);
  const auto open = openObjects().find(handle_);
  const bool last = --open->second.count == 0;
  dlclose(handle_);
  // Its file is held until the dynamic linker has forgotten it.
  if (last) openObjects().erase(open);
}

Entry Library::entry(Napi::Env env, const std::string& symbol) const {
  dlerror();
  void* address = dlsym(handle_, symbol.c_str());
  if (!address) throw Napi::Error::New(env, "No kernel named " + symbol + " in " + path_ + ": " + lastError());
  return reinterpret_cast<Entry>(address);
}

const Element* Element::named(const std::string& name) {
  for (const auto& row : ELEMENTS)
    if (name == row.name) return &row.element;
  return nullptr;
}

Signature Signature::from(const Napi::Object& description) {
  Napi::Env env = description.Env();
  Signature signature;
  if (Napi::Value source = description.Get("source"); !source.IsNull()) signature.source = elementOf(env, source);
  if (Napi::Value output = description.Get("output"); !output.IsNull()) signature.output = elementOf(env, output);

  if (Napi::Value outputs = description.Get("outputs"); outputs.IsArray())
    for (std::uint32_t i = 0; i < outputs.As<Napi::Array>().Length(); ++i)
      signature.outputs.push_back(elementOf(env, outputs.As<Napi::Array>().Get(i)));

  const auto counted = [&](const char* name, const char* words) {
    const Napi::Value value = description.Get(name);
    const double count = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1;
    if (!(count >= 0 && count <= double(Control::SCALARS)))
      throw Napi::RangeError::New(env, std::string("A kernel ") + words + " 0 to " + std::to_string(Control::SCALARS) + " " + name);
    return std::size_t(count);
  };
  signature.scalars = counted("scalars", "takes");
  if (!description.Get("values").IsUndefined()) signature.values = counted("values", "gives");

  Napi::Value arrays = description.Get("arrays");
  if (!arrays.IsArray()) throw Napi::TypeError::New(env, "A kernel's signature lists the element types of its arrays");
  for (std::uint32_t i = 0; i < arrays.As<Napi::Array>().Length(); ++i)
    signature.arrays.push_back(elementOf(env, arrays.As<Napi::Array>().Get(i)));
  signature.sharing = sharingOf(env, description.Get("sharing"));
  if (const Napi::Value weight = description.Get("weight"); weight.IsNumber()) signature.weight = std::max(1u, weight.As<Napi::Number>().Uint32Value());
  signature.watched = description.Get("watched").ToBoolean();
  return signature;
}

}  // namespace dotcompute
