// Moves, loads, stores and atomic operations.
#include "execute.hpp"
#include "line.hpp"

namespace ptx {

namespace {

/// Memory is sequentially consistent here and has no caches: these change nothing.
void takeMemoryOrder(Line& line) {
  line.takeAny({"weak", "volatile", "relaxed", "acquire", "release", "acq_rel", "mmio"});
  line.takeAny({"cta", "cluster", "gpu", "sys"});
}

void takeCacheHints(Line& line) {
  line.takeAny({"ca", "cg", "cs", "lu", "cv", "wb", "wt"});
  line.take("nc");
  line.takePrefixed("L1::");
  line.takePrefixed("L2::");
}

unsigned takeVector(Line& line) {
  const std::string_view vector = line.takeAny({"v2", "v4", "v8"});
  return vector.empty() ? 1 : static_cast<unsigned>(vector[1] - '0');
}

template <bool LOADS>
void loadOrStore(Line& line) {
  takeMemoryOrder(line);
  const Space space = line.space();
  takeCacheHints(line);
  const unsigned elements = takeVector(line);
  const Type type = line.type();
  line.expect(2);
  if (!LOADS && space == Space::Const) line.fail("constant memory can't be written");
  Detail& detail = line.detail();
  const Operand& place = line.operand(LOADS ? 1 : 0);
  if (place.kind != Operand::Kind::Address) line.fail("an address in brackets is missing");
  detail.address = line.address(place, space);
  detail.elements = elements;
  detail.elementWidth = widthOf(type);
  const Operand& given = line.operand(LOADS ? 0 : 1);
  const bool vector = given.kind == Operand::Kind::Vector;
  if ((vector ? given.parts.size() : 1) != elements) line.fail("the vector has another length than the instruction");
  for (unsigned i = 0; i < elements; i++) {
    const Operand& one = vector ? given.parts[i] : given;
    detail.values.push_back(LOADS ? line.target(one, type, true) : line.value(one, type, true));
  }
  line.run(LOADS ? pickLoad(type) : pickStore(type));
}

template <bool RETURNS>
void atomic(Line& line) {
  takeMemoryOrder(line);
  const Space space = line.space();
  if (space != Space::Global && space != Space::Shared && space != Space::Generic) line.fail("an atomic operation in that state space");
  const std::string_view operation = line.takeAny({"add", "min", "max", "and", "or", "xor", "exch", "inc", "dec", "cas"});
  if (operation.empty()) line.fail("an operation is missing, or one that this interpreter does not know");
  const Type type = line.type();
  const std::size_t first = RETURNS ? 1 : 0;
  line.expect(first + (operation == "cas" ? 3 : 2));
  Detail& detail = line.detail();
  detail.address = line.address(line.operand(first), space);
  detail.elementWidth = widthOf(type);
  if (RETURNS) line.out.to = line.target(0, type);
  line.out.b = line.value(first + 1, type);
  if (operation == "cas") line.out.c = line.value(first + 2, type);
  line.run(pickAtomic(operation, type));
}

void moveVector(Line& line, Type type) {
  const bool packs = line.operand(1).kind == Operand::Kind::Vector;
  const Operand& vector = line.operand(packs ? 1 : 0);
  const auto parts = static_cast<unsigned>(vector.parts.size());
  const unsigned width = widthOf(type);
  if (parts == 0 || width / parts < 2) line.fail("a vector of " + std::to_string(parts) + " parts");
  const Type part = unsignedOf(width / parts);
  Detail& detail = line.detail();
  for (const Operand& one : vector.parts) detail.values.push_back(packs ? line.value(one, part) : line.target(one, part));
  if (packs) line.out.to = line.target(0, type);
  else line.out.a = line.value(1, type);
  line.run(packs ? pickPack(parts, width) : pickUnpack(parts, width));
}

void move(Line& line) {
  const Type type = line.type();
  line.expect(2);
  const Operand& from = line.operand(1);
  if (line.operand(0).kind == Operand::Kind::Vector || from.kind == Operand::Kind::Vector) return moveVector(line, type);
  line.out.to = line.target(0, type);
  if (from.kind == Operand::Kind::Name) {
    Type own = Type::None;
    const Execute execute = pickSpecial(from.name, own);
    if (!execute) line.fail("\"" + from.name + "\" is not known");
    if (widthOf(own) != widthOf(type)) line.fail(from.name + " is ." + std::string(nameOf(own)));
    return line.run(execute);
  }
  if (from.kind == Operand::Kind::Variable || from.kind == Operand::Kind::ModuleVariable) {
    const auto& variables = from.kind == Operand::Kind::Variable ? line.layout().function.variables : line.layout().module.variables;
    line.detail().address = line.address(from, variables[from.index].space);
    return line.run(pickAddress());
  }
  line.out.a = type == Type::Pred ? line.predicate(1) : line.value(1, type);
  line.run(type == Type::Pred ? pickPredicateMove() : pickMove(widthOf(type)));
}

void toOrFromGeneric(Line& line) {
  const bool leaves = line.take("to");
  const Space space = line.space();
  const Type type = line.type();
  if (widthOf(type) != 8) line.failType(type);
  line.expect(2);
  if (space == Space::Generic) line.fail("a state space is missing, or one that this interpreter does not know");
  line.out.to = line.target(0, type);
  const Operand& from = line.operand(1);
  if (from.kind == Operand::Kind::Variable || from.kind == Operand::Kind::ModuleVariable) line.fail("a variable where a register is expected");
  line.out.a = line.value(1, type);
  line.run(leaves ? pickFromGeneric(space) : pickToGeneric(space));
}

void isSpace(Line& line) {
  const Space space = line.space();
  line.expect(2);
  line.out.to = line.target(0, Type::Pred);
  line.out.a = line.value(1, Type::U64);
  line.out.small = static_cast<std::uint32_t>(space);
  line.run(pickIsSpace());
}

/// Hints to caches: there are none.
void prefetch(Line& line) {
  line.space();
  line.takePrefixed("L1");
  line.takePrefixed("L2");
  line.run([](Warp&, const Instruction&, std::uint32_t) {});
}

constexpr Opcode MOVES[] = {{"mov", move}, {"cvta", toOrFromGeneric}, {"isspacep", isSpace}};

constexpr Opcode OPCODES[] = {
    {"ld", loadOrStore<true>}, {"ldu", loadOrStore<true>}, {"st", loadOrStore<false>}, {"atom", atomic<true>},
    {"red", atomic<false>},    {"prefetch", prefetch},     {"prefetchu", prefetch},
};

}  // namespace

const Opcode* moveOpcode(std::string_view name) {
  for (const Opcode& opcode : MOVES)
    if (opcode.name == name) return &opcode;
  return nullptr;
}

const Opcode* memoryOpcode(std::string_view name) {
  for (const Opcode& opcode : OPCODES)
    if (opcode.name == name) return &opcode;
  return nullptr;
}

}  // namespace ptx
