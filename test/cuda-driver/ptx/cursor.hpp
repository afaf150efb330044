// A place in a module's tokens, and what a parser asks of it.
#pragma once

#include <algorithm>
#include <string>

#include "lexer.hpp"

namespace ptx {

class Cursor {
 protected:
  using Kind = Token::Kind;

  explicit Cursor(std::string_view text) : tokens_(tokens(text)) {}

  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(place_ + ahead, tokens_.size() - 1)]; }
  const Token& take() {
    const Token& token = peek();
    if (place_ + 1 < tokens_.size()) place_++;
    return token;
  }
  [[noreturn]] void fail(const std::string& what) const { throw PtxError(peek().line, what); }
  [[noreturn]] void unexpected(const std::string& wanted) const {
    fail("expected " + wanted + " and found \"" + std::string(peek().text) + "\"");
  }
  bool accept(char mark) {
    if (!peek().mark(mark)) return false;
    take();
    return true;
  }
  void expect(char mark) {
    if (!accept(mark)) unexpected(std::string("'") + mark + "'");
  }
  bool acceptDirective(std::string_view text) {
    if (!peek().is(Kind::Directive, text)) return false;
    take();
    return true;
  }
  std::string word() {
    if (peek().kind != Kind::Word) unexpected("a name");
    return std::string(take().text);
  }
  std::uint64_t integer() {
    const bool negative = accept('-');
    if (peek().kind != Kind::Integer) unexpected("an integer");
    const std::uint64_t bits = take().bits;
    return negative ? 0 - bits : bits;
  }
  void skipLine() {
    for (const unsigned line = peek().line; peek().line == line && peek().kind != Kind::End;) take();
  }
  void back() { place_--; }

 private:
  std::vector<Token> tokens_;
  std::size_t place_ = 0;
};

}  // namespace ptx
