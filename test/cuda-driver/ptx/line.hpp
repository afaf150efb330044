// One statement while it is decoded: its modifiers are taken one by one, and what is left over is an error.
#pragma once

#include <initializer_list>

#include "program.hpp"

namespace ptx {

/// Where the registers and variables of the function at hand lie.
struct Layout {
  const Module& module;
  const Function& function;
  Program& program;
  Procedure& procedure;
  std::vector<Source> registers;
  std::vector<std::uint32_t> variables;        // offsets, or indices of shared variables
  std::vector<std::uint64_t> moduleAddresses;  // or indices of shared variables
};

class Line {
 public:
  Line(Layout& layout, const Statement& statement, Instruction& out);

  const std::string& opcode() const { return statement_.opcode; }
  std::size_t operands() const { return statement_.operands.size(); }
  const Operand& operand(std::size_t index) const { return statement_.operands[index]; }
  Layout& layout() { return layout_; }
  Instruction& out;

  // Modifiers.
  bool take(std::string_view modifier);
  /// The first of them that is there, or an empty one.
  std::string_view takeAny(std::initializer_list<std::string_view> modifiers);
  bool takePrefixed(std::string_view prefix);
  /// The first modifier that names a type.
  Type type();
  /// The state space; Generic where none is named.
  Space space();
  void finish() const;

  // Operands.
  void expect(std::size_t least, std::size_t most) const;
  void expect(std::size_t count) const { expect(count, count); }
  /// `wider` registers are allowed for ld, st and cvt.
  Source value(const Operand& operand, Type type, bool wider = false);
  Source value(std::size_t index, Type type) { return value(operand(index), type); }
  /// A predicate that may be written !%p, of which an instruction has one.
  Source predicate(std::size_t index);
  Source target(const Operand& operand, Type type, bool wider = false);
  Source target(std::size_t index, Type type) { return target(operand(index), type); }
  Address address(const Operand& operand, Space space);
  std::uint32_t label(const Operand& operand) const;
  std::uint64_t constant(std::size_t index) const;
  Detail& detail();
  void run(Execute execute);

  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void failType(Type type) const;
  std::string text() const;

 private:
  Source registerOf(const Operand& operand, Type type, bool wider) const;

  Layout& layout_;
  const Statement& statement_;
  std::vector<std::string> modifiers_;
  Detail* detail_ = nullptr;
};

struct Opcode {
  std::string_view name;
  void (*decode)(Line& line);
};

const Opcode* arithmeticOpcode(std::string_view name);
const Opcode* moveOpcode(std::string_view name);
const Opcode* memoryOpcode(std::string_view name);
const Opcode* controlOpcode(std::string_view name);

}  // namespace ptx
