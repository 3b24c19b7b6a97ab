// Shared memory: an arena, in which every variable has its place for the time of a launch.
#define EDUDET_ENGINE
#include <new>

#include "block.h"
#include "checker.h"

namespace edudet::emulator {

namespace {

struct SharedVariable {
  size_t offset = 0, bytes = 0;
  uint64_t launch = 0;
};

std::vector<SharedVariable> shared_variables(1);  // slot 0 means: has no slot yet

}  // namespace

void make_arena() {
  if (block.arena) return;
  block.arena = static_cast<char*>(operator new(kArenaBytes, std::align_val_t(4096)));
}

void* shared_variable(int* slot, size_t bytes, size_t align, const char* name) {
  if (*slot == 0) {
    *slot = int(shared_variables.size());
    shared_variables.emplace_back();
  }
  SharedVariable& variable = shared_variables[size_t(*slot)];
  if (variable.launch == block.launch) return block.arena + variable.offset;
  block.static_bytes += bytes;
  if (block.static_bytes > kSharedDefault ||
      block.static_bytes + block.dynamic_bytes > kSharedBytes) {
    abandon(cudaErrorInvalidConfiguration, "too much shared memory",
            std::to_string(block.static_bytes) +
                " bytes of static shared memory (48 KB at most) and " +
                std::to_string(block.dynamic_bytes) + " of dynamic",
            {nullptr, 0}, nullptr);
  }
  // Every variable begins at bank 0, with a gap before the next in which an overrun is noticed.
  const size_t unit = align > 128 ? align : 128;
  variable.offset = (block.arena_used + kGap + unit - 1) / unit * unit;
  if (variable.offset + bytes > kArenaBytes / 2) {
    abandon(cudaErrorInvalidConfiguration, "too much shared memory", "too many shared variables",
            {nullptr, 0}, nullptr);
  }
  variable.bytes = bytes;
  variable.launch = block.launch;
  block.arena_used = variable.offset + bytes;
  __builtin_memset(block.arena + variable.offset, 0xff, bytes);
  checker::shared_region(block.arena + variable.offset, bytes, name);
  return block.arena + variable.offset;
}

void* dynamic_shared_memory(const char* name) {
  make_arena();
  if (block.dynamic_bytes) {
    checker::rename_region(block.arena + kArenaBytes / 2, name);
  }
  return block.arena + kArenaBytes / 2;
}

void fill_shared_memory() {
  // It begins with garbage. All ones is NaN in every floating-point type and -1 in integers.
  __builtin_memset(block.arena, 0xff, block.arena_used);
  __builtin_memset(block.arena + kArenaBytes / 2, 0xff, block.dynamic_bytes);
}

}  // namespace edudet::emulator
