// What the checker knows of memory: for every 4 bytes (or less, where a kernel uses less) of every
// region, who wrote it last and who has read it since, and when.
//
// Time is counted in epochs: a new one begins at every barrier, block and launch. Two accesses to
// the same bytes by different threads, one of them a write, are ordered when
//   - they are of different launches, or of one block in different epochs (a barrier lies between),
//   or
//   - a __syncwarp lies between them, known by clocks that each lane keeps of its warp, or
//   - they are of different blocks, and the earlier released what it had written (a __threadfence
//   and
//     an atomic operation) to an address that the later has acquired (an atomic operation there).
// Otherwise it is a race, whichever came first in the emulator. Two atomic operations never race.
#define EDUDET_ENGINE
#include "checker.h"

#include <algorithm>
#include <map>

#include "fiber.h"
#include "machine.h"
#include "record.h"
#include "regions.h"

namespace edudet::emulator::checker {

bool is_on = false;
Report report;

namespace {

bool active = false;  // a launch is being watched
uintptr_t stacks_begin = 0, stacks_end = 0;
uint32_t epoch = 0, block_epoch = 0, launch_epoch = 0;
int thread_now = 0;

uint16_t clocks[kMaxThreads / kWarp][kWarp]
               [kWarp];  // [warp][lane][other]: what lane knows of other
bool clocks_used = false;

bool fenced = false;                 // a thread of this block has called __threadfence
std::vector<uint32_t> block_epochs;  // when each block of this launch began
std::vector<bool> acquired;          // blocks whose released writes this block may read
std::map<uintptr_t, std::vector<bool>> released;

int block_number(uint32_t at) {
  return int(std::upper_bound(block_epochs.begin(), block_epochs.end(), at) -
             block_epochs.begin()) -
         1;
}

bool ordered(const Access& earlier, const Region& r) {
  if (earlier.epoch < launch_epoch) return true;
  if (earlier.epoch < block_epoch) {
    if (r.shared) return true;  // another block's: not the same memory
    const size_t block = size_t(block_number(earlier.epoch));
    return block < acquired.size() && acquired[block];
  }
  if (earlier.epoch != epoch || earlier.thread == thread_now) return true;
  if (earlier.thread / kWarp != thread_now / kWarp) return false;
  return clocks[thread_now / kWarp][thread_now % kWarp][earlier.thread % kWarp] > earlier.clock;
}

uint16_t my_clock() {
  const int lane = thread_now % kWarp;
  return clocks[thread_now / kWarp][lane][lane];
}

const char* const kTwoWrites = "two writes to the same bytes, with nothing between to order them";
const char* const kReadAndWrite =
    "a read and a write of the same bytes, with nothing between to order them";

void race(const char* what, const Access& earlier, int site, const Region& r, uintptr_t address) {
  Finding f;
  f.kind = "race";
  f.message = what;
  f.sites = {int(earlier.site), site};
  f.region = r.name;
  f.offset = address - r.begin;
  f.other_thread = earlier.thread;
  f.other_block = earlier.epoch < block_epoch ? block_number(earlier.epoch) : -1;
  report.add(std::move(f));
}

void note_first_use(const Cell& cell, const Region& r, int site, uintptr_t address) {
  const bool written =
      r.shared ? cell.written && cell.write.epoch >= block_epoch : cell.written || r.initialised;
  if (written) return;
  Finding f;
  f.kind = "uninitialised read";
  f.message = "nobody has written these bytes before";
  f.sites = {site};
  f.region = r.name;
  f.offset = address - r.begin;
  report.add(std::move(f));
}

void note_read(Cell& cell, const Access& now, const Region& r, int site, uintptr_t address) {
  if (!ordered(cell.write, r)) {
    race(kReadAndWrite, cell.write, site, r, address);
  }
  if (cell.first_read.epoch != now.epoch || cell.first_read.thread == now.thread) {
    if (cell.first_read.epoch != now.epoch) cell.last_read = cell.first_read;
    cell.first_read = now;
  } else {
    cell.last_read = now;
  }
}

void note_write(Cell& cell, const Access& now, const Region& r, int site, uintptr_t address,
                bool atomic) {
  if (!(atomic && cell.atomic_write) && !ordered(cell.write, r)) {
    race(kTwoWrites, cell.write, site, r, address);
  }
  for (const Access* read : {&cell.first_read, &cell.last_read}) {
    if (ordered(*read, r)) continue;
    race(kReadAndWrite, *read, site, r, address);
    break;
  }
  cell.write = now;
  cell.atomic_write = atomic;
  cell.written = true;
}

// Ends the kernel before the access is made.
[[noreturn]] void out_of_bounds(uintptr_t address, size_t bytes, const char* verb, const void* pc) {
  const Region* nearest = nearest_region(address);
  char text[256];
  if (nearest) {
    const size_t size = nearest->end - nearest->begin;
    snprintf(text, sizeof text, "%s %zu bytes at byte %lld of %s, which has %zu bytes", verb, bytes,
             (long long)(address - nearest->begin), report.names[size_t(nearest->name)].c_str(),
             size);
  } else {
    snprintf(text, sizeof text, "%s %zu bytes at address %#zx, where no array is%s", verb, bytes,
             size_t(address), address < 4096 ? " (a null pointer?)" : "");
  }
  abandon(cudaErrorIllegalAddress, "out of bounds", text, {nullptr, 0}, pc);
}

[[noreturn]] void misaligned(uintptr_t address, size_t bytes, const char* verb, const void* pc) {
  char text[128];
  snprintf(text, sizeof text, "%s %zu bytes at address %#zx, which %zu does not divide", verb,
           bytes, size_t(address), bytes);
  abandon(cudaErrorIllegalAddress, "misaligned access", text, {nullptr, 0}, pc);
}

void new_epoch() {
  epoch++;
  if (clocks_used) __builtin_memset(clocks, 0, sizeof clocks);
  clocks_used = false;
}

void acquire_and_release(uintptr_t address) {
  const auto found = released.find(address);
  if (found != released.end()) {
    acquired.resize(std::max(acquired.size(), found->second.size()));
    for (size_t i = 0; i < found->second.size(); i++) {
      if (found->second[i]) acquired[i] = true;
    }
  }
  if (!fenced) return;
  std::vector<bool>& set = released[address];
  const size_t me = block_epochs.size() - 1;
  set.resize(std::max({set.size(), me + 1, acquired.size()}));
  set[me] = true;
  for (size_t i = 0; i < acquired.size(); i++) {
    if (acquired[i]) set[i] = true;
  }
}

enum class Kind { kRead, kWrite, kAtomic };

void watch(uintptr_t address, size_t bytes, Kind kind, const void* pc) {
  check_time(pc);
  Region* r = find_region(address);
  const char* verb = kind == Kind::kRead ? "reads" : kind == Kind::kWrite ? "writes" : "changes";
  if (!r && is_foreign(address)) return;
  if (!r || address + bytes > r->end) out_of_bounds(address, bytes, verb, pc);
  const int site = report.site(pc);
  fit_cells(*r, address, bytes);
  const Access now{epoch, uint32_t(site), uint16_t(thread_now), my_clock()};
  if (kind == Kind::kAtomic && !r->shared) acquire_and_release(address);
  const size_t first = (address - r->begin) / r->unit, count = (bytes + r->unit - 1) / r->unit;
  for (size_t i = first; i < first + count; i++) {
    Cell& cell = r->cells[i];
    if (kind != Kind::kWrite) note_first_use(cell, *r, site, address);
    if (kind == Kind::kRead) {
      note_read(cell, now, *r, site, address);
    } else {
      note_write(cell, now, *r, site, address, kind == Kind::kAtomic);
    }
  }
  const char operation = kind == Kind::kRead ? 'r' : kind == Kind::kWrite ? 'w' : 'a';
  report.request(site, thread_now, operation, r->name, r->shared, address - r->begin,
                 uint32_t(bytes));
}

}  // namespace

void begin_launch(const char* kernel, const Configuration& c, const void* body) {
  active = false;
  if (!is_on) return;
  stacks_begin = first_stack();
  stacks_end = stacks_begin + kMaxFibers * kStackBytes;
  begin_regions(body);
  released.clear();
  block_epochs.clear();
  new_epoch();
  launch_epoch = block_epoch = epoch;
  report.begin_launch(kernel, c);
  active = true;
}

void end_launch() {
  if (!active) return;
  active = false;
  report.flush();
  drop_shared_regions();
}

void begin_block() {
  if (!active) return;
  new_epoch();
  block_epoch = epoch;
  block_epochs.push_back(epoch);
  fenced = false;
  acquired.clear();
}

void end_block() {
  if (active) report.flush();
}

void barrier_opened() {
  if (!active) return;
  report.flush();
  new_epoch();
}

void warp_synchronised(int warp, unsigned lanes) {
  if (!active) return;
  clocks_used = true;
  auto& known = clocks[warp];
  uint16_t merged[kWarp] = {};
  for (int lane = 0; lane < kWarp; lane++) {
    if (!(lanes >> lane & 1)) continue;
    known[lane][lane]++;
    for (int other = 0; other < kWarp; other++) {
      merged[other] = std::max(merged[other], known[lane][other]);
    }
  }
  for (int lane = 0; lane < kWarp; lane++) {
    if (lanes >> lane & 1) std::copy(merged, merged + kWarp, known[lane]);
  }
}

void fence() {
  if (active) fenced = true;
}

void enter_thread(int thread) { thread_now = thread; }

void note(char event, Site site) {
  if (active) report.event(report.site(site), thread_now, event, -1, 0, 0);
}

void fault(const char* kind, const std::string& message, Site site, const void* address,
           bool of_thread) {
  if (!active) return;
  Finding f;
  f.kind = kind;
  f.message = message;
  if (site.file) f.sites.push_back(report.site(site));
  if (!site.file && address) f.sites.push_back(report.site(address));
  f.of_thread = of_thread;
  report.add(std::move(f));
}

void start(size_t trace_limit) {
  drop_all_regions();
  report = Report{};
  report.trace_limit = trace_limit;
  is_on = true;
}

void finish() {
  is_on = active = false;
  drop_all_regions();
}

void atomic(const void* data, size_t bytes, const void* from) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  if (!active || (address >= stacks_begin && address < stacks_end)) return;
  if (address % bytes) misaligned(address, bytes, "changes", from);
  watch(address, bytes, Kind::kAtomic, from);
}

void access(const void* data, size_t bytes, bool write, bool aligned, const void* from) {
  const auto address = reinterpret_cast<uintptr_t>(data);
  if (!active || !running() || (address >= stacks_begin && address < stacks_end)) return;
  if (aligned && address % bytes && !is_foreign(address)) {
    misaligned(address, bytes, write ? "writes" : "reads", from);
  }
  watch(address, bytes, write ? Kind::kWrite : Kind::kRead, from);
}

}  // namespace edudet::emulator::checker
