#include "runs.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>
#include <system_error>

#include "parallel.hpp"

namespace dotcompute {

Held::Held(Napi::Env env, const Engine& engine, const View& view, std::size_t bytes, bool written) : data_(view.data) {
  if (bytes == 0) return;
  if (engine.canPin()) {
    Engine::Store store = engine.storeOf(env, view.buffer);
    if (!engine.isShrinkable(env, view.buffer, store)) {
      store_ = std::move(store);
      return;
    }
  }
  if (written)
    throw Napi::TypeError::New(env, "output may not lie in a resizable ArrayBuffer, or in one whose memory cannot be held, while a kernel runs on another thread");
  copy_ = std::make_unique_for_overwrite<char[]>(bytes);
  std::memcpy(copy_.get(), view.data, bytes);
  data_ = copy_.get();
}

Run::Run(Napi::Env env, const Engine& engine, std::shared_ptr<const Kernel> runs, const Arguments& arguments, const Control& control)
    : kernel(std::move(runs)), threads(control.threadCount()), watched(control.watched != 0) {
  const Signature& signature = kernel->signature;
  held.reserve(2 + signature.arrays.size());
  const auto hold = [&](const View& view, std::size_t bytes, bool written) {
    return held.emplace_back(env, engine, view, bytes, written).data();
  };
  call.length = arguments.length;
  call.stop = &stop;
  if (signature.source) call.source = hold(arguments.source, arguments.length * signature.source->bytes, false);
  if (arguments.hasOutput) {
    call.output = hold(arguments.output, arguments.length * signature.output->bytes, true);
    call.around = arguments.outputGoesAround(signature);
    call.exact = 1;
  } else if (signature.output) {
    storage = Storage(env, arguments.length * signature.output->bytes);
    stores = true;
    call.output = storage.data();
    call.around = storage.goesAround();
  }
  storages = Storages(env, signature.outputs, arguments.length);
  call.outputs = storages.data();
  if (storages.goAround()) call.around = 1;
  values.resize(signature.values);
  call.values = values.data();
  for (std::size_t i = 0; i < signature.arrays.size(); ++i) {
    const View view{const_cast<void*>(arguments.arrays[i].data), arguments.arrays[i].length, arguments.buffers[i]};
    arrays.push_back({hold(view, view.length * signature.arrays[i]->bytes, false), view.length});
  }
  call.arrays = arrays.data();
  scalars.assign(control.scalars, control.scalars + signature.scalars);
  call.scalars = scalars.data();
}

Runs::Runs(Napi::Env, const Engine& engine)
    : engine_(engine), mostThreads_(std::max(4u, 2 * std::thread::hardware_concurrency())) {}

Runs::~Runs() { close(); }

/// The first run opens the way back to JavaScript; an environment that never runs asynchronously has neither it nor threads.
void Runs::open(Napi::Env env) {
  if (wake_) return;
  napi_value name = Napi::String::New(env, "dotcompute");
  const auto settle = [](napi_env environment, napi_value, void* self, void*) {
    if (!environment) return;
    const Napi::HandleScope scope(environment);
    static_cast<Runs*>(self)->settleEnded(environment);
  };
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, settle, &wake_) != napi_ok)
    throw Napi::Error::New(env);
  // Hooks run last in, first out: this one ends the threads before Node ends the function they call.
  napi_add_env_cleanup_hook(env, [](void* self) { static_cast<Runs*>(self)->close(); }, this);
  napi_unref_threadsafe_function(env, wake_);
}

/// Sees to it that a thread will come to one more run.
void Runs::addThread(Napi::Env env) {
  {
    const std::lock_guard lock(mutex_);
    if (idle_ > waiting_.size()) return;
  }
  if (threads_.size() >= std::max<std::size_t>(mostThreads_, 1)) return;
  try {
    if (mostThreads_ == 0) throw std::system_error(EAGAIN, std::generic_category());
    threads_.emplace_back([this] { serve(); });
  } catch (const std::system_error& error) {
    // The threads that there are will come to it.
    if (threads_.empty()) throw Napi::Error::New(env, std::string("Cannot start a thread for the kernel: ") + error.what());
  }
}

Runs::Started Runs::start(Napi::Env env, std::unique_ptr<Run> run) {
  if (closed_) throw Napi::Error::New(env, "The process is ending: no more kernels can be started");
  open(env);
  addThread(env);
  napi_value promise;
  if (napi_create_promise(env, &run->deferred, &promise) != napi_ok) throw Napi::Error::New(env);
  const double id = ++lastId_;
  Run* const job = run.get();
  runs_.emplace(id, std::move(run));
  if (runs_.size() == 1) napi_ref_threadsafe_function(env, wake_);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(job);
  }
  work_.notify_one();
  return {id, promise};
}

void Runs::stop(double id) {
  const auto found = runs_.find(id);
  if (found != runs_.end()) found->second->requestStop();
}

double Runs::passed(double id) const {
  const auto found = runs_.find(id);
  return found == runs_.end() ? 0 : double(found->second->passed.load(std::memory_order_relaxed));
}

void Runs::close() {
  if (closed_) return;
  closed_ = true;
  for (const auto& [id, run] : runs_) run->requestStop();
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    waiting_.clear();
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Runs::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    // An untimed wait would ask for the libstdc++ of GCC 12, which not every system has that could load this addon.
    while (!closing_ && waiting_.empty()) work_.wait_for(lock, std::chrono::hours(1));
    --idle_;
    if (closing_) return;
    Run* const run = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    // A run that was stopped while it waited never begins.
    if (__atomic_load_n(&run->stop, __ATOMIC_RELAXED) == 0) run->status = execute(*run->kernel, run->call, run->threads, run->watched ? &run->passed : nullptr);
    lock.lock();
    ended_.push_back(run);
    if (!closing_) napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
  }
}

void Runs::settleEnded(Napi::Env env) {
  std::vector<Run*> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (Run* const run : ended) {
    const auto found = std::find_if(runs_.begin(), runs_.end(), [run](const auto& entry) { return entry.second.get() == run; });
    const std::unique_ptr<Run> owned = std::move(found->second);
    runs_.erase(found);
    settle(env, *owned);
  }
  if (runs_.empty() && !ended.empty()) napi_unref_threadsafe_function(env, wake_);
}

void Runs::settle(Napi::Env env, Run& run) {
  try {
    Control control;
    control.report(run.status, run.call);
    Napi::ArrayBuffer report = Napi::ArrayBuffer::New(env, REPORT_BYTES + run.values.size() * sizeof(Scalar));
    std::memcpy(report.Data(), &control, REPORT_BYTES);
    if (!run.values.empty()) std::memcpy(static_cast<char*>(report.Data()) + REPORT_BYTES, run.values.data(), run.values.size() * sizeof(Scalar));
    Napi::Object result = Napi::Object::New(env);
    result.Set("report", report);
    napi_value output = env.Null();
    const Signature& signature = run.kernel->signature;
    if (run.stores && run.status == Status::Done) output = run.storage.take(env, engine_, *signature.output, run.call.count);
    if (!signature.outputs.empty() && run.status == Status::Done) output = run.storages.take(env, engine_, signature.outputs, run.call.count);
    result.Set("output", output);
    napi_resolve_deferred(env, run.deferred, result);
  } catch (const Napi::Error& error) {
    try {
      napi_reject_deferred(env, run.deferred, error.Value());
    } catch (const Napi::Error&) {
      // The environment is being terminated: nobody is left to hear of it.
    }
  }
}

}  // namespace dotcompute
