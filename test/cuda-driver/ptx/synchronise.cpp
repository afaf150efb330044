// Waiting: lanes of a warp for each other, and threads of a block at its barriers.
#include "machine.hpp"

namespace ptx {

namespace {

template <class F>
void eachLane(std::uint32_t mask, F visit) {
  for (; mask; mask &= mask - 1) visit(static_cast<unsigned>(std::countr_zero(mask)));
}

std::string hex(std::uint32_t bits) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", bits);
  return text;
}

enum BarrierMode : std::uint32_t { Sync, Arrive, Popc, And, Or };

}  // namespace

bool Warp::warpSync(const Instruction& instruction, std::uint32_t mask) {
  const auto* members = read<std::uint32_t>(instruction.members);
  const auto leader = static_cast<unsigned>(std::countr_zero(mask));
  const std::uint32_t wanted = members[leader];
  bool same = true;
  eachLane(mask, [&](unsigned lane) {
    same &= members[lane] == wanted;
    if (!((members[lane] >> lane) & 1)) {
      throw LaneFault{FAULT_LAUNCH, lane, "A lane runs a .sync operation whose member mask, " + hex(members[lane]) + ", leaves it out."};
    }
  });
  if (same && (wanted & live_) == mask) {
    if (instruction.execute) instruction.execute(*this, instruction, mask);
    return true;
  }
  eachLane(mask, [&](unsigned lane) { members_[lane] = members[lane]; });
  setPlace(mask, place);
  parked_ |= mask;
  syncing_ |= mask;
  return false;
}

void Warp::checkWarpSync(std::uint32_t among) {
  const Program& program = launch().program;
  for (among &= syncing_; among; among &= among - 1) {
    const auto leader = static_cast<unsigned>(std::countr_zero(among));
    if (!((syncing_ >> leader) & 1)) continue;
    const std::uint32_t wanted = members_[leader] & live_;
    const Instruction& instruction = program.code[places_[leader]];
    bool ready = (wanted & ~syncing_) == 0;
    eachLane(ready ? wanted : 0, [&](unsigned lane) {
      // A __syncwarp may meet another; everything else must be the same instruction.
      const bool samePlace = places_[lane] == places_[leader] && depths_[lane] == depths_[leader];
      ready &= members_[lane] == members_[leader] && (samePlace || (!instruction.execute && !program.code[places_[lane]].execute));
    });
    if (!ready) continue;
    if (instruction.execute) {
      show(*frameOf_[leader]);
      place = places_[leader];
      instruction.execute(*this, instruction, wanted);
    }
    eachLane(wanted, [&](unsigned lane) { places_[lane]++; });
    parked_ &= ~wanted;
    syncing_ &= ~wanted;
  }
}

void Warp::barrier(const Instruction& instruction, std::uint32_t mask) {
  const auto leader = static_cast<unsigned>(std::countr_zero(mask));
  const std::uint32_t id = read<std::uint32_t>(instruction.a)[leader];
  if (id >= 16) throw LaneFault{FAULT_LAUNCH, leader, "Barrier " + std::to_string(id) + ": there are 16."};
  const std::uint32_t expected = instruction.b.base == Base::Nowhere ? 0 : read<std::uint32_t>(instruction.b)[leader];
  if (instruction.small >= Popc) {
    const std::uint32_t votes = predicate(instruction.c) ^ (instruction.inverted ? ALL_LANES : 0);
    votes_ = (votes_ & ~mask) | (votes & mask);
  }
  if (instruction.small == Arrive) {
    setPlace(mask, place + 1);
  } else {
    setPlace(mask, place);
    parked_ |= mask;
    eachLane(mask, [&](unsigned lane) { barriers_[lane] = static_cast<std::uint8_t>(id); });
  }
  block_.arrive(id, expected, static_cast<unsigned>(std::popcount(mask)));
  block_.checkBarriers();
}

std::uint32_t Warp::atBarrier(unsigned barrier) const {
  std::uint32_t lanes = 0;
  eachLane(parked_ & ~syncing_, [&](unsigned lane) { lanes |= static_cast<std::uint32_t>(barriers_[lane] == barrier) << lane; });
  return lanes;
}

void Warp::releaseBarrier(std::uint32_t lanes, unsigned votes, unsigned arrived) {
  eachLane(lanes, [&](unsigned lane) {
    const Instruction& instruction = launch().program.code[places_[lane]];
    if (instruction.small >= Popc) {
      auto* registers = frameOf_[lane]->data() + instruction.to.offset;
      if (instruction.small == Popc) {
        reinterpret_cast<std::uint32_t*>(registers)[lane] = votes;
      } else {
        const bool holds = instruction.small == And ? votes == arrived : votes > 0;
        auto& bits = *reinterpret_cast<std::uint32_t*>(registers);
        bits = (bits & ~(std::uint32_t{1} << lane)) | static_cast<std::uint32_t>(holds) << lane;
      }
    }
    places_[lane]++;
  });
  parked_ &= ~lanes;
}

std::string Warp::where(unsigned lane) const {
  const Dimensions& size = launch().block;
  const std::uint32_t thread = index_ * LANES + lane;
  const auto triple = [](std::uint32_t x, std::uint32_t y, std::uint32_t z) {
    return "(" + std::to_string(x) + ", " + std::to_string(y) + ", " + std::to_string(z) + ")";
  };
  const Dimensions& at = block_.index;
  return "block " + triple(at.x, at.y, at.z) + ", thread " + triple(thread % size.x, thread / size.x % size.y, thread / size.x / size.y);
}

std::string Warp::waitingFor() const {
  const Program& program = launch().program;
  const auto lane = static_cast<unsigned>(std::countr_zero(live_));
  const std::uint32_t at = places_[lane];
  std::string text = "PTX line " + std::to_string(program.code[at].line) + ": " + program.texts[at] + ", " + where(lane);
  if ((syncing_ >> lane) & 1) text += ", waiting for the lanes of " + hex(members_[lane]);
  else if ((parked_ >> lane) & 1) text += ", waiting at barrier " + std::to_string(barriers_[lane]);
  return text;
}

Block::Block(Launch& launch) : launch_(launch) {
  const auto threads = static_cast<unsigned>(launch.block.product());
  for (unsigned index = 0; index * LANES < threads; index++) warps.push_back(std::make_unique<Warp>(*this, index));
}

void Block::start(std::uint64_t at) {
  const Dimensions& grid = launch_.grid;
  number = at;
  index = {static_cast<std::uint32_t>(at % grid.x), static_cast<std::uint32_t>(at / grid.x % grid.y), static_cast<std::uint32_t>(at / grid.x / grid.y)};
  shared.assign(launch_.sharedBytes, std::byte{0xff});
  barriers_.fill({});
  const auto threads = static_cast<unsigned>(launch_.block.product());
  liveThreads = threads;
  for (auto& warp : warps) warp->start(threads - warp->index() * LANES);
}

void Block::arrive(unsigned barrier, std::uint32_t expected, unsigned threads) {
  Barrier& at = barriers_[barrier];
  at.arrived += threads;
  at.expected = expected;
}

void Block::checkBarriers() {
  for (unsigned id = 0; id < barriers_.size(); id++) {
    Barrier& barrier = barriers_[id];
    if (barrier.arrived == 0 || barrier.arrived < (barrier.expected ? barrier.expected : liveThreads)) continue;
    unsigned votes = 0;
    for (auto& warp : warps) votes += static_cast<unsigned>(std::popcount(warp->votes() & warp->atBarrier(id)));
    for (auto& warp : warps) warp->releaseBarrier(warp->atBarrier(id), votes, barrier.arrived);
    barrier = {};
  }
}

}  // namespace ptx
