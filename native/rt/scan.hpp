// Scans: the running values of a reduction. In the canonical scan order rows of 32 elements are scanned side by side, follow
// one another in blocks of 1024, and so do the blocks; what is stored does not depend on the width of a register.
#pragma once

#include "fold.hpp"

namespace dotcompute::rt {

#define RT_SHUFFLED(T, a, b)                                                                                              \
  using Index [[maybe_unused]] = Reg<Int<T>>;                                                                             \
  constexpr int N = WIDTH / sizeof(T);                                                                                    \
  if constexpr (N == 2) return RT_SHUFFLE(Index, a, b, RT_AT(0), RT_AT(1));                                               \
  if constexpr (N == 4) return RT_SHUFFLE(Index, a, b, RT_AT(0), RT_AT(1), RT_AT(2), RT_AT(3));                           \
  if constexpr (N == 8)                                                                                                   \
    return RT_SHUFFLE(Index, a, b, RT_AT(0), RT_AT(1), RT_AT(2), RT_AT(3), RT_AT(4), RT_AT(5), RT_AT(6), RT_AT(7));       \
  if constexpr (N == 16)                                                                                                  \
    return RT_SHUFFLE(Index, a, b, RT_AT(0), RT_AT(1), RT_AT(2), RT_AT(3), RT_AT(4), RT_AT(5), RT_AT(6), RT_AT(7),        \
                      RT_AT(8), RT_AT(9), RT_AT(10), RT_AT(11), RT_AT(12), RT_AT(13), RT_AT(14), RT_AT(15));

/// The lanes of `a` moved up by By; the lowest become the highest of `before`.
template <int By, class T>
RT_INLINE Reg<T> moved_up(Reg<T> before, Reg<T> a) {
#define RT_AT(j) (N - By + j)
  RT_SHUFFLED(T, before, a)
#undef RT_AT
}

/// The highest lane of `a` in every lane.
template <class T>
RT_INLINE Reg<T> highest(Reg<T> a) {
#define RT_AT(j) (N - 1)
  RT_SHUFFLED(T, a, a)
#undef RT_AT
}
#undef RT_SHUFFLED

/// A row of 32 values, register by register.
template <class T>
struct Row {
  static constexpr int N = WIDTH / int(sizeof(T)), R = LANES / N;
  using One = Pack<T, N>;
  One r[R];

  static RT_MEMBER Row load(const T* from) {
    Row row;
#pragma GCC unroll 16
    for (int i = 0; i < R; i++) row.r[i] = One::load(from + i * N);
    return row;
  }
  RT_MEMBER void store(T* to) const {
#pragma GCC unroll 16
    for (int i = 0; i < R; i++) r[i].store(to + i * N);
  }
  /// The highest lane in every lane.
  RT_MEMBER One top() const {
    One a;
    a.r[0] = highest<T>(r[R - 1].r[0]);
    return a;
  }
  /// The lanes from part * G on.
  template <int G>
  RT_MEMBER void put(int part, Pack<T, G> a) {
    constexpr int N = Pack<T, G>::N;
    RT_REGISTERS(r[part * N + i].r[0] = a.r[i])
  }
  template <int G>
  RT_MEMBER Pack<T, G> take(int part) const {
    constexpr int N = Pack<T, G>::N;
    Pack<T, G> a;
    RT_REGISTERS(a.r[i] = r[part * N + i].r[0])
    return a;
  }
  /// All lanes moved up by one; the lowest becomes the highest of `before`.
  RT_MEMBER void move_up(One before) {
#pragma GCC unroll 16
    for (int i = R - 1; i >= 0; i--) r[i].r[0] = moved_up<1, T>(i > 0 ? r[i - 1].r[0] : before.r[0], r[i].r[0]);
  }
};

/// Each value joins the one By before it, all at once. What has none before it joins the identity, which changes nothing.
template <int By, class Op, class T>
RT_INLINE void double_up(Row<T>& row) {
  constexpr int N = Row<T>::N, R = Row<T>::R;
  if constexpr (By >= N) {
#pragma GCC unroll 16
    for (int i = R - 1; i >= By / N; i--) row.r[i] = Op::join(row.r[i - By / N], row.r[i]);
  } else {
    const typename Row<T>::One nothing = Op::template identity<T>;
#pragma GCC unroll 16
    for (int i = R - 1; i >= 0; i--) {
      typename Row<T>::One before;
      before.r[0] = moved_up<By, T>(i > 0 ? row.r[i - 1].r[0] : nothing.r[0], row.r[i].r[0]);
      row.r[i] = Op::join(before, row.r[i]);
    }
  }
}

/// Kogge and Stone: a row's running values in five steps, each of which doubles how far a value has looked back.
template <class Op, class T>
RT_INLINE void scan_row(Row<T>& row) {
  double_up<1, Op>(row);
  double_up<2, Op>(row);
  double_up<4, Op>(row);
  double_up<8, Op>(row);
  double_up<16, Op>(row);
}

template <class Op, class T>
RT_INLINE void join_row(typename Row<T>::One before, Row<T>& row) {
#pragma GCC unroll 16
  for (int i = 0; i < Row<T>::R; i++) row.r[i] = Op::join(before, row.r[i]);
}

/// What is carried on behind the blocks whose totals these are.
template <class Op, class T>
RT_INLINE Status carry(Call* call) {
  T carried = value_of<T>(call->partials[0]);
  for (u64 block = 1; block < call->parts; block++) carried = Op::join(carried, value_of<T>(call->partials[block]));
  call->value = scalar(carried);
  return Status::Done;
}

/// Stores what `stored` makes of the running values of what is yielded, for every element. `seed` is the identity where there is
/// none. The output may be the source itself, if their elements are equally wide: a row is stored where it was loaded. A part whose carry
/// is not known yet is done in two halves.
template <int G, class Op, class In, class Term, class Type, class Out, bool Exclusive, Shape S, class Body, class Stored>
RT_INLINE Status scan(Call* call, Type seed, Body body, Stored stored) {
  using One = typename Row<Type>::One;
  const Source<In, G> source(call);
  Out* out = (Out*)call->output;
  const bool around = GOES_AROUND<Out> && call->around && is_register(out);
  const u64 length = call->length;
  if (call->parts > 0) return carry<Op, Type>(call);
  Type* const locals = (Type*)call->locals;
  const bool begins = locals && call->values, ends = locals && !call->values;
  Group<G> lanes(call);
  // What came before the block, and before the row within its block; and, of exclusive scans, what came last.
  One carried = call->partials ? value_of<Type>(call->partials[0]) : seed, before = seed, last = carried;
  const auto group = [&](u64 place, u64 some) RT_BODY {
    lanes.start(place, some == u64(G) ? Mask<G>(true) : Mask<G>::first(some));
    return widened<Type>(Pack<Term, G>(body(lanes, source.some(lanes, place, some))));
  };
  const auto put = [&](u64 at, u64 count, Row<Type> row) RT_BODY {
    join_row<Op>(carried, row);
    if constexpr (Exclusive) {
      const One newest = row.r[Row<Type>::R - 1];
      row.move_up(last);
      last = newest;
    }
#pragma GCC unroll 16
    for (int part = 0; part < LANES / G; part++) {
      const u64 done = u64(part * G);
      if (count >= done + G) {
        const Pack<Loaded<Out>, G> values = stored(row.template take<G>(part));
        if constexpr (GOES_AROUND<Out>)
          if (around) {
            store_around<Out, G>(out + at + done, values);
            continue;
          }
        store<Out, G>(out + at + done, values);
      } else if (count > done) store_some<Out, G>(out + at + done, stored(row.template take<G>(part)), count - done);
    }
  };
  const auto finish = [&](u64 at, u64 count, Row<Type> row) RT_BODY {
    scan_row<Op>(row);
    const One top = row.top();
    join_row<Op>(before, row);
    before = Op::join(before, top);
    if (begins) row.store(locals + (at - call->from));
    else put(at, count, row);
  };
  for (u64 start = call->from; start < length; start += BLOCK) {
    if (*call->stop) return Status::Stopped;
    const u64 end = length - start < u64(BLOCK) ? length : start + BLOCK;
    before = Op::template identity<Type>;
    u64 at = start;
    if (ends) {
      for (; at < end; at += LANES) {
        const Row<Type> row = Row<Type>::load(locals + (at - call->from));
        before = row.top();
        put(at, end - at, row);
      }
      carried = Op::join(carried, before);
      continue;
    }
    if constexpr (UNROLLED<G, S>)
      for (; end - at >= u64(LANES); at += LANES) {
        source.template prefetch<LANES>(at);
        Row<Type> row;
#pragma GCC unroll 16
        for (int part = 0; part < LANES / G; part++) {
          row.put(part, group(at + u64(part * G), u64(G)));
          if constexpr (S.fallible)
            if (lanes.status != Status::Done) return ended(call, lanes);
        }
        finish(at, LANES, row);
      }
#pragma GCC unroll 1
    for (; at < end; at += LANES) {
      Type values[LANES];
#pragma GCC unroll 1
      for (u64 place = at; place < end && place < at + LANES; place += G) {
        group(place, end - place < u64(G) ? end - place : u64(G)).store(values + (place - at));
        if constexpr (S.fallible)
          if (lanes.status != Status::Done) return ended(call, lanes);
      }
      // What the body makes of lanes past the end must not be carried on.
      for (u64 past = end - at; past < u64(LANES); past++) values[past] = Op::template identity<Type>;
      finish(at, end - at, Row<Type>::load(values));
    }
    if (begins) call->values[(start - call->from) / BLOCK] = scalar(Type(before.r[0][0]));
    carried = Op::join(carried, before);
  }
  if (call->around) settle_stores();
  call->count = length;
  call->value = scalar(Type(carried.r[0][0]));
  return Status::Done;
}

/// From left to right, one element after the other.
template <class In, class Out, bool Exclusive, class T, class Step, class Stored>
RT_INLINE Status scan_left(Call* call, T seed, Step step, Stored stored) {
  const Source<In, 1> source(call);
  Out* out = (Out*)call->output;
  Group<1> lanes(call);
  Running<T> running{seed};
  for (u64 at = 0; at < call->length; at++) {
    if (at % BLOCK == 0 && *call->stop) return Status::Stopped;
    lanes.base = at;
    const T before = running.value;
    step(lanes, running, source.one(at));
    if (lanes.status != Status::Done) return fold_ended(call, lanes.status);
    out[at] = Out(stored(Exclusive ? before : running.value));
  }
  call->count = call->length;
  call->value = scalar(running.value);
  return Status::Done;
}

}  // namespace dotcompute::rt
