#include "own-memory.hpp"

#ifdef __linux__

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace dotcompute {

namespace {

/// What is looked for among all objects of the process.
struct Sought {
  ElfW(Addr) base;
  std::uintptr_t page;
};

/// At the same addresses; the old pages are given up in the same step.
bool replace(std::uintptr_t begin, std::uintptr_t end, int protection) {
  const std::size_t bytes = end - begin;
  void* copy = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED) return false;
  std::memcpy(copy, reinterpret_cast<const void*>(begin), bytes);
  if (mprotect(copy, bytes, protection) == 0 && mremap(copy, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, reinterpret_cast<void*>(begin)) != MAP_FAILED) return true;
  munmap(copy, bytes);
  return false;
}

int replaceSegments(dl_phdr_info* info, std::size_t, void* data) {
  const Sought& sought = *static_cast<const Sought*>(data);
  if (info->dlpi_addr != sought.base) return 0;
  const auto down = [&](std::uintptr_t address) { return address & ~(sought.page - 1); };
  for (int at = 0; at < info->dlpi_phnum; ++at) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[at];
    if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_R)) continue;
    const std::uintptr_t address = info->dlpi_addr + segment.p_vaddr;
    const int protection = PROT_READ | (segment.p_flags & PF_W ? PROT_WRITE : 0) | (segment.p_flags & PF_X ? PROT_EXEC : 0);
    // What lies behind the file's part is no file's already.
    if (!replace(down(address), down(address + segment.p_filesz + sought.page - 1), protection)) return 1;
  }
  // What the dynamic linker has written, nobody else is to write.
  for (int at = 0; at < info->dlpi_phnum; ++at) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[at];
    if (segment.p_type != PT_GNU_RELRO) continue;
    const std::uintptr_t begin = down(info->dlpi_addr + segment.p_vaddr);
    const std::uintptr_t end = down(info->dlpi_addr + segment.p_vaddr + segment.p_memsz);
    if (end > begin) mprotect(reinterpret_cast<void*>(begin), end - begin, PROT_READ);
  }
  return 1;
}

}  // namespace

FileHold::FileHold(const std::string& path) : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}

FileHold::~FileHold() {
  if (file_ >= 0) close(file_);
  if (page_) munmap(page_, bytes_);
}

bool FileHold::hold(const std::string& path) {
  struct stat own, named;
  if (file_ < 0 || fstat(file_, &own) != 0 || stat(path.c_str(), &named) != 0 || own.st_dev != named.st_dev || own.st_ino != named.st_ino) return false;
  // Nobody ever touches it, so it does not matter whether the file is cut short.
  bytes_ = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const page = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE, file_, 0);
  if (page == MAP_FAILED) return false;
  page_ = page;
  close(std::exchange(file_, -1));
  return true;
}

void takeIntoOwnMemory(void* handle) {
  link_map* map = nullptr;
  if (dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0 || !map) return;
  Sought sought{map->l_addr, static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE))};
  dl_iterate_phdr(replaceSegments, &sought);
}

}  // namespace dotcompute

#else

namespace dotcompute {

FileHold::FileHold(const std::string&) {}
FileHold::~FileHold() = default;
bool FileHold::hold(const std::string&) { return false; }

void takeIntoOwnMemory(void*) {}

}  // namespace dotcompute

#endif
