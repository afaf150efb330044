// What executes: a launch, its resident blocks, their warps, and the frames of called functions.
#pragma once

#include <array>
#include <bit>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "memory.hpp"
#include "program.hpp"
#include "random.hpp"

namespace ptx {

/// How a launch ended badly. `code` is the driver's result.
struct Fault {
  int code;
  std::string what;
};

/// A fault of one lane; the place in the program is added by whoever knows it.
struct LaneFault {
  int code;
  unsigned lane;
  std::string what;
};

constexpr int FAULT_ILLEGAL_ADDRESS = 700;
constexpr int FAULT_TIMEOUT = 702;
constexpr int FAULT_TRAP = 715;
constexpr int FAULT_MISALIGNED = 716;
constexpr int FAULT_LAUNCH = 719;

struct Traffic {
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
  std::uint64_t transactions = 0;  // of 32 bytes, for each warp's instruction
};

struct Counts {
  Traffic loads, stores, atomics;
  std::uint64_t instructions = 0;  // of warps
};

struct Dimensions {
  std::uint32_t x = 1, y = 1, z = 1;
  std::uint64_t product() const { return std::uint64_t{x} * y * z; }
};

/// How warps and blocks take turns.
struct Schedule {
  bool random = false;
  std::uint64_t seed = 1;
  std::uint64_t spinLimit = 200'000'000;
  unsigned residentBlocks = 8;
};

/// The values of one function's registers and parameter slots, a column for each lane. Lanes at the same depth of calls in the
/// same function share a frame, each its own column, so they run together wherever they came from.
struct Frame {
  const Procedure* procedure;
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> registers;
  std::vector<std::byte> parameters;
  std::array<std::uint32_t, LANES> localBase{};
  std::array<std::uint32_t, LANES> returnTo{};
  std::array<const Detail*, LANES> call{};
  std::array<Frame*, LANES> caller{};

  explicit Frame(const Procedure& procedure);
  std::byte* data() { return reinterpret_cast<std::byte*>(registers.data()); }
  std::byte* slot(unsigned lane, std::uint32_t offset) { return parameters.data() + std::size_t{lane} * procedure->parameterBytes + offset; }
};

class Block;
class Launch;

class Warp {
 public:
  Warp(Block& block, unsigned index);
  void start(std::uint32_t threads);

  enum class State { Ready, Waiting, Done };
  State state() const { return live_ == 0 ? State::Done : (live_ & ~parked_) == 0 ? State::Waiting : State::Ready; }
  /// Runs until the quantum is used up or every lane waits or has ended.
  void run(unsigned quantum);

  // What instructions use.
  template <class T>
  const T* read(Source source) const {
    return reinterpret_cast<const T*>(bases_[static_cast<unsigned>(source.base)] + source.offset);
  }
  template <class T>
  T* write(Source source) const {
    return reinterpret_cast<T*>(const_cast<std::byte*>(bases_[0]) + source.offset);
  }
  template <class T>
  void put(Source to, std::uint32_t mask, const T (&values)[LANES]) const {
    T* out = write<T>(to);
    if (mask == ALL_LANES) {
      std::memcpy(out, values, sizeof values);
      return;
    }
    for (; mask; mask &= mask - 1) out[std::countr_zero(mask)] = values[std::countr_zero(mask)];
  }
  std::uint32_t predicate(Source source) const { return *read<std::uint32_t>(source); }
  void putPredicate(Source to, std::uint32_t mask, std::uint32_t bits) const {
    if (to.base == Base::Nowhere) return;
    std::uint32_t& out = *write<std::uint32_t>(to);
    out = (out & ~mask) | (bits & mask);
  }
  Block& block() const { return block_; }
  Launch& launch() const;
  Frame& frame() const { return *frame_; }
  unsigned index() const { return index_; }
  std::byte* local(unsigned lane, std::uint64_t offset, std::uint64_t bytes);
  std::uint32_t carry = 0;
  std::uint32_t place = 0;  // of the instruction that runs

  std::uint32_t atBarrier(unsigned barrier) const;
  std::uint32_t votes() const { return votes_; }
  void releaseBarrier(std::uint32_t lanes, unsigned votes, unsigned arrived);
  std::string where(unsigned lane) const;
  /// What its lanes wait for, in words.
  std::string waitingFor() const;

 private:
  struct Group {
    std::uint32_t mask;
    std::uint32_t limit;    // another group waits there
    unsigned budget;
    bool whole;  // nothing else of this warp can run
  };
  Group select();
  Group splitAtRandom(Group group);
  Frame& frameAt(std::uint32_t depth, std::uint32_t procedure);
  void show(Frame& frame);
  unsigned runGroup(const Group& group);
  void branchTable(const Instruction& instruction, std::uint32_t mask);
  void call(const Instruction& instruction, std::uint32_t mask);
  void leave(std::uint32_t mask);
  void exit(std::uint32_t mask);
  /// Whether all the lanes that it needs were here, so that it has run.
  bool warpSync(const Instruction& instruction, std::uint32_t mask);
  void checkWarpSync(std::uint32_t among);
  void barrier(const Instruction& instruction, std::uint32_t mask);
  void setPlace(std::uint32_t mask, std::uint32_t place);

  Block& block_;
  unsigned index_;
  const std::byte* bases_[2] = {};
  Frame* frame_ = nullptr;
  std::uint32_t live_ = 0;
  std::uint32_t parked_ = 0;   // at a barrier or for other lanes
  std::uint32_t syncing_ = 0;  // those of them that wait for lanes of this warp
  unsigned streak_ = 0;        // instructions since a group was last chosen for fairness
  std::array<std::uint32_t, LANES> places_{};
  std::array<std::uint32_t, LANES> depths_{};
  std::array<Frame*, LANES> frameOf_{};
  std::array<std::uint32_t, LANES> members_{};   // that a lane waits for
  std::array<std::uint8_t, LANES> barriers_{};   // that a lane waits at
  std::uint32_t votes_ = 0;                      // handed to a barrier
  std::vector<std::vector<std::unique_ptr<Frame>>> frames_;  // by depth, then by procedure
  std::vector<std::byte> local_;
  std::uint32_t localBytes_ = 0;  // for each lane
  std::array<std::uint32_t, LANES> localTop_{};
};

class Block {
 public:
  explicit Block(Launch& launch);
  void start(std::uint64_t index);

  Launch& launch() const { return launch_; }
  std::vector<std::unique_ptr<Warp>> warps;
  std::vector<std::byte> shared;
  Dimensions index{};
  std::uint64_t number = 0;
  unsigned liveThreads = 0;

  void arrive(unsigned barrier, std::uint32_t expected, unsigned threads);
  /// After an arrival or an exit: lets the threads of complete barriers go on.
  void checkBarriers();
  bool done() const { return liveThreads == 0; }

 private:
  struct Barrier {
    unsigned arrived = 0;
    std::uint32_t expected = 0;  // 0: every thread that has not ended
  };
  Launch& launch_;
  std::array<Barrier, 16> barriers_{};
};

/// One kernel on its grid.
class Launch {
 public:
  Launch(const Program& program, const Procedure& kernel, Dimensions grid, Dimensions block, std::uint32_t dynamicShared,
         std::vector<std::byte> parameters, const Memory& memory, std::function<const char*(const Region&)> forbidden, Schedule schedule);
  /// Runs to the end. Throws Fault.
  void run();

  const Program& program;
  const Procedure& kernel;
  const Dimensions grid;
  const Dimensions block;
  const std::uint32_t dynamicShared;
  const std::vector<std::byte> parameters;
  const Memory& memory;
  const std::function<const char*(const Region&)> forbidden;  // what such memory is that the kernel may not use; else null
  const Schedule schedule;
  Counts counts;
  Random random;
  std::vector<std::uint32_t> sharedOffsets;  // of every shared variable that this kernel can reach
  std::uint32_t sharedBytes = 0;
  std::vector<Region> recent;  // the allocation that each instruction met last

  static std::uint32_t staticShared(const Program& program, const Procedure& kernel);

 private:
  void layOutShared();
  bool startBlock(Block& block);
  std::string deadlock(const std::vector<std::unique_ptr<Block>>& blocks) const;
  std::uint64_t started_ = 0;
  std::vector<std::uint64_t> window_;  // the next blocks, in a random schedule
};

inline Launch& Warp::launch() const { return block_.launch(); }

}  // namespace ptx
