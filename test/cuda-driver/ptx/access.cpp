#include "access.hpp"

#include <algorithm>

namespace ptx {

namespace {

constexpr std::uint64_t SECTOR = 32;

std::string hex(std::uint64_t bits) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(bits));
  return text;
}

const char* verb(Purpose purpose) { return purpose == Purpose::Load ? "read" : purpose == Purpose::Store ? "write" : "atomic access"; }

bool inWindow(std::uint64_t address, std::uint64_t window) { return address >= window && address < window + WINDOW_BYTES; }

/// The 32-byte sectors that a warp's access touches: what a device would move.
std::uint64_t sectors(const std::uint64_t (&addresses)[LANES], std::uint32_t mask, std::uint64_t bytes, bool contiguous) {
  if (contiguous) return (addresses[LANES - 1] + bytes - 1) / SECTOR - addresses[0] / SECTOR + 1;
  std::uint64_t seen[2 * LANES];
  unsigned count = 0;
  eachLane(mask, [&](unsigned lane) {
    for (std::uint64_t sector = addresses[lane] / SECTOR; sector <= (addresses[lane] + bytes - 1) / SECTOR; sector++) {
      if (count && seen[count - 1] == sector) continue;
      if (count < 2 * LANES) seen[count++] = sector;
    }
  });
  std::sort(seen, seen + count);
  return static_cast<std::uint64_t>(std::unique(seen, seen + count) - seen);
}

class Resolver {
 public:
  Resolver(Warp& warp, const Instruction& instruction, std::uint32_t mask, Purpose purpose, Access& access)
      : warp_(warp), launch_(warp.launch()), detail_(*instruction.detail), mask_(mask), purpose_(purpose), access_(access),
        bytes_(std::uint64_t{detail_.elements} * detail_.elementWidth) {
    addressesOf(warp, instruction, mask, addresses_);
  }

  void run() {
    const Address& address = detail_.address;
    if (address.from == Address::From::KernelParameter && address.space == Space::Param && purpose_ == Purpose::Load) return kernelParameter();
    std::uint64_t all = 0;
    for (unsigned lane = 0; lane < LANES; lane++) all |= (mask_ >> lane) & 1 ? addresses_[lane] : 0;
    if (all & (bytes_ - 1)) misaligned();
    switch (address.space) {
      case Space::Global: case Space::Const: return global(mask_);
      case Space::Shared: return eachLane(mask_, [&](unsigned lane) { shared(lane, addresses_[lane]); });
      case Space::Local: return eachLane(mask_, [&](unsigned lane) { local(lane, addresses_[lane]); });
      case Space::Param: return eachLane(mask_, [&](unsigned lane) { parameter(lane, addresses_[lane]); });
      case Space::Generic: return generic();
    }
  }

 private:
  [[noreturn]] void misaligned() {
    const unsigned lane = firstWhere([&](unsigned l) { return addresses_[l] & (bytes_ - 1); });
    throw LaneFault{FAULT_MISALIGNED, lane, "A misaligned " + std::string(verb(purpose_)) + " of " + std::to_string(bytes_) + " bytes at " + hex(addresses_[lane]) + "."};
  }

  template <class F>
  unsigned firstWhere(F holds) const {
    unsigned found = LANES;
    eachLane(mask_, [&](unsigned lane) { found = found == LANES && holds(lane) ? lane : found; });
    return found;
  }

  [[noreturn]] void outside(unsigned lane, std::uint64_t address, const std::string& what) const {
    throw LaneFault{FAULT_ILLEGAL_ADDRESS, lane,
                    "An out-of-bounds " + std::string(verb(purpose_)) + " of " + std::to_string(bytes_) + " bytes at " + hex(address) + ": " + what};
  }

  [[noreturn]] void outsideGlobal(unsigned lane) const {
    const std::uint64_t address = addresses_[lane];
    const Region* before = launch_.memory.before(address);
    if (!before) outside(lane, address, "there is no allocation.");
    const std::uint64_t size = before->end - before->begin;
    outside(lane, address, "byte " + std::to_string(address - before->begin) + " of an allocation of " + std::to_string(size) + " bytes at " + hex(before->begin) + ".");
  }

  void shared(unsigned lane, std::uint64_t offset) {
    const std::uint64_t size = warp_.block().shared.size();
    if (offset > size || bytes_ > size - offset) outside(lane, offset, "shared memory has " + std::to_string(size) + " bytes.");
    access_.at[lane] = warp_.block().shared.data() + offset;
  }

  void local(unsigned lane, std::uint64_t offset) {
    access_.at[lane] = warp_.local(lane, offset, bytes_);
    if (!access_.at[lane]) outside(lane, offset, "the thread's local memory ends before.");
  }

  void parameter(unsigned lane, std::uint64_t offset) {
    // A register may hold a parameter's address, taken by `mov`, as well as the place itself.
    if (inWindow(offset, PARAM_WINDOW)) offset -= PARAM_WINDOW;
    if (offset >= FRAME_PARAMETERS) {
      const std::uint64_t size = warp_.frame().procedure->parameterBytes;
      offset -= FRAME_PARAMETERS;
      if (offset > size || bytes_ > size - offset) outside(lane, offset, "the function's parameters have " + std::to_string(size) + " bytes.");
      access_.at[lane] = warp_.frame().slot(lane, static_cast<std::uint32_t>(offset));
      return;
    }
    const std::uint64_t size = launch_.parameters.size();
    if (offset > size || bytes_ > size - offset) outside(lane, offset, "the kernel's parameters have " + std::to_string(size) + " bytes.");
    if (purpose_ != Purpose::Load) outside(lane, offset, "a kernel's parameters can't be written.");
    access_.at[lane] = const_cast<std::byte*>(launch_.parameters.data()) + offset;
  }

  /// Most loads of parameters: the same place for every lane.
  void kernelParameter() {
    const auto lane = static_cast<unsigned>(std::countr_zero(mask_));
    if (addresses_[lane] & (bytes_ - 1)) misaligned();
    parameter(lane, addresses_[lane]);
    std::fill_n(access_.at, LANES, access_.at[lane]);
    access_.uniform = true;
  }

  void generic() {
    std::uint32_t elsewhere = 0;
    eachLane(mask_, [&](unsigned lane) {
      const std::uint64_t address = addresses_[lane];
      if (inWindow(address, SHARED_WINDOW)) shared(lane, address - SHARED_WINDOW);
      else if (inWindow(address, LOCAL_WINDOW)) local(lane, address - LOCAL_WINDOW);
      else if (inWindow(address, PARAM_WINDOW)) parameter(lane, address - PARAM_WINDOW);
      else elsewhere |= std::uint32_t{1} << lane;
    });
    if (elsewhere) global(elsewhere);
  }

  void global(std::uint32_t lanes) {
    if (lanes == ALL_LANES) {
      bool inOrder = true;
      bool same = true;
      for (unsigned lane = 1; lane < LANES; lane++) {
        inOrder &= addresses_[lane] == addresses_[0] + lane * bytes_;
        same &= addresses_[lane] == addresses_[0];
      }
      access_.contiguous = inOrder;
      access_.uniform = same;
    }
    Region& recent = launch_.recent[warp_.place];
    if (access_.contiguous && recent.holds(addresses_[0], LANES * bytes_)) {
      for (unsigned lane = 0; lane < LANES; lane++) access_.at[lane] = recent.host + (addresses_[lane] - recent.begin);
    } else {
      eachLane(lanes, [&](unsigned lane) {
        const std::uint64_t address = addresses_[lane];
        if (!recent.holds(address, bytes_)) {
          const Region* found = launch_.memory.find(address, bytes_);
          if (!found) outsideGlobal(lane);
          if (const char* what = launch_.forbidden(*found)) outside(lane, address, what);
          recent = *found;
        }
        access_.at[lane] = recent.host + (address - recent.begin);
      });
    }
    if (detail_.address.space != Space::Const) count(lanes);
  }

  void count(std::uint32_t lanes) {
    Counts& counts = launch_.counts;
    Traffic& traffic = purpose_ == Purpose::Load ? counts.loads : purpose_ == Purpose::Store ? counts.stores : counts.atomics;
    const auto threads = static_cast<std::uint64_t>(std::popcount(lanes));
    traffic.elements += threads * detail_.elements;
    traffic.bytes += threads * bytes_;
    traffic.transactions += sectors(addresses_, lanes, bytes_, access_.contiguous);
  }

  Warp& warp_;
  Launch& launch_;
  const Detail& detail_;
  const std::uint32_t mask_;
  const Purpose purpose_;
  Access& access_;
  const std::uint64_t bytes_;
  std::uint64_t addresses_[LANES];
};

}  // namespace

void addressesOf(Warp& warp, const Instruction& instruction, std::uint32_t, std::uint64_t (&addresses)[LANES]) {
  const Address& address = instruction.detail->address;
  const auto offset = static_cast<std::uint64_t>(address.offset);
  const auto all = [&](std::uint64_t value) { std::fill_n(addresses, LANES, value); };
  switch (address.from) {
    case Address::From::Register:
      if (address.base.width == 8) {
        const auto* base = warp.read<std::uint64_t>(address.base);
        for (unsigned lane = 0; lane < LANES; lane++) addresses[lane] = base[lane] + offset;
      } else {
        const auto* base = warp.read<std::uint32_t>(address.base);
        for (unsigned lane = 0; lane < LANES; lane++) addresses[lane] = static_cast<std::uint32_t>(base[lane] + offset);
      }
      return;
    case Address::From::Fixed: return all(offset);
    case Address::From::Shared: return all(warp.launch().sharedOffsets[address.index] + offset);
    case Address::From::Local:
      for (unsigned lane = 0; lane < LANES; lane++) addresses[lane] = warp.frame().localBase[lane] + address.index + offset;
      return;
    case Address::From::KernelParameter: return all(address.index + offset);
    case Address::From::FrameParameter: return all(FRAME_PARAMETERS + address.index + offset);
  }
}

void resolve(Warp& warp, const Instruction& instruction, std::uint32_t mask, Purpose purpose, Access& access) {
  Resolver(warp, instruction, mask, purpose, access).run();
}

}  // namespace ptx
