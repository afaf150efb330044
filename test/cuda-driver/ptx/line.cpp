#include "line.hpp"

#include <algorithm>
#include <bit>

namespace ptx {

Line::Line(Layout& layout, const Statement& statement, Instruction& instruction)
    : out(instruction), layout_(layout), statement_(statement), modifiers_(statement.modifiers) {
  out.line = statement.line;
  if (!statement.guarded) return;
  out.guard = statement.guardInverted ? Guard::Unless : Guard::If;
  out.guardOffset = layout.registers[statement.guard].offset;
}

std::string Line::text() const {
  std::string all = statement_.opcode;
  for (const std::string& modifier : statement_.modifiers) all += "." + modifier;
  return all;
}

void Line::fail(const std::string& what) const { throw PtxError(statement_.line, text() + ": " + what); }
void Line::failType(Type type) const { fail("this interpreter does not know it for type ." + std::string(nameOf(type))); }

bool Line::take(std::string_view modifier) {
  const auto found = std::find(modifiers_.begin(), modifiers_.end(), modifier);
  if (found == modifiers_.end()) return false;
  modifiers_.erase(found);
  return true;
}

std::string_view Line::takeAny(std::initializer_list<std::string_view> modifiers) {
  for (const std::string_view modifier : modifiers)
    if (take(modifier)) return modifier;
  return {};
}

bool Line::takePrefixed(std::string_view prefix) {
  return std::erase_if(modifiers_, [prefix](const std::string& modifier) { return modifier.starts_with(prefix); }) > 0;
}

Type Line::type() {
  for (auto modifier = modifiers_.begin(); modifier != modifiers_.end(); ++modifier) {
    const Type type = typeNamed(*modifier);
    if (type == Type::None) continue;
    modifiers_.erase(modifier);
    return type;
  }
  fail("a type is missing, or one that this interpreter does not know");
}

Space Line::space() {
  if (take("global")) return Space::Global;
  if (take("const")) return Space::Const;
  if (take("shared") || take("shared::cta")) return Space::Shared;
  if (take("local")) return Space::Local;
  if (take("param") || take("param::entry") || take("param::func")) return Space::Param;
  return Space::Generic;
}

void Line::finish() const {
  if (!modifiers_.empty()) fail("modifier ." + modifiers_[0] + " is not known here");
}

void Line::expect(std::size_t least, std::size_t most) const {
  if (operands() < least || operands() > most) fail("has " + std::to_string(operands()) + " operands");
}

Source Line::registerOf(const Operand& operand, Type type, bool wider) const {
  const Source source = layout_.registers[operand.index];
  const Type own = layout_.function.registers[operand.index];
  const bool fits = (own == Type::Pred) == (type == Type::Pred) &&
                    (own == Type::Pred || source.width == widthOf(type) || ((wider || widthOf(type) == 1) && source.width > widthOf(type)));
  if (!fits) fail("register " + operand.name + " is ." + std::string(nameOf(own)) + ", which does not fit ." + std::string(nameOf(type)));
  return source;
}

Source Line::value(const Operand& operand, Type type, bool wider) {
  const unsigned width = widthOf(type);
  Constants& constants = layout_.program.constants;
  if (operand.inverted && type != Type::Pred) fail("! stands before something that is no predicate");
  switch (operand.kind) {
    case Operand::Kind::Register:
      if (operand.inverted) fail("!" + operand.name + " is not known here");
      return registerOf(operand, type, wider);
    case Operand::Kind::Integer:
      if (type == Type::Pred) return constants.place(operand.bits ? ALL_LANES : 0, 4);
      if (isFloat(type)) fail("an integer where a float is expected");
      return constants.place(width == 8 ? operand.bits : operand.bits & ((std::uint64_t{1} << (8 * width)) - 1), std::max(2U, width));
    case Operand::Kind::Float32:
      if (width != 4) fail("a float of 32 bits for ." + std::string(nameOf(type)));
      return constants.place(operand.bits, 4);
    case Operand::Kind::Float64:
      if (type == Type::F32) return constants.place(std::bit_cast<std::uint32_t>(static_cast<float>(std::bit_cast<double>(operand.bits))), 4);
      if (width != 8) fail("a float of 64 bits for ." + std::string(nameOf(type)));
      return constants.place(operand.bits, 8);
    case Operand::Kind::Name: fail("operand " + operand.name + " is not known here");
    default: fail("an operand that is no value");
  }
}

Source Line::predicate(std::size_t index) {
  const Operand& given = operand(index);
  if (given.kind != Operand::Kind::Register) return value(given, Type::Pred);
  out.inverted = given.inverted;
  return registerOf(given, Type::Pred, false);
}

Source Line::target(const Operand& operand, Type type, bool wider) {
  if (operand.kind == Operand::Kind::Sink) return {};
  if (operand.kind != Operand::Kind::Register || operand.inverted) fail("the result is no register");
  return registerOf(operand, type, wider);
}

Address Line::address(const Operand& operand, Space space) {
  Address out;
  out.space = space;
  out.offset = operand.offset;
  if (operand.parts.empty() && operand.kind == Operand::Kind::Address) return out;
  const Operand& base = operand.kind == Operand::Kind::Address ? operand.parts[0] : operand;
  const auto ofShared = [&](std::uint64_t index) {
    out.from = Address::From::Shared;
    out.index = static_cast<std::uint32_t>(index);
    auto& used = layout_.procedure.shared;
    if (std::find(used.begin(), used.end(), out.index) == used.end()) used.push_back(out.index);
  };
  switch (base.kind) {
    case Operand::Kind::Register:
      out.from = Address::From::Register;
      out.base = layout_.registers[base.index];
      if (out.base.width < 4 || layout_.function.registers[base.index] == Type::Pred) fail("register " + base.name + " can't hold an address");
      return out;
    case Operand::Kind::ModuleVariable:
      if (layout_.module.variables[base.index].space == Space::Shared) {
        ofShared(layout_.moduleAddresses[base.index]);
      } else {
        out.offset += static_cast<std::int64_t>(layout_.moduleAddresses[base.index]);
      }
      return out;
    case Operand::Kind::Variable: {
      const Variable& variable = layout_.function.variables[base.index];
      out.index = layout_.variables[base.index];
      if (variable.space == Space::Shared) {
        ofShared(out.index);
      } else if (variable.space == Space::Local) {
        out.from = Address::From::Local;
      } else {
        const auto& own = layout_.function.parameters;
        const bool ofKernel = layout_.function.isEntry && std::find(own.begin(), own.end(), base.index) != own.end();
        out.from = ofKernel ? Address::From::KernelParameter : Address::From::FrameParameter;
      }
      return out;
    }
    default: fail("variable " + base.name + " is not known");
  }
}

std::uint32_t Line::label(const Operand& operand) const {
  const auto found = layout_.function.labels.find(operand.name);
  if (operand.kind != Operand::Kind::Name || found == layout_.function.labels.end()) fail("label \"" + operand.name + "\" is not known");
  return layout_.procedure.begin + found->second;
}

std::uint64_t Line::constant(std::size_t index) const {
  if (operand(index).kind != Operand::Kind::Integer) fail("operand " + std::to_string(index + 1) + " must be a constant");
  return operand(index).bits;
}

Detail& Line::detail() {
  if (!detail_) {
    detail_ = &layout_.program.details.emplace_back();
    out.detail = detail_;
  }
  return *detail_;
}

void Line::run(Execute execute) {
  if (!execute) fail("this interpreter does not know it for these types");
  out.execute = execute;
}

}  // namespace ptx
