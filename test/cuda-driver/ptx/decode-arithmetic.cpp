// Arithmetic, logic, comparisons and conversions: from a statement to the function that runs it.
#include "execute.hpp"
#include "line.hpp"

namespace ptx {

namespace {

void sources(Line& line, Type type, std::size_t count) {
  line.expect(count + 1);
  line.out.to = line.target(0, type);
  Source* places[] = {&line.out.a, &line.out.b, &line.out.c};
  for (std::size_t i = 0; i < count; i++) *places[i] = line.value(i + 1, type);
}

/// Only rounding to nearest, which is also what no rounding means.
Execute floatOperation(Line& line, Type type) {
  line.take("rn");
  return pickFloat(line.opcode(), type);
}

void addSubtract(Line& line) {
  const bool saturates = line.take("sat");
  const bool carries = line.take("cc");
  const Type type = line.type();
  sources(line, type, 2);
  if (carries) return line.run(pickCarry(line.opcode(), type, true));
  if (saturates) {
    if (type != Type::S32) line.failType(type);
    return line.run(pickSaturating(line.opcode()));
  }
  line.run(isFloat(type) ? floatOperation(line, type) : pickInteger(line.opcode(), type));
}

void withCarry(Line& line) {
  const bool sets = line.take("cc");
  const Type type = line.type();
  sources(line, type, 2);
  line.run(pickCarry(line.opcode(), type, sets));
}

void multiply(Line& line) {
  const std::string_view part = line.takeAny({"wide", "lo", "hi"});
  const Type type = line.type();
  if (isFloat(type)) {
    sources(line, type, 2);
    return line.run(floatOperation(line, type));
  }
  if (part.empty()) line.fail("one of .lo, .hi and .wide is missing");
  if (part != "wide") {
    sources(line, type, 2);
    return line.run(pickInteger("mul." + std::string(part), type));
  }
  line.expect(3);
  line.out.to = line.target(0, unsignedOf(2 * widthOf(type)));
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, type);
  line.run(pickWide("mul.wide", type));
}

void multiplyAdd(Line& line) {
  const std::string_view part = line.takeAny({"wide", "lo", "hi"});
  const Type type = line.type();
  line.expect(4);
  if (isFloat(type)) {
    line.take("rn");
    sources(line, type, 3);
    return line.run(pickFloat("fma", type));
  }
  if (part.empty()) line.fail("one of .lo, .hi and .wide is missing");
  if (part != "wide") {
    sources(line, type, 3);
    return line.run(pickInteger("mad." + std::string(part), type));
  }
  const Type twice = unsignedOf(2 * widthOf(type));
  line.out.to = line.target(0, twice);
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, type);
  line.out.c = line.value(3, twice);
  line.run(pickWide("mad.wide", type));
}

void divide(Line& line) {
  const bool nearest = line.take("rn");
  const Type type = line.type();
  sources(line, type, 2);
  if (isFloat(type) && !nearest) line.fail("only .rn is known");
  line.run(isFloat(type) ? pickFloat("div", type) : pickInteger("div", type));
}

void rootOrReciprocal(Line& line) {
  if (!line.take("rn")) line.fail("only .rn is known");
  const Type type = line.type();
  sources(line, type, 1);
  line.run(pickFloat(line.opcode(), type));
}

void fused(Line& line) {
  if (!line.take("rn")) line.fail("only .rn is known");
  const Type type = line.type();
  sources(line, type, 3);
  line.run(pickFloat("fma", type));
}

void extreme(Line& line) {
  const bool nan = line.take("NaN");
  const Type type = line.type();
  sources(line, type, 2);
  line.run(isFloat(type) ? pickFloatMinMax(line.opcode(), type, nan) : pickInteger(line.opcode(), type));
}

template <std::size_t COUNT>
void plain(Line& line) {
  const Type type = line.type();
  sources(line, type, COUNT);
  line.run(isFloat(type) ? pickFloat(line.opcode(), type) : pickInteger(line.opcode(), type));
}

template <std::size_t COUNT>
void logic(Line& line) {
  const Type type = line.type();
  if (type != Type::Pred) {
    sources(line, type, COUNT);
    return line.run(pickBits(line.opcode(), type));
  }
  line.expect(COUNT + 1);
  line.out.to = line.target(0, type);
  line.out.a = line.value(1, type);
  if (COUNT == 2) line.out.b = line.value(2, type);
  line.run(pickPredicate(line.opcode()));
}

void shift(Line& line) {
  const Type type = line.type();
  line.expect(3);
  line.out.to = line.target(0, type);
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, Type::U32);
  line.run(pickBits(line.opcode(), type));
}

void funnelShift(Line& line) {
  const bool left = line.take("l");
  if (!left && !line.take("r")) line.fail("one of .l and .r is missing");
  const bool clamp = line.take("clamp");
  if (!clamp && !line.take("wrap")) line.fail("one of .clamp and .wrap is missing");
  const Type type = line.type();
  sources(line, Type::B32, 3);
  if (type != Type::B32) line.failType(type);
  line.run(pickFunnelShift(left, clamp));
}

/// Counts are 32 bits wide.
void count(Line& line) {
  const Type type = line.type();
  line.expect(2);
  line.out.to = line.target(0, Type::U32);
  line.out.a = line.value(1, type);
  line.run(pickBits(line.opcode(), type));
}

void extractField(Line& line) {
  const Type type = line.type();
  line.expect(4);
  line.out.to = line.target(0, type);
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, Type::U32);
  line.out.c = line.value(3, Type::U32);
  line.run(pickBits("bfe", type));
}

void insertField(Line& line) {
  const Type type = line.type();
  line.expect(5);
  line.out.to = line.target(0, type);
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, type);
  line.out.c = line.value(3, Type::U32);
  line.out.other = line.value(4, Type::U32);
  line.run(pickBits("bfi", type));
}

void anyLogic(Line& line) {
  const Type type = line.type();
  line.expect(5);
  line.out.to = line.target(0, type);
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, type);
  line.out.c = line.value(3, type);
  line.out.small = static_cast<std::uint32_t>(line.constant(4));
  line.run(pickBits("lop3", type));
}

/// The comparison and what it is combined with; gives whether there is a third value.
template <class Taken>
bool comparison(Line& line, Type type, Taken& modifiers) {
  Comparison which{};
  if (!comparisonNamed(modifiers, type, which)) line.fail("comparison ." + std::string(modifiers) + " is not known for ." + std::string(nameOf(type)));
  const std::string_view with = line.takeAny({"and", "or", "xor"});
  const Combine combine = with == "and" ? Combine::And : with == "or" ? Combine::Or : with == "xor" ? Combine::Xor : Combine::None;
  line.out.small = static_cast<std::uint32_t>(which) | static_cast<std::uint32_t>(combine) << 8;
  return combine != Combine::None;
}

std::string_view comparisonOf(Line& line) {
  const std::string_view name =
      line.takeAny({"eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan", "lo", "ls", "hi", "hs"});
  if (name.empty()) line.fail("a comparison is missing, or one that this interpreter does not know");
  return name;
}

void setPredicate(Line& line) {
  const std::string_view name = comparisonOf(line);
  const Type type = line.type();
  const bool combines = comparison(line, type, name);
  line.expect(combines ? 4 : 3);
  const Operand& to = line.operand(0);
  const bool pair = to.kind == Operand::Kind::Pair;
  line.out.to = line.target(pair ? to.parts[0] : to, Type::Pred);
  if (pair) line.out.other = line.target(to.parts[1], Type::Pred);
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, type);
  if (combines) line.out.c = line.predicate(3);
  line.run(pickSetp(type));
}

void setNumber(Line& line) {
  const std::string_view name = comparisonOf(line);
  const Type result = line.type();
  const Type type = line.type();
  const bool combines = comparison(line, type, name);
  line.expect(combines ? 4 : 3);
  line.out.to = line.target(0, result);
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, type);
  if (combines) line.out.c = line.predicate(3);
  line.run(pickSet(result, type));
}

void select(Line& line) {
  const Type type = line.type();
  line.expect(4);
  line.out.to = line.target(0, type);
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, type);
  line.out.c = line.predicate(3);
  line.run(pickSelect(widthOf(type)));
}

void selectBySign(Line& line) {
  const Type type = line.type();
  const Type by = line.type();
  line.expect(4);
  line.out.to = line.target(0, type);
  line.out.a = line.value(1, type);
  line.out.b = line.value(2, type);
  line.out.c = line.value(3, by);
  line.run(pickSlct(widthOf(type), by));
}

void testProperty(Line& line) {
  constexpr std::string_view NAMES[] = {"finite", "infinite", "number", "notanumber", "normal", "subnormal"};
  std::uint32_t which = 0;
  while (which < std::size(NAMES) && !line.take(NAMES[which])) which++;
  if (which == std::size(NAMES)) line.fail("a property is missing, or one that this interpreter does not know");
  line.out.small = which;
  const Type type = line.type();
  line.expect(2);
  line.out.to = line.target(0, Type::Pred);
  line.out.a = line.value(1, type);
  line.run(pickTestp(type));
}

void convert(Line& line) {
  constexpr std::pair<std::string_view, Rounding> ROUNDINGS[] = {
      {"rn", Rounding::Nearest},         {"rz", Rounding::Zero},         {"rm", Rounding::Down},         {"rp", Rounding::Up},
      {"rni", Rounding::NearestInteger}, {"rzi", Rounding::ZeroInteger}, {"rmi", Rounding::DownInteger}, {"rpi", Rounding::UpInteger},
  };
  for (const auto& [name, rounding] : ROUNDINGS)
    if (line.take(name)) line.out.rounding = rounding;
  line.out.saturate = line.take("sat");
  const Type to = line.type();
  const Type from = line.type();
  line.expect(2);
  const bool toWhole = line.out.rounding >= Rounding::NearestInteger;
  const bool rounds = line.out.rounding != Rounding::None;
  if (isFloat(from) && !isFloat(to) && !toWhole) line.fail("a float becomes an integer by .rni, .rzi, .rmi or .rpi");
  if (!isFloat(from) && isFloat(to) && (!rounds || toWhole)) line.fail("an integer becomes a float by .rn, .rz, .rm or .rp");
  if (!isFloat(from) && !isFloat(to) && rounds) line.fail("integers are not rounded");
  if (from == Type::F64 && to == Type::F32 && !rounds) line.fail("an f64 becomes an f32 by a rounding");
  line.out.to = line.target(line.operand(0), to, true);
  line.out.a = line.value(line.operand(1), from, true);
  line.run(pickConvert(to, from));
}

constexpr Opcode OPCODES[] = {
    {"add", addSubtract}, {"sub", addSubtract},     {"addc", withCarry},   {"subc", withCarry},   {"mul", multiply},       {"mad", multiplyAdd},
    {"fma", fused},       {"div", divide},          {"rem", plain<2>},     {"sqrt", rootOrReciprocal}, {"rcp", rootOrReciprocal}, {"min", extreme},
    {"max", extreme},     {"neg", plain<1>},        {"abs", plain<1>},     {"copysign", plain<2>}, {"sad", plain<3>},       {"and", logic<2>},
    {"or", logic<2>},     {"xor", logic<2>},        {"not", logic<1>},     {"cnot", logic<1>},    {"shl", shift},          {"shr", shift},
    {"shf", funnelShift}, {"brev", logic<1>},       {"clz", count},        {"popc", count},       {"bfind", count},        {"bfe", extractField},
    {"bfi", insertField}, {"prmt", logic<3>},       {"lop3", anyLogic},    {"setp", setPredicate}, {"set", setNumber},     {"selp", select},
    {"slct", selectBySign}, {"testp", testProperty}, {"cvt", convert},
};

}  // namespace

const Opcode* arithmeticOpcode(std::string_view name) {
  for (const Opcode& opcode : OPCODES)
    if (opcode.name == name) return &opcode;
  return nullptr;
}

}  // namespace ptx
