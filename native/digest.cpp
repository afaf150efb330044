#include "digest.hpp"

#include <string>

#include "process-symbols.hpp"

namespace dotcompute {

namespace {

// As <openssl/evp.h> declares them since version 1.0, without its header, which not all that build addons have.
using Algorithm = const void* (*)();
using Digest = int (*)(const void* data, std::size_t count, unsigned char* hash, unsigned* size, const void* algorithm, void* engine);

constexpr std::size_t MOST_BYTES = 64;

}  // namespace

Napi::Value sha256(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  std::string text;
  const void* data = nullptr;
  std::size_t count = 0;
  if (info[0].IsString()) {
    text = info[0].As<Napi::String>();
    data = text.data();
    count = text.size();
  } else if (info[0].IsTypedArray() && info[0].As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    const Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
    data = bytes.Data();
    count = bytes.ByteLength();
  } else {
    throw Napi::TypeError::New(env, "sha256 takes a string or a Uint8Array");
  }
  Algorithm algorithm;
  Digest digest;
  find(algorithm, "EVP_sha256");
  find(digest, "EVP_Digest");
  unsigned char hash[MOST_BYTES];
  unsigned size = 0;
  if (algorithm == nullptr || digest == nullptr || digest(data, count, hash, &size, algorithm(), nullptr) != 1) return env.Null();
  static constexpr char DIGITS[] = "0123456789abcdef";
  std::string hex;
  for (unsigned at = 0; at < size; ++at) {
    hex += DIGITS[hash[at] >> 4];
    hex += DIGITS[hash[at] & 15];
  }
  return Napi::String::New(env, hex);
}

}  // namespace dotcompute
