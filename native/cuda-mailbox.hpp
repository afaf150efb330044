// Promises that threads settle.
#pragma once

#include <napi.h>

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "cuda-failure.hpp"

namespace dotcompute::cuda {

/// Of one environment. While a promise is open the process stays alive.
class Mailbox {
 public:
  /// Makes a promise's value, on the environment's own thread.
  using Value = std::function<napi_value(Napi::Env)>;

  struct Promised {
    double ticket;
    napi_value promise;
  };

  /// On the environment's thread, before anything else.
  void open(Napi::Env env);
  Promised begin(Napi::Env env);
  /// Takes a promise back that will not be settled because its task could not be handed over.
  void withdraw(Napi::Env env, double ticket);
  /// From any thread.
  void resolve(double ticket, Value value);
  void reject(double ticket, Failure failure);
  /// Drops what nobody has heard of yet, and all that comes.
  void close();

 private:
  struct Letter {
    double ticket;
    Value value;
    std::optional<Failure> failure;
  };

  napi_threadsafe_function wake_ = nullptr;
  std::map<double, napi_deferred> open_;
  double lastTicket_ = 0;
  std::mutex mutex_;
  std::vector<Letter> letters_;
  bool closed_ = false;

  void post(Letter letter);
  void deliver(Napi::Env env);
};

}  // namespace dotcompute::cuda
