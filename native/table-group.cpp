#include "table-group.hpp"

#include <cstring>
#include <memory>
#include <optional>
#include <type_traits>

#include "table-canonical.hpp"

namespace dotcompute::table {

namespace {

enum class Terminal { Count, Sum, Average, Min, Max, First, Last };

/// Which row belongs to which group.
class Groups {
 public:
  const u32* const codes;
  const std::size_t length, count;

  Groups(const Request& request) : codes(request.places(0)), length(request.array(0).length), count(request.number(0)), sizes_(count) {
    std::memset(sizes_.data(), 0, count * sizeof(u32));
    for (std::size_t at = 0; at < length; ++at) {
      if (codes[at] >= count) throw std::out_of_range("a code is too large");
      sizes_[codes[at]]++;
    }
  }
  const u32* sizes() const { return sizes_.data(); }

  /// Where each group begins, were they put one behind the other.
  Room<u32> offsets() const {
    Room<u32> begins(count);
    u32 before = 0;
    for (std::size_t code = 0; code < count; ++code) {
      begins[code] = before;
      before += sizes_[code];
    }
    return begins;
  }

 private:
  Room<u32> sizes_;
};

/// How many groups have their lanes in the processor's cache: then nothing needs to be put in order.
constexpr std::size_t FEW_GROUPS = 8192;

/// The sums of few groups: each has 32 lanes of its own, and every row goes where its number in its group says.
template <class T>
void sumByLanes(const Groups& groups, const T* data, double* sums) {
  Room<double> lanes(groups.count * LANES);
  std::fill(lanes.data(), lanes.data() + lanes.size(), NOTHING);
  Room<u32> seen(groups.count);
  std::memset(seen.data(), 0, groups.count * sizeof(u32));
  std::vector<std::unique_ptr<Tree>> trees(groups.count);
  const auto fold = [&](std::size_t code) {
    double* const own = lanes.data() + code * LANES;
    const double sum = foldLanes(own, LANES);
    std::fill(own, own + LANES, NOTHING);
    return sum;
  };
  for (std::size_t at = 0; at < groups.length; ++at) {
    const u32 code = groups.codes[at];
    const u32 place = seen[code]++;
    lanes[code * LANES + place % LANES] += double(data[at]);
    if (place % BLOCK != BLOCK - 1) continue;
    if (!trees[code]) trees[code] = std::make_unique<Tree>();
    trees[code]->push(fold(code));
  }
  for (std::size_t code = 0; code < groups.count; ++code) {
    const bool open = seen[code] % BLOCK != 0;
    if (!trees[code]) {
      sums[code] = fold(code);
      continue;
    }
    if (open) trees[code]->push(fold(code));
    sums[code] = trees[code]->sum();
  }
}

/// The sums of many groups: their elements are put side by side first.
template <class T>
void sumInOrder(const Groups& groups, const T* data, double* sums) {
  Room<u32> next = groups.offsets();
  Room<T> grouped(groups.length);
  for (std::size_t at = 0; at < groups.length; ++at) grouped[next[groups.codes[at]]++] = data[at];
  for (std::size_t code = 0; code < groups.count; ++code) {
    const u32 size = groups.sizes()[code];
    sums[code] = canonicalSum(grouped.data() + next[code] - size, size);
  }
}

/// Sums of floats are in the canonical order; those of integers exact, and converted once.
template <class T>
Room<double> sumsOf(const Groups& groups, const T* data) {
  Room<double> sums(groups.count);
  if constexpr (std::is_floating_point_v<T>) {
    if (groups.count <= FEW_GROUPS) sumByLanes(groups, data, sums.data());
    else sumInOrder(groups, data, sums.data());
    // A sum starts from 0.
    for (std::size_t code = 0; code < groups.count; ++code) sums[code] = 0.0 + sums[code];
  } else {
    Room<i64> exact(groups.count);
    std::memset(exact.data(), 0, groups.count * sizeof(i64));
    for (std::size_t at = 0; at < groups.length; ++at) exact[groups.codes[at]] += i64(data[at]);
    for (std::size_t code = 0; code < groups.count; ++code) sums[code] = double(exact[code]);
  }
  return sums;
}

template <class T>
Storage wrappedSums(const Groups& groups, const T* data) {
  Room<u64> sums(groups.count);
  std::memset(sums.data(), 0, groups.count * sizeof(u64));
  for (std::size_t at = 0; at < groups.length; ++at) sums[groups.codes[at]] += u64(data[at]);
  return sums.take();
}

/// As JavaScript's Math.min and Math.max: NaN wins, and -0 is less than 0.
template <bool least, class T>
T better(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a || b != b) return a != a ? a : b;
    if (a == b) return (__builtin_signbit(a) != 0) == least ? a : b;
  }
  return (least ? a < b : a > b) ? a : b;
}

/// Folds each group's elements from left to right, beginning with its first: for what is the same in any order.
template <class T, class Fold>
Storage folded(const Groups& groups, const T* data, const Fold& fold) {
  Room<T> results(groups.count);
  std::vector<bool> begun(groups.count);
  for (std::size_t at = 0; at < groups.length; ++at) {
    const u32 code = groups.codes[at];
    results[code] = begun[code] ? fold(results[code], data[at]) : data[at];
    begun[code] = true;
  }
  return results.take();
}

Storage countsOf(const Groups& groups) {
  Room<u32> counts(groups.count);
  if (groups.count > 0) std::memcpy(counts.data(), groups.sizes(), groups.count * sizeof(u32));
  return counts.take();
}

template <class T>
Result aggregated(const Groups& groups, Terminal terminal, Kind kind, const T* data) {
  constexpr bool big = std::is_same_v<T, i64> || std::is_same_v<T, u64>;
  const auto own = [&](Storage storage) { return Result(kind, groups.count, std::move(storage)); };
  switch (terminal) {
    case Terminal::Count: return Result(Kind::U32, groups.count, countsOf(groups));
    case Terminal::Min: return own(folded(groups, data, better<true, T>));
    case Terminal::Max: return own(folded(groups, data, better<false, T>));
    case Terminal::First: return own(folded(groups, data, [](T first, T) { return first; }));
    case Terminal::Last: return own(folded(groups, data, [](T, T last) { return last; }));
    case Terminal::Sum:
      if constexpr (big) return own(wrappedSums(groups, data));
      else return Result(Kind::F64, groups.count, sumsOf(groups, data).take());
    case Terminal::Average:
      if constexpr (!big) {
        Room<double> sums = sumsOf(groups, data);
        for (std::size_t code = 0; code < groups.count; ++code) sums[code] /= groups.sizes()[code];
        return Result(Kind::F64, groups.count, sums.take());
      }
  }
  throw std::invalid_argument("there is no such aggregate");
}

}  // namespace

Results aggregate(const Request& request) {
  const Groups groups(request);
  Results results;
  for (std::size_t at = 1; at < request.numbers.size(); at += 2) {
    const auto terminal = Terminal(request.number(at, std::size_t(Terminal::Last)));
    if (terminal == Terminal::Count) {
      results.emplace_back(Kind::U32, groups.count, countsOf(groups));
      continue;
    }
    const Column column = request.columns(1 + request.number(at + 1), 1, groups.length)[0];
    results.push_back(dispatch(column.kind, [&](auto type) {
      using T = typename decltype(type)::type;
      return aggregated(groups, terminal, column.kind, column.as<T>());
    }));
  }
  return results;
}

}  // namespace dotcompute::table
