// What the parts of a filter keep, put behind one another in order though they end in any.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "library.hpp"

namespace dotcompute {

/// A part whose place is known when it begins, since all before it have ended, stores there. Others store in a cache-sized room
/// of their thread's and are moved when their place is known; until then the thread goes on with the next part in another room.
class Ordered {
 public:
  Ordered(const Signature& signature, const Call& call, std::uint64_t part, std::uint64_t parts);
  Ordered(const Ordered&) = delete;
  Ordered& operator=(const Ordered&) = delete;

  /// The result is not wanted any more: nobody waits for parts that nobody will do.
  void abandon();

  /// What one thread has in hand. Places what is left when it goes.
  class Hand {
   public:
    /// A helper may go without memory; the thread whose run it is has a room from the beginning. Nothing here throws.
    Hand(Ordered& all, bool helps);
    ~Hand();
    /// Whether there is room for one more part. Waits for room where much lies about; false if there is no memory.
    bool ready();
    /// The call with its outputs where this part may store.
    Call begin(std::uint64_t part);
    void end(std::uint64_t part, std::uint64_t count);

   private:
    friend class Ordered;
    /// Addresses for the outputs of a call, then room for a part of each.
    using Room = std::unique_ptr<char[]>;
    /// How many parts may wait for their places.
    static constexpr std::size_t MOST = 32;
    struct Waiting {
      std::uint64_t part, count;
      Room room;
    };
    Ordered& all_;
    Room free_;
    bool direct_ = false;
    std::array<Waiting, MOST> waiting_{};
    std::size_t first_ = 0, count_ = 0;
    void place(bool wait);
  };

 private:
  const Call call_;
  /// Bytes of the elements of each output, and where each begins.
  std::vector<std::size_t> bytes_;
  std::vector<char*> outputs_;
  const std::uint64_t part_;
  /// How many bytes of a room hold addresses, and how many it has.
  std::size_t addressBytes_ = 0, roomBytes_ = 0;
  Hand::Room spare_;

  std::mutex mutex_;
  std::condition_variable known_;
  bool abandoned_ = false;
  /// The first part whose count is not known, and where it begins.
  std::uint64_t frontier_ = 0;
  std::vector<std::uint64_t> starts_;
  /// Counts of parts behind the frontier; NONE of those that have not ended.
  std::vector<std::uint64_t> counts_;

  std::optional<std::uint64_t> startOf(std::uint64_t part, bool wait);
  void counted(std::uint64_t part, std::uint64_t count);
};

}  // namespace dotcompute
