// The syntax tree of a PTX module. Registers and variables are resolved while parsing, since blocks may shadow names; labels
// and functions are not, since they may come later.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "types.hpp"

namespace ptx {

enum class Space : std::uint8_t { Generic, Global, Const, Shared, Local, Param };

/// One number of an initialiser: bits, or the address of a module variable.
struct Initial {
  std::uint64_t bits = 0;
  std::string symbol;
};

struct Variable {
  std::string name;
  Space space = Space::Global;
  Type type = Type::B8;
  std::uint64_t size = 0;
  unsigned alignment = 1;
  bool isExtern = false;
  std::vector<Initial> initial;
};

struct Operand {
  enum class Kind : std::uint8_t {
    Register,        // index into the function's registers
    Variable,        // index into the function's variables
    ModuleVariable,  // index into the module's variables
    Name,            // a label, a function or a special register
    Integer,
    Float32,
    Float64,
    Vector,   // {a, b} and (a, b): parts
    Pair,     // a|b: parts
    Address,  // [base + offset]: one part, or none for [offset]
    Sink,     // _
  };
  Kind kind = Kind::Sink;
  bool inverted = false;  // !%p
  std::uint32_t index = 0;
  std::uint64_t bits = 0;
  std::int64_t offset = 0;
  std::string name;
  std::vector<Operand> parts;
};

struct Statement {
  unsigned line = 0;
  std::string opcode;
  std::vector<std::string> modifiers;
  std::vector<Operand> operands;
  bool guarded = false;
  bool guardInverted = false;
  std::uint32_t guard = 0;
};

struct Function {
  std::string name;
  unsigned line = 0;
  bool isEntry = false;
  bool isExtern = false;
  std::vector<std::uint32_t> results;     // indices of variables
  std::vector<std::uint32_t> parameters;  // indices of variables
  std::vector<Type> registers;
  std::vector<Variable> variables;
  std::vector<Statement> body;
  std::map<std::string, std::uint32_t, std::less<>> labels;                // to statements
  std::map<std::string, std::vector<std::string>, std::less<>> tables;     // .branchtargets
  std::uint32_t requiredThreads = 0;                                       // .reqntid
  std::uint32_t maximumThreads = 0;                                        // .maxntid
};

struct Module {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned target = 0;  // 75 for sm_75
  std::vector<Variable> variables;
  std::vector<Function> functions;
};

}  // namespace ptx
