#include "processor.hpp"

#include <cstdint>
#include <cstdio>
#include <initializer_list>

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

std::vector<std::string> levels() {
  unsigned a = 0, b = 0, c = 0, d = 0, saved = 0, high = 0;
  const auto has = [](unsigned word, std::initializer_list<int> bits) {
    for (const int bit : bits)
      if (!(word >> bit & 1)) return false;
    return true;
  };
  __get_cpuid(1, &a, &b, &c, &d);
  const bool first = has(c, {12, 22, 23, 27, 28, 29});  // fma, movbe, popcnt, osxsave, avx, f16c
  if (first) __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
  a = b = c = d = 0;
  __get_cpuid_count(7, 0, &a, &b, &c, &d);
  const unsigned more = b;
  a = b = c = d = 0;
  __get_cpuid(0x80000001u, &a, &b, &c, &d);
  // bmi, avx2, bmi2; lzcnt; and what the system saves on a task switch.
  const bool v3 = first && has(more, {3, 5, 8}) && has(c, {5}) && has(saved, {1, 2});
  const bool v4 = v3 && has(more, {16, 17, 28, 30, 31}) && has(saved, {5, 6, 7});  // avx512 f, dq, cd, bw, vl
  std::vector<std::string> names;
  if (v4) names.push_back("x86-64-v4");
  if (v3) names.push_back("x86-64-v3");
  names.push_back("x86-64");
  return names;
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

#if defined(__aarch64__)
std::vector<std::string> levels() { return {"arm64"}; }
#elif !defined(__x86_64__) && !defined(__i386__)
std::vector<std::string> levels() { return {"any"}; }
#endif

}  // namespace dotcompute
