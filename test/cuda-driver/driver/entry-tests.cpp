// What only tests call: settings, counters, the words of the last fault. A real driver has none of these.
#include <algorithm>
#include <cstring>
#include <sstream>

#include "state.hpp"

using namespace driver;

namespace {

/// As much as there is room for; gives the bytes it takes with its final zero.
std::size_t give(const std::string& text, char* buffer, std::size_t room) {
  if (buffer && room > 0) {
    const std::size_t bytes = std::min(room - 1, text.size());
    std::memcpy(buffer, text.data(), bytes);
    buffer[bytes] = '\0';
  }
  return text.size() + 1;
}

std::string countersText(const State& state) {
  const Counters& counters = state.counters;
  std::size_t streams = 0;
  std::size_t modules = 0;
  std::size_t contexts = 0;
  for (const auto& context : state.contexts) {
    if (!context) continue;
    contexts++;
    streams += context->streams.size();
    modules += context->modules.size();
  }
  std::ostringstream out;
  const auto traffic = [&](const char* name, const ptx::Traffic& of) {
    out << "\"" << name << "\":{\"elements\":" << of.elements << ",\"bytes\":" << of.bytes << ",\"transactions\":" << of.transactions << "},";
  };
  out << "{";
  traffic("loads", counters.kernels.loads);
  traffic("stores", counters.kernels.stores);
  traffic("atomics", counters.kernels.atomics);
  out << "\"instructions\":" << counters.kernels.instructions << ",\"launches\":" << counters.launches << ",\"allocations\":" << counters.allocations
      << ",\"peakBytes\":" << counters.peakBytes << ",\"modulesLoaded\":" << counters.modulesLoaded << ",\"bytesToDevice\":" << counters.bytesToDevice
      << ",\"bytesToHost\":" << counters.bytesToHost << ",\"bytesOnDevice\":" << counters.bytesOnDevice << ",\"bytesBetween\":" << counters.bytesBetween << ",\"aliveBytes\":" << state.allocated()
      << ",\"aliveHostBytes\":" << state.memory.used(ptx::HOST) << ",\"aliveAllocations\":" << state.memory.alive(false)
      << ",\"aliveHostAllocations\":" << state.memory.alive(true) << ",\"streams\":" << streams << ",\"events\":" << state.events.size()
      << ",\"modules\":" << modules << ",\"contexts\":" << contexts << ",\"failedCall\":\"" << state.failedCall << "\"}";
  return out.str();
}

}  // namespace

/// Changes the settings that the text names; what counts occasions starts anew. The result is INVALID_VALUE, and
/// ptxTestLastFault says why, for a text that makes no sense.
ENTRY Result ptxTestConfigure(const char* text) {
  return entry(
      [=](State& state) {
        require(text);
        Settings settings = state.settings;
        std::vector<std::string_view> changed;
        const std::string wrong = change(settings, text, changed);
        if (!wrong.empty()) {
          state.lastFault = wrong;
          throw Failure{INVALID_VALUE};
        }
        state.settings = settings;
        for (const std::string_view name : changed) {
          if (name == "failAllocation") state.occasions.allocations = 0;
          if (name == "failLaunch") state.occasions.launches = 0;
          if (name == "failCall") state.calls.clear(), state.failedCall.clear();
          if (name == "stickyLaunch") state.occasions.sticky = 0;
          if (name == "loseDevice") state.occasions.losses = 0, state.lost.clear();
          if (name == "failModule") state.occasions.modules = 0;
          if (name == "failRecord") state.occasions.records = 0;
          if (name == "failQuery") state.occasions.queries = 0;
          if (name == "failPeer") state.occasions.peers = 0;
          if (name == "failPeerCopy") state.occasions.peerCopies = 0;
          if (name == "seed") state.random = ptx::Random(settings.seed);
          if (name == "failInit" || name == "devices") state.initialised = false;
        }
      },
      false);
}

/// Back to the environment's settings and to counters of zero. Contexts, memory and what is in streams stay.
ENTRY Result ptxTestReset() {
  return entry(
      [](State& state) {
        state.settings = settingsFromEnvironment();
        state.counters = {};
        state.counters.peakBytes = state.allocated();
        state.occasions = {};
        state.calls.clear();
        state.failedCall.clear();
        state.lost.clear();
        state.random = ptx::Random(state.settings.seed);
        state.lastFault.clear();
      },
      false);
}

/// JSON; gives the bytes that it takes.
ENTRY std::size_t ptxTestCounters(char* buffer, std::size_t room) {
  State& state = State::get();
  const std::lock_guard guard(state.lock);
  return give(countersText(state), buffer, room);
}

/// The calls of the interface since failCall was set to other than 0, one a line.
ENTRY std::size_t ptxTestCalls(char* buffer, std::size_t room) {
  State& state = State::get();
  const std::lock_guard guard(state.lock);
  std::string text;
  for (const char* const call : state.calls) text.append(call).append("\n");
  return give(text, buffer, room);
}

/// What the last kernel that ended badly, or the last module that did not load, was about.
ENTRY std::size_t ptxTestLastFault(char* buffer, std::size_t room) {
  State& state = State::get();
  const std::lock_guard guard(state.lock);
  return give(state.lastFault, buffer, room);
}
