// The block of memory through which JavaScript and the addon exchange scalars: cheaper than one Node-API call for each.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rt/abi.hpp"

namespace dotcompute {

/// Eight-byte slots, mirrored by CONTROL in src/backends/cpu/addon.ts.
struct Control {
  static constexpr unsigned SCALARS = 1016;

  std::int64_t status;
  double count;
  double position;
  double rank;
  Scalar value;
  double threads;  // before a run: by how many it may be shared, the calling thread included
  double watched;  // before an asynchronous run: whether somebody wants to know how far it is
  std::int64_t reserved;
  Scalar scalars[SCALARS];  // after a run of several reductions their values

  unsigned threadCount() const { return threads >= 1 && threads <= 256 ? static_cast<unsigned>(threads) : 1; }

  void report(Status outcome, const Call& call) {
    status = static_cast<std::int64_t>(outcome);
    count = static_cast<double>(call.count);
    position = static_cast<double>(call.position);
    rank = static_cast<double>(call.rank);
    value = call.value;
  }
};

static_assert(sizeof(Control) == 8192);

/// The first slots, which are all that is handed over at the end of an asynchronous run; behind them, from where scalars begin
/// here, the values of several reductions.
inline constexpr unsigned REPORT_BYTES = 8 * 8;
static_assert(offsetof(Control, scalars) == REPORT_BYTES);

}  // namespace dotcompute
