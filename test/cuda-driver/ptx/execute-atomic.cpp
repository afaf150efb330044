// Atomic operations: one lane after the other. In a random schedule they begin with any lane, since PTX promises no order.
#include <algorithm>
#include <type_traits>

#include "access.hpp"
#include "execute.hpp"

namespace ptx {

namespace {

template <class T>
using Wrapping = std::conditional_t<std::is_same_v<T, std::int32_t>, std::uint32_t, std::conditional_t<std::is_same_v<T, std::int64_t>, std::uint64_t, T>>;

struct Add {
  template <class T>
  T operator()(T old, T by) const { return static_cast<T>(static_cast<Wrapping<T>>(old) + static_cast<Wrapping<T>>(by)); }
};
struct Min {
  template <class T>
  T operator()(T old, T by) const { return std::min(old, by); }
};
struct Max {
  template <class T>
  T operator()(T old, T by) const { return std::max(old, by); }
};
struct And {
  template <class T>
  T operator()(T old, T by) const { return old & by; }
};
struct Or {
  template <class T>
  T operator()(T old, T by) const { return old | by; }
};
struct Xor {
  template <class T>
  T operator()(T old, T by) const { return old ^ by; }
};
struct Exchange {
  template <class T>
  T operator()(T, T by) const { return by; }
};
struct Increment {
  template <class T>
  T operator()(T old, T limit) const { return old >= limit ? 0 : old + 1; }
};
struct Decrement {
  template <class T>
  T operator()(T old, T limit) const { return old == 0 || old > limit ? limit : old - 1; }
};

template <class T, class F>
void update(Warp& warp, const Instruction& instruction, std::uint32_t mask, F next) {
  Access access;
  resolve(warp, instruction, mask, Purpose::Atomic, access);
  T before[LANES];
  const unsigned start = warp.launch().schedule.random ? warp.launch().random.below(LANES) : 0;
  for (unsigned step = 0; step < LANES; step++) {
    const unsigned lane = (step + start) % LANES;
    if (!((mask >> lane) & 1)) continue;
    std::memcpy(&before[lane], access.at[lane], sizeof(T));
    const T after = next(before[lane], lane);
    std::memcpy(access.at[lane], &after, sizeof(T));
  }
  if (instruction.to.base != Base::Nowhere) warp.put(instruction.to, mask, before);
}

template <class T, class F>
void atomic(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const T* by = warp.read<T>(instruction.b);
  update<T>(warp, instruction, mask, [by](T old, unsigned lane) { return F{}(old, by[lane]); });
}

template <class T>
void compareAndSwap(Warp& warp, const Instruction& instruction, std::uint32_t mask) {
  const T* expected = warp.read<T>(instruction.b);
  const T* desired = warp.read<T>(instruction.c);
  update<T>(warp, instruction, mask, [=](T old, unsigned lane) { return old == expected[lane] ? desired[lane] : old; });
}

template <class F, class... T>
Execute atomicOf(Type type, Types<T...>) {
  Execute found = nullptr;
  ((found = standsFor<T>(type) ? &atomic<T, F> : found), ...);
  return found;
}

using Bits = Types<std::uint32_t, std::uint64_t>;

struct Row {
  std::string_view name;
  Execute (*pick)(Type);
};

constexpr Row ROWS[] = {
    {"add", [](Type type) { return atomicOf<Add>(type, Types<std::uint32_t, std::int32_t, std::uint64_t, std::int64_t, float, double>{}); }},
    {"min", [](Type type) { return atomicOf<Min>(type, WideIntegers{}); }},
    {"max", [](Type type) { return atomicOf<Max>(type, WideIntegers{}); }},
    {"and", [](Type type) { return atomicOf<And>(type, Bits{}); }},
    {"or", [](Type type) { return atomicOf<Or>(type, Bits{}); }},
    {"xor", [](Type type) { return atomicOf<Xor>(type, Bits{}); }},
    {"exch", [](Type type) { return atomicOf<Exchange>(type, Bits{}); }},
    {"inc", [](Type type) { return atomicOf<Increment>(type, Types<std::uint32_t>{}); }},
    {"dec", [](Type type) { return atomicOf<Decrement>(type, Types<std::uint32_t>{}); }},
    {"cas", [](Type type) -> Execute {
       return widthOf(type) == 4   ? &compareAndSwap<std::uint32_t>
              : widthOf(type) == 8 ? &compareAndSwap<std::uint64_t>
              : widthOf(type) == 2 ? &compareAndSwap<std::uint16_t>
                                   : nullptr;
     }},
};

}  // namespace

Execute pickAtomic(std::string_view operation, Type type) {
  for (const Row& row : ROWS)
    if (row.name == operation) return row.pick(type);
  return nullptr;
}

}  // namespace ptx
