// Fibers: stacks of their own, between which one thread of the machine jumps.
//
// A thread of a kernel that waits at a barrier must keep its local variables while the others run,
// so it needs a stack of its own. A switch is a setjmp here and a longjmp there, about 20 ns;
// threads of the operating system would take microseconds and a lock.
#pragma once
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

namespace edudet::emulator {

struct Context {
  ucontext_t start;  // where to begin, for a fiber that has not run yet
  jmp_buf state;     // where to go on
  bool started = true;
};

// Leaves `from` (to be continued later, after this call) and goes on with `to`.
void switch_context(Context& from, Context& to);
// Goes on with `to`; whatever runs now is never continued.
[[noreturn]] void jump_to(Context& to);

struct Fiber {
  Context context;
  char* stack = nullptr;
};

constexpr size_t kStackBytes = 256 << 10;  // reserved; only touched pages exist
constexpr int kMaxFibers = 1024;           // threads in a block

// Fiber `index`, with its stack; prepared to start at `entry` if it is new or after
// forget_fibers().
Fiber& fiber(int index, void (*entry)());
// All fibers will start anew: their present work is given up in the middle.
void forget_fibers();
// All stacks lie in [first, first + kMaxFibers * kStackBytes).
uintptr_t first_stack();

}  // namespace edudet::emulator
