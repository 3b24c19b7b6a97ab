// What a check has found out, to be read by Python when the kernels are done.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine.h"
#include "machine.h"

namespace edudet::emulator::checker {

// A place in the program: an instruction, to be translated to its lines later, or a known line.
struct Spot {
  const void* address = nullptr;  // the instruction after the access
  const char* file = nullptr;
  int line = 0;
};

struct Finding {
  std::string kind, message;
  std::vector<int> sites;  // of the earlier and of the later access, in report.spots
  int region = -1;
  uint64_t offset = 0;
  bool of_thread = true;  // or of the whole block
  uint3 thread{}, block{};
  int other_thread = -1, other_block = -1;  // of a race; the block's number in the order of running
  int launch = 0;
  uint64_t count = 1;
};

// The accesses that one instruction has made, warp by warp.
struct Statistics {
  char operation = 'r';  // r read, w write, a atomic
  bool shared = false;
  uint32_t bytes = 0;  // per thread
  std::vector<int> regions;
  uint64_t requests = 0, lanes = 0;
  uint64_t sectors = 0, least_sectors = 0, useful_bytes = 0;  // global: 32-byte sectors
  uint64_t passes = 0, least_passes = 0, worst_passes = 0;    // shared: passes over the banks
};

struct Event {
  int launch, site, region;
  uint3 block;
  int thread;
  char operation;  // r, w, a, or b: came to a barrier
  uint64_t offset;
  uint32_t bytes;
};

struct LaunchRecord {
  std::string kernel;
  dim3 grid, block;
  size_t shared;
};

class Report {
 public:
  std::vector<std::string> names;  // of regions
  std::vector<Spot> spots;
  std::vector<Finding> findings;
  std::vector<Statistics> statistics;  // of each spot
  std::vector<Event> events;
  std::vector<LaunchRecord> launches;
  size_t trace_limit = 0;
  bool trace_is_cut = false;

  int site(const void* address);
  int site(Site);
  void add(Finding);  // the present thread is filled in; a repetition only counts
  void begin_launch(const char* kernel, const Configuration&);
  void request(int site, int thread, char operation, int region, bool shared, uint64_t offset,
               uint32_t bytes);
  void event(int site, int thread, char operation, int region, uint64_t offset, uint32_t bytes);
  void flush();  // the requests so far are complete: a barrier or the end of a block

 private:
  // Lanes are grouped by how often they have passed an instruction since the last barrier: the
  // first times of all lanes are one request, then the second times, ...
  struct Request {
    uint32_t lanes = 0;
    uint64_t offset[kWarp];
  };
  struct Pending {
    uint32_t count[kMaxThreads] = {};
    std::vector<Request> warps[kMaxThreads / kWarp];
  };
  void count(Statistics&, const Request&);

  std::unordered_map<const void*, int> by_address_;
  std::unordered_map<uint64_t, int> by_line_;
  std::vector<std::unique_ptr<Pending>> pending_;  // of each spot; kept for reuse
  std::vector<int> touched_;
  size_t waiting_ = 0;
};

extern Report report;

}  // namespace edudet::emulator::checker
