#include "table.hpp"

#include <exception>
#include <memory>
#include <string>

#include "arguments.hpp"
#include "library.hpp"
#include "runs.hpp"
#include "table-codes.hpp"
#include "table-group.hpp"
#include "table-join.hpp"
#include "table-rows.hpp"
#include "table-select.hpp"
#include "table-sort.hpp"
#include "table-spread.hpp"

namespace dotcompute::table {

namespace {

using Operation = Results (*)(const Request&);

struct Named {
  const char* name;
  Operation operation;
};

constexpr Named OPERATIONS[] = {
    {"sort", sort}, {"order", order}, {"select", select}, {"codes", codes}, {"firsts", firsts}, {"buckets", buckets}, {"join", join}, {"match", match}, {"common", common}, {"rows", rows}, {"reverse", reverse}, {"aggregate", aggregate}, {"group", group}, {"spread", spread},
};

Operation operationNamed(Napi::Env env, const std::string& name) {
  for (const Named& named : OPERATIONS)
    if (name == named.name) return named.operation;
  throw Napi::TypeError::New(env, "there is no table operation " + name);
}

constexpr Kind KINDS[] = {Kind::I8, Kind::U8, Kind::U8C, Kind::I16, Kind::U16, Kind::I32, Kind::U32, Kind::F32, Kind::F64, Kind::I64, Kind::U64};
constexpr const char* NAMES[] = {"i8", "u8", "u8c", "i16", "u16", "i32", "u32", "f32", "f64", "i64", "u64"};

/// The order of Node-API's own enumeration, on which `KINDS` relies.
static_assert(napi_int8_array == 0 && napi_uint8_clamped_array == 2 && napi_float32_array == 7 && napi_biguint64_array == 10);

/// `held`: where the memory is to be held until the operation has ended; null for one that ends before JavaScript runs again.
Column columnOf(Napi::Env env, const Engine& engine, napi_value value, std::vector<Held>* held) {
  napi_typedarray_type type;
  View view;
  if (napi_get_typedarray_info(env, value, &type, &view.length, &view.data, &view.buffer, nullptr) != napi_ok || type > napi_biguint64_array)
    throw Napi::TypeError::New(env, "a column must be a typed array");
  const Kind kind = KINDS[type];
  if (reinterpret_cast<std::uintptr_t>(view.data) % bytesOf(kind) != 0) throw Napi::RangeError::New(env, "a column is not aligned to its elements in memory");
  if (view.length >= NONE) throw Napi::RangeError::New(env, "a table has fewer than " + std::to_string(NONE) + " rows");
  if (!held) return {kind, view.data, view.length};
  held->emplace_back(env, engine, view, view.length * bytesOf(kind), false);
  return {kind, held->back().data(), view.length};
}

/// The arguments of a call behind the operation's name: arrays, numbers, and by how many threads it may be shared.
Request requestOf(const Napi::CallbackInfo& info, const Engine& engine, std::vector<Held>* held) {
  const Napi::Env env = info.Env();
  const Napi::Value arrays = info[1], numbers = info[2];
  if (!arrays.IsArray() || !numbers.IsArray()) throw Napi::TypeError::New(env, "a table operation takes an array of typed arrays and one of numbers");
  Request request;
  const Napi::Array columns = arrays.As<Napi::Array>(), values = numbers.As<Napi::Array>();
  for (std::uint32_t at = 0; at < columns.Length(); ++at) request.arrays.push_back(columnOf(env, engine, columns.Get(at), held));
  for (std::uint32_t at = 0; at < values.Length(); ++at) {
    const Napi::Value value = values.Get(at);
    if (!value.IsNumber()) throw Napi::TypeError::New(env, "the numbers of a table operation must be numbers");
    request.numbers.push_back(value.As<Napi::Number>().DoubleValue());
  }
  const double threads = info[3].IsNumber() ? info[3].As<Napi::Number>().DoubleValue() : 1;
  if (threads >= 1 && threads <= 256) request.threads = unsigned(threads);
  return request;
}

Napi::Value given(Napi::Env env, const Engine& engine, Results results) {
  Napi::Array arrays = Napi::Array::New(env, results.size());
  for (std::uint32_t at = 0; at < results.size(); ++at) {
    Result& result = results[at];
    arrays.Set(at, Napi::Value(env, result.memory.take(env, engine, *Element::named(NAMES[std::size_t(result.kind)]), result.count)));
  }
  return arrays;
}

/// Throws what an operation has thrown as an error of JavaScript's.
[[noreturn]] void rethrow(Napi::Env env, const std::exception_ptr& fault) {
  try {
    std::rethrow_exception(fault);
  } catch (const std::invalid_argument& error) {
    throw Napi::TypeError::New(env, error.what());
  } catch (const std::out_of_range& error) {
    throw Napi::RangeError::New(env, error.what());
  } catch (const std::bad_alloc&) {
    throw Napi::RangeError::New(env, "Array buffer allocation failed: no memory to move rows in");
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

Operation operationOf(const Napi::CallbackInfo& info) {
  if (!info[0].IsString()) throw Napi::TypeError::New(info.Env(), "move takes the name of a table operation, arrays and numbers");
  return operationNamed(info.Env(), info[0].As<Napi::String>());
}

/// An operation on another thread. Unlike a kernel it ends by itself, so that Node may wait for it.
class Later : public Napi::AsyncWorker {
 public:
  Later(const Napi::CallbackInfo& info, const Engine& engine)
      : AsyncWorker(info.Env(), "dotcompute"),
        engine_(engine),
        operation_(operationOf(info)),
        request_(requestOf(info, engine, &held_)),
        deferred_(Napi::Promise::Deferred::New(info.Env())) {}

  Napi::Promise promise() const { return deferred_.Promise(); }

  void Execute() override {
    try {
      results_ = operation_(request_);
    } catch (...) {
      fault_ = std::current_exception();
    }
  }

  void OnOK() override {
    try {
      if (fault_) rethrow(Env(), fault_);
      deferred_.Resolve(given(Env(), engine_, std::move(results_)));
    } catch (const Napi::Error& error) {
      deferred_.Reject(error.Value());
    }
  }

 private:
  const Engine& engine_;
  std::vector<Held> held_;
  Operation operation_;
  Request request_;
  Results results_;
  std::exception_ptr fault_;
  Napi::Promise::Deferred deferred_;
};

}  // namespace

Napi::Value move(const Napi::CallbackInfo& info, const Engine& engine) {
  const Operation operation = operationOf(info);
  const Request request = requestOf(info, engine, nullptr);
  Results results;
  try {
    results = operation(request);
  } catch (...) {
    rethrow(info.Env(), std::current_exception());
  }
  return given(info.Env(), engine, std::move(results));
}

Napi::Value moveLater(const Napi::CallbackInfo& info, const Engine& engine) {
  auto later = std::make_unique<Later>(info, engine);
  const Napi::Promise promise = later->promise();
  later->Queue();
  later.release();  // ends itself
  return promise;
}

}  // namespace dotcompute::table
