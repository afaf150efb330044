#include "processor.hpp"

#include <cstdint>
#include <cstdio>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#elif defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace dotcompute {

namespace {

[[maybe_unused]] void append(std::string& text, std::uint64_t bits) {
  char hex[24];
  std::snprintf(hex, sizeof hex, "-%llx", static_cast<unsigned long long>(bits));
  text += hex;
}

}  // namespace

#if defined(__x86_64__) || defined(__i386__)

std::string processor() {
  std::string text = "x86";
  unsigned a = 0, b = 0, c = 0, d = 0;
  // ebx of leaf 1 says on which core this runs: left out.
  __get_cpuid(1, &a, &b, &c, &d);
  for (const unsigned word : {a, c, d}) append(text, word);
  const bool savesState = (c & (1u << 27)) != 0;
  for (const unsigned subleaf : {0u, 1u}) {
    a = b = c = d = 0;
    __get_cpuid_count(7, subleaf, &a, &b, &c, &d);
    for (const unsigned word : {a, b, c, d}) append(text, word);
  }
  a = b = c = d = 0;
  __get_cpuid_count(13, 1, &a, &b, &c, &d);
  append(text, a);
  a = b = c = d = 0;
  __get_cpuid(0x80000001u, &a, &b, &c, &d);
  for (const unsigned word : {c, d}) append(text, word);
  if (savesState) {
    // What the system saves on a task switch: an ability without it must not be used.
    unsigned low = 0, high = 0;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    append(text, (std::uint64_t(high) << 32) | low);
  }
  return text;
}

#elif defined(__linux__)

std::string processor() {
  std::string text = "machine";
  append(text, getauxval(AT_HWCAP));
#ifdef AT_HWCAP2
  append(text, getauxval(AT_HWCAP2));
#endif
  return text;
}

#elif defined(__APPLE__)

std::string processor() {
  char brand[128] = "apple";
  std::size_t size = sizeof brand;
  sysctlbyname("machdep.cpu.brand_string", brand, &size, nullptr, 0);
  return brand;
}

#else

std::string processor() { return "unknown"; }

#endif

}  // namespace dotcompute
