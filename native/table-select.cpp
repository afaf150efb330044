#include "table-select.hpp"

#include <algorithm>
#include <limits>

#include "table-share.hpp"

namespace dotcompute::table {

namespace {

/// So many values, taken here and there, say between which two of them a place's value lies: seldom further than so many of them
/// from where it should be (four standard deviations, in the middle).
constexpr std::size_t SAMPLE = 16384, MARGIN = 256;
constexpr std::size_t BATCH = 1024;

template <class T>
constexpr T LEAST = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
template <class T>
constexpr T MOST = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity() : std::numeric_limits<T>::max();

/// The values from one to another, in no order.
template <class T>
struct Band {
  std::vector<T> values;
  std::size_t below = 0;  // how many are less
  bool numbers = true;    // none is NaN

  Band() = default;
  Band(const T* data, std::size_t length, T low, T high) {
    std::size_t count = 0, strange = 0;
    for (std::size_t from = 0; from < length; from += BATCH) {
      const std::size_t end = std::min(from + BATCH, length);
      if (values.size() < count + BATCH) values.resize(2 * (count + BATCH));
      // Written for every value, and kept for some: which they are cannot be foretold.
      for (std::size_t at = from; at < end; ++at) {
        const T value = data[at];
        values[count] = value;
        count += (value >= low) & (value <= high);
        below += value < low;
        strange += value != value;
      }
    }
    values.resize(count);
    numbers = strange == 0;
  }
  bool reaches(std::size_t first, std::size_t last) const { return first >= below && last - below < values.size(); }
};

/// The same, by several threads.
template <class T>
Band<T> bandOf(const T* data, std::size_t length, T low, T high, unsigned threads) {
  const Pieces pieces(length, threads);
  std::vector<Band<T>> bands(pieces.count());
  inParts(pieces.threads(), pieces.count(), [&](std::size_t piece) { bands[piece] = Band<T>(data + pieces.begin(piece), pieces.end(piece) - pieces.begin(piece), low, high); });
  Band<T> whole = std::move(bands[0]);
  for (std::size_t piece = 1; piece < bands.size(); ++piece) {
    whole.values.insert(whole.values.end(), bands[piece].values.begin(), bands[piece].values.end());
    whole.below += bands[piece].below;
    whole.numbers = whole.numbers && bands[piece].numbers;
  }
  return whole;
}

template <class T>
class Selection {
 public:
  Selection(const T* data, std::size_t length, unsigned threads) : data_(data), length_(length), threads_(threads), sample_(length <= 4 * SAMPLE ? 0 : SAMPLE) {
    for (std::size_t at = 0; at < sample_.size(); ++at) sample_[at] = data[length / SAMPLE * at];
    numbers_ = std::none_of(sample_.begin(), sample_.end(), [](T value) { return value != value; });
    if (numbers_) std::sort(sample_.begin(), sample_.end());
  }

  /// Whether no NaN has been met.
  bool areNumbers() const { return numbers_; }

  /// What stands at these two places, which are the same or neighbours.
  std::pair<T, T> at(std::size_t first, std::size_t last) {
    const std::size_t place = sample_.empty() ? 0 : std::size_t(double(first) / double(length_) * double(SAMPLE));
    const T low = place < MARGIN ? LEAST<T> : sample_[place - MARGIN];
    const T high = place + MARGIN >= sample_.size() ? MOST<T> : sample_[place + MARGIN];
    Band<T> band = bandOf(data_, length_, low, high, threads_);
    // A sample may mislead.
    if (band.numbers && !band.reaches(first, last)) band = bandOf(data_, length_, LEAST<T>, MOST<T>, threads_);
    numbers_ = band.numbers;
    if (!numbers_ || !band.reaches(first, last)) return {T(0), T(0)};
    const auto one = band.values.begin() + std::ptrdiff_t(first - band.below);
    std::nth_element(band.values.begin(), one, band.values.end());
    return {*one, first == last ? *one : *std::min_element(one + 1, band.values.end())};
  }

 private:
  const T* data_;
  std::size_t length_;
  unsigned threads_;
  std::vector<T> sample_;
  bool numbers_;
};

template <class T>
void select(const T* data, std::size_t length, const Request& request, double* results) {
  const std::size_t count = request.numbers.size();
  Selection<T> selection(data, length, request.threads);
  for (std::size_t at = 0; at < count && selection.areNumbers();) {
    const std::size_t first = request.number(at);
    const bool pair = at + 1 < count && request.number(at + 1) == first + 1;
    const auto [one, other] = selection.at(first, pair ? first + 1 : first);
    results[at++] = double(one);
    if (pair) results[at++] = double(other);
  }
  if (!selection.areNumbers()) std::fill(results, results + count, std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

Results select(const Request& request) {
  const Column& values = request.array(0);
  const std::size_t count = request.numbers.size();
  for (std::size_t at = 0; at < count; ++at)
    if (request.number(at) >= values.length) throw std::out_of_range("there is no place " + std::to_string(request.number(at)) + " among " + std::to_string(values.length));
  Room<double> results(count);
  dispatch(values.kind, [&](auto type) { select(values.as<typename decltype(type)::type>(), values.length, request, results.data()); });
  Results given;
  given.emplace_back(Kind::F64, count, results.take());
  return given;
}

}  // namespace dotcompute::table
