// PTX text to tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "types.hpp"

namespace ptx {

struct Token {
  enum class Kind : std::uint8_t {
    Word,       // add, %rd1, $L__BB0_1, _Z1fd
    Directive,  // .reg, .f64, .shared::cta: the text is without its dot
    Integer,
    Float32,  // 0f3F800000: the bits
    Float64,  // 0d3FF0000000000000 or 1.5: the bits
    String,
    Mark,  // one character of punctuation
    End,
  };
  Kind kind = Kind::End;
  unsigned line = 0;
  std::string_view text;  // in the module's text
  std::uint64_t bits = 0;

  bool is(Kind wanted, std::string_view words) const { return kind == wanted && text == words; }
  bool mark(char wanted) const { return kind == Kind::Mark && text[0] == wanted; }
};

/// All tokens of a module, ended by an `End`. They refer to the text, which must outlive them.
std::vector<Token> tokens(std::string_view text);

}  // namespace ptx
