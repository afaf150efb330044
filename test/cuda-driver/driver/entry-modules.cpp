// Modules, functions and launches.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "../ptx/decode.hpp"
#include "../ptx/parser.hpp"
#include "state.hpp"

using namespace driver;

namespace {

constexpr std::uint32_t SHARED_BYTES = 48 * 1024;
constexpr std::uint64_t MOST_THREADS = 1024;

/// The log buffers among cuModuleLoadDataEx's options.
struct Logs {
  char* buffer = nullptr;
  std::size_t room = 0;
  void** sizeOption = nullptr;

  Logs(unsigned count, const int* keys, void** values) {
    for (unsigned i = 0; i < count; i++) {
      if (keys[i] == 5) buffer = static_cast<char*>(values[i]);
      if (keys[i] == 6) {
        room = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(values[i]));
        sizeOption = &values[i];
      }
    }
  }
  void write(const std::string& text) const {
    if (!buffer || room == 0) return;
    const std::size_t bytes = std::min(room - 1, text.size());
    std::memcpy(buffer, text.data(), bytes);
    buffer[bytes] = '\0';
    if (sizeOption) *sizeOption = reinterpret_cast<void*>(bytes + 1);
  }
};

/// CUDA 13.0 reads PTX up to 9.0, 12.4 up to 8.4, 11.8 up to 7.8.
unsigned newestPtx(std::uint64_t driverVersion) { return static_cast<unsigned>((driverVersion / 1000 - 4) * 10 + driverVersion % 1000 / 10); }

void initialise(std::byte* to, const ptx::Variable& variable, const ptx::Module& module, const std::vector<Address>& addresses) {
  std::memset(to, 0, variable.size);
  const unsigned width = ptx::widthOf(variable.type);
  for (std::size_t i = 0; i < variable.initial.size() && (i + 1) * width <= variable.size; i++) {
    std::uint64_t bits = variable.initial[i].bits;
    for (std::size_t other = 0; other < module.variables.size(); other++)
      if (!variable.initial[i].symbol.empty() && module.variables[other].name == variable.initial[i].symbol) bits += addresses[other];
    std::memcpy(to + i * width, &bits, width);
  }
}

std::unique_ptr<LoadedModule> load(State& state, Context& context, const std::string& text, const Logs& logs) {
  auto loaded = std::make_unique<LoadedModule>();
  loaded->context = &context;
  try {
    const ptx::Module module = ptx::parse(text);
    loaded->version = module.major * 10 + module.minor;
    require(loaded->version <= newestPtx(state.settings.driverVersion), UNSUPPORTED_PTX_VERSION);
    require(module.target <= state.settings.capability, NO_BINARY_FOR_GPU);
    for (const ptx::Variable& variable : module.variables) {
      if (variable.isExtern && variable.space != ptx::Space::Shared) throw ptx::PtxError(1, "variable " + variable.name + " is defined elsewhere");
      const bool shared = variable.space == ptx::Space::Shared;
      const auto address = shared ? 0 : state.memory.allocate(context.device, std::max<std::uint64_t>(variable.size, 1));
      require(address.has_value(), OUT_OF_MEMORY);
      loaded->variables.push_back(*address);
    }
    for (std::size_t i = 0; i < module.variables.size(); i++)
      if (loaded->variables[i]) initialise(state.memory.at(loaded->variables[i])->host, module.variables[i], module, loaded->variables);
    loaded->program = ptx::decode(module, [&](std::size_t variable) { return loaded->variables[variable]; });
  } catch (const std::exception& error) {
    const std::string words = std::string(DEVICE_NAME) + ": " + error.what();
    logs.write(words);
    state.lastFault = words;
    for (const Address address : loaded->variables)
      if (address) state.memory.release(address);
    throw Failure{INVALID_PTX};
  }
  return loaded;
}

std::vector<std::byte> gatherParameters(const ptx::Procedure& kernel, void** parameters, void** extra) {
  const std::size_t bytes = kernel.parameters.empty() ? 0 : kernel.parameters.back().offset + kernel.parameters.back().size;
  std::vector<std::byte> out(bytes);
  require(!(parameters && extra));
  if (extra) {
    const void* buffer = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; extra[i]; i += 2) {
      const auto key = reinterpret_cast<std::uintptr_t>(extra[i]);
      if (key == 1) buffer = extra[i + 1];
      if (key == 2) size = *static_cast<std::size_t*>(extra[i + 1]);
    }
    require(size >= bytes && (buffer || bytes == 0));
    std::memcpy(out.data(), buffer, bytes);
    return out;
  }
  require(parameters || kernel.parameters.empty());
  for (std::size_t i = 0; i < kernel.parameters.size(); i++) {
    require(parameters[i]);
    std::memcpy(out.data() + kernel.parameters[i].offset, parameters[i], kernel.parameters[i].size);
  }
  return out;
}

/// Throws Failure where a launch is refused as such.
void checkLaunch(State& state, const LoadedFunction& function, ptx::Dimensions grid, ptx::Dimensions block, std::uint32_t shared) {
  require(grid.product() > 0 && block.product() > 0);
  require(grid.x <= 0x7fffffff && grid.y <= 65535 && grid.z <= 65535);
  require(block.x <= 1024 && block.y <= 1024 && block.z <= 64 && block.product() <= MOST_THREADS);
  require(shared <= function.mostDynamicShared);
  const ptx::Procedure& kernel = *function.procedure;
  require(kernel.requiredThreads == 0 || block.product() == kernel.requiredThreads);
  require(kernel.maximumThreads == 0 || block.product() <= kernel.maximumThreads, LAUNCH_OUT_OF_RESOURCES);
  if (state.settings.failLaunch) require(++state.occasions.launches != state.settings.failLaunch, static_cast<Result>(state.settings.failLaunchResult));
}

void runKernel(State& state, Context& context, const LoadedFunction& function, ptx::Dimensions grid, ptx::Dimensions block, std::uint32_t shared,
               const std::vector<std::byte>& parameters) {
  const Settings& settings = state.settings;
  ptx::Schedule schedule;
  schedule.random = settings.random != 0;
  // Every launch has a schedule of its own, and the same ones in every run.
  schedule.seed = settings.seed * 1'000'003 + state.counters.launches;
  schedule.spinLimit = settings.spinLimit;
  schedule.residentBlocks = static_cast<unsigned>(settings.residentBlocks);
  const auto forbidden = [&context](const ptx::Region& region) -> const char* {
    const bool reachable = region.device == ptx::HOST || region.device == context.device || context.peers.contains(region.device);
    if (!reachable) return "the memory of another device, without peer access.";
    return region.pending ? PENDING : nullptr;
  };
  state.counters.launches++;
  ptx::Launch launch(function.module->program, *function.procedure, grid, block, shared, parameters, state.memory, forbidden, schedule);
  try {
    launch.run();
  } catch (const ptx::Fault& fault) {
    state.fault(context, fault.code, fault.what);
  }
  ptx::Counts& sum = state.counters.kernels;
  const auto add = [](ptx::Traffic& to, const ptx::Traffic& more) {
    to.elements += more.elements;
    to.bytes += more.bytes;
    to.transactions += more.transactions;
  };
  add(sum.loads, launch.counts.loads);
  add(sum.stores, launch.counts.stores);
  add(sum.atomics, launch.counts.atomics);
  sum.instructions += launch.counts.instructions;
}

}  // namespace

ENTRY Result cuModuleLoadDataEx(void** module, const void* image, unsigned count, int* keys, void** values) {
  return entry([=](State& state) {
    require(module && image && (count == 0 || (keys && values)));
    Context& context = state.current();
    const auto* text = static_cast<const char*>(image);
    // CUBIN and fatbin: machine code, of which there is none for an interpreter.
    require(std::memcmp(text, "\x7f" "ELF", 4) != 0 && std::memcmp(text, "\x50\xed\x55\xba", 4) != 0, NO_BINARY_FOR_GPU);
    if (state.settings.failModule) require(++state.occasions.modules != state.settings.failModule, OUT_OF_MEMORY);
    auto loaded = load(state, context, text, Logs(count, keys, values));
    state.counters.modulesLoaded++;
    *module = loaded.get();
    context.modules.emplace(*module, std::move(loaded));
  });
}

ENTRY Result cuModuleLoadData(void** module, const void* image) { return cuModuleLoadDataEx(module, image, 0, nullptr, nullptr); }

ENTRY Result cuModuleUnload(void* module) {
  return entry([=](State& state) {
    LoadedModule& loaded = state.moduleOf(module);
    // Kernels still in a stream must not lose their code.
    loaded.context->synchronise();
    for (const Address address : loaded.variables)
      if (address) state.memory.release(address);
    loaded.context->modules.erase(module);
  });
}

ENTRY Result cuModuleGetFunction(void** function, void* module, const char* name) {
  return entry([=](State& state) {
    require(function && name);
    state.current();
    LoadedModule& loaded = state.moduleOf(module);
    const ptx::Procedure* procedure = loaded.program.find(name);
    require(procedure && procedure->isEntry, NOT_FOUND);
    auto& own = loaded.functions[name];
    if (!own) {
      const std::uint32_t shared = ptx::Launch::staticShared(loaded.program, *procedure);
      own = std::make_unique<LoadedFunction>(LoadedFunction{&loaded, procedure, shared, SHARED_BYTES - std::min(SHARED_BYTES, shared)});
    }
    *function = own.get();
  });
}

ENTRY Result cuFuncGetAttribute(int* value, int attribute, void* handle) {
  return entry([=](State& state) {
    require(value);
    const LoadedFunction& function = state.functionOf(handle);
    const ptx::Procedure& kernel = *function.procedure;
    switch (attribute) {
      case 0: *value = static_cast<int>(kernel.maximumThreads ? kernel.maximumThreads : MOST_THREADS); return;
      case 1: *value = static_cast<int>(function.staticShared); return;
      case 2: *value = 0; return;
      case 3: *value = static_cast<int>(kernel.localBytes); return;
      case 4: *value = 32; return;
      case 5: *value = static_cast<int>(function.module->version); return;
      case 6: *value = static_cast<int>(state.settings.capability); return;
      case 7: *value = 0; return;
      case 8: *value = static_cast<int>(function.mostDynamicShared); return;
      case 9: *value = -1; return;
      default: throw Failure{INVALID_VALUE};
    }
  });
}

ENTRY Result cuFuncSetAttribute(void* handle, int attribute, int value) {
  return entry([=](State& state) {
    LoadedFunction& function = state.functionOf(handle);
    require(attribute == 8 || attribute == 9);
    if (attribute == 9) return;
    const int most = state.settings.capability < 80 ? 64 * 1024 : 227 * 1024;
    require(value >= 0 && value + static_cast<int>(function.staticShared) <= most);
    function.mostDynamicShared = static_cast<std::uint32_t>(value);
  });
}

ENTRY Result cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void* handle, int threads, std::size_t shared) {
  return entry([=](State& state) {
    require(blocks && threads > 0);
    const LoadedFunction& function = state.functionOf(handle);
    const std::uint64_t warps = (static_cast<std::uint64_t>(threads) + 31) / 32;
    const std::uint64_t room = state.settings.capability < 80 ? 64 * 1024 : 228 * 1024;
    const std::uint64_t bytes = function.staticShared + shared;
    const std::uint64_t most = static_cast<std::uint64_t>(threads) > MOST_THREADS ? 0 : std::min<std::uint64_t>(16, 48 / warps);
    *blocks = static_cast<int>(std::min(most, bytes ? room / bytes : most));
  });
}

ENTRY Result cuLaunchKernel(void* handle, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                            unsigned shared, void* stream, void** parameters, void** extra) {
  return entry([=](State& state) {
    Context& context = state.current();
    const LoadedFunction& function = state.functionOf(handle);
    require(function.module->context == &context, INVALID_HANDLE);
    Timeline& timeline = state.timelineOf(context, stream);
    const ptx::Dimensions grid{gridX, gridY, gridZ};
    const ptx::Dimensions block{blockX, blockY, blockZ};
    checkLaunch(state, function, grid, block, shared);
    if (state.settings.loseDevice && ++state.occasions.losses == state.settings.loseDevice) {
      state.lost.insert(context.device);
      state.lastFault = "The device was lost, as the test asked.";
      throw Failure{DEVICE_UNAVAILABLE};
    }
    const bool sticky = state.settings.stickyLaunch && ++state.occasions.sticky == state.settings.stickyLaunch;
    context.submit(timeline, [&state, &context, &function, grid, block, shared, sticky, values = gatherParameters(*function.procedure, parameters, extra)] {
      runKernel(state, context, function, grid, block, shared, values);
      if (sticky) state.fault(context, ILLEGAL_ADDRESS, "An illegal access, as the test asked.");
    });
  });
}
