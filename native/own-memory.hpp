// Shared objects whose files may change under the process.
#pragma once

namespace dotcompute {

/// Puts what an open shared object's file is mapped for into memory of the process's own, at the same addresses: a file that is cut
/// short later would end the process at the next touch of what was cut off. The dynamic linker, and debuggers by its list, still know
/// the object by its file. No thread may be writing to the object's data. Where the system has no memory for that, or is not Linux,
/// the object stays as it is.
void takeIntoOwnMemory(void* handle);

}  // namespace dotcompute
