#include "parallel.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <vector>

#include "ordered.hpp"
#include "team.hpp"

namespace dotcompute {

namespace {

/// A part is about so many elements of the lightest bodies, some ten microseconds of work.
constexpr std::uint64_t LIGHT = 16 * BLOCK;
/// Bodies of fewer operations wait for memory anyway.
constexpr unsigned LIGHTEST = 8;
/// Fewer parts are done sooner than a thread wakes.
constexpr std::uint64_t WORTH_SHARING = 8;
/// Parts of very long runs grow, so that their results need little room.
constexpr std::uint64_t MOST_PARTS = 1 << 16;

/// How many elements a part has: a power of two of blocks.
std::uint64_t partOf(const Signature& signature, std::uint64_t length) {
  const std::uint64_t wanted = LIGHT * LIGHTEST / std::max(signature.weight, LIGHTEST);
  std::uint64_t part = BLOCK;
  while (part * 2 <= wanted) part *= 2;
  while (length / part >= MOST_PARTS) part *= 2;
  return part;
}

class SharedRun final : public Team::Work {
 public:
  SharedRun(const Kernel& kernel, Call& call, std::uint64_t part, std::atomic<std::uint64_t>* passed)
      : kernel_(kernel),
        call_(call),
        passed_(passed),
        part_(part),
        parts_((call.length + part - 1) / part),
        ended_(parts_),
        outcomes_(parts_),
        perPart_(sharing() == Sharing::Fold ? 2 : sharing() == Sharing::Reduce ? std::max<std::size_t>(1, kernel.signature.values) : 0),
        partials_(parts_ * perPart_) {
    if (sharing() == Sharing::Filter) ordered_ = std::make_unique<Compaction>(kernel.signature, call, part, parts_);
    if (sharing() == Sharing::Scan) ordered_ = std::make_unique<Carrying>(kernel, call, part, parts_);
  }

  Status run(unsigned others) {
    std::uint64_t begin = 0;
    // What is found at once needs no help.
    if (sharing() == Sharing::First) runPart(begin++, call_);
    if (ended_ >= begin) Team::ofProcess().share(*this, begin, parts_, others);
    return stopped_ ? Status::Stopped : result();
  }

  void take(Team::Claim& claim) noexcept override {
    std::uint64_t part;
    if (!ordered_) {
      while (claim.next(part))
        if (part <= ended_.load(std::memory_order_relaxed)) runPart(part, call_);
      return;
    }
    Ordered::Hand hand(*ordered_, claim.helps());
    while (hand.ready() && claim.next(part)) {
      if (part > ended_.load(std::memory_order_relaxed)) continue;
      const Call room = hand.begin(part);
      runPart(part, room);
      hand.end(part, outcomes_[part]);
    }
  }

 private:
  const Kernel& kernel_;
  Call& call_;
  std::atomic<std::uint64_t>* const passed_;
  const std::uint64_t part_, parts_;
  /// The first part that failed or found something: those behind it are not needed.
  std::atomic<std::uint64_t> ended_;
  std::atomic<bool> stopped_{false};
  std::vector<Outcome> outcomes_;
  const std::size_t perPart_;
  std::vector<Scalar> partials_;
  std::unique_ptr<Ordered> ordered_;

  Sharing sharing() const { return kernel_.signature.sharing; }

  /// `given`: the call, with its outputs where this part's are to go.
  void runPart(std::uint64_t part, const Call& given) {
    Call call = given;
    call.from = part * part_;
    call.length = std::min(call.from + part_, call_.length);
    if (perPart_ > 0) call.values = &partials_[part * perPart_];
    const std::uint64_t end = call.length;
    const Status status = kernel_.entry(&call);
    if (passed_) passed_->fetch_add(end - call.from, std::memory_order_relaxed);
    Outcome& outcome = outcomes_[part];
    outcome = {status, call.count, call.position, call.rank, call.value};
    if (status == Status::Stopped) stopped_ = true;
    if (sharing() == Sharing::Fold) {
      partials_[part * 2] = call.value;
      partials_[part * 2 + 1].u64_ = call.count;
    } else if (perPart_ == 1) {
      partials_[part] = call.value;
    }
    if (status != Status::Done || (sharing() == Sharing::First && call.position >= 0)) endAt(part);
  }

  void endAt(std::uint64_t part) {
    std::uint64_t first = ended_;
    while (part < first && !ended_.compare_exchange_weak(first, part)) {
    }
    if (ordered_) ordered_->abandon();
  }

  Status result() {
    const std::uint64_t ended = ended_;
    if (ended < parts_ && outcomes_[ended].status != Status::Done) {
      call_.position = outcomes_[ended].position;
      return outcomes_[ended].status;
    }
    call_.count = 0;
    call_.position = -1;
    call_.rank = 0;
    switch (sharing()) {
      case Sharing::Map:
        call_.count = call_.length;
        return Status::Done;
      case Sharing::Scan:
        call_.count = call_.length;
        call_.value = static_cast<const Carrying&>(*ordered_).carried();
        return Status::Done;
      case Sharing::Filter:
      case Sharing::Count:
        call_.count = counted();
        return Status::Done;
      case Sharing::Reduce:
      case Sharing::Fold:
        return joined();
      case Sharing::First:
        for (std::uint64_t part = 0; part < ended; ++part) call_.rank += outcomes_[part].rank;
        if (ended < parts_) found(outcomes_[ended]);
        return Status::Done;
      case Sharing::Last:
        for (const Outcome& outcome : outcomes_)
          if (outcome.position >= 0) found(outcome);
        return Status::Done;
      case Sharing::None:
        break;
    }
    return Status::Done;
  }

  std::uint64_t counted() const {
    std::uint64_t count = 0;
    for (const Outcome& outcome : outcomes_) count += outcome.count;
    return count;
  }

  void found(const Outcome& outcome) {
    call_.position = outcome.position;
    call_.rank += outcome.rank;
    call_.value = outcome.value;
  }

  Status joined() {
    Call join = call_;
    join.parts = parts_;
    join.partials = partials_.data();
    const Status status = kernel_.entry(&join);
    call_.value = join.value;
    call_.count = sharing() == Sharing::Fold ? join.count : counted();
    call_.position = join.position;
    return status;
  }
};

}  // namespace

Status execute(const Kernel& kernel, Call& call, unsigned threads, std::atomic<std::uint64_t>* passed) {
  const Signature& signature = kernel.signature;
  if ((threads < 2 && !passed) || signature.sharing == Sharing::None) return kernel.entry(&call);
  const std::uint64_t part = partOf(signature, call.length);
  if (call.length / part < WORTH_SHARING) return kernel.entry(&call);
  try {
    SharedRun run(kernel, call, part, passed);
    return run.run(threads - 1);
  } catch (const std::bad_alloc&) {
    return kernel.entry(&call);  // alone, which needs no room
  }
}

}  // namespace dotcompute
