// A compiled kernel's shared object, and what its entry point takes.
#pragma once

#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "rt/abi.hpp"

namespace dotcompute {

/// An open shared object. Closed when the last kernel and the last run that use it are gone.
class Library {
 public:
  /// Throws Napi::Error with the dynamic linker's words. `mapped`: it stays mapped from its file, for tools that look for code there.
  static std::shared_ptr<Library> open(Napi::Env env, const std::string& path, bool mapped);
  ~Library();
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  Entry entry(Napi::Env env, const std::string& symbol) const;

 private:
  Library(void* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  void* handle_;
  std::string path_;
};

/// An element type, as the signature of a kernel names it.
struct Element {
  napi_typedarray_type type;
  std::size_t bytes;
  const char* array;

  /// Null if there is no such element type.
  static const Element* named(const std::string& name);
};

/// How parts of a run become the whole.
enum class Sharing {
  /// It has no parts.
  None,
  /// Each stores its own elements.
  Map,
  /// What they keep is put behind one another.
  Filter,
  /// Their values are joined by the kernel, or summed up.
  Reduce,
  Fold,
  Count,
  /// The first or the last that found something.
  First,
  Last,
  /// Each needs what is carried on by those before it.
  Scan,
};

struct Signature {
  const Element* source = nullptr;  // null: a range
  const Element* output = nullptr;  // null: the sink is not one array
  std::vector<const Element*> outputs;  // several array sinks
  std::size_t values = 0;               // several reduce sinks: how many
  std::size_t scalars = 0;
  std::vector<const Element*> arrays;
  Sharing sharing = Sharing::None;
  unsigned weight = 1;  // about how many operations an element takes
  bool watched = false;  // a run may never end by itself, and its environment may end before

  static Signature from(const Napi::Object& description);
};

/// What a kernel's JavaScript functions hold.
struct Kernel {
  std::shared_ptr<Library> library;
  Entry entry;
  Signature signature;
};

}  // namespace dotcompute
