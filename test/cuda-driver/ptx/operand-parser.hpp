// Operands, and the scopes that give their names a meaning.
#pragma once

#include <unordered_map>
#include <utility>
#include <vector>

#include "cursor.hpp"
#include "syntax.hpp"

namespace ptx {

/// What a name stands for in a scope.
struct Meaning {
  Operand::Kind kind;
  std::uint32_t index;
};

class OperandParser : protected Cursor {
 protected:
  explicit OperandParser(std::string_view text) : Cursor(text) {}

  Operand operand() {
    Operand first = atom();
    if (!accept('|')) return first;
    Operand pair;
    pair.kind = Operand::Kind::Pair;
    pair.parts = {std::move(first), atom()};
    return pair;
  }

  Operand atom() {
    Operand one;
    if (accept('!')) {
      one = atom();
      one.inverted = !one.inverted;
      return one;
    }
    if (peek().mark('{') || peek().mark('(')) {
      const char end = take().text[0] == '{' ? '}' : ')';
      one.kind = Operand::Kind::Vector;
      while (!accept(end)) {
        one.parts.push_back(atom());
        accept(',');
      }
      return one;
    }
    if (accept('[')) return address();
    const bool negative = accept('-');
    const Token& token = take();
    one.bits = negative ? 0 - token.bits : token.bits;
    switch (token.kind) {
      case Kind::Integer: one.kind = Operand::Kind::Integer; return one;
      case Kind::Float32:
        one.kind = Operand::Kind::Float32;
        one.bits = token.bits ^ (negative ? std::uint64_t{1} << 31 : 0);
        return one;
      case Kind::Float64:
        one.kind = Operand::Kind::Float64;
        one.bits = token.bits ^ (negative ? std::uint64_t{1} << 63 : 0);
        return one;
      case Kind::Word: return named(token);
      default: back(); unexpected("an operand");
    }
  }

  Operand named(const Token& token) {
    Operand one;
    one.name = token.text;
    if (one.name == "_") return one;
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      const auto found = scope->find(one.name);
      if (found == scope->end()) continue;
      one.kind = found->second.kind;
      one.index = found->second.index;
      if (one.kind != Operand::Kind::Register && (accept('+'))) one.offset = static_cast<std::int64_t>(integer());
      return one;
    }
    one.kind = Operand::Kind::Name;
    if (one.name == "WARP_SZ") {
      one.kind = Operand::Kind::Integer;
      one.bits = LANES;
    } else if (one.name[0] == '%' && peek().kind == Kind::Directive) {
      one.name += "." + std::string(take().text);
    }
    return one;
  }

  /// After the opening bracket.
  Operand address() {
    Operand one;
    one.kind = Operand::Kind::Address;
    if (peek().kind == Kind::Word) {
      one.parts.push_back(named(take()));
      one.offset = std::exchange(one.parts[0].offset, 0);
    } else {
      one.offset = static_cast<std::int64_t>(integer());
    }
    while (!accept(']')) {
      if (peek().mark('-')) one.offset += static_cast<std::int64_t>(integer());
      else if (accept('+')) one.offset += static_cast<std::int64_t>(integer());
      else unexpected("']'");
    }
    return one;
  }

  std::vector<std::unordered_map<std::string, Meaning>> scopes_;
};

}  // namespace ptx
