// How calls of the driver and of NVRTC fail: as C++ exceptions on whatever thread, as JavaScript errors in the end.
#pragma once

#include <napi.h>

#include <stdexcept>
#include <string>

namespace dotcompute::cuda {

/// What can be done about a failure.
enum class Kind {
  Transient,   // the same call may succeed later
  Resource,    // less would fit: out of memory, registers or other things that run out
  Programmer,  // wrong arguments, wrong code, or something that this driver or device does not do
  Fatal,       // the context is lost, and everything in it
};

/// Of a CUresult. What is not known is taken for fatal: to go on could give wrong results.
Kind kindOf(int result);

class Failure : public std::runtime_error {
 public:
  Failure(Kind kind, std::string call, int code, std::string name, const std::string& what);

  Kind kind;
  std::string call;  // the function that failed, as the library calls it
  int code;          // what it returned; 0 if it was not even called
  std::string name;  // what the library calls that
  std::string log;   // NVRTC's or the assembler's words

  /// An Error with the properties kind, call, code, name of the code, and log.
  Napi::Error error(Napi::Env env) const;
};

/// Thrown where a wait was given up because the environment or the process is ending.
Failure ending();

}  // namespace dotcompute::cuda
