// The memory that kernels and copies can reach: live allocations with gaps between them. Addresses are never used twice, so a
// use after a free is always seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>

namespace ptx {

/// Windows of the generic address space, apart from everything else.
constexpr std::uint64_t SHARED_WINDOW = 0x0000'1000'0000'0000;
constexpr std::uint64_t LOCAL_WINDOW = 0x0000'1100'0000'0000;
constexpr std::uint64_t PARAM_WINDOW = 0x0000'1200'0000'0000;
constexpr std::uint64_t WINDOW_BYTES = 0x0000'0001'0000'0000;
constexpr std::uint64_t GLOBAL_WINDOW = 0x0000'2000'0000'0000;
/// Within the parameter window, where a function's own slots begin; a kernel's parameters lie below.
constexpr std::uint64_t FRAME_PARAMETERS = 1 << 20;

constexpr int HOST = -1;
constexpr unsigned MOST_DEVICES = 3;

/// One allocation, as an access sees it.
struct Region {
  std::uint64_t begin = 1;
  std::uint64_t end = 0;
  std::byte* host = nullptr;
  int device = HOST;
  bool pending = false;  // the stream that it was allocated in has not come to it

  bool holds(std::uint64_t address, std::uint64_t bytes) const { return address >= begin && address <= end && bytes <= end - address; }
};

class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() = default;

  /// A new allocation filled with ones (NaN, -1), so that reading what was never written shows. Nothing where there is no room.
  std::optional<std::uint64_t> allocate(int device, std::uint64_t bytes);
  /// Page-locked host memory; its address is the host's own.
  void* allocateHost(std::uint64_t bytes);
  bool registerHost(void* host, std::uint64_t bytes);
  bool unregisterHost(void* host);
  /// Whether nobody may use the allocation yet; nothing if it is gone.
  void setPending(std::uint64_t begin, bool pending);
  /// Whether there was such an allocation, of that device or the host.
  bool release(std::uint64_t begin);
  void releaseDevice(int device);
  /// The allocation that holds all these bytes.
  const Region* find(std::uint64_t address, std::uint64_t bytes) const;
  /// The last allocation that begins at or before the address, for messages.
  const Region* before(std::uint64_t address) const;
  const Region* at(std::uint64_t begin) const;
  std::uint64_t used(int device) const { return used_[device + 1]; }
  /// How many allocations there are, of the host or of all devices.
  std::size_t alive(bool ofHost) const;

 private:
  struct Allocation {
    Region region;
    std::unique_ptr<std::byte, void (*)(void*)> owner;
  };
  std::map<std::uint64_t, Allocation> live_;
  std::uint64_t used_[MOST_DEVICES + 1] = {};
  std::uint64_t next_[MOST_DEVICES] = {};
};

}  // namespace ptx
