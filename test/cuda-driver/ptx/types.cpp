#include "types.hpp"

namespace ptx {

namespace {

struct Row {
  Type type;
  std::string_view name;
  unsigned width;
};

constexpr Row ROWS[] = {
    {Type::None, "none", 0}, {Type::B8, "b8", 1},   {Type::B16, "b16", 2}, {Type::B32, "b32", 4},
    {Type::B64, "b64", 8},   {Type::U8, "u8", 1},   {Type::U16, "u16", 2}, {Type::U32, "u32", 4},
    {Type::U64, "u64", 8},   {Type::S8, "s8", 1},   {Type::S16, "s16", 2}, {Type::S32, "s32", 4},
    {Type::S64, "s64", 8},   {Type::F32, "f32", 4}, {Type::F64, "f64", 8}, {Type::Pred, "pred", 0},
};

const Row& rowOf(Type type) { return ROWS[static_cast<std::size_t>(type)]; }

}  // namespace

Type typeNamed(std::string_view name) {
  for (const Row& row : ROWS)
    if (row.name == name && row.type != Type::None) return row.type;
  return Type::None;
}

std::string_view nameOf(Type type) { return rowOf(type).name; }
unsigned widthOf(Type type) { return rowOf(type).width; }
bool isSigned(Type type) { return type >= Type::S8 && type <= Type::S64; }
bool isFloat(Type type) { return type == Type::F32 || type == Type::F64; }

Type bitsOf(Type type) {
  switch (widthOf(type)) {
    case 1: return Type::B8;
    case 2: return Type::B16;
    case 4: return Type::B32;
    case 8: return Type::B64;
    default: return type;
  }
}

Type unsignedOf(unsigned width) {
  switch (width) {
    case 1: return Type::U8;
    case 2: return Type::U16;
    case 4: return Type::U32;
    default: return Type::U64;
  }
}

}  // namespace ptx
