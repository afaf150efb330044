// Shared objects whose files may change under the process.
#pragma once

#include <cstddef>
#include <string>
#include <utility>

namespace dotcompute {

/// Keeps hold of a file, whoever removes it. The dynamic linker takes an object for one that is open if their files have the same number,
/// and a system gives the number of a file that nothing holds to the next that is made.
class FileHold {
 public:
  FileHold() = default;
  /// Opens the file, to be held by `hold`.
  explicit FileHold(const std::string& path);
  FileHold(FileHold&& other) noexcept : file_(std::exchange(other.file_, -1)), page_(std::exchange(other.page_, nullptr)), bytes_(other.bytes_) {}
  FileHold& operator=(FileHold&& other) noexcept {
    std::swap(file_, other.file_);
    std::swap(page_, other.page_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~FileHold();

  /// Holds it, without a descriptor. False if the path leads to another file by now, or if the system refuses.
  bool hold(const std::string& path);

 private:
  int file_ = -1;
  void* page_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Puts what an open shared object's file is mapped for into memory of the process's own, at the same addresses: a file that is cut
/// short later would end the process at the next touch of what was cut off. The dynamic linker, and debuggers by its list, still know
/// the object by its file, so that is to be held. No thread may be writing to the object's data. Where the system has no memory for that,
/// or is not Linux, the object stays as it is.
void takeIntoOwnMemory(void* handle);

}  // namespace dotcompute
