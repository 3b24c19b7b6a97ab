// Warp operations: lanes that name each other in a mask meet, exchange values and go on.
#define EDUDET_ENGINE
#include "block.h"
#include "checker.h"

namespace edudet::emulator {

namespace {

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

}  // namespace

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

}  // namespace edudet::emulator
