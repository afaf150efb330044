#include "table-packed.hpp"

namespace dotcompute::table {

SortKey::SortKey(const Column& column, std::size_t length, bool descending) : column(column), descending(descending) {
  const Span span = dispatch(column.kind, [&](auto type) {
    using T = typename decltype(type)::type;
    return spanOf(column.as<T>(), length, descending ? WordOf<T>(~WordOf<T>(0)) : WordOf<T>(0));
  });
  const bool whole = column.kind != Kind::F32 && column.kind != Kind::F64;
  same = whole ? span.base : span.first;
  if (span.varying == 0) return;
  base = span.base;
  low = whole ? 0 : unsigned(std::countr_zero(span.varying));
  bits = unsigned(std::bit_width(span.varying)) - low;
  // What lies between the first and the last bit that varies is in the word.
  if (!whole) same &= ~((~u64(0) >> (64 - bits)) << low);
}

std::vector<Packed> packed(std::vector<SortKey> keys) {
  std::vector<Packed> all;
  for (; !keys.empty(); keys.pop_back()) {
    const SortKey& key = keys.back();
    if (key.bits == 0) continue;
    if (all.empty() || all.back().bits + key.bits > 64) all.emplace_back();
    all.back().keys.insert(all.back().keys.begin(), key);
    all.back().bits += key.bits;
  }
  return all;
}

std::vector<SortKey> keysOf(const Request& request, std::size_t length, std::size_t number) {
  std::vector<SortKey> keys;
  const std::vector<Column> columns = request.columns(0, request.arrays.size(), length);
  for (std::size_t at = 0; at < columns.size(); ++at) keys.emplace_back(columns[at], length, request.number(number + at, 1) == 1);
  return keys;
}

}  // namespace dotcompute::table
