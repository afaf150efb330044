// Threads that help one another with the work of queries.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

namespace dotcompute {

/// One for the process, whose processors the queries of all its environments share; it lives as long as the process does.
class Team {
  struct Job;

 public:
  /// Hands the parts of a job to one thread, one after the other.
  class Claim {
   public:
    /// The next part to do. False once there is none left, or a helper is wanted elsewhere.
    bool next(std::uint64_t& part);
    /// Whether it is another thread than the one that shares the job.
    bool helps() const { return helps_; }

   private:
    friend class Team;
    Claim(Team& team, Job& job, bool helps) : team_(team), job_(job), helps_(helps) {}
    Team& team_;
    Job& job_;
    const bool helps_;
    std::uint64_t done_ = 0;
  };

  /// What is to be done, in numbered parts.
  class Work {
   public:
    virtual ~Work() = default;
    /// Does the parts that are claimed. From several threads at once; each may come more than once.
    virtual void take(Claim& claim) noexcept = 0;
  };

  static Team& ofProcess();

  /// Does the parts from `begin` to before `end`, on the calling thread and on at most so many others as come to it. The calling
  /// thread goes on claiming parts and waits for none but those that others are at: on a machine that is busy elsewhere it does
  /// all of them alone. A helper that the system has stopped amid a part is waited for, and then none is asked for a while.
  void share(Work& work, std::uint64_t begin, std::uint64_t end, unsigned others);

  /// How many parts helpers have done so far, and how often a thread had to wait long for one.
  struct Usage {
    std::uint64_t helped, stalls;
  };
  Usage usage() const { return {helped_.load(std::memory_order_relaxed), stalls_.load(std::memory_order_relaxed)}; }
  /// Whether it goes on asking for help after a stall; tests do, who want help however busy the machine is.
  void persist(bool always) { persistent_.store(always, std::memory_order_relaxed); }

  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

 private:
  /// On the stack of the thread that shares it.
  struct Job {
    Work& work;
    std::atomic<std::uint64_t> next;
    const std::uint64_t end;
    unsigned room;
    std::atomic<unsigned> helpers{0};
    std::condition_variable left{};
  };

  std::mutex mutex_;
  std::condition_variable wanted_;
  /// Those that may take helpers, the one that has waited longest first.
  std::list<Job*> jobs_;
  std::atomic<std::size_t> open_{0};
  std::vector<std::thread> threads_;
  std::size_t idle_ = 0;
  std::atomic<std::uint64_t> helped_{0}, stalls_{0};
  std::atomic<bool> persistent_{false};
  /// Until when nobody asks for help, in nanoseconds of the steady clock.
  std::atomic<std::int64_t> alone_{0};

  Team() = default;
  void grow(std::size_t threads);
  Job* choose();
  void serve();
  void await(Job& job, std::int64_t usual);
};

}  // namespace dotcompute
