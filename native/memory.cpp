#include "memory.hpp"

#include "arguments.hpp"
#include "library.hpp"
#include "pool.hpp"
#include "storage.hpp"

namespace dotcompute::memory {

Napi::Value room(const Napi::CallbackInfo& info, const Engine& engine) {
  const Napi::Env env = info.Env();
  const Element* const element = info[0].IsString() ? Element::named(info[0].As<Napi::String>().Utf8Value()) : nullptr;
  if (!element) throw Napi::TypeError::New(env, "room takes an element type and a length");
  const double length = info[1].IsNumber() ? info[1].As<Napi::Number>().DoubleValue() : -1;
  if (!(length >= 0 && length <= MOST_ELEMENTS) || length != double(std::size_t(length))) throw Napi::RangeError::New(env, "Invalid typed array length");
  return Napi::Value(env, Storage(env, std::size_t(length) * element->bytes).take(env, engine, *element, std::size_t(length)));
}

Napi::Value usage(const Napi::CallbackInfo& info) {
  const Pool::Usage now = Pool::ofProcess().usage();
  Napi::Object result = Napi::Object::New(info.Env());
  const auto set = [&](const char* name, std::uint64_t value) { result.Set(name, double(value)); };
  set("limit", now.limit);
  set("used", now.used);
  set("peak", now.peak);
  set("kept", now.kept);
  set("reused", now.reused);
  set("fresh", now.fresh);
  set("copied", Storage::copied());
  return result;
}

void limit(const Napi::CallbackInfo& info) {
  const double bytes = info[0].IsNumber() ? info[0].As<Napi::Number>().DoubleValue() : -1;
  if (!(bytes >= 0 && bytes <= 9007199254740991.0)) throw Napi::RangeError::New(info.Env(), "a limit is a number of bytes");
  Pool::ofProcess().limit(std::size_t(bytes));
}

void trim(const Napi::CallbackInfo&) { Pool::ofProcess().trim(); }

Napi::Value release(const Napi::CallbackInfo& info) {
  const napi_env env = info.Env();
  bool own = false;
  if (napi_is_arraybuffer(env, info[0], &own) != napi_ok || !own) throw Napi::TypeError::New(info.Env(), "release takes an ArrayBuffer");
  return Napi::Boolean::New(env, napi_detach_arraybuffer(env, info[0]) == napi_ok);
}

}  // namespace dotcompute::memory
