// Runs launches from a file through the CUDA driver API, and stores what buffers hold afterwards. It knows nothing about
// kernels: the plan of an emitted program says all there is to do.
//
//   cuda-runner <libcuda> <module.ptx> <jobs> <results> [<counters>]
//
// With a name for counters, what the stand-in driver has counted goes there: a line before the first and after every job. The file of jobs is 64-bit words: counts and sizes before what they count, bytes filled up to whole words.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

using Word = uint64_t;

static Word current = 0;

[[noreturn]] static void die(const std::string& what) {
  fprintf(stderr, "cuda-runner, job %llu: %s\n", static_cast<unsigned long long>(current), what.c_str());
  exit(1);
}

static std::string contents(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) die(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Driver {
 public:
  explicit Driver(const char* path) : library(dlopen(path, RTLD_NOW | RTLD_LOCAL)) {
    if (library == nullptr) die(dlerror());
  }

  template <class... Arguments>
  void operator()(const char* name, Arguments... arguments) const {
    using Function = int (*)(Arguments...);
    const auto function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr) die(std::string("the driver has no ") + name);
    if (const int error = function(arguments...)) {
      const char* text = nullptr;
      // What the stand-in driver has to say.
      char fault[4096];
      const auto explain = reinterpret_cast<size_t (*)(char*, size_t)>(dlsym(library, "ptxTestLastFault"));
      if (explain != nullptr && explain(fault, sizeof fault) > 1) fprintf(stderr, "%.*s\n", int(sizeof fault), fault);
      const auto describe = reinterpret_cast<int (*)(int, const char**)>(dlsym(library, "cuGetErrorString"));
      if (describe != nullptr) describe(error, &text);
      die(std::string(name) + " gives " + std::to_string(error) + ": " + (text == nullptr ? "?" : text));
    }
  }

  std::string counters() const {
    std::string text(1 << 16, '\0');
    const auto function = reinterpret_cast<size_t (*)(char*, size_t)>(dlsym(library, "ptxTestCounters"));
    if (function == nullptr) die("the driver counts nothing");
    text.resize(function(text.data(), text.size()) - 1);
    return text;
  }

 private:
  void* library;
};

class Reader {
 public:
  explicit Reader(std::string text) : text(std::move(text)) {}
  Word word() {
    Word value;
    read(&value, sizeof value);
    return value;
  }
  std::string bytes() {
    std::string value(word(), '\0');
    read(value.data(), value.size());
    at += (8 - value.size() % 8) % 8;
    return value;
  }

 private:
  std::string text;
  size_t at = 0;
  void read(void* to, size_t size) {
    if (size > text.size() - at) die("the file of jobs ends early");
    text.copy(static_cast<char*>(to), size, at);
    at += size;
  }
};

/// Device memory, released at the end of its job.
class Buffer {
 public:
  Buffer(const Driver& driver, size_t size) : size(size), driver(driver) {
    if (size > 0) driver("cuMemAlloc_v2", &address, size);
  }
  ~Buffer() {
    if (address != 0) driver("cuMemFree_v2", address);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  Word address = 0;
  const size_t size;

 private:
  const Driver& driver;
};

struct Job {
  const Driver& driver;
  void* module;
  Reader& reader;
  std::ostream& results;
  std::vector<Buffer*> buffers;

  /// A word, or an address in a buffer.
  Word value() {
    const Word buffer = reader.word(), offset = reader.word();
    return buffer == 0 ? offset : buffers.at(buffer - 1)->address + offset;
  }
  std::vector<Word> values() {
    std::vector<Word> list(reader.word());
    for (Word& each : list) each = value();
    return list;
  }

  void allocate() {
    for (Word left = reader.word(); left > 0; left--) {
      buffers.push_back(new Buffer(driver, reader.word()));
      const std::string data = reader.bytes();
      if (!data.empty()) driver("cuMemcpyHtoD_v2", buffers.back()->address, static_cast<const void*>(data.data()), data.size());
    }
  }

  /// Buffers that hold addresses of others.
  void fill() {
    for (Word left = reader.word(); left > 0; left--) {
      const Buffer* buffer = buffers.at(reader.word());
      const std::vector<Word> words = values();
      driver("cuMemcpyHtoD_v2", buffer->address, static_cast<const void*>(words.data()), words.size() * 8);
    }
  }

  void launch() {
    const std::string entry = reader.bytes();
    const unsigned grid = reader.word(), block = reader.word();
    std::vector<std::vector<Word>> arguments(reader.word());
    std::vector<void*> parameters;
    for (auto& argument : arguments) {
      argument = values();
      parameters.push_back(argument.data());
    }
    void* function = nullptr;
    driver("cuModuleGetFunction", &function, module, entry.c_str());
    driver("cuLaunchKernel", function, grid, 1u, 1u, block, 1u, 1u, 0u, static_cast<void*>(nullptr), parameters.data(), static_cast<void**>(nullptr));
  }

  void run() {
    allocate();
    fill();
    for (Word left = reader.word(); left > 0; left--) launch();
    driver("cuCtxSynchronize");
    for (Word left = reader.word(); left > 0; left--) {
      const Buffer* buffer = buffers.at(reader.word());
      std::string data((buffer->size + 7) / 8 * 8, '\0');
      if (buffer->size > 0) driver("cuMemcpyDtoH_v2", static_cast<void*>(data.data()), buffer->address, buffer->size);
      results.write(data.data(), data.size());
    }
    for (const Buffer* buffer : buffers) delete buffer;
  }
};

int main(int count, char** arguments) {
  if (count != 5 && count != 6) die("takes a driver, a module, a file of jobs, a file for results and perhaps one for counters");
  const Driver driver(arguments[1]);
  int device = 0;
  void *context = nullptr, *module = nullptr;
  driver("cuInit", 0u);
  driver("cuDeviceGet", &device, 0);
  driver("cuDevicePrimaryCtxRetain", &context, device);
  driver("cuCtxSetCurrent", context);
  const std::string ptx = contents(arguments[2]);
  driver("cuModuleLoadDataEx", &module, static_cast<const void*>(ptx.c_str()), 0u, static_cast<void*>(nullptr), static_cast<void*>(nullptr));
  Reader reader(contents(arguments[3]));
  std::ofstream results(arguments[4], std::ios::binary);
  std::ofstream counters;
  if (count == 6) counters.open(arguments[5]), counters << driver.counters() << '\n';
  const Word jobs = reader.word();
  for (Word place = 0; place < jobs; place++) {
    current = place;
    Job{driver, module, reader, results, {}}.run();
    if (count == 6) counters << driver.counters() << '\n';
  }
  if (!results.flush()) die("cannot write the results");
}
