// The scalar types of PTX, and the one error that a PTX text can cause.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ptx {

enum class Type : std::uint8_t { None, B8, B16, B32, B64, U8, U16, U32, U64, S8, S16, S32, S64, F32, F64, Pred };

/// The type that a modifier such as `f64` names; `None` where it names none.
Type typeNamed(std::string_view name);
std::string_view nameOf(Type type);
/// Bytes in memory; 0 for a predicate, which has no place there.
unsigned widthOf(Type type);
bool isSigned(Type type);
bool isFloat(Type type);
/// The type with the same width and no meaning of its own: what moves and bitwise operations work on.
Type bitsOf(Type type);
Type unsignedOf(unsigned width);

constexpr unsigned LANES = 32;
constexpr std::uint32_t ALL_LANES = 0xffffffff;

/// A PTX text that this interpreter cannot run: wrong, or beyond what it knows. Never skipped.
class PtxError : public std::runtime_error {
 public:
  PtxError(unsigned line, const std::string& what) : std::runtime_error("line " + std::to_string(line) + ": " + what) {}
};

}  // namespace ptx
