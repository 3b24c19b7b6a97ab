// The engine: runs the blocks of a grid one after the other, and the threads of a block as fibers.
//
// A thread runs until it ends or waits (for the block at a barrier, for its warp at a warp
// operation). When it ends, its fiber takes the next thread that has not begun, so that a kernel
// without barriers needs one fiber and is a plain loop over its threads. When it waits, another
// thread goes on. When nobody can go on, resolve() decides what the block is waiting for: open the
// barrier, or report that they wait for something that never comes.
#define EDUDET_ENGINE
#include "engine.h"

#include <pthread.h>

#include <mutex>
#include <numeric>

#include "block.h"
#include "checker.h"
#include "fiber.h"
#include "machine.h"

namespace edudet::emulator {

Place place;
Options options;
Block block;

namespace {

Context scheduler;
Failure failure;
std::mutex machine;  // there is one; launches from several threads queue up
volatile bool kernel_runs = false;
pthread_t runner;  // the thread of the operating system that runs it
size_t dynamic_limit = kSharedDefault;

void set_thread(int t) {
  const dim3 n = place.block_size;
  place.linear = unsigned(t);
  place.thread = {t % n.x, t / n.x % n.y, t / (n.x * n.y)};
  block.threads[t].state = State::kRunning;
  checker::enter_thread(t);
}

[[noreturn]] void fiber_main();

void go_on(Context& from, int t, Fiber& f) {
  set_thread(t);
  switch_context(from, f.context);
}

int take_fiber() {
  if (block.idle_fibers.empty()) return block.fibers++;
  const int f = block.idle_fibers.back();
  block.idle_fibers.pop_back();
  return f;
}

// Goes on with some thread that can run, and comes back when somebody returns here. False: nobody
// can.
bool run_another(Context& from) {
  if (!block.ready.empty()) {
    const int t = block.ready.back();
    block.ready.pop_back();
    go_on(from, t, fiber(block.threads[t].fiber, fiber_main));
    return true;
  }
  if (block.begun < block.size) {
    const int t = block.order[block.begun++];
    block.threads[t].fiber = take_fiber();
    go_on(from, t, fiber(block.threads[t].fiber, fiber_main));
    return true;
  }
  return false;
}

void run_thread() {
  bool threw = false;
  try {
    block.body(block.arguments);
  } catch (...) {
    threw = true;
  }
  if (threw) {
    abandon(cudaErrorLaunchFailure, "exception", "the kernel threw a C++ exception", {nullptr, 0},
            nullptr);
  }
  block.threads[place.linear].state = State::kDone;
  block.live--;
}

void fiber_main() {
  for (;;) {
    const int mine = block.threads[place.linear].fiber;
    run_thread();
    if (block.begun < block.size) {
      const int t = block.order[block.begun++];
      block.threads[t].fiber = mine;
      set_thread(t);
      continue;
    }
    block.idle_fibers.push_back(mine);
    Context& here = fiber(mine, fiber_main).context;
    if (!run_another(here)) switch_context(here, scheduler);
  }
}

void order_threads() {
  std::iota(block.order.begin(), block.order.end(), 0);
  if (!options.shuffle) return;
  for (size_t i = block.order.size(); i > 1; i--) {
    std::swap(block.order[i - 1], block.order[block.random.below(i)]);
  }
}

void reset_block() {
  order_threads();
  block.threads.assign(size_t(block.size), Thread{});
  for (Warp& w : block.warps) {
    for (Meeting& m : w.meetings) m.open = false, m.unread = 0;
  }
  block.ready.clear();
  block.begun = block.at_barrier = block.votes = 0;
  block.live = block.size;
  fill_shared_memory();
}

bool run_block() {
  reset_block();
  checker::begin_block();
  while (block.live > 0 && !block.failed) {
    if (!run_another(scheduler) && !resolve()) break;
  }
  if (block.failed) {  // fibers that were left in the middle
    forget_fibers();
    block.idle_fibers.clear();
    block.fibers = 0;
  }
  checker::end_block();
  return !block.failed;
}

// Visits 0 .. n - 1 in order, or scattered by an affine map that needs no memory.
uint64_t scatter(uint64_t i, uint64_t n, Random random) {
  if (!options.shuffle) return i;
  uint64_t step = random.below(n) | 1;
  while (std::gcd(step, n) != 1) step += 2;
  return uint64_t((__uint128_t(i) * step + random.below(n)) % n);
}

std::string refusal(const Configuration& c) {
  const dim3 g = c.grid, b = c.block;
  const uint64_t threads = uint64_t(b.x) * b.y * b.z;
  if (threads == 0) return "the block " + text_of(b) + " has no threads";
  if (g.x == 0 || g.y == 0 || g.z == 0) return "the grid " + text_of(g) + " has no blocks";
  if (threads > kMaxThreads || b.x > 1024 || b.y > 1024 || b.z > 64) {
    return "the block " + text_of(b) + " has more than 1024 threads or is deeper than 64";
  }
  if (g.x > 2147483647u || g.y > 65535 || g.z > 65535) {
    return "the grid " + text_of(g) + " is larger than (2147483647, 65535, 65535)";
  }
  if (c.shared > kSharedBytes)
    return std::to_string(c.shared) + " bytes of shared memory, over 227 KB";
  if (c.shared > dynamic_limit) {
    return std::to_string(c.shared) +
           " bytes of dynamic shared memory, over 48 KB: raise the limit with cudaFuncSetAttribute";
  }
  return "";
}

void prepare(const char* kernel, const Configuration& c, void (*body)(void*), void* arguments) {
  make_arena();
  block.kernel = kernel;
  block.body = body;
  block.arguments = arguments;
  block.failed = false;
  block.size = int(c.block.x * c.block.y * c.block.z);
  block.dynamic_bytes = c.shared;
  block.arena_used = block.static_bytes = 0;
  block.order.resize(size_t(block.size));
  block.warps.resize(size_t(block.size + kWarp - 1) / kWarp);
  for (size_t w = 0; w < block.warps.size(); w++) {
    const int lanes = block.size - int(w) * kWarp;
    block.warps[w].lanes = lanes >= kWarp ? ~0u : (1u << lanes) - 1;
  }
  block.launch++;
  place.grid = c.grid;
  place.block_size = c.block;
}

void run_grid(const Configuration& c) {
  const uint64_t n = uint64_t(c.grid.x) * c.grid.y * c.grid.z;
  for (uint64_t i = 0; i < n; i++) {
    const uint64_t b = scatter(i, n, {options.seed});
    place.block = {unsigned(b % c.grid.x), unsigned(b / c.grid.x % c.grid.y),
                   unsigned(b / c.grid.x / c.grid.y)};
    block.random = {options.seed * 0x9e3779b97f4a7c15u + b};
    if (!run_block()) return;
  }
}

}  // namespace

bool running() { return kernel_runs && pthread_equal(runner, pthread_self()); }

void wait(State state, const char* name, Site site) {
  Thread& me = block.threads[place.linear];
  me.state = state;
  me.waits_for = name;
  me.site = site;
  Context& here = fiber(me.fiber, fiber_main).context;
  if (!run_another(here)) switch_context(here, scheduler);
}

void make_ready(int t) {
  block.threads[t].state = State::kReady;
  block.ready.push_back(t);
}

void record(cudaError_t code, const char* kind, const std::string& message, Site site,
            const void* address, bool of_thread) {
  block.failed = true;
  failure = {code,        kind, message,   block.kernel, place.thread,
             place.block, true, of_thread, address,      site};
  checker::fault(kind, message, site, address, of_thread);
}

std::string text_of_site(Site site) {
  return std::string(site.file ? site.file : "?") + ":" + std::to_string(site.line);
}

std::string text_of(uint3 i) {
  return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

Failure& last_failure() { return failure; }

std::string Failure::text() const {
  std::string text = kernel.empty() ? "" : kernel + ": ";
  text += (kind.empty() ? "" : kind + ": ") + message;
  if (of_thread) text += ", thread " + text_of(thread);
  if (in_kernel) text += (of_thread ? " of block " : ", block ") + text_of(block);
  if (site.file) text += ", at " + text_of_site(site);
  return text;
}

void abandon(cudaError_t code, const char* kind, const std::string& message, Site site,
             const void* address) {
  record(code, kind, message, site, address, true);
  jump_to(scheduler);
}

void fail_outside(cudaError_t code, const std::string& message) {
  failure = Failure{};
  failure.code = code;
  failure.message = message;
}

void check_time(const void* from) {
  if (!time_is_up || !running()) return;
  abandon(cudaErrorLaunchTimeout, "time limit",
          "the kernel did not end within its time limit; does a loop never end?", {nullptr, 0},
          from ? from : __builtin_return_address(0));
}

void launch(const char* kernel, const Configuration& c, void (*body)(void*), void* arguments) {
  if (running()) {
    abandon(cudaErrorNotSupported, "not supported", "a kernel that launches a kernel", {nullptr, 0},
            __builtin_return_address(0));
  }
  std::lock_guard<std::mutex> lock(machine);
  const std::string problem = refusal(c);
  if (!problem.empty()) {
    fail_outside(cudaErrorInvalidConfiguration, problem);
    failure.kernel = kernel;
    return;
  }
  prepare(kernel, c, body, arguments);
  checker::begin_launch(kernel, c, reinterpret_cast<const void*>(body));
  if (c.shared)
    checker::shared_region(block.arena + kArenaBytes / 2, c.shared, "dynamic shared memory");
  {
    FaultGuard guard(reinterpret_cast<const void*>(body), options.time_limit);
    runner = pthread_self();
    kernel_runs = true;
    run_grid(c);
    kernel_runs = false;
  }
  checker::end_launch();
}

void memory_fence() { checker::fence(); }

void stop(const char* message, Site site) {
  abandon(cudaErrorAssert, "assertion", message, site, __builtin_return_address(0));
}

void watch_atomic(const volatile void* address, size_t bytes, const void* from) {
  checker::atomic(const_cast<const void*>(address), bytes, from);
}

void watch(const void* address, size_t bytes, bool write, bool aligned, const void* from) {
  if (bytes) checker::access(address, bytes, write, aligned, from);
}

void raise_dynamic_limit(size_t bytes) {
  if (bytes > dynamic_limit) dynamic_limit = bytes;
}

}  // namespace edudet::emulator

extern "C" EDUDET_API void edudet_assert_fail(const char* condition, const char* file,
                                              unsigned line, const char*) {
  edudet::emulator::stop((std::string("assertion failed: ") + condition).c_str(),
                         {file, int(line)});
}
