#include "cuda-arguments.hpp"

namespace dotcompute::cuda {

namespace {

std::size_t bytesOf(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array: return 1;
    case napi_int16_array:
    case napi_uint16_array: return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array: return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array: return 8;
    default: return 0;  // a later Node's
  }
}

}  // namespace

std::string stringAt(const Napi::CallbackInfo& info, std::size_t place, const char* what) {
  if (!info[place].IsString()) throw Napi::TypeError::New(info.Env(), std::string(what) + " must be a string");
  return info[place].As<Napi::String>();
}

std::string optionalStringAt(const Napi::CallbackInfo& info, std::size_t place, const char* what) {
  return info[place].IsNull() || info[place].IsUndefined() ? "" : stringAt(info, place, what);
}

double wholeAt(const Napi::CallbackInfo& info, std::size_t place, const char* what, double most) {
  if (!info[place].IsNumber()) throw Napi::TypeError::New(info.Env(), std::string(what) + " must be a number");
  const double value = info[place].As<Napi::Number>().DoubleValue();
  if (!(value >= 0 && value <= most) || value != static_cast<double>(static_cast<std::uint64_t>(value)))
    throw Napi::RangeError::New(info.Env(), std::string(what) + " must be a whole number from 0 to " + std::to_string(static_cast<std::uint64_t>(most)));
  return value;
}

void extentAt(const Napi::CallbackInfo& info, std::size_t place, const char* what, unsigned (&extent)[3]) {
  const auto wrong = [&] { return Napi::RangeError::New(info.Env(), std::string(what) + " must be three whole numbers of at least 1"); };
  if (!info[place].IsArray() || info[place].As<Napi::Array>().Length() != 3) throw wrong();
  for (std::uint32_t i = 0; i < 3; ++i) {
    const Napi::Value value = info[place].As<Napi::Array>().Get(i);
    const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : 0;
    if (!(number >= 1 && number <= 2147483647.0) || number != static_cast<double>(static_cast<unsigned>(number))) throw wrong();
    extent[i] = static_cast<unsigned>(number);
  }
}

std::vector<std::string> stringsAt(const Napi::CallbackInfo& info, std::size_t place, const char* what) {
  const auto wrong = [&] { return Napi::TypeError::New(info.Env(), std::string(what) + " must be an array of strings"); };
  if (!info[place].IsArray()) throw wrong();
  const Napi::Array list = info[place].As<Napi::Array>();
  std::vector<std::string> strings;
  for (std::uint32_t i = 0; i < list.Length(); ++i) {
    const Napi::Value value = list.Get(i);
    if (!value.IsString()) throw wrong();
    strings.push_back(value.As<Napi::String>());
  }
  return strings;
}

std::vector<Nvrtc::Header> headersAt(const Napi::CallbackInfo& info, std::size_t place) {
  const auto wrong = [&] { return Napi::TypeError::New(info.Env(), "headers must be an object of texts"); };
  if (!info[place].IsObject()) throw wrong();
  const Napi::Object object = info[place].As<Napi::Object>();
  const Napi::Array names = object.GetPropertyNames();
  std::vector<Nvrtc::Header> headers;
  for (std::uint32_t i = 0; i < names.Length(); ++i) {
    const Napi::Value name = names.Get(i);
    const Napi::Value text = object.Get(name);
    if (!text.IsString()) throw wrong();
    headers.push_back({name.ToString(), text.As<Napi::String>()});
  }
  return headers;
}

View bytesAt(const Napi::CallbackInfo& info, std::size_t place, const char* what) {
  View view;
  napi_typedarray_type type;
  const napi_status status = napi_get_typedarray_info(info.Env(), info[place], &type, &view.length, &view.data, &view.buffer, nullptr);
  if (status != napi_ok || bytesOf(type) == 0) throw Napi::TypeError::New(info.Env(), std::string(what) + " must be a typed array");
  view.length *= bytesOf(type);
  bool detached = false;
  napi_is_detached_arraybuffer(info.Env(), view.buffer, &detached);
  if (detached) throw Napi::TypeError::New(info.Env(), std::string(what) + " is detached");
  return view;
}

}  // namespace dotcompute::cuda
