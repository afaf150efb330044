#include "memory.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace ptx {

namespace {

constexpr std::uint64_t ALIGNMENT = 512;
constexpr std::uint64_t GAP = 4096;
constexpr std::uint64_t DEVICE_BYTES = std::uint64_t{1} << 42;
/// Beyond this, the pages' first touch would cost more than the kernel under test.
constexpr std::uint64_t MOST_FILLED = std::uint64_t{64} << 20;

void* hostMemory(std::uint64_t bytes) {
  if (bytes > MOST_FILLED) return std::calloc(bytes, 1);
  void* memory = std::malloc(bytes);
  if (memory) std::memset(memory, 0xff, bytes);
  return memory;
}

void keep(void*) {}

}  // namespace

std::optional<std::uint64_t> Memory::allocate(int device, std::uint64_t bytes) {
  auto* host = static_cast<std::byte*>(hostMemory(bytes));
  if (!host) return std::nullopt;
  std::uint64_t& next = next_[device];
  if (next == 0) next = GLOBAL_WINDOW + DEVICE_BYTES * static_cast<std::uint64_t>(device) + ALIGNMENT;
  const std::uint64_t begin = next;
  next += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT + GAP;
  live_.emplace(begin, Allocation{{begin, begin + bytes, host, device, false}, {host, std::free}});
  used_[device + 1] += bytes;
  return begin;
}

void* Memory::allocateHost(std::uint64_t bytes) {
  void* host = nullptr;
  if (posix_memalign(&host, GAP, bytes) != 0) return nullptr;
  std::memset(host, 0xff, bytes);
  const auto begin = reinterpret_cast<std::uint64_t>(host);
  live_.emplace(begin, Allocation{{begin, begin + bytes, static_cast<std::byte*>(host), HOST, false}, {static_cast<std::byte*>(host), std::free}});
  used_[HOST + 1] += bytes;
  return host;
}

bool Memory::registerHost(void* host, std::uint64_t bytes) {
  const auto begin = reinterpret_cast<std::uint64_t>(host);
  const auto after = live_.lower_bound(begin);
  if (after != live_.end() && after->first < begin + bytes) return false;
  if (find(begin, 1)) return false;
  live_.emplace(begin, Allocation{{begin, begin + bytes, static_cast<std::byte*>(host), HOST, false}, {static_cast<std::byte*>(host), keep}});
  return true;
}

bool Memory::unregisterHost(void* host) {
  const auto found = live_.find(reinterpret_cast<std::uint64_t>(host));
  if (found == live_.end() || found->second.owner.get_deleter() != keep) return false;
  live_.erase(found);
  return true;
}

void Memory::setPending(std::uint64_t begin, bool pending) {
  if (const auto found = live_.find(begin); found != live_.end()) found->second.region.pending = pending;
}

bool Memory::release(std::uint64_t begin) {
  const auto found = live_.find(begin);
  if (found == live_.end() || found->second.owner.get_deleter() == keep) return false;
  const Region& region = found->second.region;
  used_[region.device + 1] -= region.end - region.begin;
  live_.erase(found);
  return true;
}

void Memory::releaseDevice(int device) {
  std::erase_if(live_, [device](const auto& entry) { return entry.second.region.device == device; });
  used_[device + 1] = 0;
}

const Region* Memory::before(std::uint64_t address) const {
  const auto after = live_.upper_bound(address);
  return after == live_.begin() ? nullptr : &std::prev(after)->second.region;
}

const Region* Memory::find(std::uint64_t address, std::uint64_t bytes) const {
  const Region* region = before(address);
  return region && region->holds(address, bytes) ? region : nullptr;
}

const Region* Memory::at(std::uint64_t begin) const {
  const auto found = live_.find(begin);
  return found == live_.end() ? nullptr : &found->second.region;
}

std::size_t Memory::alive(bool ofHost) const {
  return static_cast<std::size_t>(std::count_if(live_.begin(), live_.end(), [=](const auto& entry) {
    return (entry.second.region.device == HOST) == ofHost && entry.second.owner.get_deleter() != keep;
  }));
}

}  // namespace ptx
