// Parts of a run whose place among the results depends on all before them, though they end in any order.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "library.hpp"

namespace dotcompute {

/// Elements of a block of the canonical order, of which parts are made.
inline constexpr std::uint64_t BLOCK = 1024;

/// What came of a part.
struct Outcome {
  Status status = Status::Stopped;
  std::uint64_t count = 0;
  std::int64_t position = -1;
  std::uint64_t rank = 0;
  Scalar value{};
};

/// A part whose place is known when it begins, since all before it have ended, stores there. Others store in a cache-sized room
/// of their thread's and are settled when their place is known; until then the thread goes on with the next part in another room.
class Ordered {
 public:
  Ordered(std::uint64_t parts, std::size_t roomBytes);
  virtual ~Ordered() = default;
  Ordered(const Ordered&) = delete;
  Ordered& operator=(const Ordered&) = delete;

  /// The result is not wanted any more: nobody waits for parts that nobody will do.
  void abandon();

  /// What one thread has in hand. Settles what is left when it goes.
  class Hand {
   public:
    /// A helper may go without memory; the thread whose run it is has a room from the beginning. Nothing here throws.
    Hand(Ordered& all, bool helps);
    ~Hand();
    /// Whether there is room for one more part. Waits for room where much lies about; false if there is no memory.
    bool ready();
    /// The call, which stores where this part may.
    Call begin(std::uint64_t part);
    void end(std::uint64_t part, const Outcome& outcome);

   private:
    friend class Ordered;
    using Room = std::unique_ptr<char[]>;
    /// How many parts may wait for their places.
    static constexpr std::size_t MOST = 32;
    struct Waiting {
      std::uint64_t part;
      Room room;
    };
    Ordered& all_;
    Room free_;
    bool direct_ = false;
    std::array<Waiting, MOST> waiting_{};
    std::size_t first_ = 0, count_ = 0;
    void settle(bool wait);
  };

 protected:
  /// The call of a part that stores at its place, which is known, or else in a room. A room may be of use either way.
  virtual Call place(std::uint64_t part, char* room, bool direct) = 0;
  /// Brings what a part has stored in a room to its place, which is known by now.
  virtual void settle(std::uint64_t part, char* room) = 0;
  /// Called for each part in order, by one thread at a time: from the part's place follows that of the next one.
  virtual void advance(std::uint64_t part, const Outcome& outcome, bool direct) = 0;

 private:
  struct Ended {
    Outcome outcome;
    bool known = false, direct = false;
  };
  const std::size_t roomBytes_;
  Hand::Room spare_;

  std::mutex mutex_;
  std::condition_variable known_;
  bool abandoned_ = false;
  /// The first part that has not ended; its place is known.
  std::uint64_t frontier_ = 0;
  std::vector<Ended> ended_;

  bool isKnown(std::uint64_t part, bool wait);
  void ended(std::uint64_t part, const Outcome& outcome, bool direct);
};

/// Filters: what the parts keep, put behind one another.
class Compaction final : public Ordered {
 public:
  Compaction(const Signature& signature, const Call& call, std::uint64_t part, std::uint64_t parts);

 private:
  const Call call_;
  const std::uint64_t part_;
  /// Bytes of the elements of each output, and where each begins.
  std::vector<std::size_t> bytes_;
  std::vector<char*> outputs_;
  /// How many bytes at a room's beginning hold addresses for the outputs of a call.
  const std::size_t addressBytes_;
  /// Where parts begin in the outputs, and the next one.
  std::vector<std::uint64_t> starts_;

  Call place(std::uint64_t part, char* room, bool direct) override;
  void settle(std::uint64_t part, char* room) override;
  void advance(std::uint64_t part, const Outcome& outcome, bool direct) override;
};

/// Scans: what is carried from part to part. A part that does not know it yet stores running values of its blocks alone.
class Carrying final : public Ordered {
 public:
  Carrying(const Kernel& kernel, const Call& call, std::uint64_t part, std::uint64_t parts);
  /// Of the whole run.
  Scalar carried() const { return carries_.back(); }

 private:
  const Kernel& kernel_;
  const Call call_;
  const std::uint64_t part_, blocks_;
  /// What is carried into each part but the first, which begins with the seed, and out of the last.
  std::vector<Scalar> carries_;
  /// For each part room for its carry, then the totals of its blocks.
  std::vector<Scalar> totals_;

  Call partOf(std::uint64_t part) const;
  Call place(std::uint64_t part, char* room, bool direct) override;
  void settle(std::uint64_t part, char* room) override;
  void advance(std::uint64_t part, const Outcome& outcome, bool direct) override;
};

}  // namespace dotcompute
