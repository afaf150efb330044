#include "decode.hpp"

#include <algorithm>

#include "line.hpp"

namespace ptx {

namespace {

constexpr std::uint32_t LINE = 64;
constexpr std::uint64_t MOST_PARAMETERS = 4096;

std::uint32_t aligned(std::uint64_t offset, unsigned alignment) { return static_cast<std::uint32_t>((offset + alignment - 1) / alignment * alignment); }

std::uint32_t addShared(Program& program, const Variable& variable) {
  program.shared.push_back({variable.name, variable.size, variable.alignment, variable.isExtern});
  return static_cast<std::uint32_t>(program.shared.size() - 1);
}

/// The slots of a function's parameters, one after the other from the offset on; gives where they end.
std::uint64_t place(const Function& function, const std::vector<std::uint32_t>& which, std::vector<Slot>& slots, std::uint64_t offset) {
  for (const std::uint32_t index : which) {
    const Variable& variable = function.variables[index];
    offset = aligned(offset, variable.alignment);
    slots.push_back({static_cast<std::uint32_t>(offset), static_cast<std::uint32_t>(variable.size)});
    offset += variable.size;
  }
  return offset;
}

Procedure declare(const Function& function) {
  Procedure procedure;
  procedure.name = function.name;
  procedure.isEntry = function.isEntry;
  procedure.isDefined = !function.body.empty();
  procedure.requiredThreads = function.requiredThreads;
  procedure.maximumThreads = function.maximumThreads;
  const std::uint64_t end = place(function, function.parameters, procedure.parameters, 0);
  if (function.isEntry) {
    if (end > MOST_PARAMETERS) throw PtxError(function.line, "kernel " + function.name + " has " + std::to_string(end) + " bytes of parameters; the most are 4096");
  } else {
    procedure.parameterBytes = static_cast<std::uint32_t>(place(function, function.results, procedure.results, end));
  }
  return procedure;
}

class Decoder {
 public:
  Decoder(const Module& module, const AddressOf& addressOf) : module_(module) {
    for (std::size_t i = 0; i < module.variables.size(); i++) {
      const bool shared = module.variables[i].space == Space::Shared;
      addresses_.push_back(shared ? addShared(program_, module.variables[i]) : addressOf(i));
    }
  }

  Program run() {
    std::vector<const Function*> functions;
    for (const Function& function : module_.functions) {
      // A declaration is forgotten once its definition is there.
      const auto earlier = std::find_if(functions.begin(), functions.end(), [&](const Function* other) { return other->name == function.name; });
      if (earlier == functions.end()) functions.push_back(&function);
      else if (!function.body.empty()) *earlier = &function;
    }
    for (const Function* function : functions) program_.procedures.push_back(declare(*function));
    for (std::size_t i = 0; i < functions.size(); i++)
      if (!functions[i]->body.empty()) body(*functions[i], program_.procedures[i]);
    return std::move(program_);
  }

 private:
  void body(const Function& function, Procedure& procedure) {
    Layout layout{module_, function, program_, procedure, {}, {}, addresses_};
    procedure.begin = static_cast<std::uint32_t>(program_.code.size());
    placeRegisters(layout);
    placeVariables(layout);
    for (const Statement& statement : function.body) {
      Instruction& out = program_.code.emplace_back();
      Line line(layout, statement, out);
      const Opcode* opcode = nullptr;
      for (const auto find : {arithmeticOpcode, moveOpcode, memoryOpcode, controlOpcode})
        if (!opcode) opcode = find(statement.opcode);
      if (!opcode) throw PtxError(statement.line, "opcode " + line.text() + " is not known");
      opcode->decode(line);
      line.finish();
      program_.texts.push_back(line.text());
    }
    // A body may end without a ret, and a label may stand at its end.
    program_.code.emplace_back().flow = Flow::Return;
    program_.code.back().line = function.body.back().line;
    program_.texts.emplace_back("ret");
  }

  static void placeRegisters(Layout& layout) {
    std::uint64_t top = 0;
    const auto& types = layout.function.registers;
    layout.registers.resize(types.size());
    for (std::size_t i = 0; i < types.size(); i++) {
      if (types[i] != Type::Pred) continue;
      layout.registers[i] = {static_cast<std::uint32_t>(top), Base::Registers, 0};
      top += sizeof(std::uint32_t);
    }
    top = aligned(top, LINE);
    for (std::size_t i = 0; i < types.size(); i++) {
      if (types[i] == Type::Pred) continue;
      const unsigned width = std::max(2U, widthOf(types[i]));
      layout.registers[i] = {static_cast<std::uint32_t>(top), Base::Registers, static_cast<std::uint8_t>(width)};
      top += width * LANES;
    }
    layout.procedure.registerBytes = static_cast<std::uint32_t>(top);
  }

  void placeVariables(Layout& layout) {
    const Function& function = layout.function;
    Procedure& procedure = layout.procedure;
    layout.variables.resize(function.variables.size());
    std::vector<bool> placed(function.variables.size());
    const auto take = [&](const std::vector<std::uint32_t>& which, const std::vector<Slot>& slots) {
      for (std::size_t i = 0; i < which.size(); i++) {
        layout.variables[which[i]] = slots[i].offset;
        placed[which[i]] = true;
      }
    };
    take(function.parameters, procedure.parameters);
    take(function.results, procedure.results);
    for (std::size_t i = 0; i < function.variables.size(); i++) {
      const Variable& variable = function.variables[i];
      if (placed[i]) continue;
      if (variable.space == Space::Shared) {
        layout.variables[i] = addShared(program_, variable);
        continue;
      }
      std::uint32_t& top = variable.space == Space::Local ? procedure.localBytes : procedure.parameterBytes;
      layout.variables[i] = aligned(top, variable.alignment);
      top = layout.variables[i] + static_cast<std::uint32_t>(variable.size);
    }
    procedure.parameterBytes = aligned(procedure.parameterBytes, 16);
    procedure.localBytes = aligned(procedure.localBytes, 16);
  }

  const Module& module_;
  Program program_;
  std::vector<std::uint64_t> addresses_;
};

}  // namespace

Program decode(const Module& module, const AddressOf& addressOf) { return Decoder(module, addressOf).run(); }

}  // namespace ptx
