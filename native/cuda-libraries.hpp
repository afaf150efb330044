// The driver's and NVRTC's shared libraries, opened by name at run time. That they are missing is no error but a reason.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cuda-api.hpp"
#include "cuda-failure.hpp"

namespace dotcompute::cuda {

/// A started driver. Its library is never closed: drivers have threads and exit handlers of their own.
class Driver {
 public:
  /// The one at `path`, or, if that is empty, the system's. Null with a reason if there is none that works.
  static std::shared_ptr<const Driver> open(const std::string& path, std::string& reason);

  DriverApi api;
  std::string path;
  int version = 0;  // 13000: CUDA 13.0

  /// Throws Failure unless the call went well.
  void check(const char* call, Result result) const {
    if (result != SUCCESS) throw failure(call, result);
  }
  Failure failure(const char* call, Result result, const std::string& log = "") const;
  std::string name(Result result) const;
  std::string text(Result result) const;
};

/// NVRTC, which compiles CUDA C. Works without a driver.
class Nvrtc {
 public:
  static std::shared_ptr<const Nvrtc> open(const std::string& path, std::string& reason);

  NvrtcApi api;
  std::string path;
  int major = 0;
  int minor = 0;
  std::vector<int> architectures;  // 75, 80, 90 …; none if it is too old to say

  enum class Form { Ptx, Cubin };
  struct Compiled {
    std::string code;
    std::string log;
  };
  struct Header {
    std::string name;
    std::string text;
  };
  /// Throws Failure with NVRTC's log. May run on any thread, on several at once.
  Compiled compile(const std::string& source, const std::string& name, const std::vector<Header>& headers, const std::vector<std::string>& options, Form form) const;

 private:
  void check(const char* call, Result result, const std::string& log = "") const;
  std::string logOf(Program program) const;
};

}  // namespace dotcompute::cuda
