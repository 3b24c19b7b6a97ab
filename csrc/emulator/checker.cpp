// What the checker knows of memory: for every 4 bytes (or less, where a kernel uses less) of every
// region, who wrote it last and who has read it since, and when.
//
// Time is counted in epochs: a new one begins at every barrier, block and launch. Two accesses to
// the same bytes by different threads, one of them a write, are ordered when
//   - they are of different launches, or of one block in different epochs (a barrier lies between), or
//   - a __syncwarp lies between them, known by clocks that each lane keeps of its warp, or
//   - they are of different blocks, and the earlier released what it had written (a __threadfence and
//     an atomic operation) to an address that the later has acquired (an atomic operation there).
// Otherwise it is a race, whichever came first in the emulator. Two atomic operations never race.
#include "checker.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include <algorithm>
#include <map>
#include <memory>

#include "fiber.h"
#include "machine.h"
#include "memory.h"
#include "record.h"

namespace edudet::emulator::checker {

bool is_on = false;
Report report;

namespace {

struct Access {
  uint32_t epoch = 0;  // 0: never
  uint32_t site = 0;
  uint16_t thread = 0;
  uint16_t clock = 0;  // __syncwarps that the thread had passed in this epoch
};

struct Cell {
  Access write, first_read, last_read;  // reads by two different threads, if there are two
  bool atomic_write = false;
  bool written = false;  // ever, also by the host
};

struct Region {
  uintptr_t begin, end;
  int name;  // in report.names
  bool shared, initialised;
  uint32_t unit = 4;  // bytes in a cell
  std::vector<Cell> cells;
};

struct Range {
  uintptr_t begin, end;
};

std::vector<std::unique_ptr<Region>> regions;
Region* recent = nullptr;
std::vector<Range> foreign;  // memory that kernels use besides: the host's stack, constants
std::vector<Range> program;  // where the variables of the kernel's library lie
uintptr_t stacks_begin = 0, stacks_end = 0;
bool active = false;         // a launch is being watched
uint32_t epoch = 0, block_epoch = 0, launch_epoch = 0;
int thread_now = 0;

uint16_t clocks[kMaxThreads / kWarp][kWarp][kWarp];  // [warp][lane][other]: what lane knows of other
bool clocks_used = false;

bool fenced = false;                  // a thread of this block has called __threadfence
std::vector<uint32_t> block_epochs;   // when each block of this launch began
std::vector<bool> acquired;           // blocks whose released writes this block may read
std::map<uintptr_t, std::vector<bool>> released;

int name_index(const std::string& name) {
  for (size_t i = 0; i < report.names.size(); i++) {
    if (report.names[i] == name) return int(i);
  }
  report.names.push_back(name);
  return int(report.names.size()) - 1;
}

Region* find_region(uintptr_t address) {
  if (recent && address >= recent->begin && address < recent->end) return recent;
  for (auto& r : regions) {
    if (address >= r->begin && address < r->end) return recent = r.get();
  }
  return nullptr;
}

// Cells are made when a kernel first comes, and split when it uses a smaller unit than before.
void fit_cells(Region& r, uintptr_t address, size_t bytes) {
  uint32_t unit = r.unit;
  while (unit > 1 && ((address - r.begin) % unit || bytes % unit)) unit /= 2;
  const size_t count = (r.end - r.begin + unit - 1) / unit;
  if (r.cells.empty()) {
    r.cells.resize(count);
  } else if (unit != r.unit) {
    std::vector<Cell> finer(count);
    for (size_t i = 0; i < count; i++) finer[i] = r.cells[i * unit / r.unit];
    r.cells.swap(finer);
  }
  r.unit = unit;
}

int block_number(uint32_t at) {
  return int(std::upper_bound(block_epochs.begin(), block_epochs.end(), at) - block_epochs.begin()) - 1;
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
  const bool written = r.shared ? cell.written && cell.write.epoch >= block_epoch
                                : cell.written || r.initialised;
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
  const Region* nearest = nullptr;
  size_t distance = size_t(1) << 20;
  for (auto& r : regions) {
    const size_t d = address < r->begin ? r->begin - address : address - std::min(address, r->end);
    if (d < distance) nearest = r.get(), distance = d;
  }
  char text[256];
  if (nearest) {
    const size_t size = nearest->end - nearest->begin;
    snprintf(text, sizeof text, "%s %zu bytes at byte %lld of %s, which has %zu bytes", verb, bytes,
             (long long)(address - nearest->begin), report.names[size_t(nearest->name)].c_str(), size);
  } else {
    snprintf(text, sizeof text, "%s %zu bytes at address %#zx, where no array is%s", verb, bytes,
             size_t(address), address < 4096 ? " (a null pointer?)" : "");
  }
  abandon(cudaErrorIllegalAddress, "out of bounds", text, {nullptr, 0}, pc);
}

[[noreturn]] void misaligned(uintptr_t address, size_t bytes, const char* verb, const void* pc) {
  char text[128];
  snprintf(text, sizeof text, "%s %zu bytes at address %#zx, which %zu does not divide", verb, bytes,
           size_t(address), bytes);
  abandon(cudaErrorIllegalAddress, "misaligned access", text, {nullptr, 0}, pc);
}

bool is_foreign(uintptr_t address) {
  for (const Range& r : foreign) {
    if (address >= r.begin && address < r.end) return true;
  }
  return false;
}

struct Library {
  uintptr_t address;       // somewhere in it
  std::vector<Range> all, writable;
};

int find_segments(dl_phdr_info* info, size_t, void* data) {
  Library& library = *static_cast<Library*>(data);
  library.all.clear();
  library.writable.clear();
  bool inside = false;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const auto& s = info->dlpi_phdr[i];
    if (s.p_type != PT_LOAD) continue;
    const uintptr_t begin = info->dlpi_addr + s.p_vaddr, end = begin + s.p_memsz;
    library.all.push_back({begin, end});
    if (s.p_flags & PF_W) library.writable.push_back({begin, end});
    inside |= library.address >= begin && library.address < end;
  }
  return inside;
}

void add_constants_of(const void* address, std::vector<Range>* variables) {
  Library library{reinterpret_cast<uintptr_t>(address), {}, {}};
  if (!dl_iterate_phdr(find_segments, &library)) return;
  foreign.insert(foreign.end(), library.all.begin(), library.all.end());
  if (variables) *variables = library.writable;
}

// A `__device__` variable, by the symbol in which the address lies: a region made on first sight.
Region* find_variable(uintptr_t address) {
  bool inside = false;
  for (const Range& r : program) inside |= address >= r.begin && address < r.end;
  Dl_info info{};
  ElfW(Sym)* symbol = nullptr;
  if (!inside || !dladdr1(reinterpret_cast<void*>(address), &info,
                          reinterpret_cast<void**>(&symbol), RTLD_DL_SYMENT) ||
      !symbol || !info.dli_sname) {
    return nullptr;
  }
  const auto begin = reinterpret_cast<uintptr_t>(info.dli_saddr);
  if (address < begin || address >= begin + symbol->st_size) return nullptr;
  announce(info.dli_saddr, symbol->st_size, info.dli_sname, true);
  return find_region(address);
}

void add_host_stack() {
  static thread_local Range stack{0, 0};
  if (!stack.end) {
    pthread_attr_t attributes;
    void* begin = nullptr;
    size_t bytes = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
      pthread_attr_getstack(&attributes, &begin, &bytes);
      pthread_attr_destroy(&attributes);
    }
    stack = {reinterpret_cast<uintptr_t>(begin), reinterpret_cast<uintptr_t>(begin) + bytes};
  }
  foreign.push_back(stack);
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
  check_time();
  Region* r = find_region(address);
  if (!r) r = find_variable(address);
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
  report.request(site, thread_now, operation, r->name, r->shared, address - r->begin, uint32_t(bytes));
}

}  // namespace

void begin_launch(const char* kernel, const Configuration& c, const void* body) {
  active = false;
  if (!is_on) return;
  stacks_begin = first_stack();
  stacks_end = stacks_begin + kMaxFibers * kStackBytes;
  foreign.clear();
  add_host_stack();
  // The constants of the kernel's library and of this one.
  add_constants_of(body, &program);
  add_constants_of(reinterpret_cast<const void*>(&begin_launch), nullptr);
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
  recent = nullptr;
  regions.erase(std::remove_if(regions.begin(), regions.end(), [](auto& r) { return r->shared; }),
                regions.end());
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

void shared_region(const void* data, size_t bytes, const char* name) {
  if (!active) return;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  auto r = std::make_unique<Region>();
  *r = {begin, begin + bytes, name_index(name), true, false, 4, {}};
  regions.push_back(std::move(r));
}

void rename_region(const void* data, const char* name) {
  if (!active) return;
  if (Region* r = find_region(reinterpret_cast<uintptr_t>(data))) r->name = name_index(name);
}

void forget_region(const void* data) {
  if (!is_on) return;
  recent = nullptr;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  regions.erase(std::remove_if(regions.begin(), regions.end(),
                               [&](auto& r) { return r->begin == begin; }),
                regions.end());
}

void written(const void* data, size_t bytes) {
  if (!is_on) return;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  Region* r = find_region(begin);
  if (!r) return;
  if (begin == r->begin && begin + bytes >= r->end) {
    r->initialised = true;
    return;
  }
  fit_cells(*r, begin, bytes);
  const size_t first = (begin - r->begin) / r->unit, last = first + bytes / r->unit;
  for (size_t i = first; i < last && i < r->cells.size(); i++) r->cells[i].written = true;
}

void start(size_t trace_limit) {
  regions.clear();
  recent = nullptr;
  report = Report{};
  report.trace_limit = trace_limit;
  is_on = true;
}

void finish() {
  is_on = active = false;
  regions.clear();
  recent = nullptr;
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

namespace edudet::emulator {

void announce(const void* data, size_t bytes, const char* name, bool initialised) {
  using namespace checker;
  if (!is_on || bytes == 0) return;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  std::string names = name;
  uintptr_t from = begin, to = begin + bytes;
  recent = nullptr;
  // One tensor may be two arguments, or a part of another: then they are one region with both names.
  for (size_t i = 0; i < regions.size(); i++) {
    const Region& r = *regions[i];
    if (r.shared || r.end <= begin || r.begin >= begin + bytes) continue;
    const std::string& old = report.names[size_t(r.name)];
    if (r.begin != begin || r.end != begin + bytes || old != name) {
      from = std::min(from, r.begin);
      to = std::max(to, r.end);
      if (old != name) names = old + " = " + names;
      initialised = initialised || r.initialised;
    }
    regions.erase(regions.begin() + long(i--));
  }
  auto r = std::make_unique<Region>();
  *r = {from, to, name_index(names), false, initialised, 4, {}};
  regions.push_back(std::move(r));
}

void forget_announced() {
  checker::regions.clear();
  checker::recent = nullptr;
}

}  // namespace edudet::emulator
