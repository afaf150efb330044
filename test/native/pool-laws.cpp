// The pool against a model of it: blocks never share memory, what is counted adds up, and the limit holds. Prints nothing if all
// of that is so.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>
#include <vector>

#include "pool.hpp"

using dotcompute::Pool;

#define CHECK(what)                                        \
  if (!(what)) {                                           \
    std::printf("line %d: not so: %s\n", __LINE__, #what); \
    std::exit(1);                                          \
  }

constexpr std::size_t MIB = std::size_t(1) << 20;
Pool& pool = Pool::ofProcess();

/// A block with a number of its own at the beginning of every page.
struct Owned {
  char* data;
  std::size_t bytes;
  std::uint64_t number;

  void write() const {
    for (std::size_t at = 0; at < bytes; at += 4096) std::memcpy(data + at, &number, 8);
  }
  bool isIntact() const {
    for (std::size_t at = 0; at < bytes; at += 4096)
      if (std::memcmp(data + at, &number, 8) != 0) return false;
    return true;
  }
};

Owned taken(std::size_t bytes, std::uint64_t number) {
  const Pool::Block block = pool.take(bytes);
  CHECK(block.data);
  CHECK(reinterpret_cast<std::uintptr_t>(block.data) % Pool::UNIT == 0);
  const Owned owned{static_cast<char*>(block.data), Pool::unitsOf(bytes), number};
  if (!block.recycled)
    for (std::size_t at = 0; at < owned.bytes; at += 512) CHECK(owned.data[at] == 0);
  owned.write();
  return owned;
}

void give(const Owned& owned) {
  CHECK(owned.isIntact());
  pool.give(owned.data, owned.bytes, true);
}

/// Takes and gives at random, now and then a part of a block.
void randomly(unsigned seed, int turns) {
  std::mt19937 random(seed);
  std::vector<Owned> live;
  for (int turn = 0; turn < turns; ++turn) {
    if (live.size() < 12 && random() % 2 == 0) {
      const std::size_t most = random() % 4 == 0 ? 9 * MIB : MIB;
      live.push_back(taken(1 + random() % most, std::uint64_t(seed) << 32 | std::uint64_t(turn + 1)));
      continue;
    }
    if (live.empty()) continue;
    const std::size_t place = random() % live.size();
    Owned& owned = live[place];
    if (random() % 4 == 0 && owned.bytes > Pool::UNIT) {
      const std::size_t kept = Pool::unitsOf(1 + random() % (owned.bytes - Pool::UNIT));
      CHECK(owned.isIntact());
      pool.give(owned.data + kept, owned.bytes - kept, true);
      owned.bytes = kept;
      continue;
    }
    give(owned);
    owned = live.back();
    live.pop_back();
  }
  for (const Owned& owned : live) give(owned);
}

void isReused() {
  const Owned first = taken(40 * MIB, 1);
  CHECK(pool.usage().fresh == 1 && pool.usage().used == 40 * MIB);
  give(first);
  CHECK(pool.usage().kept == 40 * MIB && pool.usage().used == 0 && pool.usage().peak == 40 * MIB);
  // A little less is as well.
  const Owned second = taken(36 * MIB, 2);
  CHECK(second.data == first.data && pool.usage().reused == 1 && pool.usage().kept == 4 * MIB);
  give(second);
  pool.trim();
  CHECK(pool.usage().kept == 0);
}

void isDividedAndJoined() {
  Owned block = taken(80 * MIB, 3);
  const Owned tail{block.data + 50 * MIB, 30 * MIB, 3};
  block.bytes = 50 * MIB;
  give(tail);
  // The tail serves another, and all of it the next that is large again.
  const Owned other = taken(30 * MIB, 4);
  CHECK(other.data == tail.data);
  give(other);
  give(block);
  const Owned again = taken(80 * MIB, 5);
  CHECK(again.data == block.data);
  // What is large is not cut up for what is small.
  give(again);
  const Owned small = taken(MIB, 6);
  CHECK(small.data < block.data || small.data >= block.data + 80 * MIB);
  give(small);
  pool.trim();
}

void isNotCountedUntouched() {
  const Pool::Block block = pool.take(64 * MIB);
  std::memset(block.data, 1, MIB);
  pool.give(static_cast<char*>(block.data) + MIB, 63 * MIB, false);
  CHECK(pool.usage().kept == 0);
  pool.give(block.data, MIB, true);
  pool.trim();
  CHECK(pool.usage().kept == 0);
}

void keepsToItsLimit() {
  pool.limit(20 * MIB);
  const Owned first = taken(8 * MIB, 7), second = taken(8 * MIB, 8), third = taken(8 * MIB, 9), large = taken(30 * MIB, 10);
  give(first);
  give(second);
  CHECK(pool.usage().kept == 16 * MIB);
  give(third);
  CHECK(pool.usage().kept == 16 * MIB);
  give(large);
  CHECK(pool.usage().kept <= 20 * MIB);
  pool.limit(0);
  CHECK(pool.usage().kept == 0);
  give(taken(8 * MIB, 11));
  CHECK(pool.usage().kept == 0);
  pool.limit(64 * MIB);
}

int main() {
  isReused();
  isDividedAndJoined();
  isNotCountedUntouched();
  keepsToItsLimit();
  CHECK(!pool.take(~std::size_t(0)).data && !pool.take(std::size_t(1) << 62).data);
  randomly(1, 4000);
  CHECK(pool.usage().used == 0);
  std::vector<std::thread> threads;
  for (unsigned seed = 2; seed < 6; ++seed) threads.emplace_back([seed] { randomly(seed, 600); });
  std::thread looker([] {
    for (int turn = 0; turn < 200; ++turn) {
      CHECK(pool.usage().kept <= 64 * MIB);
      if (turn % 20 == 0) pool.trim();
    }
  });
  for (std::thread& thread : threads) thread.join();
  looker.join();
  CHECK(pool.usage().used == 0 && pool.usage().kept <= 64 * MIB);
  pool.trim();
  CHECK(pool.usage().kept == 0);
  return 0;
}
