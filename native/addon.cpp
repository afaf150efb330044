// The addon's exports. All state is an object of the environment (the main thread or a worker): nothing is global.
#include <napi.h>

#include <memory>
#include <string>

#include "arguments.hpp"
#include "control.hpp"
#include "cuda.hpp"
#include "digest.hpp"
#include "engine.hpp"
#include "library.hpp"
#include "memory.hpp"
#include "parallel.hpp"
#include "processor.hpp"
#include "runs.hpp"
#include "storage.hpp"
#include "table.hpp"
#include "team.hpp"
#include "watched.hpp"

namespace dotcompute {

class Environment : public Napi::Addon<Environment> {
 public:
  Environment(Napi::Env env, Napi::Object exports) : engine_(env), runs_(env, engine_), cuda_(engine_) {
    stayLoaded();
    // Memory that cannot be detached, so that its address may be kept.
    const Napi::Value memory =
        env.RunScript("new Uint8Array(new SharedArrayBuffer(" + std::to_string(sizeof(Control)) + "))");
    Napi::Uint8Array bytes = memory.As<Napi::Uint8Array>();
    control_ = reinterpret_cast<Control*>(bytes.Data());
    controlMemory_ = Napi::Persistent(bytes.As<Napi::Object>());
    stopAtExit(env);
    const std::vector<std::string> names = levels();
    Napi::Array known = Napi::Array::New(env, names.size());
    for (std::uint32_t i = 0; i < names.size(); ++i) known.Set(i, Napi::String::New(env, names[i]));
    DefineAddon(exports, {
                             InstanceValue("abi", Napi::Number::New(env, ABI_VERSION), napi_enumerable),
                             InstanceValue("target", Napi::String::New(env, processor()), napi_enumerable),
                             InstanceValue("levels", known, napi_enumerable),
                             InstanceValue("control", bytes, napi_enumerable),
                             InstanceAccessor<&Environment::pins>("pins", napi_enumerable),
                             InstanceMethod("load", &Environment::load, napi_enumerable),
                             InstanceMethod("stop", &Environment::stop, napi_enumerable),
                             InstanceMethod("passed", &Environment::passed, napi_enumerable),
                             InstanceMethod("inFlight", &Environment::inFlight, napi_enumerable),
                             InstanceMethod("team", &Environment::team, napi_enumerable),
                             InstanceMethod("forgo", &Environment::forgo, napi_enumerable),
                             InstanceMethod("move", &Environment::move, napi_enumerable),
                             InstanceMethod("moveLater", &Environment::moveLater, napi_enumerable),
                             InstanceMethod("room", &Environment::room, napi_enumerable),
                             InstanceMethod("memory", &Environment::memory, napi_enumerable),
                             InstanceMethod("limitMemory", &Environment::limitMemory, napi_enumerable),
                             InstanceMethod("trimMemory", &Environment::trimMemory, napi_enumerable),
                             InstanceMethod("release", &Environment::release, napi_enumerable),
                             InstanceMethod("cuda", &Environment::cuda, napi_enumerable),
                             InstanceMethod("sha256", &Environment::sha256, napi_enumerable),
                         });
  }

 private:
  Engine engine_;
  Runs runs_;
  cuda::Cuda cuda_;
  Control* control_ = nullptr;
  Napi::ObjectReference controlMemory_;

  /// What each of a kernel's JavaScript functions holds on to.
  struct Bound {
    Environment* environment;
    std::shared_ptr<const Kernel> kernel;
  };
  using Action = napi_value (Environment::*)(napi_env env, const std::shared_ptr<const Kernel>& kernel, const Arguments& arguments);

  /// process.exit() runs no cleanup hooks on the main thread; kernels must not outlive what their memory belongs to.
  void stopAtExit(Napi::Env env) {
    const Napi::Object process = env.Global().Get("process").As<Napi::Object>();
    const Napi::Function listener = Napi::Function::New(env, [this](const Napi::CallbackInfo&) {
      runs_.close();
      cuda_.close();
    });
    process.Get("once").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), listener});
  }

  /// load(path, symbol, signature) → { run, start }
  Napi::Value load(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    if (!info[0].IsString() || !info[1].IsString() || !info[2].IsObject())
      throw Napi::TypeError::New(env, "load takes a path, a symbol and a signature");
    auto kernel = std::make_shared<Kernel>();
    const auto signature = info[2].As<Napi::Object>();
    kernel->library = Library::open(env, info[0].As<Napi::String>(), signature.Get("mapped").ToBoolean());
    kernel->entry = kernel->library->entry(env, info[1].As<Napi::String>());
    kernel->signature = Signature::from(signature);
    Napi::Object result = Napi::Object::New(env);
    result.Set("run", bind<&Environment::run>(env, "run", kernel));
    result.Set("start", bind<&Environment::start>(env, "start", kernel));
    return result;
  }

  /// A plain Node-API function: a call costs half of what a wrapped method's does.
  template <Action action>
  napi_value bind(Napi::Env env, const char* name, std::shared_ptr<const Kernel> kernel) {
    auto bound = std::make_unique<Bound>(Bound{this, std::move(kernel)});
    napi_value function;
    if (napi_create_function(env, name, NAPI_AUTO_LENGTH, &invoke<action>, bound.get(), &function) != napi_ok ||
        napi_add_finalizer(env, function, bound.get(), [](napi_env, void* data, void*) { delete static_cast<Bound*>(data); }, nullptr, nullptr) != napi_ok)
      throw Napi::Error::New(env);
    bound.release();
    return function;
  }

  template <Action action>
  static napi_value invoke(napi_env env, napi_callback_info info) {
    try {
      napi_value argv[Arguments::COUNT];
      std::size_t argc = Arguments::COUNT;
      void* data;
      if (napi_get_cb_info(env, info, &argc, argv, nullptr, &data) != napi_ok) throw Napi::Error::New(env);
      const Bound& bound = *static_cast<Bound*>(data);
      const Arguments arguments(env, bound.kernel->signature, argv);
      return (bound.environment->*action)(env, bound.kernel, arguments);
    } catch (const Napi::Error& error) {
      error.ThrowAsJavaScriptException();
    } catch (const std::exception& error) {  // no memory for a copy or a list
      napi_throw_range_error(env, nullptr, error.what());
    }
    return nullptr;
  }

  /// run(source, length, output, arrays): now, on this thread. Gives the array it stored if the caller brought none, or the
  /// arrays that several sinks stored; else null.
  napi_value run(napi_env env, const std::shared_ptr<const Kernel>& kernel, const Arguments& arguments) {
    const Signature& signature = kernel->signature;
    const bool stores = signature.output && !arguments.hasOutput;
    Storage storage = stores ? Storage(env, arguments.length * signature.output->bytes) : Storage();
    const int never = 0;
    Call call{};
    call.source = arguments.source.data;
    call.length = arguments.length;
    call.output = stores ? storage.data() : arguments.output.data;
    Storages storages(env, signature.outputs, arguments.length);
    call.outputs = storages.data();
    call.values = control_->scalars;  // the kernel has read its own by then
    call.scalars = control_->scalars;
    call.arrays = arguments.arrays;
    call.around = arguments.hasOutput ? arguments.outputGoesAround(signature) : storage.goesAround() || storages.goAround();
    call.exact = arguments.hasOutput;
    call.stop = &never;
    const unsigned threads = control_->threadCount();
    const Status status = signature.watched ? runWatched(env, *kernel, call, threads) : execute(*kernel, call, threads);
    control_->report(status, call);
    if (stores && status == Status::Done) return storage.take(env, engine_, *signature.output, call.count);
    if (!signature.outputs.empty() && status == Status::Done) return storages.take(env, engine_, signature.outputs, call.count);
    napi_value null;
    napi_get_null(env, &null);
    return null;
  }

  /// start(source, length, output, arrays) → { id, promise of { report, output } }
  napi_value start(napi_env env, const std::shared_ptr<const Kernel>& kernel, const Arguments& arguments) {
    auto run = std::make_unique<Run>(env, engine_, kernel, arguments, *control_);
    const Runs::Started started = runs_.start(env, std::move(run));
    Napi::Object result = Napi::Object::New(env);
    result.Set("id", started.id);
    result.Set("promise", started.promise);
    return result;
  }

  /// stop(id): ends that run soon; nothing if it has ended.
  void stop(const Napi::CallbackInfo& info) {
    if (!info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "stop takes the id of a run");
    runs_.stop(info[0].As<Napi::Number>().DoubleValue());
  }

  /// passed(id): how many elements that run has passed, if it was started with `watched` set; 0 once it has ended.
  Napi::Value passed(const Napi::CallbackInfo& info) {
    if (!info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "passed takes the id of a run");
    return Napi::Number::New(info.Env(), runs_.passed(info[0].As<Napi::Number>().DoubleValue()));
  }

  Napi::Value pins(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), engine_.canPin()); }

  Napi::Value inFlight(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), double(runs_.inFlight())); }

  /// team() → { helped, stalls }: what the process's threads have done
  Napi::Value team(const Napi::CallbackInfo& info) {
    const Team::Usage usage = Team::ofProcess().usage();
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("helped", double(usage.helped));
    result.Set("stalls", double(usage.stalls));
    return result;
  }

  /// move(operation, arrays, numbers, threads) → arrays: what native/table.hpp does
  Napi::Value move(const Napi::CallbackInfo& info) { return table::move(info, engine_); }

  /// moveLater(operation, arrays, numbers, threads) → a promise of arrays
  Napi::Value moveLater(const Napi::CallbackInfo& info) { return table::moveLater(info, engine_); }

  // What native/memory.hpp does.
  Napi::Value room(const Napi::CallbackInfo& info) { return dotcompute::memory::room(info, engine_); }
  Napi::Value memory(const Napi::CallbackInfo& info) { return dotcompute::memory::usage(info); }
  void limitMemory(const Napi::CallbackInfo& info) { dotcompute::memory::limit(info); }
  void trimMemory(const Napi::CallbackInfo& info) { dotcompute::memory::trim(info); }
  Napi::Value release(const Napi::CallbackInfo& info) { return dotcompute::memory::release(info); }

  /// What native/digest.hpp does.
  Napi::Value sha256(const Napi::CallbackInfo& info) { return dotcompute::sha256(info); }

  /// cuda() → what native/cuda.hpp gives
  Napi::Value cuda(const Napi::CallbackInfo& info) { return cuda_.object(info.Env()); }

  /// forgo({ pinning, stores, externals, threads, pauses }): does without these, as on an engine or machine that lacks them.
  void forgo(const Napi::CallbackInfo& info) {
    if (!info[0].IsObject()) throw Napi::TypeError::New(info.Env(), "forgo takes an object");
    const Napi::Object what = info[0].As<Napi::Object>();
    const auto asked = [&](const char* name) { return what.Get(name).ToBoolean().Value(); };
    engine_.forgo(asked("pinning"), asked("stores"), asked("externals"));
    if (asked("pauses")) Team::ofProcess().persist(true);
    if (asked("threads")) runs_.limitThreads(0);
  }
};

}  // namespace dotcompute

using dotcompute::Environment;
NODE_API_ADDON(Environment)
