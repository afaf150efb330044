// Equal rows get equal numbers, 0, 1, 2 … in the order in which they first occur.
#pragma once

#include "table-keys.hpp"

namespace dotcompute::table {

struct Codes {
  Room<u32> codes;         // of each row
  Room<u32> firsts;        // the first row of each code
  std::size_t count = 0;   // how many codes there are

  explicit Codes(std::size_t length) : codes(length), firsts(length) {}
};

Codes codesOf(const Words::Side& rows);

/// The same, and the codes of other rows: NONE for those that are not among the first.
Codes codesOf(const Words::Side& rows, const Words::Side& others, Room<u32>& othersCodes);

/// The first row of each code, without the codes.
struct Firsts {
  Room<u32> places;
  std::size_t count;
};
Firsts firstsOf(const Words::Side& rows);

/// Throws unless all codes are below their number.
void checkCodes(const u32* codes, std::size_t length, std::size_t count, unsigned threads);

/// Rows by code: those of code c are `places[offsets[c]]` to before `places[offsets[c + 1]]`, in their order.
struct Buckets {
  Room<u32> places;
  Room<u32> offsets;

  Buckets(const u32* codes, std::size_t length, std::size_t count);
};

/// codes(…columns; length) → the rows' codes, and the first row of each
Results codes(const Request& request);

/// firsts(…columns; length) → the first row of each code
Results firsts(const Request& request);

/// buckets(codes; number of codes) → places, offsets
Results buckets(const Request& request);

}  // namespace dotcompute::table
