// What the process that loads the addon may have, or not: functions of Node's, by name.
#pragma once

#include <dlfcn.h>

namespace dotcompute {

/// Null where the process has none of that name.
template <typename Function>
void find(Function& function, const char* symbol) {
  function = reinterpret_cast<Function>(dlsym(RTLD_DEFAULT, symbol));
}

}  // namespace dotcompute
