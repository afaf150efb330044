#include <cstring>

#include "ordered.hpp"

namespace dotcompute {

namespace {

constexpr std::size_t CACHE_LINE = 64;

std::size_t outputsOf(const Signature& signature) { return (signature.output ? 1 : 0) + signature.outputs.size(); }

std::size_t addressBytesOf(const Signature& signature) {
  return (outputsOf(signature) * sizeof(void*) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

std::size_t roomBytesOf(const Signature& signature, std::uint64_t part) {
  std::size_t bytes = signature.output ? signature.output->bytes : 0;
  for (const Element* output : signature.outputs) bytes += output->bytes;
  return addressBytesOf(signature) + bytes * part;
}

}  // namespace

Compaction::Compaction(const Signature& signature, const Call& call, std::uint64_t part, std::uint64_t parts)
    : Ordered(parts, roomBytesOf(signature, part)), call_(call), part_(part), addressBytes_(addressBytesOf(signature)), starts_(parts + 1) {
  if (signature.output) {
    bytes_.push_back(signature.output->bytes);
    outputs_.push_back(static_cast<char*>(call.output));
  }
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    bytes_.push_back(signature.outputs[i]->bytes);
    outputs_.push_back(static_cast<char*>(call.outputs[i]));
  }
}

Call Compaction::place(std::uint64_t part, char* room, bool direct) {
  void** const addresses = reinterpret_cast<void**>(room);
  char* next = room + addressBytes_;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    addresses[i] = direct ? outputs_[i] + starts_[part] * bytes_[i] : next;
    next += part_ * bytes_[i];
  }
  Call call = call_;
  call.output = addresses[0];
  call.outputs = addresses;
  call.exact = direct && call_.exact;
  return call;
}

void Compaction::settle(std::uint64_t part, char* room) {
  const std::uint64_t count = starts_[part + 1] - starts_[part];
  const char* next = room + addressBytes_;
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    std::memcpy(outputs_[i] + starts_[part] * bytes_[i], next, count * bytes_[i]);
    next += part_ * bytes_[i];
  }
}

void Compaction::advance(std::uint64_t part, const Outcome& outcome, bool) { starts_[part + 1] = starts_[part] + outcome.count; }

}  // namespace dotcompute
