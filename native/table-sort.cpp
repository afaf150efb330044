#include "table-sort.hpp"

#include "table-packed.hpp"

namespace dotcompute::table {

namespace {

template <class W>
void sortPacked(const Packed& packed, std::size_t length, std::size_t limit, const u32* places, Room<u32>& sorted) {
  const auto all = [&](const auto& f) { packed.template each<W>(length, places, f); };
  const Sieve<W> sieve(length, limit, packed.bits, all);
  if (sieve.count == length) return sortRecords<W>(length, packed.bits, sorted.data(), all);
  Room<Record<W>> candidates(sieve.count);
  std::size_t count = 0;
  all([&](W word, u32 place) {
    if (sieve.wanted(word) && count < sieve.count) candidates[count++].set(word, place);
  });
  sortRecords<W>(count, packed.bits, sorted.data(), [&](const auto& f) {
    for (std::size_t at = 0; at < count; ++at) f(candidates[at].word(), candidates[at].place);
  });
}

}  // namespace

Room<u32> sortedPlaces(const std::vector<Packed>& rounds, std::size_t length, std::size_t limit) {
  Room<u32> sorted(length), other(rounds.size() > 1 ? length : 0);
  for (std::size_t round = 0; round < rounds.size(); ++round) {
    const u32* const places = round == 0 ? nullptr : other.data();
    const std::size_t wanted = round + 1 == rounds.size() ? limit : length;
    if (rounds[round].bits <= 32) sortPacked<u32>(rounds[round], length, wanted, places, sorted);
    else sortPacked<u64>(rounds[round], length, wanted, places, sorted);
    if (round + 1 < rounds.size()) std::swap(sorted, other);
  }
  if (rounds.empty()) for (std::size_t at = 0; at < limit; ++at) sorted[at] = u32(at);
  return sorted;
}

Results sort(const Request& request) {
  const std::size_t length = request.number(0), limit = std::min(request.number(1), length);
  Room<u32> sorted = sortedPlaces(packed(keysOf(request, length, 2)), length, limit);
  Results results;
  results.push_back(places(sorted, limit));
  return results;
}

}  // namespace dotcompute::table
