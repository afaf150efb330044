#include "table-rows.hpp"

#include <algorithm>

#include "table-share.hpp"

namespace dotcompute::table {

namespace {

/// `valueOf(place)` for each of these places.
template <class T, class F>
Storage each(const u32* places, std::size_t count, unsigned threads, const F& valueOf) {
  Room<T> room(count);
  T* const to = room.data();
  const Pieces pieces(count, threads);
  inParts(pieces.threads(), pieces.count(), [&](std::size_t piece) {
    for (std::size_t at = pieces.begin(piece); at < pieces.end(piece); ++at) to[at] = valueOf(places[at]);
  });
  return room.take();
}

template <class T>
Storage elementsAt(const T* data, const u32* places, std::size_t count, unsigned threads) {
  return each<T>(places, count, threads, [data](u32 place) { return data[place]; });
}

template <class T>
Storage elementsOrZerosAt(const T* data, const u32* places, std::size_t count, unsigned threads) {
  return each<T>(places, count, threads, [data](u32 place) { return place == NONE ? T(0) : data[place]; });
}

/// Elements of any type with so many bytes.
template <class Move>
Storage moved(Kind kind, const Move& move) {
  switch (bytesOf(kind)) {
    case 1: return move(Type<u8>());
    case 2: return move(Type<std::uint16_t>());
    case 4: return move(Type<u32>());
    default: return move(Type<u64>());
  }
}

}  // namespace

Result rowsOf(const Column& column, const u32* places, std::size_t count, unsigned threads) {
  return Result(column.kind, count, moved(column.kind, [&](auto type) { return elementsAt(column.as<typename decltype(type)::type>(), places, count, threads); }));
}

Results rows(const Request& request) {
  const std::size_t count = request.array(0).length;
  const u32* const places = request.places(0);
  const bool zeros = request.number(0, 1) == 1;
  std::size_t needed = 0;
  for (std::size_t at = 0; at < count; ++at)
    if (!zeros || places[at] != NONE) needed = std::max(needed, std::size_t(places[at]) + 1);
  Results results;
  for (const Column& column : request.columns(1, request.arrays.size() - 1, needed)) {
    if (!zeros) results.push_back(rowsOf(column, places, count, request.threads));
    else results.emplace_back(column.kind, count, moved(column.kind, [&](auto type) { return elementsOrZerosAt(column.as<typename decltype(type)::type>(), places, count, request.threads); }));
  }
  return results;
}

Results reverse(const Request& request) {
  const std::size_t length = request.number(0);
  Results results;
  for (const Column& column : request.columns(0, request.arrays.size(), length)) {
    results.emplace_back(column.kind, length, moved(column.kind, [&](auto type) {
      using T = typename decltype(type)::type;
      Room<T> to(length);
      std::reverse_copy(column.as<T>(), column.as<T>() + length, to.data());
      return to.take();
    }));
  }
  return results;
}

}  // namespace dotcompute::table
