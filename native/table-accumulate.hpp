// What is kept of groups while rows pass by, some at a time.
#pragma once

#include <memory>

#include "table-column.hpp"

namespace dotcompute::table {

enum class Terminal { Count, Sum, Average, Min, Max, First, Last };

/// So many rows pass at a time, at most.
inline constexpr std::size_t PASSING = 512;

/// Rows that follow one another: which group each belongs to, and which of the group's rows it is.
struct Passing {
  std::size_t from, count;
  const u32* groups;
  const u32* places;
};

class Accumulator {
 public:
  virtual ~Accumulator() = default;
  /// Said before rows of so many groups pass.
  virtual void makeRoom(std::size_t groups) = 0;
  virtual void add(const Passing& rows) = 0;
  /// What these groups come to.
  virtual Storage results(const u32* groups, std::size_t count) = 0;
};

/// Of sums, min, max, first and last.
std::unique_ptr<Accumulator> accumulatorOf(Terminal terminal, const Column& column);

/// Whether sums of such elements depend on the order. What is kept of a group is large then.
inline bool isOrdered(Terminal terminal, Kind kind) { return terminal == Terminal::Sum && (kind == Kind::F32 || kind == Kind::F64); }

}  // namespace dotcompute::table
