#include "table-codes.hpp"

#include <algorithm>
#include <cstring>

#include "table-lookup.hpp"
#include "table-share.hpp"

namespace dotcompute::table {

namespace {

template <class W, class Table>
void fill(const Words& words, const Words::Side& rows, const Words::Side* others, Codes& found, u32* othersCodes) {
  Table table(words.bits());
  eachWord<W>(words, rows, table, [&](std::size_t more) { table.makeRoom(found.count, more); }, [&](std::size_t row, W word, std::size_t slot) {
    const u32 code = table.findOrAdd(word, slot, found.count);
    if (code == found.count) found.firsts[found.count++] = u32(row);
    found.codes[row] = code;
  });
  if (!others) return;
  eachWord<W>(words, *others, table, [](std::size_t) {}, [&](std::size_t row, W word, std::size_t slot) { othersCodes[row] = table.find(word, slot); });
}

Codes codesOfWords(const Words& words, const Words::Side& rows, const Words::Side* others, u32* othersCodes) {
  Codes found(rows.length);
  const std::size_t length = rows.length + (others ? others->length : 0);
  if (words.bits() <= directBits(length)) fill<u32, DirectTable<u32>>(words, rows, others, found, othersCodes);
  else if (words.bits() <= 32) fill<u32, HashTable<u32>>(words, rows, others, found, othersCodes);
  else fill<u64, HashTable<u64>>(words, rows, others, found, othersCodes);
  return found;
}

template <class W, class Table>
std::size_t fillFirsts(const Words& words, const Words::Side& rows, u32* firsts) {
  Table table(words.bits());
  std::size_t count = 0;
  // Written for every row, and kept for new ones: whether a row is new can hardly be foretold.
  eachWord<W>(words, rows, table, [&](std::size_t more) { table.makeRoom(count, more); }, [&](std::size_t row, W word, std::size_t slot) {
    firsts[count] = u32(row);
    count += table.add(word, slot, count);
  });
  return count;
}

/// Where columns do not fit in one word, those that do become columns of codes, until they do.
Codes codesOfSides(const Words::Side& rows, const Words::Side* others, u32* othersCodes) {
  std::vector<const Words::Side*> sides = {&rows};
  if (others) sides.push_back(others);
  Words::Side codesOfRows{{}, rows.length}, codesOfOthers{{}, others ? others->length : 0};
  std::vector<Room<u32>> kept;
  for (std::size_t from = 0;;) {
    const Words words(sides, from);
    const bool last = from == rows.columns.size();
    if (last && codesOfRows.columns.empty()) return codesOfWords(words, rows, others, othersCodes);
    Room<u32> ofOthers(codesOfOthers.length);
    Codes found = codesOfWords(words, rows, others, ofOthers.data());
    kept.push_back(std::move(found.codes));
    codesOfRows.columns.push_back({Kind::U32, kept.back().data(), rows.length});
    kept.push_back(std::move(ofOthers));
    codesOfOthers.columns.push_back({Kind::U32, kept.back().data(), codesOfOthers.length});
    if (last) return codesOfSides(codesOfRows, others ? &codesOfOthers : nullptr, othersCodes);
  }
}

}  // namespace

Codes codesOf(const Words::Side& rows) { return codesOfSides(rows, nullptr, nullptr); }

Codes codesOf(const Words::Side& rows, const Words::Side& others, Room<u32>& othersCodes) { return codesOfSides(rows, &others, othersCodes.data()); }

Firsts firstsOf(const Words::Side& rows) {
  std::size_t from = 0;
  const Words words({&rows}, from);
  if (from < rows.columns.size()) {
    Codes found = codesOf(rows);
    return {std::move(found.firsts), found.count};
  }
  Firsts found{Room<u32>(rows.length), 0};
  u32* const firsts = found.places.data();
  // A bit for a word takes less room than a code.
  if (words.bits() <= directBits(4 * rows.length)) found.count = fillFirsts<u32, SeenTable<u32>>(words, rows, firsts);
  else if (words.bits() <= 32) found.count = fillFirsts<u32, HashTable<u32>>(words, rows, firsts);
  else found.count = fillFirsts<u64, HashTable<u64>>(words, rows, firsts);
  return found;
}

void checkCodes(const u32* codes, std::size_t length, std::size_t count, unsigned threads) {
  const Pieces pieces(length, threads);
  inParts(pieces.threads(), pieces.count(), [&](std::size_t piece) {
    u32 most = 0;
    for (std::size_t at = pieces.begin(piece); at < pieces.end(piece); ++at) most = std::max(most, codes[at]);
    if (pieces.end(piece) > pieces.begin(piece) && most >= count) throw std::out_of_range("a code is too large");
  });
}

Buckets::Buckets(const u32* codes, std::size_t length, std::size_t count) : places(length), offsets(count + 1) {
  std::memset(offsets.data(), 0, (count + 1) * sizeof(u32));
  for (std::size_t at = 0; at < length; ++at) {
    if (codes[at] >= count) throw std::out_of_range("a code is too large");
    offsets[codes[at]]++;
  }
  // The ends of the buckets, from which each place is stored downwards: what begins as an end becomes a beginning.
  u32 before = 0;
  for (std::size_t code = 0; code < count; ++code) before = offsets[code] += before;
  offsets[count] = before;
  for (std::size_t at = length; at-- > 0;) {
    u32& next = offsets[std::min<std::size_t>(codes[at], count - 1)];
    if (next > 0) places[--next] = u32(at);
  }
}

Results codes(const Request& request) {
  const std::size_t length = request.number(0);
  Codes found = codesOf({request.columns(0, request.arrays.size(), length), length});
  Results results;
  results.push_back(table::places(found.codes, length));
  results.push_back(table::places(found.firsts, found.count));
  return results;
}

Results firsts(const Request& request) {
  const std::size_t length = request.number(0);
  Firsts found = firstsOf({request.columns(0, request.arrays.size(), length), length});
  Results results;
  results.push_back(table::places(found.places, found.count));
  return results;
}

Results buckets(const Request& request) {
  const std::size_t count = request.number(0);
  Buckets found(request.places(0), request.array(0).length, count);
  Results results;
  results.push_back(places(found.places, request.array(0).length));
  results.push_back(places(found.offsets, count + 1));
  return results;
}

}  // namespace dotcompute::table
