// Streams and events.
#include "state.hpp"

using namespace driver;

namespace {

/// A deferred stream gets on only while someone asks: the first question finds nothing done, each further one a piece more.
void ask(Context& context, const Point& point) {
  if (!point.reached() && point.timeline->polls++ > 0) point.timeline->runUntil(point.timeline->finished() + 1);
  require(context.sticky == SUCCESS, context.sticky);
  require(point.reached(), NOT_READY);
}

void waitFor(Context& context, const Point& point) {
  point.reach();
  require(context.sticky == SUCCESS, context.sticky);
}

Result elapsed(float* milliseconds, void* start, void* end) {
  return entry([=](State& state) {
    require(milliseconds);
    const Event& first = state.eventOf(start);
    const Event& last = state.eventOf(end);
    require(first.timed && last.timed && first.time && last.time, INVALID_HANDLE);
    require(first.point.reached() && last.point.reached(), NOT_READY);
    *milliseconds = std::chrono::duration<float, std::milli>(*last.time - *first.time).count();
  }, true, "cuEventElapsedTime");
}

}  // namespace

ENTRY Result cuStreamCreate(void** stream, unsigned flags) {
  return entry([=](State& state) {
    require(stream && flags <= 1);
    Context& context = state.current();
    auto made = std::make_unique<Stream>(Stream{std::make_shared<Timeline>(context, flags == 0)});
    *stream = made.get();
    context.streams.emplace(*stream, std::move(made));
  });
}

ENTRY Result cuStreamDestroy_v2(void* stream) {
  return entry([=](State& state) {
    // Also with a sticky error: what is left must be given back.
    for (auto& context : state.contexts) {
      if (!context) continue;
      const auto found = context->streams.find(stream);
      if (found == context->streams.end()) continue;
      if (state.lost.contains(context->device)) found->second->timeline->abandon();
      else found->second->timeline->end().reach();
      context->streams.erase(found);
      return;
    }
    throw Failure{INVALID_HANDLE};
  });
}

ENTRY Result cuStreamSynchronize(void* stream) {
  return entry([=](State& state) {
    Context& context = state.current();
    Timeline& timeline = state.timelineOf(context, stream);
    if (&timeline == context.defaultStream.get()) context.submit(timeline, [] {});
    waitFor(context, timeline.end());
  });
}

ENTRY Result cuStreamQuery(void* stream) {
  return entry([=](State& state) {
    Context& context = state.current();
    if (state.settings.failQuery) require(++state.occasions.queries < state.settings.failQuery, OUT_OF_MEMORY);
    ask(context, state.timelineOf(context, stream).end());
  });
}

ENTRY Result cuStreamWaitEvent(void* stream, void* handle, unsigned) {
  return entry([=](State& state) {
    Context& context = state.current();
    Timeline& timeline = state.timelineOf(context, stream);
    timeline.wait(state.eventOf(handle).point);
    // The wait itself is work, so that whoever waits for the stream waits for the event.
    context.submit(timeline, [] {});
  });
}

ENTRY Result cuEventCreate(void** handle, unsigned flags) {
  return entry([=](State& state) {
    require(handle);
    auto made = std::make_unique<Event>(Event{&state.current(), (flags & 2) == 0, {}, {}});
    *handle = made.get();
    state.events.emplace(*handle, std::move(made));
  });
}

ENTRY Result cuEventDestroy_v2(void* handle) {
  return entry([=](State& state) { require(state.events.erase(handle) == 1, INVALID_HANDLE); });
}

ENTRY Result cuEventRecord(void* handle, void* stream) {
  return entry([=](State& state) {
    Context& context = state.current();
    Event& event = state.eventOf(handle);
    require(event.context == &context, INVALID_HANDLE);
    if (state.settings.failRecord) require(++state.occasions.records != state.settings.failRecord, OUT_OF_MEMORY);
    Timeline& timeline = state.timelineOf(context, stream);
    event.time = std::make_shared<std::chrono::steady_clock::time_point>();
    context.submit(timeline, [time = event.time] { *time = std::chrono::steady_clock::now(); });
    event.point = timeline.end();
  });
}

ENTRY Result cuEventQuery(void* handle) {
  return entry([=](State& state) { ask(state.current(), state.eventOf(handle).point); });
}

ENTRY Result cuEventSynchronize(void* handle) {
  return entry([=](State& state) { waitFor(state.current(), state.eventOf(handle).point); });
}

ENTRY Result cuEventElapsedTime(float* milliseconds, void* start, void* end) { return elapsed(milliseconds, start, end); }
ENTRY Result cuEventElapsedTime_v2(float* milliseconds, void* start, void* end) { return elapsed(milliseconds, start, end); }
