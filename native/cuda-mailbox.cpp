#include "cuda-mailbox.hpp"

#include <utility>

namespace dotcompute::cuda {

void Mailbox::open(Napi::Env env) {
  if (wake_) return;
  napi_value name = Napi::String::New(env, "dotcompute CUDA");
  const auto deliver = [](napi_env environment, napi_value, void* self, void*) {
    if (!environment) return;
    const Napi::HandleScope scope(environment);
    static_cast<Mailbox*>(self)->deliver(environment);
  };
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this, deliver, &wake_) != napi_ok)
    throw Napi::Error::New(env);
  napi_unref_threadsafe_function(env, wake_);
}

Mailbox::Promised Mailbox::begin(Napi::Env env) {
  napi_deferred deferred;
  napi_value promise;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) throw Napi::Error::New(env);
  const double ticket = ++lastTicket_;
  open_.emplace(ticket, deferred);
  if (open_.size() == 1) napi_ref_threadsafe_function(env, wake_);
  return {ticket, promise};
}

void Mailbox::withdraw(Napi::Env env, double ticket) {
  const auto found = open_.find(ticket);
  if (found == open_.end()) return;
  napi_value undefined;
  napi_get_undefined(env, &undefined);
  napi_resolve_deferred(env, found->second, undefined);
  open_.erase(found);
  if (open_.empty()) napi_unref_threadsafe_function(env, wake_);
}

void Mailbox::resolve(double ticket, Value value) { post({ticket, std::move(value), std::nullopt}); }

void Mailbox::reject(double ticket, Failure failure) { post({ticket, nullptr, std::move(failure)}); }

void Mailbox::post(Letter letter) {
  const std::lock_guard lock(mutex_);
  if (closed_) return;
  letters_.push_back(std::move(letter));
  napi_call_threadsafe_function(wake_, nullptr, napi_tsfn_nonblocking);
}

void Mailbox::close() {
  std::vector<Letter> dropped;
  const std::lock_guard lock(mutex_);
  closed_ = true;
  dropped.swap(letters_);
}

void Mailbox::deliver(Napi::Env env) {
  std::vector<Letter> letters;
  {
    const std::lock_guard lock(mutex_);
    letters.swap(letters_);
  }
  for (Letter& letter : letters) {
    const auto found = open_.find(letter.ticket);
    if (found == open_.end()) continue;
    const napi_deferred deferred = found->second;
    open_.erase(found);
    if (open_.empty()) napi_unref_threadsafe_function(env, wake_);
    try {
      try {
        if (letter.failure) throw letter.failure->error(env);
        napi_resolve_deferred(env, deferred, letter.value ? letter.value(env) : Napi::Value(env.Undefined()));
      } catch (const Napi::Error& error) {
        napi_reject_deferred(env, deferred, error.Value());
      }
    } catch (const Napi::Error&) {
      // The environment is being terminated: nobody is left to hear of it.
    }
  }
}

}  // namespace dotcompute::cuda
