// A launch: several blocks resident at once, whose warps take turns, so that a block may wait for what another does.
#include <algorithm>
#include <set>

#include "machine.hpp"

namespace ptx {

namespace {

constexpr unsigned QUANTUM = 256;
/// A random schedule starts the blocks in any order, this far ahead.
constexpr std::size_t WINDOW = 8;

void reach(const Program& program, const Procedure& from, std::set<std::uint32_t>& shared, std::set<const Procedure*>& seen) {
  if (!seen.insert(&from).second) return;
  shared.insert(from.shared.begin(), from.shared.end());
  for (const std::uint32_t called : from.calls) reach(program, program.procedures[called], shared, seen);
}

/// Where each shared variable that the kernel can reach lies; gives the bytes of those with a size of their own.
std::uint32_t layOut(const Program& program, const Procedure& kernel, std::vector<std::uint32_t>& offsets) {
  std::set<std::uint32_t> shared;
  std::set<const Procedure*> seen;
  reach(program, kernel, shared, seen);
  offsets.assign(program.shared.size(), 0);
  std::uint64_t top = 0;
  const auto align = [&](unsigned alignment) { return (top + alignment - 1) / alignment * alignment; };
  for (const std::uint32_t index : shared) {
    const SharedVariable& variable = program.shared[index];
    if (variable.size == 0) continue;
    offsets[index] = static_cast<std::uint32_t>(top = align(variable.alignment));
    top += variable.size;
  }
  std::uint64_t end = top;
  for (const std::uint32_t index : shared) {
    // Arrays whose size the launch gives all begin at the same place.
    if (program.shared[index].size == 0) end = std::max(end, align(std::max(16U, program.shared[index].alignment)));
  }
  for (const std::uint32_t index : shared)
    if (program.shared[index].size == 0) offsets[index] = static_cast<std::uint32_t>(end);
  return static_cast<std::uint32_t>(end);
}

}  // namespace

Launch::Launch(const Program& program, const Procedure& kernel, Dimensions grid, Dimensions block, std::uint32_t dynamicShared,
               std::vector<std::byte> parameters, const Memory& memory, std::function<const char*(const Region&)> forbidden, Schedule schedule)
    : program(program),
      kernel(kernel),
      grid(grid),
      block(block),
      dynamicShared(dynamicShared),
      parameters(std::move(parameters)),
      memory(memory),
      forbidden(std::move(forbidden)),
      schedule(schedule),
      random(schedule.seed),
      recent(program.code.size()) {
  sharedBytes = layOut(program, kernel, sharedOffsets) + dynamicShared;
}

std::uint32_t Launch::staticShared(const Program& program, const Procedure& kernel) {
  std::vector<std::uint32_t> offsets;
  return layOut(program, kernel, offsets);
}

/// False where every block has been started.
bool Launch::startBlock(Block& block) {
  const std::uint64_t total = grid.product();
  while (window_.size() < (schedule.random ? WINDOW : 1) && started_ < total) window_.push_back(started_++);
  if (window_.empty()) return false;
  const std::size_t chosen = schedule.random ? random.below(static_cast<std::uint32_t>(window_.size())) : 0;
  block.start(window_[chosen]);
  window_.erase(window_.begin() + static_cast<std::ptrdiff_t>(chosen));
  return true;
}

std::string Launch::deadlock(const std::vector<std::unique_ptr<Block>>& blocks) const {
  std::string text;
  int shown = 0;
  for (const auto& block : blocks) {
    for (const auto& warp : block->warps) {
      if (block->done() || warp->state() == Warp::State::Done || shown == 8) continue;
      text += "\n  " + warp->waitingFor();
      shown++;
    }
  }
  return text;
}

void Launch::run() {
  const unsigned most = schedule.random ? 2 + random.below(15) : std::max(1U, schedule.residentBlocks);
  std::vector<std::unique_ptr<Block>> blocks;
  std::vector<Warp*> warps;
  while (blocks.size() < std::min<std::uint64_t>(most, grid.product())) {
    blocks.push_back(std::make_unique<Block>(*this));
    startBlock(*blocks.back());
    for (auto& warp : blocks.back()->warps) warps.push_back(warp.get());
  }
  std::size_t running = blocks.size();
  for (std::size_t turn = 0, idle = 0; running > 0; turn++) {
    if (idle > warps.size()) {
      // In a random schedule an idle streak proves nothing before every warp was looked at.
      const bool ready = std::any_of(warps.begin(), warps.end(), [](Warp* warp) { return warp->state() == Warp::State::Ready; });
      if (!ready) throw Fault{FAULT_LAUNCH, "Kernel " + kernel.name + ": every thread waits for another one." + deadlock(blocks)};
      idle = 0;
    }
    Warp& warp = *warps[schedule.random ? random.below(static_cast<std::uint32_t>(warps.size())) : turn % warps.size()];
    if (warp.state() != Warp::State::Ready) {
      idle++;
      continue;
    }
    idle = 0;
    warp.run(schedule.random ? 1 + random.below(1U << random.below(9)) : QUANTUM);
    if (warp.block().done() && !startBlock(warp.block())) running--;
    if (counts.instructions > schedule.spinLimit) {
      throw Fault{FAULT_TIMEOUT, "Kernel " + kernel.name + " ran " + std::to_string(schedule.spinLimit) + " instructions without an end." + deadlock(blocks)};
    }
  }
}

}  // namespace ptx
