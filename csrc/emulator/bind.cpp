// The module edudet._emulator: the engine and the checker, as edudet/emulator uses them.
// The libraries of kernels are linked to it and find its functions there; nobody else does.
#include <dlfcn.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstring>
#include <string>
#include <vector>

#define EDUDET_ENGINE
#include "checker.h"
#include "entry.h"
#include "machine.h"
#include "memory.h"
#include "record.h"
#include "symbols.h"

namespace py = pybind11;

namespace edudet::emulator {

void* allocate(size_t bytes);
bool release(void* data);

namespace {

py::tuple triple(uint3 i) { return py::make_tuple(i.x, i.y, i.z); }

// (file, line) where known, otherwise (library, offset in it) for addr2line.
py::dict spot(const void* address, const char* file, int line) {
  py::dict d;
  if (file) {
    d["file"] = file;
    d["line"] = line;
    return d;
  }
  Dl_info info{};
  if (address && dladdr(address, &info) && info.dli_fname) {
    d["library"] = info.dli_fname;
    d["offset"] =
        reinterpret_cast<uintptr_t>(address) - reinterpret_cast<uintptr_t>(info.dli_fbase);
    const Symbol symbol = find_symbol(address);
    d["function"] = symbol.name ? py::object(py::str(symbol.name)) : py::none();
  }
  return d;
}

py::dict finding(const checker::Finding& f) {
  const auto& names = checker::report.names;
  py::dict d;
  d["kind"] = f.kind;
  d["message"] = f.message;
  d["spots"] = f.sites;
  d["region"] = f.region < 0 ? py::object(py::none()) : py::str(names[size_t(f.region)]);
  d["offset"] = f.offset;
  d["thread"] = f.of_thread ? py::object(triple(f.thread)) : py::none();
  d["block"] = triple(f.block);
  d["other_thread"] = f.other_thread;
  d["other_block"] = f.other_block;
  d["launch"] = f.launch;
  d["count"] = f.count;
  return d;
}

py::dict statistics(size_t index, const checker::Statistics& s) {
  const auto& names = checker::report.names;
  std::vector<std::string> regions;
  for (int r : s.regions) regions.push_back(names[size_t(r)]);
  py::dict d;
  d["spot"] = index;
  d["operation"] = std::string(1, s.operation);
  d["shared"] = s.shared;
  d["bytes"] = s.bytes;
  d["regions"] = regions;
  d["requests"] = s.requests;
  d["lanes"] = s.lanes;
  d["sectors"] = s.sectors;
  d["least_sectors"] = s.least_sectors;
  d["useful_bytes"] = s.useful_bytes;
  d["passes"] = s.passes;
  d["least_passes"] = s.least_passes;
  d["worst_passes"] = s.worst_passes;
  return d;
}

py::list trace() {
  const auto& r = checker::report;
  py::list list;
  for (const auto& e : r.events) {
    list.append(
        py::make_tuple(e.launch, triple(e.block), e.thread, e.site, std::string(1, e.operation),
                       e.region < 0 ? py::object(py::none()) : py::str(r.names[size_t(e.region)]),
                       e.offset, e.bytes));
  }
  return list;
}

py::dict report() {
  const auto& r = checker::report;
  py::list spots, findings, lines, launches;
  for (const auto& s : r.spots) spots.append(spot(s.address, s.file, s.line));
  for (const auto& f : r.findings) findings.append(finding(f));
  for (size_t i = 0; i < r.statistics.size(); i++) {
    if (r.statistics[i].requests) lines.append(statistics(i, r.statistics[i]));
  }
  for (const auto& l : r.launches) {
    launches.append(py::make_tuple(l.kernel, triple(l.grid), triple(l.block), l.shared));
  }
  py::dict d;
  d["spots"] = spots;
  d["findings"] = findings;
  d["statistics"] = lines;
  d["launches"] = launches;
  d["trace"] = trace();
  d["trace_is_cut"] = r.trace_is_cut;
  return d;
}

// The failure of the last launch, if it has not been asked for: forgets it.
py::object take_failure() {
  Failure& f = last_failure();
  if (f.message.empty()) return py::none();
  py::dict d = spot(f.address, f.site.file, f.site.line);
  d["text"] = f.text();
  d["kind"] = f.kind;
  f = Failure{};
  return d;
}

struct Library {
  void* handle = nullptr;
  const Entry* entries = nullptr;
  int count = 0;
};

Library open_library(const std::string& path) {
  Library library;
  library.handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library.handle) throw std::runtime_error(dlerror());
  library.entries = static_cast<const Entry*>(dlsym(library.handle, "edudet_entries"));
  const void* count = dlsym(library.handle, "edudet_entry_count");
  if (!library.entries || !count) throw std::runtime_error(path + " holds no kernels of a program");
  library.count = *static_cast<const int*>(count);
  return library;
}

py::list list_entries(const Library& library) {
  py::list list;
  for (int i = 0; i < library.count; i++) {
    const Entry& e = library.entries[i];
    py::list arguments;
    for (int a = 0; a < e.count; a++) {
      const Argument& argument = e.arguments[a];
      arguments.append(py::make_tuple(std::string(1, argument.kind), argument.pointer,
                                      argument.read_only, argument.bytes));
    }
    list.append(py::make_tuple(e.name, arguments));
  }
  return list;
}

// `values`: the bytes of each argument.
void call_entry(const Library& library, int index, std::vector<unsigned> grid,
                std::vector<unsigned> block, size_t shared,
                const std::vector<std::string>& values) {
  const Entry& e = library.entries[index];
  std::vector<void*> arguments;
  std::vector<std::vector<long double>> storage(values.size());  // aligned for anything
  for (size_t i = 0; i < values.size(); i++) {
    storage[i].resize(values[i].size() / sizeof(long double) + 1);
    std::memcpy(storage[i].data(), values[i].data(), values[i].size());
    arguments.push_back(storage[i].data());
  }
  Call call{e.kernel, arguments.data()};
  const Configuration configuration(dim3(grid.at(0), grid.at(1), grid.at(2)),
                                    dim3(block.at(0), block.at(1), block.at(2)), shared);
  py::gil_scoped_release release;
  launch(e.name, configuration, e.thread, &call);
}

}  // namespace
}  // namespace edudet::emulator

PYBIND11_MODULE(_emulator, m) {
  using namespace edudet::emulator;
  m.def("configure", [](bool shuffle, uint64_t seed, double time_limit) {
    options = {shuffle, seed, time_limit};
  });
  m.def("start_check", &checker::start);
  m.def("finish_check", &checker::finish);
  m.def("report", &report);
  m.def("take_failure", &take_failure);
  m.def("announce", [](uintptr_t data, size_t bytes, const std::string& name, bool initialised) {
    announce(reinterpret_cast<void*>(data), bytes, name.c_str(), initialised);
  });
  m.def("allocate", [](size_t bytes) {
    void* data = allocate(bytes);
    if (!data) throw std::bad_alloc();
    return reinterpret_cast<uintptr_t>(data);
  });
  m.def("release", [](uintptr_t data) { release(reinterpret_cast<void*>(data)); });
  m.def("raise_dynamic_limit", &raise_dynamic_limit);
  py::class_<Library>(m, "Library").def("entries", &list_entries).def("call", &call_entry);
  m.def("open_library", &open_library);
}
