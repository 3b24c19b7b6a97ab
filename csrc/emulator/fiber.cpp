#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace edudet::emulator {

namespace {

Fiber fibers[kMaxFibers];
bool ready[kMaxFibers];  // has a stack and a valid context
char* slab = nullptr;

char* stacks() {
  if (slab) return slab;
  void* memory = mmap(nullptr, kMaxFibers * kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return slab = static_cast<char*>(memory);
}

}  // namespace

void jump_to(Context& to) {
  if (!to.started) {
    to.started = true;
    setcontext(&to.start);
  }
  _longjmp(to.state, 1);  // unlike longjmp it leaves the signal mask alone: no system call
}

void switch_context(Context& from, Context& to) {
  if (_setjmp(from.state) == 0) jump_to(to);
}

Fiber& fiber(int index, void (*entry)()) {
  Fiber& f = fibers[index];
  if (ready[index]) return f;
  if (!f.stack) {
    f.stack = stacks() + index * kStackBytes;
    // The lowest page is out of bounds: a stack that overflows faults instead of writing on.
    mprotect(f.stack, size_t(sysconf(_SC_PAGESIZE)), PROT_NONE);
  }
  getcontext(&f.context.start);
  f.context.start.uc_stack.ss_sp = f.stack;
  f.context.start.uc_stack.ss_size = kStackBytes;
  f.context.start.uc_link = nullptr;
  makecontext(&f.context.start, entry, 0);
  f.context.started = false;
  ready[index] = true;
  return f;
}

void forget_fibers() {
  for (bool& r : ready) r = false;
}

uintptr_t first_stack() { return reinterpret_cast<uintptr_t>(stacks()); }

}  // namespace edudet::emulator
