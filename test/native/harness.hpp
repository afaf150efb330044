// Runs kernels on a file of jobs. Every array ends where a page begins that may not be touched, and the output has a sentinel
// before it, so a kernel that reads or writes outside of its arrays ends the program.
#pragma once

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#if defined(COUNTED)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(name)
#endif

#include "files.hpp"
#include "rt/abi.hpp"

namespace harness {

using namespace dotcompute;

struct Reader {
  const char* at;

  template <class T>
  T next() {
    T value;
    memcpy(&value, at, sizeof value);
    at += sizeof value;
    return value;
  }
  const char* bytes(size_t size) {
    const char* from = at;
    at += (size + 7) / 8 * 8;
    return from;
  }
};

/// Memory whose end is the end of what may be touched.
struct Guarded {
  char* pages;
  size_t room;
  char* start;

  explicit Guarded(size_t size) {
    const size_t page = size_t(sysconf(_SC_PAGESIZE));
    room = (size + 64 + page - 1) / page * page;
    pages = (char*)mmap(nullptr, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + room, page, PROT_NONE) != 0) abort();
    start = pages + room - size;
    memset(pages, 0x5a, room);
  }
  Guarded(size_t size, const void* bytes) : Guarded(size) { memcpy(start, bytes, size); }
  Guarded(const Guarded&) = delete;
  ~Guarded() { munmap(pages, room + size_t(sysconf(_SC_PAGESIZE))); }

  bool intact() const { return is_untouched(pages, start); }
  /// What lies behind so many bytes of it has never been written to.
  bool intact_behind(size_t bytes) const { return is_untouched(start + bytes, pages + room); }

  static bool is_untouched(const char* from, const char* to) {
    for (; from < to; from++)
      if (*from != 0x5a) return false;
    return true;
  }
};

struct Job {
  u32 kernel, length, source_bytes, output_bytes, in_place, stop, scalars, arrays, outputs, values;
};
struct Outcome {
  int status, intact;
  u64 count;
  i64 position;
  u64 rank;
  Scalar value;
};

/// The flag that a timer raises while an endless kernel runs.
inline volatile int stop_flag = 0;
inline void raise_flag(int) { stop_flag = 1; }
inline void raise_flag_soon() {
  signal(SIGALRM, raise_flag);
  const itimerval soon = {{0, 0}, {0, 20'000}};
  setitimer(ITIMER_REAL, &soon, nullptr);
}

inline void append(FILE* file, const void* bytes, size_t size) {
  const char zeros[8] = {};
  if (size > 0 && fwrite(bytes, 1, size, file) != size) abort();
  fwrite(zeros, 1, (8 - size % 8) % 8, file);
}

inline int run_all(char** arguments, const Entry* kernels) {
  const File in = read_file(arguments[1]);
  FILE* out = fopen(arguments[2], "wb");
  Reader reader{in.bytes};
  while (reader.at < in.bytes + in.size) {
    const Job job = reader.next<Job>();
    const size_t source_size = size_t(job.length) * job.source_bytes, output_size = size_t(job.length) * job.output_bytes;
    Guarded source(source_size, reader.bytes(source_size));
    Guarded output(output_size);
    Scalar scalars[64];
    for (u32 i = 0; i < job.scalars; i++) scalars[i] = reader.next<Scalar>();
    ArrayArgument arrays[64];
    Guarded* held[64];
    for (u32 i = 0; i < job.arrays; i++) {
      const u32 bytes = reader.next<u32>(), length = reader.next<u32>();
      const size_t size = size_t(bytes) * length;
      held[i] = new Guarded(size, reader.bytes(size));
      arrays[i] = {held[i]->start, length};
    }
    u32 widths[64];
    Guarded* several[64];
    void* starts[64];
    for (u32 i = 0; i < job.outputs; i++) {
      widths[i] = u32(reader.next<u64>());
      several[i] = new Guarded(size_t(job.length) * widths[i]);
      starts[i] = several[i]->start;
    }
    Scalar values[64];
    stop_flag = 0;
    if (job.stop != 0) raise_flag_soon();
    Guarded& target = job.in_place != 0 ? source : output;
    Call call;
    memset((void*)&call, 0xa5, sizeof call);
    call.source = job.source_bytes == 0 ? nullptr : source.start;
    call.from = 0;
    call.parts = 0;
    call.partials = nullptr;
    call.locals = nullptr;
    call.length = job.length;
    call.output = job.output_bytes == 0 ? nullptr : target.start;
    call.outputs = starts;
    call.values = values;
    call.scalars = scalars;
    call.arrays = arrays;
    call.around = (job.kernel + job.length / 2) % 2;
#if defined(COUNTED)
    call.exact = 0;
#else
    call.exact = int(job.kernel + job.length) % 2;
#endif
    call.stop = &stop_flag;
    CALLGRIND_ZERO_STATS;
    const Status status = kernels[job.kernel](&call);
    CALLGRIND_DUMP_STATS_AT("kernel");
    bool intact = source.intact() && output.intact();
    for (u32 i = 0; i < job.outputs; i++) intact = intact && several[i]->intact();
    if (call.exact != 0 && status == Status::Done) {
      if (job.in_place == 0) intact = intact && output.intact_behind(call.output == nullptr ? 0 : call.count * job.output_bytes);
      for (u32 i = 0; i < job.outputs; i++) intact = intact && several[i]->intact_behind(call.count * widths[i]);
    }
    const Outcome outcome{int(status), intact, call.count, call.position, call.rank, call.value};
    append(out, &outcome, sizeof outcome);
    if (status == Status::Done && job.output_bytes != 0) append(out, target.start, call.count * job.output_bytes);
    if (status == Status::Done) append(out, values, job.values * sizeof(Scalar));
    for (u32 i = 0; i < job.outputs; i++) {
      if (status == Status::Done) append(out, several[i]->start, call.count * widths[i]);
      delete several[i];
    }
    for (u32 i = 0; i < job.arrays; i++) delete held[i];
  }
  fclose(out);
  free(in.bytes);
  return 0;
}

}  // namespace harness
