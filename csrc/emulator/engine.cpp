// The engine: runs the blocks of a grid one after the other, and the threads of a block as fibers.
//
// A thread runs until it ends or waits (for the block at a barrier, for its warp at a warp
// operation). When it ends, its fiber takes the next thread that has not begun, so that a kernel
// without barriers needs one fiber and is a plain loop over its threads. When it waits, another
// thread goes on. When nobody can go on, resolve() decides what the block is waiting for: open the
// barrier, or report that they wait for something that never comes.
#define EDUDET_ENGINE
#include "engine.h"

#include <mutex>
#include <numeric>
#include <vector>

#include "checker.h"
#include "fiber.h"
#include "machine.h"

namespace edudet::emulator {

Place place;
Options options;

namespace {

enum class State : uint8_t {
  kNew,
  kRunning,
  kReady,
  kAtBarrier,
  kAtWarpOperation,
  kAtActiveMask,
  kDone
};

// Lanes that meet in one warp operation. It lives until the last of them has read the result.
struct Meeting {
  unsigned mask = 0, arrived = 0, unread = 0;
  bool open = false;  // lanes may still come
  const char* name = nullptr;
  Site site{nullptr, 0};
  uint64_t values[kWarp];
};

struct Thread {
  State state = State::kNew;
  int fiber = -1;
  Site site{nullptr, 0};
  const char* waits_for = nullptr;
  unsigned active_mask = 0;
};

struct Warp {
  unsigned lanes = 0;  // the lanes that exist
  std::vector<Meeting> meetings;
};

struct SharedVariable {
  size_t offset = 0, bytes = 0;
  uint64_t launch = 0;
};

struct Block {
  void (*body)(void*) = nullptr;
  void* arguments = nullptr;
  std::string kernel;
  int size = 0, begun = 0, live = 0, at_barrier = 0;
  int votes = 0, vote_result = 0;  // of __syncthreads_count and its relatives
  bool failed = false;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  std::vector<int> order;  // in which threads begin
  std::vector<int> ready;  // can go on; the last comes first
  std::vector<int> idle_fibers;
  int fibers = 0;
  Random random{0};

  char* arena = nullptr;  // shared memory: variables from the front, dynamic at kArenaBytes / 2
  size_t arena_used = 0, static_bytes = 0, dynamic_bytes = 0;
};

Block block;
Context scheduler;
Failure failure;
std::mutex machine;  // there is one; launches from several threads queue up
volatile bool kernel_runs = false;
uint64_t launches = 0;
size_t dynamic_limit = kSharedDefault;
std::vector<SharedVariable> shared_variables(1);  // slot 0 means: has no slot yet

void set_thread(int t) {
  const dim3 n = place.block_size;
  place.linear = unsigned(t);
  place.thread = {t % n.x, t / n.x % n.y, t / (n.x * n.y)};
  block.threads[t].state = State::kRunning;
  checker::enter_thread(t);
}

// Threads of the same kind in a row, for messages: "threads 0-30, 40 ".
std::string list_threads(bool (*wanted)(const Thread&, const Thread&), const Thread& like) {
  std::string text;
  for (int t = 0; t < block.size && text.size() < 60; t++) {
    if (!wanted(block.threads[t], like)) continue;
    const int first = t;
    while (t + 1 < block.size && wanted(block.threads[t + 1], like)) t++;
    text += (text.empty() ? "" : ", ") + std::to_string(first);
    if (t > first) text += "-" + std::to_string(t);
  }
  return text;
}

std::string text_of_site(Site site) {
  return std::string(site.file ? site.file : "?") + ":" + std::to_string(site.line);
}

bool waits_alike(const Thread& a, const Thread& b) {
  return a.state == b.state && a.site.line == b.site.line && a.site.file == b.site.file;
}

// Who waits where: "threads 0-15 wait at __syncthreads (nms.cu:12); threads 16-31 have ended".
std::string who_waits() {
  std::string text;
  for (int t = 0; t < block.size && text.size() < 600; t++) {
    const Thread& thread = block.threads[t];
    bool seen = false;
    for (int u = 0; u < t && !seen; u++) seen = waits_alike(block.threads[u], thread);
    if (seen) continue;
    text += text.empty() ? "threads " : "; threads ";
    text += list_threads(waits_alike, thread);
    if (thread.state == State::kDone) {
      text += " have ended";
    } else {
      text += std::string(" wait at ") + thread.waits_for + " (" + text_of_site(thread.site) + ")";
    }
  }
  return text;
}

void record(cudaError_t code, const char* kind, const std::string& message, Site site,
            const void* address, bool of_thread = false) {
  block.failed = true;
  failure = {code,        kind, message,   block.kernel, place.thread,
             place.block, true, of_thread, address,      site};
  checker::fault(kind, message, site, address, of_thread);
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

// The present thread waits in `state`, until somebody has made it ready and resumes it.
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

// Opens a meeting's door: everybody who came goes on.
void finish(Meeting& meeting, int warp, int present) {
  meeting.open = false;
  meeting.unread = meeting.arrived;
  for (int lane = 0; lane < kWarp; lane++) {
    const int t = warp * kWarp + lane;
    if ((meeting.arrived >> lane & 1) && t != present) make_ready(t);
  }
}

Meeting& new_meeting(Warp& warp) {
  for (Meeting& m : warp.meetings) {
    if (!m.open && m.unread == 0) return m;
  }
  warp.meetings.emplace_back();
  return warp.meetings.back();
}

void refuse_different(const Meeting& meeting, unsigned mask, const char* name, Site site) {
  char masks[64];
  snprintf(masks, sizeof masks, "mask %#x here, %#x there", mask, meeting.mask);
  abandon(cudaErrorLaunchFailure, "divergent warp operation",
          std::string("lanes of one warp are at ") + name + " (" + text_of_site(site) +
              ") and at " + meeting.name + " (" + text_of_site(meeting.site) + "); " + masks,
          site, nullptr);
}

// The present lane joins the meeting of `mask`, and waits for it to be complete.
Meeting& meet(unsigned mask, uint64_t value, const char* name, Site site) {
  check_time();
  const int t = int(place.linear), lane = t % kWarp, index = t / kWarp;
  Warp& warp = block.warps[index];
  mask &= warp.lanes;
  if (!(mask >> lane & 1)) {
    abandon(cudaErrorLaunchFailure, "divergent warp operation",
            std::string("a lane calls ") + name + " with a mask that does not name it", site,
            nullptr);
  }
  Meeting* meeting = nullptr;
  for (Meeting& m : warp.meetings) {
    if (!m.open || !(m.mask & mask)) continue;
    if (m.mask != mask || __builtin_strcmp(m.name, name) != 0)
      refuse_different(m, mask, name, site);
    meeting = &m;
  }
  if (!meeting) {
    meeting = &new_meeting(warp);
    meeting->mask = mask;
    meeting->arrived = 0;
    meeting->open = true;
    meeting->name = name;
    meeting->site = site;
  }
  meeting->values[lane] = value;
  meeting->arrived |= 1u << lane;
  const size_t number = size_t(meeting - warp.meetings.data());  // the vector may move meanwhile
  if (meeting->arrived == mask) {
    finish(*meeting, index, t);
  } else {
    wait(State::kAtWarpOperation, name, site);
  }
  return block.warps[index].meetings[number];
}

void leave(Meeting& meeting) { meeting.unread &= ~(1u << place.linear % kWarp); }

// __activemask() is answered when nobody else can run: the most lanes that could be there together.
bool answer_active_masks() {
  bool any = false;
  for (int t = 0; t < block.size; t++) {
    Thread& thread = block.threads[t];
    if (thread.state != State::kAtActiveMask) continue;
    unsigned mask = 0;
    for (int u = t; u < block.size && u / kWarp == t / kWarp; u++) {
      if (waits_alike(block.threads[u], thread)) mask |= 1u << u % kWarp;
    }
    for (int u = block.size - 1; u >= t; u--) {
      if (u == t || u / kWarp != t / kWarp || !(mask >> u % kWarp & 1)) continue;
      block.threads[u].active_mask = mask;
      make_ready(u);
    }
    thread.active_mask = mask;
    make_ready(t);
    any = true;
  }
  return any;
}

bool open_barrier() {
  if (block.at_barrier != block.live) return false;
  const Thread* first = nullptr;
  for (const Thread& t : block.threads) {
    if (t.state != State::kAtBarrier) continue;
    if (!first) first = &t;
    if (!waits_alike(*first, t)) {
      record(cudaErrorLaunchFailure, "divergent barrier",
             "threads of one block wait at different barriers: " + who_waits(), t.site, nullptr);
      return false;
    }
  }
  if (block.live < block.size && checker::on()) {
    checker::fault("divergent barrier",
                   "not all threads of the block come to the barrier: " + who_waits(), first->site,
                   nullptr);
  }
  block.vote_result = block.votes;
  block.votes = block.at_barrier = 0;
  for (int i = block.size - 1; i >= 0; i--) {  // backwards: the last made ready runs first
    const int t = block.order[i];
    if (block.threads[t].state == State::kAtBarrier) make_ready(t);
  }
  if (options.shuffle) {
    for (size_t i = block.ready.size(); i > 1; i--) {
      std::swap(block.ready[i - 1], block.ready[block.random.below(i)]);
    }
  }
  checker::barrier_opened();
  return true;
}

// CUDA excuses lanes that have ended from warp operations, though what one would read of them is
// undefined. The checker reports them all the same.
bool excuse_ended_lanes() {
  bool any = false;
  for (size_t w = 0; w < block.warps.size(); w++) {
    for (Meeting& m : block.warps[w].meetings) {
      if (!m.open) continue;
      const unsigned missing = m.mask & ~m.arrived;
      bool ended = true;
      for (int lane = 0; lane < kWarp; lane++) {
        if (missing >> lane & 1) ended &= block.threads[w * kWarp + lane].state == State::kDone;
      }
      if (!ended) continue;
      if (checker::on()) {
        char text[160];
        snprintf(text, sizeof text, "%s names lanes that have ended: mask %#x, missing %#x", m.name,
                 m.mask, missing);
        checker::fault("missing lane", text, m.site, nullptr);
      }
      finish(m, int(w), -1);
      any = true;
    }
  }
  return any;
}

// Nobody can run. Makes somebody ready, or records why that cannot be.
bool resolve() {
  if (answer_active_masks() || open_barrier()) return true;
  if (block.failed) return false;
  if (excuse_ended_lanes()) return true;
  const Thread* stuck = nullptr;
  for (const Thread& t : block.threads) {
    if (t.state == State::kAtWarpOperation) stuck = &t;
  }
  record(cudaErrorLaunchFailure, stuck ? "missing lane" : "deadlock",
         "a lane never comes to the warp operation that names it: " + who_waits(),
         stuck ? stuck->site : Site{nullptr, 0}, nullptr);
  return false;
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
  // Shared memory begins with garbage. All ones is NaN in every floating-point type and -1 in
  // integers.
  __builtin_memset(block.arena, 0xff, block.arena_used);
  __builtin_memset(block.arena + kArenaBytes / 2, 0xff, block.dynamic_bytes);
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

void make_arena() {
  if (block.arena) return;
  block.arena = static_cast<char*>(operator new(kArenaBytes, std::align_val_t(4096)));
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
  launches++;
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

bool running() { return kernel_runs; }

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

void check_time() {
  if (!time_is_up || !kernel_runs) return;
  abandon(cudaErrorLaunchTimeout, "time limit",
          "the kernel did not end within its time limit; does a loop never end?", {nullptr, 0},
          __builtin_return_address(0));
}

void launch(const char* kernel, const Configuration& c, void (*body)(void*), void* arguments) {
  if (kernel_runs) {
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
    kernel_runs = true;
    run_grid(c);
    kernel_runs = false;
  }
  checker::end_launch();
}

int barrier(bool predicate, Site site) {
  check_time();
  block.votes += predicate;
  block.at_barrier++;
  checker::note('b', site);
  wait(State::kAtBarrier, "__syncthreads", site);
  return block.vote_result;
}

unsigned exchange(unsigned mask, uint64_t value, uint64_t values[32], const char* name, Site site) {
  Meeting& meeting = meet(mask, value, name, site);
  __builtin_memcpy(values, meeting.values, sizeof meeting.values);
  leave(meeting);
  return meeting.arrived;
}

uint64_t shuffle(unsigned mask, uint64_t value, unsigned source, const char* name, Site site) {
  Meeting& meeting = meet(mask, value, name, site);
  uint64_t result = meeting.values[source];
  if (!(meeting.arrived >> source & 1)) {
    result = ~uint64_t(0);  // undefined on a GPU
    if (checker::on()) {
      checker::fault("missing lane",
                     std::string(name) + " reads lane " + std::to_string(source) +
                         ", which does not take part in it",
                     site, nullptr);
    }
  }
  leave(meeting);
  return result;
}

unsigned ballot(unsigned mask, bool predicate, const char* name, Site site) {
  Meeting& meeting = meet(mask, predicate, name, site);
  unsigned bits = 0;
  for (unsigned lane = 0; lane < kWarp; lane++) {
    if ((meeting.arrived >> lane & 1) && meeting.values[lane]) bits |= 1u << lane;
  }
  leave(meeting);
  return bits;
}

void synchronise_warp(unsigned mask, Site site) {
  Meeting& meeting = meet(mask, 0, "__syncwarp", site);
  // Memory becomes visible here, once for all: the first lane to go on says so.
  if (meeting.unread == meeting.arrived) {
    checker::warp_synchronised(int(place.linear) / kWarp, meeting.arrived);
  }
  leave(meeting);
}

unsigned active_mask(Site site) {
  check_time();
  wait(State::kAtActiveMask, "__activemask", site);
  return block.threads[place.linear].active_mask;
}

void memory_fence() { checker::fence(); }

void* shared_variable(int* slot, size_t bytes, size_t align, const char* name) {
  if (*slot == 0) {
    *slot = int(shared_variables.size());
    shared_variables.emplace_back();
  }
  SharedVariable& variable = shared_variables[size_t(*slot)];
  if (variable.launch == launches) return block.arena + variable.offset;
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
  variable.bytes = bytes;
  variable.launch = launches;
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

void stop(const char* message, Site site) {
  abandon(cudaErrorAssert, "assertion", message, site, __builtin_return_address(0));
}

void watch_atomic(const volatile void* address, size_t bytes, const void* from) {
  checker::atomic(const_cast<const void*>(address), bytes, from);
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
