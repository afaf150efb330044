// Checks what JavaScript hands to the CUDA half. Every mistake becomes a TypeError or RangeError.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "arguments.hpp"
#include "cuda-libraries.hpp"

namespace dotcompute::cuda {

std::string stringAt(const Napi::CallbackInfo& info, std::size_t place, const char* what);
/// Null and undefined give "".
std::string optionalStringAt(const Napi::CallbackInfo& info, std::size_t place, const char* what);
/// A whole number from 0 to `most`.
double wholeAt(const Napi::CallbackInfo& info, std::size_t place, const char* what, double most = 9007199254740991.0);
/// Three whole numbers from 1 to 2^31 - 1.
void extentAt(const Napi::CallbackInfo& info, std::size_t place, const char* what, unsigned (&extent)[3]);
std::vector<std::string> stringsAt(const Napi::CallbackInfo& info, std::size_t place, const char* what);
/// An object of texts by name.
std::vector<Nvrtc::Header> headersAt(const Napi::CallbackInfo& info, std::size_t place);

/// A typed array of any type; the length is in bytes.
View bytesAt(const Napi::CallbackInfo& info, std::size_t place, const char* what);

}  // namespace dotcompute::cuda
