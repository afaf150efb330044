// Blocks of memory that are kept when their arrays are gone, for the next ones. Pages that a process touches for the first time
// cost more than most kernels: the system has to find and clear them, and under a virtual machine its host as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <utility>

namespace dotcompute {

/// The one thing of the addon that is the process's and not an environment's: arrays are handed from thread to thread, and the
/// engine gives their memory back on threads of its own, be it after the end of the environment that made them.
class Pool {
 public:
  struct Block {
    void* data;
    /// Its pages have been touched before, and hold whatever was in them.
    bool recycled;
  };

  struct Usage {
    std::size_t limit;
    std::size_t used;
    /// The most that was used at any time.
    std::size_t peak;
    std::size_t kept;
    /// How many blocks were recycled, and how many were new.
    std::uint64_t reused, fresh;
  };

  static Pool& ofProcess();

  /// Blocks are whole units of this many bytes, and begin at a multiple of it.
  static constexpr std::size_t UNIT = std::size_t(64) << 10;
  static constexpr std::size_t unitsOf(std::size_t bytes) { return (bytes + UNIT - 1) / UNIT * UNIT; }

  /// At least so many bytes, more than none; no data if there is no memory. From any thread, like all of these.
  Block take(std::size_t bytes);
  /// A block, or whole units of one. `touched`: something may have been written there.
  void give(void* data, std::size_t bytes, bool touched);

  Usage usage() const;
  /// How many bytes are kept at most.
  void limit(std::size_t bytes);
  /// Gives what is kept back to the system.
  void trim();

  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

 private:
  /// Free memory. Neighbours become one, within what was mapped at once.
  struct Span {
    std::size_t bytes;
    bool touched;
    /// When it was given back, in blocks given back.
    std::uint64_t since;
  };
  using Spans = std::map<char*, Span>;

  const bool hugePages_;
  mutable std::mutex mutex_;
  /// What is mapped: addresses and bytes.
  std::map<char*, std::size_t> mapped_;
  Spans spans_;
  std::set<std::pair<std::size_t, char*>> bySize_;
  std::size_t limit_;
  std::size_t used_ = 0, peak_ = 0, kept_ = 0;
  std::uint64_t reused_ = 0, fresh_ = 0, given_ = 0;

  Pool();
  bool isMappedAtOnce(const Spans::value_type& span) const;
  Spans::iterator find(std::size_t wanted);
  Spans::iterator add(char* data, Span span);
  void remove(Spans::iterator span);
  void join(char* data, Span span);
  void keepAtMost(std::size_t bytes);
  void drop(Spans::iterator span);
};

}  // namespace dotcompute
