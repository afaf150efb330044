#include "table-group.hpp"

#include <algorithm>

#include "table-codes.hpp"
#include "table-groups.hpp"

namespace dotcompute::table {

namespace {

/// Where each group stands among the results, and how many there are.
struct Order {
  Room<u32> places;
  std::size_t count;
};

/// In the order of their first rows, which are stored in `firsts`. Those are marked among all rows: how many come before one is
/// then told by the marks.
template <class Way>
Order inOrder(const Groups<Way>& groups, std::size_t length, unsigned threads, Room<u32>& firsts) {
  std::vector<u64> marks(length / 64 + 1);
  for (std::size_t group = 0; group < groups.count(); ++group) marks[groups.firsts()[group] / 64] |= u64(1) << (groups.firsts()[group] % 64);
  Room<u32> before(marks.size());
  u32 count = 0;
  for (std::size_t at = 0; at < marks.size(); ++at) {
    before[at] = count;
    if (marks[at] != 0) count += u32(std::popcount(marks[at]));
  }
  Order order{Room<u32>(groups.count()), groups.count()};
  const Pieces pieces(groups.count(), threads);
  inParts(pieces.threads(), pieces.count(), [&](std::size_t piece) {
    for (std::size_t group = pieces.begin(piece); group < pieces.end(piece); ++group) {
      const u32 first = groups.firsts()[group];
      const u32 place = before[first / 64] + u32(std::popcount(marks[first / 64] & ((u64(1) << (first % 64)) - 1)));
      order.places[group] = place;
      firsts[place] = first;
    }
  });
  return order;
}

/// By their codes, of which there are so many.
template <class Way>
Order byCode(const Groups<Way>& groups, const u32* codes, std::size_t count) {
  if (groups.count() != count) throw std::out_of_range("a code does not occur");
  Order order{Room<u32>(count), count};
  for (std::size_t group = 0; group < count; ++group) order.places[group] = codes[groups.firsts()[group]];
  return order;
}

/// What is asked for.
class Aggregates {
 public:
  /// From so many numbers and arrays of the request on: (terminal, column) …
  Aggregates(const Request& request, std::size_t numbers, std::size_t arrays, std::size_t length) {
    for (std::size_t at = numbers; at < request.numbers.size(); at += 2) {
      const auto terminal = Terminal(request.number(at, std::size_t(Terminal::Last)));
      const bool counts = terminal == Terminal::Count;
      const Column column = counts ? Column{Kind::U32, nullptr, 0} : request.columns(arrays + request.number(at + 1), 1, length)[0];
      if (terminal == Terminal::Average && bytesOf(column.kind) == 8 && column.kind != Kind::F64) throw std::invalid_argument("there is no such aggregate: BigInts have no average");
      wanted_.push_back({terminal, column});
    }
  }

  template <class Way>
  void results(const Groups<Way>& groups, const Order& order, Results& into) const {
    std::vector<Storage> memory;
    for (const Wanted& own : wanted_) memory.emplace_back(order.count * bytesOf(kindOf(own.terminal, own.column.kind)));
    std::vector<bool> done(wanted_.size());
    for (std::size_t at = 0; at < wanted_.size(); ++at) {
      if (done[at]) continue;
      // All that is asked of a column at once.
      std::vector<std::size_t> some;
      for (std::size_t other = at; other < wanted_.size(); ++other) {
        if (!wanted_[other].isOf(wanted_[at].column)) continue;
        some.push_back(other);
        done[other] = true;
      }
      if (wanted_[at].terminal == Terminal::Count) {
        for (const std::size_t other : some)
          for (std::size_t group = 0; group < groups.count(); ++group) static_cast<u32*>(memory[other].data())[order.places[group]] = groups.sizes()[group];
        continue;
      }
      dispatch(wanted_[at].column.kind, [&](auto type) {
        using T = typename decltype(type)::type;
        groups.eachPart(wanted_[at].column.template as<T>(), [&](const auto& runs) {
          for (const std::size_t other : some) store<T, Groups<Way>::ROOMY>(wanted_[other].terminal, runs, order, memory[other].data());
        });
      });
    }
    for (std::size_t at = 0; at < wanted_.size(); ++at) into.emplace_back(kindOf(wanted_[at].terminal, wanted_[at].column.kind), order.count, std::move(memory[at]));
  }

 private:
  struct Wanted {
    Terminal terminal;
    Column column;  // none of counts
    bool isOf(const Column& other) const { return column.data == other.data && column.kind == other.kind && (terminal == Terminal::Count) == (other.data == nullptr); }
  };
  std::vector<Wanted> wanted_;

  template <class T, bool roomy, class Runs>
  static void store(Terminal terminal, const Runs& runs, const Order& order, void* memory) {
    const auto each = [&](const auto& valueOf) {
      using Value = decltype(valueOf(static_cast<const T*>(nullptr), std::size_t(0)));
      Value* const into = static_cast<Value*>(memory);
      runs([&](std::size_t group, const T* elements, std::size_t count) { into[order.places[group]] = valueOf(elements, count); });
    };
    const auto sum = [](const T* elements, std::size_t count) { return roomy ? sumInRoom(elements, count) : sumOf(elements, count); };
    switch (terminal) {
      case Terminal::Sum: return each(sum);
      case Terminal::Average: return each([&](const T* elements, std::size_t count) { return double(sum(elements, count)) / double(count); });
      case Terminal::Min: return each(best<true, T>);
      case Terminal::Max: return each(best<false, T>);
      case Terminal::First: return each([](const T* elements, std::size_t) { return elements[0]; });
      case Terminal::Last: return each([](const T* elements, std::size_t count) { return elements[count - 1]; });
      case Terminal::Count: break;
    }
  }
};

/// Calls f(groups) for the groups of rows whose keys fit in words.
template <class F>
void grouped(const Words& words, const Words::Side& rows, unsigned threads, const F& f) {
  const unsigned bits = words.bits(), partBits = partBitsFor(bits, rows.length);
  const auto by = [&](const auto& way) { withGroups(way, words, rows, threads, f); };
  if (areSeparate(bits, rows.length)) by(Separate{bits});
  else if (bits <= directBits(rows.length)) by(Stretches{bits, partBits});
  else if (bits <= 32) by(Hashed<u32>{partBits});
  else by(Hashed<u64>{partBits});
}

}  // namespace

Results aggregate(const Request& request) {
  const u32* const codes = request.places(0);
  const std::size_t length = request.array(0).length, count = request.number(0);
  checkCodes(codes, length, count, request.threads);
  const Aggregates aggregates(request, 1, 1, length);
  const Words::Side rows{request.columns(0, 1, length), length};
  std::size_t from = 0;
  Results results;
  grouped(Words({&rows}, from, request.threads), rows, request.threads, [&](const auto& groups) { aggregates.results(groups, byCode(groups, codes, count), results); });
  return results;
}

Results group(const Request& request) {
  const std::size_t length = request.number(0), keys = request.number(1);
  Words::Side rows{request.columns(0, keys, length), length};
  const Aggregates aggregates(request, 2, keys, length);
  Results results;
  const auto all = [&](const Words& words) {
    grouped(words, rows, request.threads, [&](const auto& groups) {
      Room<u32> firsts(groups.count());
      const Order order = inOrder(groups, length, request.threads, firsts);
      results.push_back(places(firsts, groups.count()));
      aggregates.results(groups, order, results);
    });
  };
  std::size_t from = 0;
  const Words words({&rows}, from, request.threads);
  if (from == keys) {
    all(words);
  } else {
    // Keys that do not fit in a word become codes.
    const Codes codes = codesOf(rows);
    rows.columns = {{Kind::U32, codes.codes.data(), length}};
    from = 0;
    all(Words({&rows}, from, request.threads));
  }
  return results;
}

}  // namespace dotcompute::table
