#include "table-join.hpp"

#include <optional>

#include "table-codes.hpp"

namespace dotcompute::table {

namespace {

/// The keys of both sides.
struct Sides {
  Words::Side left, right;

  explicit Sides(const Request& request) {
    if (request.arrays.empty() || request.arrays.size() % 2 != 0) throw std::invalid_argument("a join takes as many keys on the left as on the right");
    const std::size_t half = request.arrays.size() / 2;
    left = {request.columns(0, half, request.number(0)), request.number(0)};
    right = {request.columns(half, half, request.number(1)), request.number(1)};
    for (std::size_t at = 0; at < half; ++at)
      if (left.columns[at].kind != right.columns[at].kind) throw std::invalid_argument("the keys of a join must be of the same types on both sides");
  }
};

}  // namespace

Results join(const Request& request) {
  const bool outer = request.number(2, 1) == 1;
  const Sides sides(request);
  const std::size_t leftLength = sides.left.length, rightLength = sides.right.length;
  Room<u32> lefts(leftLength);
  Codes rights = codesOf(sides.right, sides.left, lefts);
  std::size_t total = 0;
  const bool unique = rights.count == rightLength;  // then a code is its row
  std::optional<Buckets> buckets;
  if (unique) {
    for (std::size_t at = 0; at < leftLength; ++at) total += outer || lefts[at] != NONE;
  } else {
    buckets.emplace(rights.codes.data(), rightLength, rights.count);
    const u32* const offsets = buckets->offsets.data();
    for (std::size_t at = 0; at < leftLength; ++at)
      total += lefts[at] == NONE ? outer : offsets[lefts[at] + 1] - offsets[lefts[at]];
  }
  if (total >= NONE) throw std::out_of_range("Invalid typed array length: " + std::to_string(total) + " pairs of rows match");
  Room<u32> left(total), right(total);
  std::size_t next = 0;
  for (std::size_t at = 0; at < leftLength; ++at) {
    const u32 code = lefts[at];
    if (code == NONE && !outer) continue;
    if (code == NONE || unique) {
      left[next] = u32(at);
      right[next++] = code;
      continue;
    }
    for (u32 match = buckets->offsets[code]; match < buckets->offsets[code + 1]; ++match) {
      left[next] = u32(at);
      right[next++] = buckets->places[match];
    }
  }
  Results results;
  results.push_back(places(left, total));
  results.push_back(places(right, total));
  return results;
}

Results match(const Request& request) {
  const bool keep = request.number(2, 1) == 1;
  const Sides sides(request);
  Room<u32> lefts(sides.left.length), kept(sides.left.length);
  codesOf(sides.right, sides.left, lefts);
  std::size_t count = 0;
  for (std::size_t at = 0; at < sides.left.length; ++at) {
    kept[count] = u32(at);
    count += (lefts[at] != NONE) == keep;
  }
  Results results;
  results.push_back(places(kept, count));
  return results;
}

Results common(const Request& request) {
  const bool keep = request.number(2, 1) == 1;
  const Sides sides(request);
  Room<u32> rights(sides.right.length);
  Codes lefts = codesOf(sides.left, sides.right, rights);
  std::vector<bool> found(lefts.count);
  for (std::size_t at = 0; at < sides.right.length; ++at)
    if (rights[at] != NONE) found[rights[at]] = true;
  std::size_t count = 0;
  for (std::size_t code = 0; code < lefts.count; ++code)
    if (found[code] == keep) lefts.firsts[count++] = lefts.firsts[code];
  Results results;
  results.push_back(places(lefts.firsts, count));
  return results;
}

}  // namespace dotcompute::table
