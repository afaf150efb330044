// The hand-written loops on all processors: what a good programmer would do next. Parts are claimed as threads come to them, by the
// calling thread, too; each is a whole subtree of the canonical order, so that the bits are those of one thread.
#include "handwritten.cpp"

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

namespace {

constexpr u64 PART = 32 * BLOCK;

class Team {
 public:
  Team() {
    for (unsigned i = 1; i < std::max(1u, std::thread::hardware_concurrency()); ++i) std::thread([this] { serve(); }).detach();
  }

  template <class Work>
  void share(u64 parts, const Work& work) {
    const auto call = [](const void* given, u64 part) { (*static_cast<const Work*>(given))(part); };
    std::unique_lock lock(mutex_);
    work_ = &work;
    call_ = call;
    parts_ = parts;
    next_ = 0;
    ++generation_;
    lock.unlock();
    wanted_.notify_all();
    for (u64 part; (part = next_++) < parts;) work(part);
    while (busy_.load() > 0) {
    }
    lock.lock();
    work_ = nullptr;
    lock.unlock();
    while (busy_.load() > 0) {
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wanted_;
  const void* work_ = nullptr;
  void (*call_)(const void*, u64) = nullptr;
  u64 parts_ = 0, generation_ = 0;
  std::atomic<u64> next_{0};
  std::atomic<int> busy_{0};

  void serve() {
    std::unique_lock lock(mutex_);
    for (u64 seen = 0;;) {
      while (generation_ == seen || work_ == nullptr) wanted_.wait(lock);
      seen = generation_;
      ++busy_;
      const void* const work = work_;
      void (*const call)(const void*, u64) = call_;
      const u64 parts = parts_;
      lock.unlock();
      for (u64 part; (part = next_++) < parts;) call(work, part);
      lock.lock();
      --busy_;
    }
  }
};

/// Never destroyed, as its threads may still wait when the process ends.
Team& team() {
  static Team& all = *new Team;
  return all;
}

struct Range {
  u64 begin, end;
};
u64 partsOf(u64 length) { return (length + PART - 1) / PART; }
Range rangeOf(u64 part, u64 length) { return {part * PART, part * PART + PART < length ? part * PART + PART : length}; }

/// The call for a part, whose source and output begin where the part does.
template <class In, class Out>
Call partOf(const Call* call, u64 part) {
  const auto [begin, end] = rangeOf(part, call->length);
  Call own = *call;
  own.from = begin;
  own.length = end - begin;
  own.source = static_cast<const In*>(call->source) + (call->source ? begin : 0);
  own.output = static_cast<Out*>(call->output) + (call->output ? begin : 0);
  return own;
}

Status sums(Call* call, Entry entry, std::size_t bytes) {
  std::vector<double> values(partsOf(call->length));
  team().share(values.size(), [&](u64 part) {
    Call own = bytes == 4 ? partOf<float, float>(call, part) : partOf<double, double>(call, part);
    entry(&own);
    values[part] = own.value.f64;
  });
  Tree tree;
  for (const double value : values) tree.push(value);
  call->value.f64 = tree.finish();
  return Status::Done;
}

template <class In, class Out>
Status maps(Call* call, Entry entry) {
  team().share(partsOf(call->length), [&](u64 part) {
    Call own = partOf<In, Out>(call, part);
    entry(&own);
  });
  call->count = call->length;
  return Status::Done;
}

}  // namespace

extern "C" Status mapFilterSum_threads(Call* call) { return sums(call, mapFilterSum, 4); }
extern "C" Status sumSquares_threads(Call* call) { return sums(call, sumSquares, 8); }
extern "C" Status mapSingles_threads(Call* call) { return maps<float, float>(call, mapSingles); }
extern "C" Status mapIntegers_threads(Call* call) { return maps<int, int>(call, mapIntegers); }
extern "C" Status escape_threads(Call* call) { return maps<u8, u8>(call, escape); }

/// What is kept is counted first, so that every part knows its place.
extern "C" Status filterSingles_threads(Call* call) {
  const float* const in = static_cast<const float*>(call->source);
  std::vector<u64> starts(partsOf(call->length) + 1);
  team().share(starts.size() - 1, [&](u64 part) {
    const auto [begin, end] = rangeOf(part, call->length);
    u64 count = 0;
    for (u64 at = begin; at < end; at++) count += in[at] > 0;
    starts[part + 1] = count;
  });
  for (u64 part = 1; part < starts.size(); part++) starts[part] += starts[part - 1];
  team().share(starts.size() - 1, [&](u64 part) {
    // Its loop stores whole registers, beyond what it keeps: into a part of its own first.
    static thread_local std::vector<float> kept(PART + 64);
    Call own = partOf<float, float>(call, part);
    own.output = kept.data();
    filterSingles(&own);
    std::memcpy(static_cast<float*>(call->output) + starts[part], kept.data(), own.count * sizeof(float));
  });
  call->count = starts.back();
  return Status::Done;
}

/// The sums of the parts first, then what runs up to them.
extern "C" Status prefixSum_threads(Call* call) {
  const double* const in = static_cast<const double*>(call->source);
  std::vector<double> before(partsOf(call->length) + 1);
  team().share(before.size() - 1, [&](u64 part) {
    const auto [begin, end] = rangeOf(part, call->length);
    double lanes[16] = {};
    u64 at = begin;
    for (; at + 16 <= end; at += 16)
      for (int j = 0; j < 16; j++) lanes[j] += in[at + u64(j)];
    for (; at < end; at++) lanes[0] += in[at];
    for (int j = 1; j < 16; j++) lanes[0] += lanes[j];
    before[part + 1] = lanes[0];
  });
  for (u64 part = 1; part < before.size(); part++) before[part] += before[part - 1];
  team().share(before.size() - 1, [&](u64 part) {
    Call own = partOf<double, double>(call, part);
    own.value.f64 = before[part];
    runningSums(&own);
  });
  call->count = call->length;
  return Status::Done;
}

/// The sums of all blocks first.
extern "C" Status prefixSumInOrder_threads(Call* call) {
  const double* const in = static_cast<const double*>(call->source);
  double* const out = static_cast<double*>(call->output);
  std::vector<double> before((call->length + BLOCK - 1) / BLOCK + 1);
  const auto blocks = [&](u64 part, const auto& each) {
    const auto [begin, end] = rangeOf(part, call->length);
    for (u64 at = begin; at < end; at += BLOCK) each(at, end - at < BLOCK ? end - at : BLOCK);
  };
  team().share(partsOf(call->length), [&](u64 part) {
    blocks(part, [&](u64 at, u64 count) { before[at / BLOCK + 1] = scanBlock<To::Nowhere>(in + at, nullptr, count, 0); });
  });
  for (u64 block = 1; block < before.size(); block++) before[block] += before[block - 1];
  team().share(partsOf(call->length), [&](u64 part) {
    const auto [begin, end] = rangeOf(part, call->length);
    scanBlocks(in + begin, out + begin, end - begin, before[begin / BLOCK], call->around != 0);
  });
  call->count = call->length;
  return Status::Done;
}

extern "C" Status movingAverage_threads(Call* call) {
  const u64 length = call->length < 4 ? 0 : call->length - 4;
  team().share(partsOf(length), [&](u64 part) {
    const auto [begin, end] = rangeOf(part, length);
    Call own = partOf<double, double>(call, part);
    own.length = end - begin + 4;
    movingAverage(&own);
  });
  call->count = length;
  return Status::Done;
}
