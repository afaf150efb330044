#include "pool.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "process-symbols.hpp"

namespace dotcompute {

namespace {

constexpr std::size_t HUGE_PAGE = std::size_t(2) << 20;
/// The usual limit, if the environment sets none: an eighth of the memory that the process may have, and at most so much.
constexpr std::size_t USUAL_LIMIT = std::size_t(1) << 30;

std::size_t usualLimit() {
  // What is no number is told by src/memory/memory.ts.
  if (const char* const bytes = std::getenv("DOTCOMPUTE_POOL_BYTES"); bytes && *bytes >= '0' && *bytes <= '9') return std::strtoull(bytes, nullptr, 10);
  const long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
  std::uint64_t memory = pages > 0 && bytes > 0 ? std::uint64_t(pages) * std::uint64_t(bytes) : 8 * USUAL_LIMIT;
  // Node knows of the limits of containers.
  std::uint64_t (*constrained)();
  find(constrained, "uv_get_constrained_memory");
  if (constrained)
    if (const std::uint64_t most = constrained(); most > 0) memory = std::min(memory, most);
  return std::size_t(std::min<std::uint64_t>(USUAL_LIMIT, memory / 8));
}

char* roundUp(char* data, std::size_t unit) { return reinterpret_cast<char*>((reinterpret_cast<std::uintptr_t>(data) + unit - 1) / unit * unit); }
char* roundDown(char* data, std::size_t unit) { return reinterpret_cast<char*>(reinterpret_cast<std::uintptr_t>(data) / unit * unit); }

/// Whole huge pages, where the system has such; else memory that begins as they would. Null if it has none.
char* map(std::size_t bytes) {
  void* const whole = mmap(nullptr, bytes + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (whole == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(whole);
  char* const data = roundUp(begin, HUGE_PAGE);
  char* const end = begin + bytes + HUGE_PAGE;
  if (data > begin) munmap(begin, std::size_t(data - begin));
  if (end > data + bytes) munmap(data + bytes, std::size_t(end - (data + bytes)));
#ifdef MADV_HUGEPAGE
  madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return data;
}

bool hasHugePages() {
  std::FILE* const file = std::fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
  if (!file) return false;
  char words[64] = {};
  const bool never = !std::fgets(words, sizeof words, file) || std::strstr(words, "[never]");
  std::fclose(file);
  return !never;
}

/// Lets the system have the pages back when it is short of memory: until then they stay, and writing to them keeps them. For
/// whole huge pages that costs microseconds; small ones would be marked one by one.
void offer(char* data, std::size_t bytes) {
#if defined(MADV_FREE) && defined(MADV_HUGEPAGE)
  char *const begin = roundUp(data, HUGE_PAGE), *const end = roundDown(data + bytes, HUGE_PAGE);
  if (end > begin) madvise(begin, std::size_t(end - begin), MADV_FREE);
#else
  (void)data, (void)bytes;
#endif
}

}  // namespace

Pool& Pool::ofProcess() {
  // Never ended: the engine's threads may give memory back while the process exits.
  static Pool* const pool = new Pool();
  return *pool;
}

Pool::Pool() : hugePages_(hasHugePages()), limit_(usualLimit()) {}

Pool::Block Pool::take(std::size_t bytes) {
  const std::size_t wanted = unitsOf(bytes);
  if (wanted < bytes || wanted + 2 * HUGE_PAGE < wanted) return {nullptr, false};
  const std::lock_guard lock(mutex_);
  char* data;
  Span span;
  if (const auto found = find(wanted); found != spans_.end()) {
    data = found->first;
    span = found->second;
    remove(found);
  } else {
    const std::size_t room = (wanted + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    data = map(room);
    if (!data) {
      keepAtMost(0);
      data = map(room);
    }
    if (!data) return {nullptr, false};
    mapped_.emplace(data, room);
    span = {room, false, 0};
  }
  if (span.bytes > wanted) add(data + wanted, {span.bytes - wanted, span.touched, span.since});
  used_ += wanted;
  peak_ = std::max(peak_, used_);
  ++(span.touched ? reused_ : fresh_);
  return {data, span.touched};
}

/// The smallest span that is large enough, one that has been touched if there is. A large one is not cut up for a small block: the
/// next large one would have to be new.
Pool::Spans::iterator Pool::find(std::size_t wanted) {
  auto best = spans_.end();
  for (auto at = bySize_.lower_bound({wanted, nullptr}); at != bySize_.end() && at->first <= 2 * wanted + HUGE_PAGE; ++at) {
    const auto span = spans_.find(at->second);
    if (span->second.touched) return span;
    if (best == spans_.end()) best = span;
  }
  return best;
}

void Pool::give(void* data, std::size_t bytes, bool touched) {
  const std::size_t given = unitsOf(bytes);
  // Before anybody else can have it, who might write there first.
  if (touched && hugePages_) offer(static_cast<char*>(data), given);
  const std::lock_guard lock(mutex_);
  used_ -= given;
  join(static_cast<char*>(data), {given, touched, ++given_});
  keepAtMost(limit_);
}

Pool::Usage Pool::usage() const {
  const std::lock_guard lock(mutex_);
  return {limit_, used_, peak_, kept_, reused_, fresh_};
}

void Pool::limit(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  limit_ = bytes;
  keepAtMost(limit_);
}

void Pool::trim() {
  const std::lock_guard lock(mutex_);
  keepAtMost(0);
}

Pool::Spans::iterator Pool::add(char* data, Span span) {
  if (span.touched) kept_ += span.bytes;
  bySize_.emplace(span.bytes, data);
  return spans_.emplace(data, span).first;
}

void Pool::remove(Spans::iterator at) {
  const auto& [data, span] = *at;
  if (span.touched) kept_ -= span.bytes;
  bySize_.erase({span.bytes, data});
  spans_.erase(at);
}

/// Whether all is free that was mapped together.
bool Pool::isMappedAtOnce(const Spans::value_type& span) const {
  const auto mapped = mapped_.find(span.first);
  return mapped != mapped_.end() && mapped->second == span.second.bytes;
}

/// Adds a span, and its neighbours to it.
void Pool::join(char* data, Span span) {
  const auto take = [&](Spans::iterator neighbour) {
    data = std::min(data, neighbour->first);
    span = {span.bytes + neighbour->second.bytes, span.touched || neighbour->second.touched, span.since};
    remove(neighbour);
  };
  const auto next = spans_.find(data + span.bytes);
  if (next != spans_.end() && mapped_.count(next->first) == 0) take(next);
  auto previous = spans_.lower_bound(data);
  if (previous != spans_.begin() && mapped_.count(data) == 0) {
    --previous;
    if (previous->first + previous->second.bytes == data) take(previous);
  }
  const auto added = add(data, span);
  if (!span.touched && isMappedAtOnce(*added)) drop(added);
}

/// What has been free for longest goes first.
void Pool::keepAtMost(std::size_t bytes) {
  while (kept_ > bytes) {
    auto oldest = spans_.end();
    for (auto at = spans_.begin(); at != spans_.end(); ++at)
      if (at->second.touched && (oldest == spans_.end() || at->second.since < oldest->second.since)) oldest = at;
    drop(oldest);
  }
}

/// Gives a span's pages to the system, and its addresses, unless something that was mapped with it is in use.
void Pool::drop(Spans::iterator at) {
  const auto [data, span] = *at;
  const bool whole = isMappedAtOnce(*at);
  remove(at);
  if (whole) {
    mapped_.erase(data);
    munmap(data, span.bytes);
  } else {
    madvise(data, span.bytes, MADV_DONTNEED);
    add(data, {span.bytes, false, span.since});
  }
}

}  // namespace dotcompute
