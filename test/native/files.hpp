// Whole files for test programs, by C's own functions: C++'s headers would take longer to compile than the kernels.
#pragma once

#include <stdio.h>
#include <stdlib.h>

struct File {
  char* bytes;
  size_t size;
};

inline File read_file(const char* path) {
  FILE* file = fopen(path, "rb");
  if (file == nullptr) abort();
  fseek(file, 0, SEEK_END);
  const size_t size = size_t(ftell(file));
  rewind(file);
  char* bytes = (char*)malloc(size + 1);
  if (fread(bytes, 1, size, file) != size) abort();
  fclose(file);
  return {bytes, size};
}

inline void write_file(const char* path, const void* bytes, size_t size) {
  FILE* file = fopen(path, "wb");
  if (file == nullptr || fwrite(bytes, 1, size, file) != size) abort();
  fclose(file);
}
