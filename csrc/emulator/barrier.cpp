// Barriers, and what happens when nobody can run.
#define EDUDET_ENGINE
#include "block.h"
#include "checker.h"

namespace edudet::emulator {

bool waits_alike(const Thread& a, const Thread& b) {
  return a.state == b.state && a.site.line == b.site.line && a.site.file == b.site.file;
}

namespace {

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

}  // namespace

bool resolve() {
  if (answer_active_masks() || open_barrier()) return true;
  if (block.failed) return false;
  if (excuse_ended_lanes()) return true;
  const Thread* stuck = nullptr;
  for (const Thread& t : block.threads) {
    if (t.state == State::kAtWarpOperation) stuck = &t;
  }
  record(cudaErrorLaunchFailure, "missing lane",
         "a lane never comes to the warp operation that names it: " + who_waits(),
         stuck ? stuck->site : Site{nullptr, 0}, nullptr);
  return false;
}

int barrier(bool predicate, Site site) {
  check_time();
  block.votes += predicate;
  block.at_barrier++;
  checker::note('b', site);
  wait(State::kAtBarrier, "__syncthreads", site);
  return block.vote_result;
}

}  // namespace edudet::emulator
