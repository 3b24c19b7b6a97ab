#define EDUDET_ENGINE
#include "record.h"

#include <algorithm>
#include <utility>

namespace edudet::emulator::checker {

namespace {

constexpr uint64_t kSector = 32;  // bytes that global memory moves at a time
constexpr uint64_t kBanks = 32;   // of shared memory, each 4 bytes wide
constexpr size_t kMaxWaiting = 1 << 16;

// One pass serves each bank with one word. Returns the passes that the lanes need, and how many
// they would need if their words were spread evenly.
std::pair<uint64_t, uint64_t> bank_passes(const uint64_t* offsets, int lanes, uint32_t bytes) {
  static std::vector<uint64_t> words;
  words.clear();
  for (int i = 0; i < lanes; i++) {
    for (uint64_t w = offsets[i] / 4; w <= (offsets[i] + bytes - 1) / 4; w++) words.push_back(w);
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  uint64_t load[kBanks] = {}, most = 0;
  for (uint64_t word : words) most = std::max(most, ++load[word % kBanks]);
  return {most, (words.size() + kBanks - 1) / kBanks};
}

}  // namespace

int Report::site(const void* address) {
  const auto [found, fresh] = by_address_.try_emplace(address, int(spots.size()));
  if (fresh) {
    spots.push_back({address, nullptr, 0});
    statistics.emplace_back();
    pending_.emplace_back();
  }
  return found->second;
}

int Report::site(Site s) {
  const uint64_t key = reinterpret_cast<uintptr_t>(s.file) * 1000003u + uint64_t(s.line);
  const auto [found, fresh] = by_line_.try_emplace(key, int(spots.size()));
  if (fresh) {
    spots.push_back({nullptr, s.file, s.line});
    statistics.emplace_back();
    pending_.emplace_back();
  }
  return found->second;
}

void Report::add(Finding f) {
  for (Finding& old : findings) {
    if (old.kind != f.kind || old.sites != f.sites || old.region != f.region) continue;
    old.count++;
    return;
  }
  f.thread = place.thread;
  f.block = place.block;
  f.launch = int(launches.size()) - 1;
  findings.push_back(std::move(f));
}

void Report::begin_launch(const char* kernel, const Configuration& c) {
  launches.push_back({kernel, c.grid, c.block, c.shared});
}

void Report::event(int site, int thread, char operation, int region, uint64_t offset,
                   uint32_t bytes) {
  if (trace_limit == 0) return;
  if (events.size() >= trace_limit) {
    trace_is_cut = true;
    return;
  }
  events.push_back(
      {int(launches.size()) - 1, site, region, place.block, thread, operation, offset, bytes});
}

void Report::request(int site, int thread, char operation, int region, bool shared, uint64_t offset,
                     uint32_t bytes) {
  event(site, thread, operation, region, offset, bytes);
  Statistics& s = statistics[size_t(site)];
  s.operation = operation;
  s.shared = shared;
  s.bytes = bytes;
  if (std::find(s.regions.begin(), s.regions.end(), region) == s.regions.end()) {
    s.regions.push_back(region);
  }
  std::unique_ptr<Pending>& p = pending_[size_t(site)];
  if (!p) p = std::make_unique<Pending>();
  std::vector<Request>& requests = p->warps[thread / kWarp];
  if (requests.empty()) touched_.push_back(site);
  const uint32_t time = p->count[thread]++;
  if (time >= requests.size()) requests.resize(time + 1), waiting_++;
  Request& r = requests[time];
  r.lanes |= 1u << thread % kWarp;
  r.offset[thread % kWarp] = offset;
  if (waiting_ > kMaxWaiting) flush();
}

void Report::flush() {
  for (int site : touched_) {
    Pending& p = *pending_[size_t(site)];
    for (auto& requests : p.warps) {
      for (const Request& r : requests) {
        if (r.lanes) count(statistics[size_t(site)], r);
      }
      requests.clear();
    }
    std::fill(std::begin(p.count), std::end(p.count), 0);
  }
  touched_.clear();
  waiting_ = 0;
}

void Report::count(Statistics& s, const Request& r) {
  uint64_t offsets[kWarp];
  int n = 0;
  for (int lane = 0; lane < kWarp; lane++) {
    if (r.lanes >> lane & 1) offsets[n++] = r.offset[lane];
  }
  s.requests++;
  s.lanes += uint64_t(n);
  if (s.shared) {
    // 8 bytes a lane: half the warp at a time; 16 bytes: a quarter.
    const int group = s.bytes > 8 ? kWarp / 4 : s.bytes > 4 ? kWarp / 2 : kWarp;
    uint64_t passes = 0, least = 0;
    for (int first = 0; first < n; first += group) {
      const auto [needed, even] = bank_passes(offsets + first, std::min(group, n - first), s.bytes);
      passes += needed;
      least += even;
    }
    s.passes += passes;
    s.least_passes += least;
    s.worst_passes = std::max(s.worst_passes, passes);
    return;
  }
  std::sort(offsets, offsets + n);
  uint64_t sectors = 0, useful = 0, next_sector = 0, end = 0;
  for (int i = 0; i < n; i++) {
    const uint64_t first = std::max(offsets[i] / kSector, next_sector);
    const uint64_t last = (offsets[i] + s.bytes - 1) / kSector;
    if (last + 1 > first) sectors += last + 1 - first, next_sector = last + 1;
    const uint64_t begin = std::max(offsets[i], end);
    if (offsets[i] + s.bytes > begin)
      useful += offsets[i] + s.bytes - begin, end = offsets[i] + s.bytes;
  }
  s.sectors += sectors;
  s.useful_bytes += useful;
  s.least_sectors += (useful + kSector - 1) / kSector;
}

}  // namespace edudet::emulator::checker
