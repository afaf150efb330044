#include "lexer.hpp"

#include <bit>
#include <charconv>
#include <cstdlib>

namespace ptx {

namespace {

bool startsWord(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c == '%'; }
bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool continuesWord(char c) { return startsWord(c) || isDigit(c); }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    std::vector<Token> all;
    do all.push_back(next());
    while (all.back().kind != Token::Kind::End);
    return all;
  }

 private:
  char at(std::size_t ahead = 0) const { return place_ + ahead < text_.size() ? text_[place_ + ahead] : '\0'; }

  void skipBlanks() {
    for (; place_ < text_.size(); place_++) {
      const char c = at();
      if (c == '\n') {
        line_++;
      } else if (c == '/' && at(1) == '/') {
        while (place_ + 1 < text_.size() && at(1) != '\n') place_++;
      } else if (c == '/' && at(1) == '*') {
        const std::size_t end = text_.find("*/", place_ + 2);
        if (end == std::string_view::npos) throw PtxError(line_, "a comment that does not end");
        for (; place_ < end; place_++) line_ += at() == '\n';
        place_ = end + 1;
      } else if (c != ' ' && c != '\t' && c != '\r' && c != '\0') {
        return;
      }
    }
  }

  Token token(Token::Kind kind, std::size_t begin, std::uint64_t bits = 0) const {
    return {kind, line_, text_.substr(begin, place_ - begin), bits};
  }

  Token next() {
    skipBlanks();
    const std::size_t begin = place_;
    if (place_ >= text_.size()) return token(Token::Kind::End, begin);
    const char c = at();
    if (startsWord(c)) {
      while (continuesWord(at())) place_++;
      return token(Token::Kind::Word, begin);
    }
    if (c == '.' && (startsWord(at(1)))) {
      place_++;
      while (continuesWord(at()) || (at() == ':' && at(1) == ':') || (at() == ':' && at(-1) == ':')) place_++;
      return token(Token::Kind::Directive, begin + 1);
    }
    if (isDigit(c)) return number();
    if (c == '"') {
      const std::size_t end = text_.find('"', place_ + 1);
      if (end == std::string_view::npos) throw PtxError(line_, "a string that does not end");
      place_ = end + 1;
      return token(Token::Kind::String, begin);
    }
    place_++;
    return token(Token::Kind::Mark, begin);
  }

  Token number() {
    const std::size_t begin = place_;
    const char second = at(1);
    if (at() == '0' && (second == 'f' || second == 'F' || second == 'd' || second == 'D')) {
      const bool single = second == 'f' || second == 'F';
      place_ += 2;
      const std::uint64_t bits = digits(16, single ? 8 : 16);
      return token(single ? Token::Kind::Float32 : Token::Kind::Float64, begin, bits);
    }
    if (at() == '0' && (second == 'x' || second == 'X' || second == 'b' || second == 'B')) {
      place_ += 2;
      const std::uint64_t bits = digits(second == 'x' || second == 'X' ? 16 : 2, 0);
      return integer(begin, bits);
    }
    std::size_t end = place_;
    while (end < text_.size() && isDigit(text_[end])) end++;
    const bool fraction = end < text_.size() && text_[end] == '.' && end + 1 < text_.size() && isDigit(text_[end + 1]);
    if (fraction || (end < text_.size() && (text_[end] == 'e' || text_[end] == 'E'))) {
      double value = 0;
      const auto [stop, error] = std::from_chars(text_.data() + place_, text_.data() + text_.size(), value);
      if (error != std::errc()) throw PtxError(line_, "a number that is none");
      place_ = static_cast<std::size_t>(stop - text_.data());
      return token(Token::Kind::Float64, begin, std::bit_cast<std::uint64_t>(value));
    }
    const std::uint64_t bits = digits(at() == '0' ? 8 : 10, 0);
    return integer(begin, bits);
  }

  Token integer(std::size_t begin, std::uint64_t bits) {
    if (at() == 'U') place_++;
    return token(Token::Kind::Integer, begin, bits);
  }

  std::uint64_t digits(int base, std::size_t exactly) {
    std::uint64_t bits = 0;
    const char* from = text_.data() + place_;
    const char* limit = exactly ? from + std::min(exactly, text_.size() - place_) : text_.data() + text_.size();
    const auto [stop, error] = std::from_chars(from, limit, bits, base);
    const auto length = static_cast<std::size_t>(stop - from);
    if (error != std::errc() || (exactly && length != exactly)) throw PtxError(line_, "a number that is none");
    place_ += length;
    return bits;
  }

  std::string_view text_;
  std::size_t place_ = 0;
  unsigned line_ = 1;
};

}  // namespace

std::vector<Token> tokens(std::string_view text) { return Lexer(text).run(); }

}  // namespace ptx
