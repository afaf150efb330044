// The calling convention between the addon and compiled kernels. No standard headers: every kernel includes this.
#pragma once

namespace dotcompute {

/// Raised whenever anything below changes; part of every kernel's cache key.
inline constexpr unsigned ABI_VERSION = 5;

using u8 = unsigned char;
using u32 = unsigned int;
using u64 = unsigned long long;
using i64 = long long;

/// One captured array: its first element and its number of elements.
struct ArrayArgument {
  const void* data;
  u64 length;
};

/// A scalar, in the low bytes: double, float, int32, uint32, int64, uint64, or 0/1 for a boolean.
union Scalar {
  double f64;
  float f32;
  int i32;
  u32 u32_;
  i64 i64_;
  u64 u64_;
};

enum class Status : int {
  Done = 0,
  /// The stop flag was seen. Results are meaningless.
  Stopped = 1,
  /// An element failed (a captured array read out of range, a BigInt division by zero, BigInt() of a fraction).
  /// `position` is at or before the first failing element, and no element before `position` fails: the caller runs the
  /// reference implementation from there to raise the exact error.
  Failed = 2,
};

/// A part of a run, so that several threads can share it, is a call of its own: with its own `from` and `length`, and the
/// results of the elements between. What the parts of a reduction or fold gave is joined by one more call.
struct Call {
  // Arguments.
  const void* source;           // null for a range
  u64 from;                     // the first element's place: a multiple of 1024
  u64 length;                   // source elements, those before `from` included
  void* output;                 // array sinks: room for `length` elements (never written beyond that); else null. Where not all elements yield, what does is stored from its beginning
  void* const* outputs;         // several array sinks: the same for each
  const Scalar* scalars;        // in the order of the kernel's scalar parameters
  const ArrayArgument* arrays;  // in the order of the kernel's array parameters
  int around;                   // not 0: outputs are larger than the caches, and their pages are there: better written past these
  int exact;                    // not 0: where not all elements yield, what lies behind the results in the output is somebody's, and stays
  const volatile int* stop;     // becomes non-zero when the run should end early; never null
  u64 parts;                    // joins the results of so many parts, in order, instead of running; else 0
  const Scalar* partials;       // their values, for each part those of all its reductions; of folds each value and its count. Of scans what is carried
                                // into the part, null for the seed, and where `parts` are joined the totals of the blocks behind that
  void* locals;                 // parts of scans in two halves: room for the running values within each block, which the first half stores, and with
                                // them the blocks' totals in `values`; where `values` is null, the second half makes the output of them. Else null

  // Results.
  u64 count;     // array, count and counted reduce sinks, folds: how many elements yielded
  i64 position;  // first and last sinks: the yielding element's place, or -1; on Failed: see there
  u64 rank;      // ranked first sinks: how many elements passed `visit` before the one that yielded, or until the end
  Scalar value;  // reduce, fold, first and last sinks; scans: what would be carried on
  Scalar* values;  // several reduce sinks: the caller gives room for the value of each; scans: see `locals`
};

/// What a kernel's shared object exports, under the name it was emitted with.
using Entry = Status (*)(Call*);

}  // namespace dotcompute
