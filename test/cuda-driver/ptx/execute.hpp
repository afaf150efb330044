// What the decoder picks from: for an operation and a type, the function that runs it, or null where there is none.
#pragma once

#include <string_view>

#include "program.hpp"

namespace ptx {

// execute-float.cpp, execute-integer.cpp
Execute pickFloat(std::string_view operation, Type type);
Execute pickFloatMinMax(std::string_view operation, Type type, bool nan);
Execute pickInteger(std::string_view operation, Type type);
Execute pickWide(std::string_view operation, Type type);
Execute pickSaturating(std::string_view operation);
Execute pickCarry(std::string_view operation, Type type, bool sets);
// execute-bits.cpp
Execute pickBits(std::string_view operation, Type type);
Execute pickPredicate(std::string_view operation);
Execute pickMove(unsigned width);
Execute pickPredicateMove();
Execute pickPack(unsigned parts, unsigned width);
Execute pickUnpack(unsigned parts, unsigned width);
Execute pickFunnelShift(bool left, bool clamp);
// execute-compare.cpp
enum class Comparison : std::uint8_t { Eq, Ne, Lt, Le, Gt, Ge, Equ, Neu, Ltu, Leu, Gtu, Geu, Num, Nan };
enum class Combine : std::uint8_t { None, And, Or, Xor };
bool comparisonNamed(std::string_view name, Type type, Comparison& comparison);
/// `small` of the instruction holds the comparison and, from bit 8, what it is combined with.
Execute pickSetp(Type type);
Execute pickSet(Type result, Type type);
Execute pickSelect(unsigned width);
Execute pickSlct(unsigned width, Type type);
Execute pickTestp(Type type);
// execute-convert.cpp
Execute pickConvert(Type to, Type from);
// execute-memory.cpp, execute-atomic.cpp
Execute pickLoad(Type type);
Execute pickStore(Type type);
Execute pickAtomic(std::string_view operation, Type type);
Execute pickAddress();
Execute pickToGeneric(Space space);
Execute pickFromGeneric(Space space);
Execute pickIsSpace();
// execute-warp.cpp
Execute pickShuffle();
Execute pickVote(std::string_view mode);
Execute pickMatch(bool all, unsigned width);
Execute pickReduce(std::string_view operation, Type type);
Execute pickElect();
Execute pickActiveMask();
/// Null where there is no such register; gives its type otherwise.
Execute pickSpecial(std::string_view name, Type& type);

}  // namespace ptx
