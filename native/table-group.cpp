#include "table-group.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "table-accumulate.hpp"
#include "table-codes.hpp"
#include "table-lookup.hpp"
#include "table-partition.hpp"

namespace dotcompute::table {

namespace {

/// How many rows each group has, as far as they have passed.
class Numbers {
 public:
  void makeRoom(std::size_t groups) { seen_.resize(groups); }
  u32 next(std::size_t group) { return seen_[group]++; }
  const u32* sizes() const { return seen_.data(); }

 private:
  std::vector<u32> seen_;
};

/// What is asked for, and what is kept for it: an average keeps a sum, and two that need the same keep it once.
class Aggregates {
 public:
  /// From so many numbers and arrays of the request on: (terminal, column) …
  Aggregates(const Request& request, std::size_t numbers, std::size_t arrays, std::size_t length) {
    for (std::size_t at = numbers; at < request.numbers.size(); at += 2) {
      const auto terminal = Terminal(request.number(at, std::size_t(Terminal::Last)));
      if (terminal == Terminal::Count) wanted_.push_back({terminal, Kind::U32, 0});
      else wanted_.push_back(keep(terminal, request.columns(arrays + request.number(at + 1), 1, length)[0]));
    }
  }

  /// Whether there are sums that depend on the order.
  bool areOrdered() const {
    return std::any_of(kept_.begin(), kept_.end(), [](const Kept& own) { return own.isOrdered(); });
  }
  /// Whether there is nothing but these, and counts.
  bool areAllOrdered() const {
    return std::all_of(kept_.begin(), kept_.end(), [](const Kept& own) { return own.isOrdered(); });
  }

  void makeRoom(std::size_t groups) {
    for (Kept& own : kept_)
      if (!own.sums) own.passing().makeRoom(groups);
  }
  void add(const Passing& rows) {
    for (Kept& own : kept_)
      if (!own.sums) own.passing().add(rows);
  }
  /// Begins anew, with ordered sums of groups by code.
  void sum(Partition& partition) {
    for (Kept& own : kept_) {
      own.accumulator.reset();
      if (!own.isOrdered()) continue;
      own.sums = dispatch(own.column.kind, [&](auto type) { return partition.sums(own.column.as<typename decltype(type)::type>()); });
    }
  }

  /// Of these groups; `sizes` says how many rows each group has.
  void results(const u32* groups, std::size_t count, const u32* sizes, Results& into) {
    for (const Wanted& own : wanted_) {
      if (own.terminal == Terminal::Count) {
        Room<u32> counts(count);
        for (std::size_t at = 0; at < count; ++at) counts[at] = sizes[groups[at]];
        into.emplace_back(own.kind, count, counts.take());
        continue;
      }
      Storage results = kept_[own.kept].results(groups, count);
      if (own.terminal == Terminal::Average) {
        double* const sums = static_cast<double*>(results.data());
        for (std::size_t at = 0; at < count; ++at) sums[at] /= sizes[groups[at]];
      }
      into.emplace_back(own.kind, count, std::move(results));
    }
  }

 private:
  struct Wanted {
    Terminal terminal;
    Kind kind;
    std::size_t kept;
  };
  struct Kept {
    Terminal terminal;
    Column column;
    std::unique_ptr<Accumulator> accumulator;
    std::optional<Room<double>> sums;  // by code

    bool isOrdered() const { return table::isOrdered(terminal, column.kind); }
    Accumulator& passing() {
      if (!accumulator) accumulator = accumulatorOf(terminal, column);
      return *accumulator;
    }
    Storage results(const u32* groups, std::size_t count) {
      if (!sums) return passing().results(groups, count);
      Room<double> ordered(count);
      for (std::size_t at = 0; at < count; ++at) ordered[at] = (*sums)[groups[at]];
      return ordered.take();
    }
  };
  std::vector<Wanted> wanted_;
  std::vector<Kept> kept_;

  Wanted keep(Terminal terminal, const Column& column) {
    const bool big = column.kind == Kind::I64 || column.kind == Kind::U64;
    if (terminal == Terminal::Average && big) throw std::invalid_argument("there is no such aggregate: BigInts have no average");
    const Terminal own = terminal == Terminal::Average ? Terminal::Sum : terminal;
    const Kind kind = own == Terminal::Sum && !big ? Kind::F64 : column.kind;
    const auto same = [&](const Kept& other) { return other.terminal == own && other.column.data == column.data && other.column.kind == column.kind; };
    const auto known = std::find_if(kept_.begin(), kept_.end(), same);
    const std::size_t at = std::size_t(known - kept_.begin());
    if (known == kept_.end()) kept_.push_back({own, column, nullptr, {}});
    return {terminal, kind, at};
  }
};

/// Groups, in the order of their first rows.
struct Found {
  std::vector<u32> firsts;
  std::vector<u32> groups;
  Numbers numbers;
};

/// How many groups have their lanes in the processor's cache.
constexpr std::size_t FEW_GROUPS = 8192;
constexpr unsigned FEW_BITS = 13;

/// Words of few bits: each is the number of its group.
void passByWord(const Words& words, const Words::Side& rows, Aggregates& aggregates, Found& found) {
  const std::size_t most = std::size_t(1) << words.bits();
  found.numbers.makeRoom(most);
  aggregates.makeRoom(most);
  u32 groups[PASSING], places[PASSING];
  for (std::size_t from = 0; from < rows.length; from += PASSING) {
    const std::size_t count = std::min(PASSING, rows.length - from);
    words.read(rows, from, count, groups);
    for (std::size_t i = 0; i < count; ++i) {
      places[i] = found.numbers.next(groups[i]);
      if (places[i] != 0) continue;
      found.firsts.push_back(u32(from + i));
      found.groups.push_back(groups[i]);
    }
    aggregates.add({from, count, groups, places});
  }
}

/// Groups are numbered as they occur. False, and what was found is worth nothing, if there are more than `most`.
template <class W, class Table>
bool passByTable(const Words& words, const Words::Side& rows, std::size_t most, Aggregates& aggregates, Found& found) {
  Table table(words.bits());
  W batch[PASSING];
  u32 groups[PASSING], places[PASSING];
  for (std::size_t from = 0; from < rows.length; from += PASSING) {
    const std::size_t count = std::min(PASSING, rows.length - from), before = found.firsts.size();
    words.read(rows, from, count, batch);
    table.makeRoom(before, count);
    eachSlot(batch, count, table, [&](std::size_t i, W word, std::size_t slot) {
      groups[i] = table.findOrAdd(word, slot, found.firsts.size());
      if (groups[i] == found.firsts.size()) found.firsts.push_back(u32(from + i));
    });
    const std::size_t known = found.firsts.size();
    if (known > most) return false;
    if (known > before) {
      found.numbers.makeRoom(known);
      aggregates.makeRoom(known);
    }
    for (std::size_t i = 0; i < count; ++i) places[i] = found.numbers.next(groups[i]);
    aggregates.add({from, count, groups, places});
  }
  found.groups.resize(found.firsts.size());
  std::iota(found.groups.begin(), found.groups.end(), 0);
  return true;
}

/// Whether so many rows, taken here and there, tell that there are more than a few groups: of 8192 equally frequent ones 1811 are
/// among 2048 rows. A wrong guess costs time, and nothing else.
bool seemMany(const Words& words, const Words::Side& rows) {
  constexpr std::size_t SAMPLE = 2048, MOST = 1811;
  if (rows.length < 16 * SAMPLE) return false;
  std::vector<u64> sample(SAMPLE);
  for (std::size_t at = 0; at < SAMPLE; ++at) words.read(rows, rows.length / SAMPLE * at, 1, &sample[at]);
  std::sort(sample.begin(), sample.end());
  return std::unique(sample.begin(), sample.end()) - sample.begin() > std::ptrdiff_t(MOST);
}

/// Rows whose groups are known by code.
void passByCode(const u32* codes, std::size_t length, std::size_t count, Aggregates& aggregates, Numbers& numbers) {
  numbers.makeRoom(count);
  aggregates.makeRoom(count);
  u32 places[PASSING];
  for (std::size_t from = 0; from < length; from += PASSING) {
    const std::size_t some = std::min(PASSING, length - from);
    for (std::size_t i = 0; i < some; ++i) places[i] = numbers.next(codes[from + i]);
    aggregates.add({from, some, codes + from, places});
  }
}

void aggregateCodes(const u32* codes, std::size_t length, std::size_t count, Aggregates& aggregates, Results& results) {
  std::vector<u32> groups(count);
  std::iota(groups.begin(), groups.end(), 0);
  Numbers numbers;
  if (count <= FEW_GROUPS || length > Partition::MOST_ROWS || !aggregates.areOrdered()) {
    passByCode(codes, length, count, aggregates, numbers);
    aggregates.results(groups.data(), count, numbers.sizes(), results);
    return;
  }
  Partition partition(codes, length, count);
  aggregates.sum(partition);
  if (!aggregates.areAllOrdered()) passByCode(codes, length, count, aggregates, numbers);
  aggregates.results(groups.data(), count, partition.sizes(), results);
}

Result firstsOf(const Found& found) {
  Room<u32> firsts(found.firsts.size());
  std::copy(found.firsts.begin(), found.firsts.end(), firsts.data());
  return places(firsts, found.firsts.size());
}

}  // namespace

Results aggregate(const Request& request) {
  const u32* const codes = request.places(0);
  const std::size_t length = request.array(0).length, count = request.number(0);
  if (length > 0 && *std::max_element(codes, codes + length) >= count) throw std::out_of_range("a code is too large");
  Aggregates aggregates(request, 1, 1, length);
  Results results;
  aggregateCodes(codes, length, count, aggregates, results);
  return results;
}

Results group(const Request& request) {
  const std::size_t length = request.number(0), keys = request.number(1);
  const Words::Side rows{request.columns(0, keys, length), length};
  std::size_t from = 0;
  const Words words({&rows}, from);
  Results results;
  if (from == keys) {
    Aggregates aggregates(request, 2, keys, length);
    const std::size_t most = aggregates.areOrdered() ? FEW_GROUPS : NONE;
    Found found;
    const auto pass = [&] {
      const unsigned bits = words.bits();
      if (bits <= FEW_BITS && (std::size_t(1) << bits) <= length) return passByWord(words, rows, aggregates, found), true;
      if (most != NONE && seemMany(words, rows)) return false;
      if (bits <= directBits(length)) return passByTable<u32, DirectTable<u32>>(words, rows, most, aggregates, found);
      return bits <= 32 ? passByTable<u32, HashTable<u32>>(words, rows, most, aggregates, found) : passByTable<u64, HashTable<u64>>(words, rows, most, aggregates, found);
    };
    if (pass()) {
      results.push_back(firstsOf(found));
      aggregates.results(found.groups.data(), found.groups.size(), found.numbers.sizes(), results);
      return results;
    }
  }
  Aggregates aggregates(request, 2, keys, length);
  Codes codes = codesOf(rows);
  results.push_back(places(codes.firsts, codes.count));
  aggregateCodes(codes.codes.data(), length, codes.count, aggregates, results);
  return results;
}

}  // namespace dotcompute::table
