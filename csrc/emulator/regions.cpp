// Regions come from bindings (announce), from shared variables, and from variables of the program.
#define EDUDET_ENGINE
#include "regions.h"

#include <cxxabi.h>
#include <link.h>
#include <pthread.h>

#include <algorithm>
#include <memory>
#include <string>

#include "checker.h"
#include "memory.h"
#include "record.h"
#include "symbols.h"

namespace edudet::emulator::checker {

namespace {

struct Range {
  uintptr_t begin, end;
};

std::vector<std::unique_ptr<Region>> regions;
Region* recent = nullptr;    // where the last access was
std::vector<Range> foreign;  // memory that kernels use besides: the host's stack, constants
std::vector<Range> program;  // where the variables of the kernel's library lie

int name_index(const std::string& name) {
  for (size_t i = 0; i < report.names.size(); i++) {
    if (report.names[i] == name) return int(i);
  }
  report.names.push_back(name);
  return int(report.names.size()) - 1;
}

struct Library {
  uintptr_t address;  // somewhere in it
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

std::string readable(const char* symbol) {
  char* text = abi::__cxa_demangle(symbol, nullptr, nullptr, nullptr);
  const std::string name = text ? text : symbol;
  free(text);
  return name;
}

// A `__device__` variable, by the symbol in which the address lies: a region made on first sight.
Region* find_variable(uintptr_t address) {
  bool inside = false;
  for (const Range& r : program) inside |= address >= r.begin && address < r.end;
  if (!inside) return nullptr;
  const Symbol symbol = find_symbol(reinterpret_cast<const void*>(address));
  if (!symbol.name) return nullptr;
  announce(reinterpret_cast<const void*>(symbol.begin), symbol.bytes, readable(symbol.name).c_str(),
           true);
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

}  // namespace

Region* find_region(uintptr_t address) {
  if (recent && address >= recent->begin && address < recent->end) return recent;
  for (auto& r : regions) {
    if (address >= r->begin && address < r->end) return recent = r.get();
  }
  return find_variable(address);
}

const Region* nearest_region(uintptr_t address) {
  const Region* nearest = nullptr;
  size_t distance = size_t(1) << 20;
  for (auto& r : regions) {
    const size_t d = address < r->begin ? r->begin - address : address - std::min(address, r->end);
    if (d < distance) nearest = r.get(), distance = d;
  }
  return nearest;
}

bool is_foreign(uintptr_t address) {
  for (const Range& r : foreign) {
    if (address >= r.begin && address < r.end) return true;
  }
  return false;
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

void begin_regions(const void* body) {
  foreign.clear();
  add_host_stack();
  find_symbol(body);  // here, as the kernel may run where no file can be read any more
  // The constants of the kernel's library and of this one.
  add_constants_of(body, &program);
  add_constants_of(reinterpret_cast<const void*>(&begin_regions), nullptr);
}

void drop_shared_regions() {
  recent = nullptr;
  regions.erase(std::remove_if(regions.begin(), regions.end(), [](auto& r) { return r->shared; }),
                regions.end());
}

void drop_all_regions() {
  recent = nullptr;
  regions.clear();
}

void shared_region(const void* data, size_t bytes, const char* name) {
  if (!is_on) return;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  auto r = std::make_unique<Region>();
  *r = {begin, begin + bytes, name_index(name), true, false, 4, {}};
  regions.push_back(std::move(r));
}

void rename_region(const void* data, const char* name) {
  if (!is_on) return;
  if (Region* r = find_region(reinterpret_cast<uintptr_t>(data))) r->name = name_index(name);
}

void forget_region(const void* data) {
  if (!is_on) return;
  recent = nullptr;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  regions.erase(
      std::remove_if(regions.begin(), regions.end(), [&](auto& r) { return r->begin == begin; }),
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

}  // namespace edudet::emulator::checker

namespace edudet::emulator {

void announce(const void* data, size_t bytes, const char* name, bool initialised) {
  using namespace checker;
  if (!is_on || bytes == 0) return;
  const auto begin = reinterpret_cast<uintptr_t>(data);
  std::string names = name;
  uintptr_t from = begin, to = begin + bytes;
  recent = nullptr;
  // One tensor may be two arguments, or a part of another: then they are one region with both
  // names.
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

void forget_announced() { checker::drop_all_regions(); }

}  // namespace edudet::emulator
