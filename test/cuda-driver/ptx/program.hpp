// A module decoded for execution: one compact instruction for each statement, its operands resolved to places in a frame.
#pragma once

#include <cstddef>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "syntax.hpp"

namespace ptx {

class Warp;
struct Instruction;

/// Runs one instruction for the lanes in the mask.
using Execute = void (*)(Warp& warp, const Instruction& instruction, std::uint32_t mask);

enum class Flow : std::uint8_t { Straight, Branch, Table, Call, Return, Exit, WarpSync, Barrier, Trap };
enum class Guard : std::uint8_t { None, If, Unless };
enum class Base : std::uint8_t { Registers, Constants, Nowhere };

/// Where the 32 values of an operand are: one after the other, each `width` bytes. A predicate is one word, a bit for each lane.
struct Source {
  std::uint32_t offset = 0;
  Base base = Base::Nowhere;
  std::uint8_t width = 0;
};

/// An address operand.
struct Address {
  enum class From : std::uint8_t { Register, Fixed, Shared, Local, KernelParameter, FrameParameter };
  From from = From::Fixed;
  Space space = Space::Generic;
  Source base;
  std::uint32_t index = 0;  // of the shared variable, or the offset in the frame or the kernel's parameters
  std::int64_t offset = 0;  // for Fixed the whole address
};

enum class Rounding : std::uint8_t { None, Nearest, Zero, Down, Up, NearestInteger, ZeroInteger, DownInteger, UpInteger };

/// What only some instructions have.
struct Detail {
  Address address;
  std::vector<Source> values;  // of a vector operand
  unsigned elements = 1;
  unsigned elementWidth = 0;
  std::uint32_t procedure = 0;             // called
  std::vector<std::uint32_t> arguments;    // offsets in the caller's parameter slots
  std::vector<std::uint32_t> results;      // offsets in the caller's parameter slots
  std::vector<std::uint32_t> targets;      // of a branch table
  std::string text;                        // for messages
};

struct Instruction {
  Execute execute = nullptr;
  const Detail* detail = nullptr;
  Source to, other, a, b, c;
  Source members;  // the lanes that a .sync operation waits for
  std::uint32_t guardOffset = 0;
  std::uint32_t target = 0;
  std::uint32_t line = 0;
  std::uint32_t small = 0;  // a number that the instruction means something by: a comparison, a mode
  Flow flow = Flow::Straight;
  Guard guard = Guard::None;
  Rounding rounding = Rounding::None;
  bool saturate = false;
  bool inverted = false;  // the predicate operand
};

struct Slot {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
};

/// A function or a kernel.
struct Procedure {
  std::string name;
  bool isEntry = false;
  bool isDefined = false;
  std::uint32_t begin = 0;  // its first instruction
  std::uint32_t registerBytes = 0;
  std::uint32_t parameterBytes = 0;  // of a frame's parameter slots, for each lane
  std::uint32_t localBytes = 0;      // for each lane
  std::uint32_t requiredThreads = 0;
  std::uint32_t maximumThreads = 0;
  std::vector<Slot> parameters;  // a kernel's: in the launch's parameters
  std::vector<Slot> results;
  std::vector<std::uint32_t> calls;
  std::vector<std::uint32_t> shared;  // the shared variables it names
};

struct SharedVariable {
  std::string name;
  std::uint64_t size = 0;
  unsigned alignment = 1;
  bool isExtern = false;
};

/// Values that every lane reads the same.
class Constants {
 public:
  Source place(std::uint64_t bits, unsigned width) {
    const auto [found, isNew] = places_.try_emplace({bits, width}, static_cast<std::uint32_t>(lines_.size() * sizeof(Line)));
    if (isNew) {
      // One more line than needed keeps the widest value from reaching past the end.
      for (unsigned bytes = 0; bytes < LANES * width; bytes += sizeof(Line)) lines_.emplace_back();
      auto* to = reinterpret_cast<std::byte*>(lines_.data()) + found->second;
      for (unsigned lane = 0; lane < LANES; lane++) std::memcpy(to + lane * width, &bits, width);
    }
    return {found->second, Base::Constants, static_cast<std::uint8_t>(width)};
  }
  const std::byte* data() const { return reinterpret_cast<const std::byte*>(lines_.data()); }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  std::vector<Line> lines_;
  std::map<std::pair<std::uint64_t, unsigned>, std::uint32_t> places_;
};

struct Program {
  std::vector<Instruction> code;
  std::vector<std::string> texts;  // of the instructions, for messages
  std::deque<Detail> details;
  std::vector<Procedure> procedures;
  std::vector<SharedVariable> shared;
  Constants constants;

  const Procedure* find(const std::string& name) const {
    for (const Procedure& procedure : procedures)
      if (procedure.name == name) return &procedure;
    return nullptr;
  }
};

}  // namespace ptx
