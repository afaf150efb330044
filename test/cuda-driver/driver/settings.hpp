// How the stand-in behaves: from the environment when the library is first used, and from ptxTestConfigure afterwards.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace driver {

struct Settings {
  std::uint64_t devices = 1;                          // 0 to 3
  std::uint64_t memory = std::uint64_t{1} << 30;      // bytes of each device
  std::uint64_t capability = 90;                      // 75, 90, 120 …
  std::uint64_t multiprocessors = 4;
  std::uint64_t driverVersion = 13000;
  std::uint64_t pools = 1;                            // whether cuMemAllocAsync is there
  std::uint64_t random = 0;                           // schedule warps and blocks by the seed
  std::uint64_t seed = 1;
  std::uint64_t residentBlocks = 8;
  std::uint64_t deferred = 0;                         // stream work waits for whoever waits for it
  std::uint64_t spinLimit = 200'000'000;              // instructions of warps in one launch
  std::uint64_t failInit = 0;                         // cuInit's result
  std::uint64_t failAllocation = 0;                   // the nth allocation from now on fails …
  std::uint64_t failAllocations = 1;                  // … and so many from there
  std::uint64_t failLaunch = 0;                       // the nth launch from now on fails …
  std::uint64_t failLaunchResult = 701;               // … with this
  std::uint64_t failModule = 0;                       // the nth module from now on fails to load
  std::uint64_t failRecord = 0;                       // the nth recording of an event from now on is out of memory
  std::uint64_t failQuery = 0;                        // the nth question for a stream from now on and all later ones fail
  std::uint64_t failCall = 0;                         // the nth call of the interface from now on, whichever it is, fails …
  std::uint64_t failCallResult = 2;                   // … with this
  std::uint64_t stickyLaunch = 0;                     // the nth launch from now on ends as an illegal access does
  std::uint64_t loseDevice = 0;                       // at the nth launch from now on its device disappears
  std::uint64_t keeps = 0;                            // pools keep what is given back, in pieces, up to their threshold
  std::uint64_t peers = 1;                            // whether devices reach each other's memory
  std::uint64_t failPeer = 0;                         // the nth request for a peer's memory from now on is refused
  std::uint64_t failPeerCopy = 0;                     // the nth copy between devices from now on is refused
  std::uint64_t log = 0;                              // faults also go to stderr
};

/// Every setting that the environment names: DOTCOMPUTE_TEST_CUDA_SPIN_LIMIT for spinLimit.
Settings settingsFromEnvironment();
/// `{"spinLimit": 1000, "random": true}` or `spinLimit=1000;random=1`. Gives what is wrong with it, or nothing; the numbers of
/// what is named are in `changed`.
std::string change(Settings& settings, std::string_view text, std::vector<std::string_view>& changed);

}  // namespace driver
