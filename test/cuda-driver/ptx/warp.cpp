// A warp: 32 lanes that run together where they can. The lanes furthest back run first, so those that took different ways meet
// again where the ways meet. A random schedule also lets some lanes run ahead, which finds a missing __syncwarp.
#include <algorithm>

#include "machine.hpp"

namespace ptx {

namespace {

constexpr std::uint32_t NO_LIMIT = 0xffffffff;
constexpr unsigned FAIR_AFTER = 20'000;
constexpr std::uint32_t MOST_CALLS = 512;
constexpr std::uint32_t MOST_LOCAL = 512 * 1024;

template <class F>
void eachLane(std::uint32_t mask, F visit) {
  for (; mask; mask &= mask - 1) visit(static_cast<unsigned>(std::countr_zero(mask)));
}

}  // namespace

Frame::Frame(const Procedure& procedure)
    : procedure(&procedure), registers(procedure.registerBytes / sizeof(Line) + 1), parameters(std::size_t{LANES} * procedure.parameterBytes) {}

Warp::Warp(Block& block, unsigned index) : block_(block), index_(index) { bases_[1] = launch().program.constants.data(); }

void Warp::start(std::uint32_t threads) {
  const Procedure& kernel = launch().kernel;
  live_ = threads >= LANES ? ALL_LANES : (std::uint32_t{1} << threads) - 1;
  parked_ = syncing_ = votes_ = carry = 0;
  streak_ = 0;
  Frame& frame = frameAt(0, static_cast<std::uint32_t>(&kernel - launch().program.procedures.data()));
  places_.fill(kernel.begin);
  depths_.fill(0);
  frameOf_.fill(&frame);
  localTop_.fill(kernel.localBytes);
  if (localBytes_ < kernel.localBytes) {
    localBytes_ = kernel.localBytes;
    local_.assign(std::size_t{LANES} * localBytes_, std::byte{0xff});
  }
}

Frame& Warp::frameAt(std::uint32_t depth, std::uint32_t procedure) {
  const Program& program = launch().program;
  if (frames_.size() <= depth) frames_.resize(depth + 1);
  auto& atDepth = frames_[depth];
  if (atDepth.empty()) atDepth.resize(program.procedures.size());
  if (!atDepth[procedure]) atDepth[procedure] = std::make_unique<Frame>(program.procedures[procedure]);
  return *atDepth[procedure];
}

void Warp::show(Frame& frame) {
  frame_ = &frame;
  bases_[0] = frame.data();
}

void Warp::setPlace(std::uint32_t mask, std::uint32_t place) {
  if (mask == ALL_LANES) return places_.fill(place);
  eachLane(mask, [&](unsigned lane) { places_[lane] = place; });
}

Warp::Group Warp::select() {
  const std::uint32_t runnable = live_ & ~parked_;
  std::uint32_t depth = 0;
  std::uint32_t first = NO_LIMIT;
  std::uint32_t limit = NO_LIMIT;
  std::uint32_t mask = 0;
  eachLane(runnable, [&](unsigned lane) {
    const std::uint32_t place = places_[lane];
    if (depths_[lane] < depth) return;
    if (depths_[lane] > depth) {
      depth = depths_[lane];
      first = limit = NO_LIMIT;
    }
    if (place < first) {
      limit = first;
      first = place;
      mask = 0;
    }
    if (place == first) mask |= std::uint32_t{1} << lane;
    else limit = std::min(limit, place);
  });
  return {mask, limit, NO_LIMIT, mask == runnable};
}

Warp::Group Warp::splitAtRandom(Group group) {
  Random& random = launch().random;
  if (!group.whole && random.below(2)) {
    // Another group than the one furthest back.
    const std::uint32_t others = live_ & ~parked_ & ~group.mask;
    unsigned skip = random.below(static_cast<std::uint32_t>(std::popcount(others)));
    std::uint32_t rest = others;
    while (skip--) rest &= rest - 1;
    const auto chosen = static_cast<unsigned>(std::countr_zero(rest));
    group.mask = 0;
    eachLane(others, [&](unsigned lane) {
      if (places_[lane] == places_[chosen] && depths_[lane] == depths_[chosen]) group.mask |= std::uint32_t{1} << lane;
    });
  }
  const std::uint32_t some = group.mask & static_cast<std::uint32_t>(random.next());
  if (some) group.mask = some;
  return {group.mask, NO_LIMIT, 1 + random.below(64), false};
}

void Warp::run(unsigned quantum) {
  const bool random = launch().schedule.random;
  while (quantum > 0 && state() == State::Ready) {
    Group group = select();
    if (random && launch().random.below(4) == 0) {
      group = splitAtRandom(group);
    } else if (!group.whole && streak_ > FAIR_AFTER) {
      // A lane that spins would starve the one it waits for.
      streak_ = 0;
      group = splitAtRandom(group);
    }
    group.budget = std::min(group.budget, quantum);
    unsigned used = 0;
    try {
      used = runGroup(group);
    } catch (const LaneFault& fault) {
      const Program& program = launch().program;
      throw Fault{fault.code, fault.what + "\n  kernel " + launch().kernel.name + ", PTX line " + std::to_string(program.code[place].line) +
                                  ": " + program.texts[place] + "\n  " + where(fault.lane)};
    }
    streak_ = group.whole ? 0 : streak_ + used;
    quantum -= used;
    launch().counts.instructions += used;
  }
}

/// Gives how many instructions ran.
unsigned Warp::runGroup(const Group& group) {
  const Instruction* code = launch().program.code.data();
  const std::uint32_t mask = group.mask;
  const auto leader = static_cast<unsigned>(std::countr_zero(mask));
  show(*frameOf_[leader]);
  std::uint32_t pc = places_[leader];
  unsigned used = 0;
  while (used < group.budget && pc < group.limit) {
    const Instruction& instruction = code[pc];
    std::uint32_t active = mask;
    if (instruction.guard != Guard::None) {
      const std::uint32_t bits = *reinterpret_cast<const std::uint32_t*>(bases_[0] + instruction.guardOffset);
      active &= instruction.guard == Guard::If ? bits : ~bits;
    }
    used++;
    place = pc;
    const std::uint32_t rest = mask & ~active;
    switch (instruction.flow) {
      case Flow::Straight:
        if (active) instruction.execute(*this, instruction, active);
        pc++;
        continue;
      case Flow::Branch:
        if (rest == 0) {
          pc = instruction.target;
        } else if (active == 0) {
          pc++;
        } else {
          setPlace(active, instruction.target);
          setPlace(rest, pc + 1);
          return used;
        }
        continue;
      case Flow::WarpSync:
        if (active == 0 || warpSync(instruction, active)) {
          pc++;
          continue;
        }
        setPlace(rest, pc + 1);
        checkWarpSync(active);
        return used;
      default: break;
    }
    // Everything else ends the group's run.
    setPlace(rest, pc + 1);
    if (active == 0) return used;
    switch (instruction.flow) {
      case Flow::Table: branchTable(instruction, active); break;
      case Flow::Call: call(instruction, active); break;
      case Flow::Return: leave(active); break;
      case Flow::Exit: exit(active); break;
      case Flow::Barrier: barrier(instruction, active); break;
      default: throw LaneFault{FAULT_TRAP, static_cast<unsigned>(std::countr_zero(active)), "The kernel stopped itself (trap)."};
    }
    return used;
  }
  setPlace(mask, pc);
  return used;
}

void Warp::branchTable(const Instruction& instruction, std::uint32_t mask) {
  const auto* index = read<std::uint32_t>(instruction.a);
  const auto& targets = instruction.detail->targets;
  eachLane(mask, [&](unsigned lane) {
    if (index[lane] >= targets.size()) throw LaneFault{FAULT_LAUNCH, lane, "A branch beyond the end of its table."};
    places_[lane] = targets[index[lane]];
  });
}

void Warp::call(const Instruction& instruction, std::uint32_t mask) {
  const Detail& detail = *instruction.detail;
  const Procedure& procedure = launch().program.procedures[detail.procedure];
  Frame& from = *frame_;
  const auto leader = static_cast<unsigned>(std::countr_zero(mask));
  const std::uint32_t depth = depths_[leader] + 1;
  if (depth > MOST_CALLS) throw LaneFault{FAULT_LAUNCH, leader, "More than " + std::to_string(MOST_CALLS) + " nested calls."};
  Frame& frame = frameAt(depth, detail.procedure);
  eachLane(mask, [&](unsigned lane) {
    for (std::size_t i = 0; i < detail.arguments.size(); i++) {
      const Slot& slot = procedure.parameters[i];
      std::memcpy(frame.slot(lane, slot.offset), from.slot(lane, detail.arguments[i]), slot.size);
    }
    frame.returnTo[lane] = place + 1;
    frame.call[lane] = &detail;
    frame.caller[lane] = &from;
    frame.localBase[lane] = (localTop_[lane] + 15) / 16 * 16;
    localTop_[lane] = frame.localBase[lane] + procedure.localBytes;
    if (localTop_[lane] > MOST_LOCAL) throw LaneFault{FAULT_LAUNCH, lane, "The stack of local memory is full."};
    depths_[lane] = depth;
    frameOf_[lane] = &frame;
    places_[lane] = procedure.begin;
  });
  const std::uint32_t top = *std::max_element(localTop_.begin(), localTop_.end());
  if (top > localBytes_) {
    std::vector<std::byte> wider(std::size_t{LANES} * top * 2, std::byte{0xff});
    for (unsigned lane = 0; lane < LANES; lane++)
      std::copy_n(local_.data() + std::size_t{lane} * localBytes_, localBytes_, wider.data() + std::size_t{lane} * top * 2);
    local_ = std::move(wider);
    localBytes_ = top * 2;
  }
}

void Warp::leave(std::uint32_t mask) {
  Frame& frame = *frame_;
  if (depths_[static_cast<unsigned>(std::countr_zero(mask))] == 0) return exit(mask);
  eachLane(mask, [&](unsigned lane) {
    Frame& caller = *frame.caller[lane];
    const auto& results = frame.call[lane]->results;
    for (std::size_t i = 0; i < results.size(); i++) {
      const Slot& slot = frame.procedure->results[i];
      std::memcpy(caller.slot(lane, results[i]), frame.slot(lane, slot.offset), slot.size);
    }
    localTop_[lane] = frame.localBase[lane];
    depths_[lane]--;
    frameOf_[lane] = &caller;
    places_[lane] = frame.returnTo[lane];
  });
}

void Warp::exit(std::uint32_t mask) {
  live_ &= ~mask;
  block_.liveThreads -= static_cast<unsigned>(std::popcount(mask));
  block_.checkBarriers();
  checkWarpSync(syncing_);
}

std::byte* Warp::local(unsigned lane, std::uint64_t offset, std::uint64_t bytes) {
  if (offset > localTop_[lane] || bytes > localTop_[lane] - offset) return nullptr;
  return local_.data() + std::size_t{lane} * localBytes_ + offset;
}

}  // namespace ptx
