// Branches, calls, and what lanes and threads wait for.
#include "execute.hpp"
#include "line.hpp"

namespace ptx {

namespace {

void branch(Line& line) {
  line.take("uni");
  line.expect(1);
  line.out.flow = Flow::Branch;
  line.out.target = line.label(line.operand(0));
}

void branchTable(Line& line) {
  line.take("uni");
  if (!line.take("idx")) line.fail("only brx.idx is known");
  line.expect(2);
  line.out.flow = Flow::Table;
  line.out.a = line.value(0, Type::U32);
  const auto& tables = line.layout().function.tables;
  const auto found = tables.find(line.operand(1).name);
  if (found == tables.end()) line.fail("table \"" + line.operand(1).name + "\" is not known");
  for (const std::string& name : found->second) {
    Operand label;
    label.kind = Operand::Kind::Name;
    label.name = name;
    line.detail().targets.push_back(line.label(label));
  }
}

/// (results), name, (arguments): the lists may be missing.
void call(Line& line) {
  line.take("uni");
  line.expect(1, 3);
  line.out.flow = Flow::Call;
  std::size_t at = 0;
  Detail& detail = line.detail();
  Layout& layout = line.layout();
  const auto slots = [&](const Operand& list, std::vector<std::uint32_t>& offsets) {
    for (const Operand& one : list.parts) {
      if (one.kind != Operand::Kind::Variable || layout.function.variables[one.index].space != Space::Param) line.fail("only parameter slots can be handed over");
      offsets.push_back(layout.variables[one.index]);
    }
  };
  if (line.operand(at).kind == Operand::Kind::Vector) slots(line.operand(at++), detail.results);
  if (at == line.operands() || line.operand(at).kind != Operand::Kind::Name) line.fail("calls through a register are not known");
  const std::string& name = line.operand(at++).name;
  if (at < line.operands()) slots(line.operand(at++), detail.arguments);
  if (at != line.operands()) line.fail("calls through a register are not known");
  const Procedure* called = layout.program.find(name);
  if (!called || called->isEntry) line.fail("function \"" + name + "\" is not known");
  if (!called->isDefined) line.fail("function \"" + name + "\" is not defined in this module");
  if (called->parameters.size() != detail.arguments.size() || called->results.size() != detail.results.size()) line.fail("the parameters are not those of " + name);
  detail.procedure = static_cast<std::uint32_t>(called - layout.program.procedures.data());
  layout.procedure.calls.push_back(detail.procedure);
}

template <Flow FLOW>
void end(Line& line) {
  line.take("uni");
  line.expect(0);
  line.out.flow = FLOW;
}

void warpBarrier(Line& line) {
  line.take("sync");
  line.expect(1);
  line.out.flow = Flow::WarpSync;
  line.out.members = line.value(0, Type::U32);
}

void barrier(Line& line) {
  if (line.take("warp")) return warpBarrier(line);
  line.take("cta");
  line.take("aligned");
  line.out.flow = Flow::Barrier;
  if (line.take("red")) {
    const std::string_view operation = line.takeAny({"popc", "and", "or"});
    const Type type = line.type();
    line.expect(3, 4);
    line.out.small = operation == "popc" ? 2 : operation == "and" ? 3 : 4;
    if (operation.empty() || (type == Type::Pred) == (operation == "popc")) line.fail("a reduction that is not known");
    line.out.to = line.target(0, type);
    line.out.a = line.value(1, Type::U32);
    if (line.operands() == 4) line.out.b = line.value(2, Type::U32);
    line.out.c = line.predicate(line.operands() - 1);
    return;
  }
  if (line.take("arrive")) line.out.small = 1;
  else if (!line.take("sync")) line.fail("one of .sync, .arrive and .red is missing");
  line.expect(line.out.small ? 2 : 1, 2);
  line.out.a = line.value(0, Type::U32);
  if (line.operands() == 2) line.out.b = line.value(1, Type::U32);
}

/// Memory is sequentially consistent here, so that a missing fence is not found.
void fence(Line& line) {
  line.takeAny({"sc", "acq_rel", "acquire", "release"});
  line.takeAny({"gl", "cta", "cluster", "gpu", "sys"});
  line.expect(0);
  line.run([](Warp&, const Instruction&, std::uint32_t) {});
}

void sleep(Line& line) {
  line.take("u32");
  line.expect(1);
  line.run([](Warp&, const Instruction&, std::uint32_t) {});
}

/// The result of operations that may also give a predicate: %r|%p.
void pairTarget(Line& line, Type type) {
  const Operand& to = line.operand(0);
  const bool pair = to.kind == Operand::Kind::Pair;
  line.out.to = line.target(pair ? to.parts[0] : to, type);
  if (pair) line.out.other = line.target(to.parts[1], Type::Pred);
}

void synchronised(Line& line, std::size_t members) {
  if (!line.take("sync")) line.fail("only .sync is known");
  line.out.flow = Flow::WarpSync;
  line.out.members = line.value(members, Type::U32);
}

void shuffle(Line& line) {
  constexpr std::string_view MODES[] = {"up", "down", "bfly", "idx"};
  while (line.out.small < 4 && !line.take(MODES[line.out.small])) line.out.small++;
  if (line.out.small == 4) line.fail("one of .up, .down, .bfly and .idx is missing");
  const Type type = line.type();
  if (type != Type::B32) line.failType(type);
  line.expect(5);
  synchronised(line, 4);
  pairTarget(line, type);
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, Type::U32);
  line.out.c = line.value(3, Type::U32);
  line.run(pickShuffle());
}

void vote(Line& line) {
  const std::string_view mode = line.takeAny({"ballot", "all", "any", "uni"});
  const Type type = line.type();
  line.expect(3);
  synchronised(line, 2);
  line.out.to = line.target(0, type);
  line.out.a = line.predicate(1);
  if ((type == Type::Pred) == (mode == "ballot")) line.failType(type);
  line.run(pickVote(mode));
}

void match(Line& line) {
  const bool all = line.take("all");
  if (!all && !line.take("any")) line.fail("one of .all and .any is missing");
  const Type type = line.type();
  line.expect(3);
  synchronised(line, 2);
  pairTarget(line, Type::B32);
  line.out.a = line.value(1, type);
  line.run(pickMatch(all, widthOf(type)));
}

void reduce(Line& line) {
  const std::string_view operation = line.takeAny({"add", "min", "max", "and", "or", "xor"});
  const Type type = line.type();
  line.expect(3);
  synchronised(line, 2);
  line.out.to = line.target(0, type);
  line.out.a = line.value(1, type);
  line.run(pickReduce(operation, type));
}

void elect(Line& line) {
  line.expect(2);
  synchronised(line, 1);
  pairTarget(line, Type::B32);
  line.run(pickElect());
}

void activeMask(Line& line) {
  const Type type = line.type();
  line.expect(1);
  line.out.to = line.target(0, type);
  if (type != Type::B32) line.failType(type);
  line.run(pickActiveMask());
}

constexpr Opcode OPCODES[] = {
    {"bra", branch},        {"brx", branchTable},        {"call", call},          {"ret", end<Flow::Return>}, {"exit", end<Flow::Exit>},
    {"trap", end<Flow::Trap>}, {"bar", barrier},         {"barrier", barrier},    {"membar", fence},          {"fence", fence},
    {"nanosleep", sleep},   {"shfl", shuffle},           {"vote", vote},          {"match", match},           {"redux", reduce},
    {"elect", elect},       {"activemask", activeMask},
};

}  // namespace

const Opcode* controlOpcode(std::string_view name) {
  for (const Opcode& opcode : OPCODES)
    if (opcode.name == name) return &opcode;
  return nullptr;
}

}  // namespace ptx
