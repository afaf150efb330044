#include "table-accumulate.hpp"

#include <type_traits>

#include "table-canonical.hpp"

namespace dotcompute::table {

namespace {

/// Sums of floats: each group has 32 lanes of its own, and every row goes where its place in its group says.
template <class T>
class CanonicalSums final : public Accumulator {
 public:
  explicit CanonicalSums(const T* data) : data_(data) {}

  void makeRoom(std::size_t groups) override {
    lanes_.resize(groups * LANES, NOTHING);
    trees_.resize(groups);
  }

  void add(const Passing& rows) override {
    const T* const data = data_ + rows.from;
    double* const lanes = lanes_.data();
    for (std::size_t i = 0; i < rows.count; ++i) {
      const std::size_t group = rows.groups[i], place = rows.places[i];
      lanes[group * LANES + place % LANES] += double(data[i]);
      if (place % BLOCK == BLOCK - 1) close(group);
    }
  }

  Storage results(const u32* groups, std::size_t count) override {
    Room<double> sums(count);
    // A sum starts from 0.
    for (std::size_t at = 0; at < count; ++at) sums[at] = 0.0 + sumOf(groups[at]);
    return sums.take();
  }

 private:
  const T* data_;
  std::vector<double> lanes_;
  std::vector<std::unique_ptr<Tree>> trees_;

  void close(std::size_t group) {
    double* const own = lanes_.data() + group * LANES;
    if (!trees_[group]) trees_[group] = std::make_unique<Tree>();
    trees_[group]->push(foldLanes(own, LANES));
    std::fill(own, own + LANES, NOTHING);
  }
  double sumOf(std::size_t group) const {
    double lanes[LANES];
    std::copy_n(lanes_.data() + group * LANES, LANES, lanes);
    const double open = foldLanes(lanes, LANES);
    if (!trees_[group]) return open;
    // A block without elements changes no sum.
    Tree whole = *trees_[group];
    whole.push(open);
    return whole.sum();
  }
};

/// Folds from left to right, beginning with a group's first element: what is the same in any order.
template <class T, class Kept, class Fold, class Given = Kept>
class Folds final : public Accumulator {
 public:
  Folds(const T* data, Fold fold) : data_(data), fold_(fold) {}

  void makeRoom(std::size_t groups) override { kept_.resize(groups); }

  void add(const Passing& rows) override {
    const T* const data = data_ + rows.from;
    Kept* const kept = kept_.data();
    for (std::size_t i = 0; i < rows.count; ++i) {
      Kept& own = kept[rows.groups[i]];
      own = rows.places[i] == 0 ? Kept(data[i]) : fold_(own, Kept(data[i]));
    }
  }

  Storage results(const u32* groups, std::size_t count) override {
    Room<Given> given(count);
    for (std::size_t at = 0; at < count; ++at) given[at] = Given(kept_[groups[at]]);
    return given.take();
  }

 private:
  const T* data_;
  Fold fold_;
  std::vector<Kept> kept_;
};

/// As JavaScript's Math.min and Math.max: NaN wins, and -0 is less than 0.
template <bool least, class T>
T better(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a || b != b) return a != a ? a : b;
    if (a == b) return (__builtin_signbit(a) != 0) == least ? a : b;
  }
  return (least ? a < b : a > b) ? a : b;
}

template <class Kept, class Given = Kept, class T, class Fold>
std::unique_ptr<Accumulator> folds(const T* data, Fold fold) {
  return std::make_unique<Folds<T, Kept, Fold, Given>>(data, fold);
}

template <class T>
std::unique_ptr<Accumulator> sums(const T* data) {
  if constexpr (std::is_floating_point_v<T>) return std::make_unique<CanonicalSums<T>>(data);
  // BigInts wrap; other integers are summed exactly, and converted once.
  else if constexpr (sizeof(T) == 8) return folds<u64>(data, [](u64 a, u64 b) { return a + b; });
  else return folds<i64, double>(data, [](i64 a, i64 b) { return a + b; });
}

}  // namespace

std::unique_ptr<Accumulator> accumulatorOf(Terminal terminal, const Column& column) {
  return dispatch(column.kind, [&](auto type) {
    using T = typename decltype(type)::type;
    const T* const data = column.as<T>();
    switch (terminal) {
      case Terminal::Sum: return sums(data);
      case Terminal::Min: return folds<T>(data, better<true, T>);
      case Terminal::Max: return folds<T>(data, better<false, T>);
      case Terminal::First: return folds<T>(data, [](T first, T) { return first; });
      case Terminal::Last: return folds<T>(data, [](T, T last) { return last; });
      case Terminal::Count:
      case Terminal::Average: break;
    }
    throw std::invalid_argument("there is no such aggregate");
  });
}

}  // namespace dotcompute::table
