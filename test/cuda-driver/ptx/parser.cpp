#include "parser.hpp"

#include <utility>

#include "operand-parser.hpp"

namespace ptx {

namespace {

using Kind = Token::Kind;

Space spaceNamed(std::string_view name, bool& known) {
  known = true;
  if (name == "global") return Space::Global;
  if (name == "const") return Space::Const;
  if (name == "shared") return Space::Shared;
  if (name == "local") return Space::Local;
  if (name == "param") return Space::Param;
  known = false;
  return Space::Generic;
}

class Parser : private OperandParser {
 public:
  explicit Parser(std::string_view text) : OperandParser(text) { scopes_.emplace_back(); }

  Module run() {
    while (peek().kind != Kind::End) topLevel();
    if (module_.target == 0) throw PtxError(1, "the module names no target (.target sm_75)");
    return std::move(module_);
  }

 private:
  // Declarations.
  void topLevel() {
    if (accept(';')) return;
    if (peek().kind != Kind::Directive) unexpected("a directive");
    const std::string_view name = peek().text;
    if (name == "version") return version();
    if (name == "target") return target();
    if (name == "address_size") {
      take();
      if (integer() != 64) fail("only .address_size 64 is known");
      return;
    }
    if (name == "file" || name == "pragma") return skipLine();
    if (name == "section") {
      while (!peek().mark('}')) {
        if (peek().kind == Kind::End) fail("a section that does not end");
        take();
      }
      take();
      return;
    }
    bool isExtern = false;
    while (peek().kind == Kind::Directive) {
      if (peek().text == "extern") isExtern = true;
      else if (peek().text != "visible" && peek().text != "weak" && peek().text != "common") break;
      take();
    }
    if (acceptDirective("entry")) return function(true, isExtern);
    if (acceptDirective("func")) return function(false, isExtern);
    bool known = false;
    const Space space = spaceNamed(peek().text, known);
    if (peek().kind != Kind::Directive || !known || space == Space::Param || space == Space::Local) unexpected("a directive that this interpreter knows");
    take();
    moduleVariables(space, isExtern);
    expect(';');
  }

  void version() {
    take();
    const std::string text(take().text);
    const std::size_t dot = text.find('.');
    if (dot == std::string::npos) fail("a .version without a minor number");
    module_.major = static_cast<unsigned>(std::stoul(text));
    module_.minor = static_cast<unsigned>(std::stoul(text.substr(dot + 1)));
  }

  void target() {
    take();
    do {
      const std::string name = word();
      if (name.starts_with("sm_")) module_.target = static_cast<unsigned>(std::stoul(name.substr(3)));
      else if (name != "debug") fail("target \"" + name + "\" is not known");
    } while (accept(','));
  }

  void moduleVariables(Space space, bool isExtern) {
    for (Variable& variable : declarators(space, true)) {
      variable.isExtern = isExtern;
      const auto index = static_cast<std::uint32_t>(module_.variables.size());
      scopes_.back()[variable.name] = {Operand::Kind::ModuleVariable, index};
      module_.variables.push_back(std::move(variable));
    }
  }

  /// `.align 8 .b8 name[40] = { … }, other`, what follows the state space.
  std::vector<Variable> declarators(Space space, bool list) {
    Variable common;
    common.space = space;
    bool ofPointee = false;
    while (peek().kind == Kind::Directive) {
      const std::string_view name = take().text;
      const Type type = typeNamed(name);
      if (name == "align") {
        const auto alignment = static_cast<unsigned>(integer());
        if (!ofPointee) common.alignment = alignment;
      } else if (name == "ptr") {
        ofPointee = true;
      } else if (type != Type::None) {
        common.type = type;
      } else if (!ofPointee) {
        fail("\"." + std::string(name) + "\" is not known in a declaration");
      }
    }
    common.alignment = std::max(common.alignment, widthOf(common.type));
    std::vector<Variable> all;
    do {
      Variable variable = common;
      variable.name = word();
      variable.size = widthOf(common.type);
      while (accept('[')) {
        variable.size *= peek().mark(']') ? 0 : integer();
        expect(']');
      }
      if (accept('=')) initialiser(variable);
      all.push_back(std::move(variable));
    } while (list && accept(','));
    return all;
  }

  void initialiser(Variable& variable) {
    if (accept('{')) {
      do initialiser(variable);
      while (accept(','));
      expect('}');
      return;
    }
    Initial one;
    if (peek().kind == Kind::Word) {
      one.symbol = word();
      if (one.symbol == "generic") {
        expect('(');
        one.symbol = word();
        expect(')');
      }
      if (accept('+')) one.bits = integer();
    } else if (peek().kind == Kind::Float32 || peek().kind == Kind::Float64) {
      one.bits = take().bits;
    } else {
      one.bits = integer();
    }
    variable.initial.push_back(std::move(one));
  }

  // Functions.
  void function(bool isEntry, bool isExtern) {
    current_ = {};
    current_.isEntry = isEntry;
    current_.isExtern = isExtern;
    current_.line = peek().line;
    scopes_.emplace_back();
    if (!isEntry && peek().mark('(')) current_.results = parameters();
    current_.name = word();
    if (peek().mark('(')) current_.parameters = parameters();
    while (peek().kind == Kind::Directive) performance();
    if (!accept(';')) {
      expect('{');
      body();
    }
    scopes_.pop_back();
    module_.functions.push_back(std::move(current_));
  }

  void performance() {
    const std::string name(take().text);
    std::uint32_t product = 1;
    if (peek().kind == Kind::Integer) {
      do product *= static_cast<std::uint32_t>(integer());
      while (accept(','));
    }
    if (name == "reqntid") current_.requiredThreads = product;
    else if (name == "maxntid") current_.maximumThreads = product;
    else if (name != "minnctapersm" && name != "maxnreg" && name != "noreturn" && name != "pragma" && name != "unique") {
      fail("\"." + name + "\" is not known at a function");
    }
  }

  std::vector<std::uint32_t> parameters() {
    std::vector<std::uint32_t> all;
    expect('(');
    while (!accept(')')) {
      if (!acceptDirective("param")) unexpected(".param");
      all.push_back(declareLocal(std::move(declarators(Space::Param, false)[0])));
      accept(',');
    }
    return all;
  }

  std::uint32_t declareLocal(Variable variable) {
    const auto index = static_cast<std::uint32_t>(current_.variables.size());
    scopes_.back()[variable.name] = {Operand::Kind::Variable, index};
    current_.variables.push_back(std::move(variable));
    return index;
  }

  void body() {
    for (std::size_t depth = 1; depth > 0;) {
      if (accept('{')) {
        scopes_.emplace_back();
        depth++;
      } else if (accept('}')) {
        // The last scope is the parameters', which the function removes.
        if (--depth > 0) scopes_.pop_back();
      } else if (accept(';')) {
        continue;
      } else if (peek().kind == Kind::Word && peek(1).mark(':')) {
        label();
      } else if (peek().kind == Kind::Directive) {
        declaration();
      } else if (peek().kind == Kind::Word || peek().mark('@')) {
        statement();
      } else {
        unexpected("an instruction");
      }
    }
  }

  void label() {
    const std::string name = word();
    take();
    if (acceptDirective("branchtargets")) {
      auto& targets = current_.tables[name];
      do targets.push_back(word());
      while (accept(','));
      expect(';');
      return;
    }
    if (peek().is(Kind::Directive, "callprototype") || peek().is(Kind::Directive, "calltargets")) {
      while (!accept(';')) take();
      return;
    }
    if (!current_.labels.emplace(name, static_cast<std::uint32_t>(current_.body.size())).second) fail("label " + name + " appears twice");
  }

  void declaration() {
    const std::string_view name = peek().text;
    if (name == "loc" || name == "file") return skipLine();
    if (name == "pragma") {
      while (!accept(';')) take();
      return;
    }
    if (acceptDirective("reg")) return registers();
    bool known = false;
    const Space space = spaceNamed(name, known);
    if (!known) fail("directive \"." + std::string(name) + "\" is not known in a function");
    take();
    if (space == Space::Global || space == Space::Const) {
      moduleVariables(space, false);
    } else {
      for (Variable& variable : declarators(space, true)) declareLocal(std::move(variable));
    }
    expect(';');
  }

  void registers() {
    if (peek().kind != Kind::Directive) unexpected("a register type");
    const Type type = typeNamed(take().text);
    if (type == Type::None) {
      back();
      fail("registers of type \"." + std::string(peek().text) + "\" are not known");
    }
    do {
      const std::string name = word();
      if (accept('<')) {
        const std::uint64_t count = integer();
        expect('>');
        for (std::uint64_t i = 0; i < count; i++) declareRegister(name + std::to_string(i), type);
      } else {
        declareRegister(name, type);
      }
    } while (accept(','));
    expect(';');
  }

  void declareRegister(const std::string& name, Type type) {
    scopes_.back()[name] = {Operand::Kind::Register, static_cast<std::uint32_t>(current_.registers.size())};
    current_.registers.push_back(type);
  }

  // Instructions.
  void statement() {
    Statement one;
    one.line = peek().line;
    if (accept('@')) {
      one.guarded = true;
      one.guardInverted = accept('!');
      const Operand guard = atom();
      if (guard.kind != Operand::Kind::Register || current_.registers[guard.index] != Type::Pred) fail("a guard that is no predicate");
      one.guard = guard.index;
    }
    one.opcode = word();
    while (peek().kind == Kind::Directive) one.modifiers.emplace_back(take().text);
    while (!accept(';')) {
      one.operands.push_back(operand());
      if (!peek().mark(';')) expect(',');
    }
    current_.body.push_back(std::move(one));
  }

  Module module_;
  Function current_;
};

}  // namespace

Module parse(std::string_view text) { return Parser(text).run(); }

}  // namespace ptx
