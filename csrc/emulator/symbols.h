// Names of functions and variables, from the symbol table in the file of a library. (dladdr knows
// only those that a library exports, and libraries of kernels export nothing of theirs.)
#pragma once
#include <stddef.h>
#include <stdint.h>

namespace edudet::emulator {

struct Symbol {
  const char* name = nullptr;  // null: not found
  uintptr_t begin = 0;
  size_t bytes = 0;
};

// The function or variable of the library's that holds the address. The file is read when the
// library is asked of for the first time.
Symbol find_symbol(const void* address);

}  // namespace edudet::emulator
