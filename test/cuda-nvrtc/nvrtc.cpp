// A stand-in for NVRTC, for tests on machines that have a CUDA toolkit's nvcc but no libnvrtc: NVRTC's functions, by nvcc in
// a process of its own. The two share their compiler's front end and give the same PTX for the same source and flags; nvcc
// includes more headers of its own accord, so that a source may compile here which NVRTC refuses.
//
// NVCC is the compiler's path, VERSION_MAJOR and VERSION_MINOR are its version, ARCHITECTURES what it compiles for: see build.ts.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

namespace fs = std::filesystem;

constexpr int SUCCESS = 0, OUT_OF_MEMORY = 1, INVALID_INPUT = 3, INVALID_PROGRAM = 4, INVALID_OPTION = 5, COMPILATION = 6, INTERNAL_ERROR = 11;
constexpr int KNOWN[] = {ARCHITECTURES};

struct Program {
  std::string source, name;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string log, ptx, cubin;
};

std::string read(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void write(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

/// The exit code; -1 if it could not be run. What it says goes to `log`.
int run(const std::vector<std::string>& words, const fs::path& log) {
  std::vector<char*> argv;
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_CREAT | O_WRONLY | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  pid_t child = 0;
  const int failed = posix_spawn(&child, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  int status = 0;
  if (failed != 0 || waitpid(child, &status, 0) < 0 || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

/// Without the folder that only this stand-in knows of.
std::string cleaned(std::string log, const std::string& folder) {
  for (std::size_t at; (at = log.find(folder + "/")) != std::string::npos;) log.erase(at, folder.size() + 1);
  return log;
}

int compile(Program& program, const std::vector<std::string>& options) {
  char pattern[] = "/tmp/nvrtc-stand-in-XXXXXX";
  if (!mkdtemp(pattern)) return INTERNAL_ERROR;
  const fs::path folder = pattern;
  for (const auto& [name, text] : program.headers) write(folder / "include" / name, text);
  const std::string name = program.name.empty() ? "default_program" : program.name;
  write(folder / name, program.source);
  bool real = false;
  for (const std::string& option : options) real = real || option.find("sm_") != std::string::npos;
  const fs::path out = folder / "out";
  std::vector<std::string> words{NVCC, real ? "-cubin" : "-ptx", "-x", "cu", "-I", (folder / "include").string()};
  // What is not said to be the host's is the device's within a device function, without being told so.
  for (const std::string& option : options)
    if (option != "--device-as-default-execution-space") words.push_back(option);
  words.insert(words.end(), {"-o", out.string(), (folder / name).string()});
  const int status = run(words, folder / "log");
  program.log = cleaned(read(folder / "log"), folder.string());
  if (status == 0) (real ? program.cubin : program.ptx) = read(out);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  if (status == 0) return SUCCESS;
  if (status < 0 || status == 127) return INTERNAL_ERROR;
  return program.log.find("nvcc fatal") != std::string::npos ? INVALID_OPTION : COMPILATION;
}

}  // namespace

EXPORT int nvrtcVersion(int* major, int* minor) { return *major = VERSION_MAJOR, *minor = VERSION_MINOR, SUCCESS; }

EXPORT int nvrtcGetNumSupportedArchs(int* count) { return *count = static_cast<int>(std::size(KNOWN)), SUCCESS; }
EXPORT int nvrtcGetSupportedArchs(int* architectures) { return std::memcpy(architectures, KNOWN, sizeof KNOWN), SUCCESS; }

EXPORT const char* nvrtcGetErrorString(int result) {
  switch (result) {
    case SUCCESS: return "NVRTC_SUCCESS";
    case OUT_OF_MEMORY: return "NVRTC_ERROR_OUT_OF_MEMORY";
    case INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
    case INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
    case INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
    case COMPILATION: return "NVRTC_ERROR_COMPILATION";
    default: return "NVRTC_ERROR_INTERNAL_ERROR";
  }
}

EXPORT int nvrtcCreateProgram(Program** program, const char* source, const char* name, int count, const char* const* headers, const char* const* names) {
  if (!source) return INVALID_INPUT;
  *program = new Program{source, name ? name : "", {}, {}, {}, {}};
  for (int i = 0; i < count; ++i) (*program)->headers.emplace_back(names[i], headers[i]);
  return SUCCESS;
}

EXPORT int nvrtcDestroyProgram(Program** program) {
  if (!program || !*program) return INVALID_PROGRAM;
  delete *program;
  *program = nullptr;
  return SUCCESS;
}

EXPORT int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
  if (!program) return INVALID_PROGRAM;
  try {
    return compile(*program, std::vector<std::string>(options, options + count));
  } catch (const std::exception&) {
    return INTERNAL_ERROR;
  }
}

EXPORT int nvrtcGetProgramLogSize(Program* program, std::size_t* bytes) { return *bytes = program->log.size() + 1, SUCCESS; }
EXPORT int nvrtcGetProgramLog(Program* program, char* log) { return std::strcpy(log, program->log.c_str()), SUCCESS; }
EXPORT int nvrtcGetPTXSize(Program* program, std::size_t* bytes) { return *bytes = program->ptx.empty() ? 0 : program->ptx.size() + 1, SUCCESS; }
EXPORT int nvrtcGetPTX(Program* program, char* ptx) { return std::strcpy(ptx, program->ptx.c_str()), SUCCESS; }
EXPORT int nvrtcGetCUBINSize(Program* program, std::size_t* bytes) { return *bytes = program->cubin.size(), SUCCESS; }
EXPORT int nvrtcGetCUBIN(Program* program, char* cubin) { return std::memcpy(cubin, program->cubin.data(), program->cubin.size()), SUCCESS; }
