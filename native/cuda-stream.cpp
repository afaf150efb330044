#include "cuda-stream.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

namespace dotcompute::cuda {

namespace {

using Clock = std::chrono::steady_clock;

/// Short waits must end soon, long ones should cost little: looks without pause at first, then after an eighth of the time waited.
constexpr auto EAGER = std::chrono::microseconds(50);
constexpr auto LONGEST_PAUSE = std::chrono::microseconds(500);
constexpr auto ASK_EVERY = std::chrono::milliseconds(20);

/// Waits by asking: a call that waits in the driver could not be left at the end of the environment.
template <typename Query>
void awaitReady(Context& context, const char* call, Query query, const GiveUp& giveUp) {
  const Clock::time_point start = Clock::now();
  Clock::time_point asked = start;
  for (;;) {
    Result result;
    {
      const Context::Entered entered = context.enter();
      result = query();
    }
    if (result == SUCCESS) return;
    if (result != NOT_READY) context.fail(call, result);
    const Clock::time_point now = Clock::now();
    if (now - asked >= ASK_EVERY) {
      if (giveUp()) throw ending();
      asked = now;
    }
    if (now - start < EAGER)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(std::min<Clock::duration>((now - start) / 8, LONGEST_PAUSE));
  }
}

}  // namespace

// --- memory --------------------------------------------------------------------------------------------------------

Allocation::Allocation(Stream& stream, std::size_t bytes) : stream_(stream), reservation_(stream.context(), bytes), bytes_(bytes) {
  Context& context = stream.context();
  const DriverApi& api = context.api();
  const Context::Entered entered = context.enter();
  const std::size_t room = std::max<std::size_t>(bytes, 1);  // the driver makes nothing of no size
  if (!context.hasPools()) {
    context.check("cuMemAlloc", api.memAlloc(&address_, room));
    context.noteBlock(0);
    return;
  }
  const std::uint64_t before = context.reserved();
  Result result = api.memAllocAsync(&address_, room, stream.handle_);
  if (result == OUT_OF_MEMORY && context.pool() && api.memPoolTrimTo) {
    // What the pool keeps for later may be in pieces that are too small.
    if (api.memPoolTrimTo(context.pool(), 0) == SUCCESS) result = api.memAllocAsync(&address_, room, stream.handle_);
  }
  context.check("cuMemAllocAsync", result);
  context.noteBlock(before);
}

Allocation::~Allocation() {
  Context& context = stream_.context();
  const DriverApi& api = context.api();
  context.quietly([&] {
    if (context.hasPools())
      context.note("cuMemFreeAsync", api.memFreeAsync(address_, stream_.handle_));
    else
      context.note("cuMemFree", api.memFree(address_));
  });
}

Flag::Flag(Context& context) : context_(context) {
  const DriverApi& api = context.api();
  const Context::Entered entered = context.enter();
  void* memory = nullptr;
  context.check("cuMemAllocHost", api.memAllocHost(&memory, 64));  // a cache line
  word_ = static_cast<int*>(memory);
  set(0);
  // Where host and device share one space of addresses, which is wherever the call is missing or fails, they are equal.
  if (!api.memHostGetDevicePointer || api.memHostGetDevicePointer(&address_, memory, 0) != SUCCESS) address_ = reinterpret_cast<Address>(memory);
}

Flag::~Flag() {
  context_.quietly([this] { context_.note("cuMemFreeHost", context_.api().memFreeHost(word_)); });
}

// --- events --------------------------------------------------------------------------------------------------------

Event::Event(Context& context, bool timed) : context_(context) {
  const Context::Entered entered = context.enter();
  context.check("cuEventCreate", context.api().eventCreate(&handle_, timed ? 0 : EVENT_DISABLE_TIMING));
}

Event::~Event() {
  context_.quietly([this] { context_.note("cuEventDestroy", context_.api().eventDestroy(handle_)); });
}

unsigned long long Event::announce() {
  const std::lock_guard lock(mutex_);
  unsettled_.insert(++last_);
  return last_;
}

void Event::settle(unsigned long long recording) {
  {
    const std::lock_guard lock(mutex_);
    unsettled_.erase(recording);
  }
  changed_.notify_all();
}

unsigned long long Event::pending() {
  const std::lock_guard lock(mutex_);
  return unsettled_.empty() ? 0 : last_;
}

void Event::awaitRecordings(unsigned long long last, const GiveUp& giveUp) {
  const auto isSettled = [&] { return unsettled_.empty() || *unsettled_.begin() > last; };
  std::unique_lock lock(mutex_);
  while (!isSettled()) {
    changed_.wait_for(lock, ASK_EVERY);
    if (!isSettled() && giveUp()) throw ending();
  }
}

// --- streams -------------------------------------------------------------------------------------------------------

Stream::Stream(Context& context) : context_(context) {
  slots_.reserve(SLOTS);  // pointers into it are kept
  const Context::Entered entered = context.enter();
  context.check("cuStreamCreate", context.api().streamCreate(&handle_, STREAM_NON_BLOCKING));
}

Stream::~Stream() {
  const DriverApi& api = context_.api();
  context_.quietly([&] {
    for (const Slot& slot : slots_) {
      context_.note("cuEventDestroy", api.eventDestroy(slot.event));
      context_.note("cuMemFreeHost", api.memFreeHost(slot.memory));
    }
    context_.note("cuStreamDestroy", api.streamDestroy(handle_));
  });
}

void Stream::giveBack(std::shared_ptr<Allocation> allocation) {
  ++returning_;
  try {
    later([this, held = std::move(allocation)]() mutable {
      held.reset();
      --returning_;
    });
  } catch (...) {
    --returning_;
    throw;
  }
}

void Stream::unpin() noexcept {
  context_.quietly([&] {
    while (!slots_.empty()) {
      if (slots_.back().waiting) awaitSlot(slots_.back(), closing());
      const Slot slot = slots_.back();
      slots_.pop_back();
      context_.note("cuEventDestroy", context_.api().eventDestroy(slot.event));
      context_.note("cuMemFreeHost", context_.api().memFreeHost(slot.memory));
    }
  });
}

void Stream::now(const GiveUp& giveUp, const std::function<void()>& command) {
  if (!queue_.waitIdle(giveUp)) throw ending();
  raise();
  command();
}

void Stream::soon(std::function<void()> command) {
  if (queue_.isIdle()) {
    raise();
    command();
    return;
  }
  later(std::move(command));
}

void Stream::later(std::function<void()> command) {
  queue_.add([this, command = std::move(command)] {
    if (isFailed()) return;
    try {
      command();
    } catch (const Failure& failure) {
      note(failure);
    }
  });
}

bool Stream::isFailed() {
  const std::lock_guard lock(mutex_);
  return unheard_.has_value();
}

void Stream::note(const Failure& failure) {
  const std::lock_guard lock(mutex_);
  if (!unheard_) unheard_ = failure;
}

void Stream::raise() {
  std::optional<Failure> failure;
  {
    const std::lock_guard lock(mutex_);
    failure.swap(unheard_);
  }
  if (failure) throw *failure;
}

/// A slot that no command uses any more. Null where there is no pinned memory at all.
Slot* Stream::acquire(const GiveUp& giveUp) {
  const auto isFree = [&](Slot& slot) {
    if (slot.held) return false;
    if (!slot.waiting) return true;
    const Context::Entered entered = context_.enter();
    const Result result = context_.api().eventQuery(slot.event);
    if (result == NOT_READY) return false;
    context_.check("cuEventQuery", result);
    slot.waiting = false;
    return true;
  };
  // The first that is free, so that small transfers use one slot only, and the others are never made.
  for (Slot& slot : slots_)
    if (isFree(slot)) return &slot;
  if (slots_.size() < SLOTS && !unpinned_)
    if (Slot* const slot = addSlot()) return slot;
  Slot* oldest = nullptr;
  for (Slot& slot : slots_)
    if (!slot.held && (!oldest || slot.used < oldest->used)) oldest = &slot;
  if (oldest) awaitSlot(*oldest, giveUp);
  return oldest;
}

Slot* Stream::addSlot() {
  const DriverApi& api = context_.api();
  const Context::Entered entered = context_.enter();
  Slot slot;
  if (const Result result = api.memAllocHost(&slot.memory, SLOT_BYTES); result != SUCCESS) {
    if (kindOf(result) == Kind::Fatal) context_.fail("cuMemAllocHost", result);
    unpinned_ = true;  // there are few such pages on some machines; it works without, only slower
    return nullptr;
  }
  if (const Result result = api.eventCreate(&slot.event, EVENT_DISABLE_TIMING); result != SUCCESS) {
    api.memFreeHost(slot.memory);
    context_.fail("cuEventCreate", result);
  }
  slots_.push_back(slot);
  return &slots_.back();
}

void Stream::mark(Slot& slot) {
  context_.check("cuEventRecord", context_.api().eventRecord(slot.event, handle_));
  slot.waiting = true;
  slot.used = ++uses_;
}

void Stream::awaitSlot(Slot& slot, const GiveUp& giveUp) {
  if (!slot.waiting) return;
  awaitReady(context_, "cuEventQuery", [&] { return context_.api().eventQuery(slot.event); }, giveUp);
  slot.waiting = false;
}

void Stream::write(Address to, const void* from, std::size_t bytes, const GiveUp& giveUp) {
  const char* source = static_cast<const char*>(from);
  while (bytes > 0) {
    Slot* const slot = acquire(giveUp);
    if (!slot) {
      {
        const Context::Entered entered = context_.enter();
        context_.check("cuMemcpyHtoDAsync", context_.api().memcpyHtoDAsync(to, source, bytes, handle_));
      }
      return finish(giveUp);
    }
    const std::size_t piece = std::min(bytes, SLOT_BYTES);
    std::memcpy(slot->memory, source, piece);
    const Context::Entered entered = context_.enter();
    context_.check("cuMemcpyHtoDAsync", context_.api().memcpyHtoDAsync(to, slot->memory, piece, handle_));
    mark(*slot);
    to += piece;
    source += piece;
    bytes -= piece;
  }
}

void Stream::read(void* to, Address from, std::size_t bytes, const GiveUp& giveUp) {
  struct Piece {
    Slot* slot;
    char* target;
    std::size_t bytes;
  };
  std::deque<Piece> pieces;
  const auto takeFirst = [&] {
    const Piece piece = pieces.front();
    awaitSlot(*piece.slot, giveUp);
    std::memcpy(piece.target, piece.slot->memory, piece.bytes);
    piece.slot->held = false;
    pieces.pop_front();
  };
  try {
    char* target = static_cast<char*>(to);
    while (bytes > 0) {
      if (pieces.size() == SLOTS) takeFirst();
      Slot* slot = acquire(giveUp);
      while (!slot && !pieces.empty()) {
        takeFirst();
        slot = acquire(giveUp);
      }
      if (!slot) {
        {
          const Context::Entered entered = context_.enter();
          context_.check("cuMemcpyDtoHAsync", context_.api().memcpyDtoHAsync(target, from, bytes, handle_));
        }
        return finish(giveUp);
      }
      const std::size_t piece = std::min(bytes, SLOT_BYTES);
      const Context::Entered entered = context_.enter();
      context_.check("cuMemcpyDtoHAsync", context_.api().memcpyDtoHAsync(slot->memory, from, piece, handle_));
      mark(*slot);
      slot->held = true;
      pieces.push_back({slot, target, piece});
      target += piece;
      from += piece;
      bytes -= piece;
    }
    while (!pieces.empty()) takeFirst();
  } catch (...) {
    for (const Piece& piece : pieces) piece.slot->held = false;
    throw;
  }
}

void Stream::copy(Address to, Address from, std::size_t bytes) {
  if (bytes == 0) return;
  const Context::Entered entered = context_.enter();
  context_.check("cuMemcpyDtoDAsync", context_.api().memcpyDtoDAsync(to, from, bytes, handle_));
}

void Stream::copyPeer(Address to, const Context& peer, Address from, std::size_t bytes) {
  if (bytes == 0) return;
  const Context::Entered entered = context_.enter();
  context_.check("cuMemcpyPeerAsync", context_.api().memcpyPeerAsync(to, context_.handle(), from, peer.handle(), bytes, handle_));
}

void Stream::fill(Address to, unsigned value, std::size_t count, unsigned unit) {
  if (count == 0) return;
  const Context::Entered entered = context_.enter();
  if (unit == 4)
    context_.check("cuMemsetD32Async", context_.api().memsetD32Async(to, value, count, handle_));
  else
    context_.check("cuMemsetD8Async", context_.api().memsetD8Async(to, static_cast<unsigned char>(value), count, handle_));
}

void Stream::launch(const Function& function, const Launch& shape, const void* parameters, std::size_t bytes) {
  void* extra[] = {reinterpret_cast<void*>(LAUNCH_BUFFER_POINTER), const_cast<void*>(parameters),
                   reinterpret_cast<void*>(LAUNCH_BUFFER_SIZE), &bytes, reinterpret_cast<void*>(LAUNCH_END)};
  const auto& [grid, block, shared] = shape;
  const Context::Entered entered = context_.enter();
  context_.check("cuLaunchKernel", context_.api().launchKernel(function.handle(), grid[0], grid[1], grid[2], block[0], block[1], block[2], shared,
                                                               handle_, nullptr, bytes == 0 ? nullptr : extra));
}

void Stream::record(Event& event) {
  const Context::Entered entered = context_.enter();
  context_.check("cuEventRecord", context_.api().eventRecord(event.handle(), handle_));
}

void Stream::await(Event& event, unsigned long long last, const GiveUp& giveUp) {
  event.awaitRecordings(last, giveUp);
  const Context::Entered entered = context_.enter();
  context_.check("cuStreamWaitEvent", context_.api().streamWaitEvent(handle_, event.handle(), 0));
}

void Stream::finish(const GiveUp& giveUp) {
  awaitReady(context_, "cuStreamQuery", [this] { return context_.api().streamQuery(handle_); }, giveUp);
}

bool Stream::isDone() noexcept {
  bool done = false;
  context_.quietly([&] { done = context_.api().streamQuery(handle_) == SUCCESS; });
  return done;
}

}  // namespace dotcompute::cuda
