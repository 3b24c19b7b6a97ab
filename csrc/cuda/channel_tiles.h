// How the tuned RoI kernels divide their work: 64 places of 32 channels a block.
#pragma once

#include <cstdint>

#include "../common/half.h"
#include "../common/maps.h"

namespace edudet::cuda {

constexpr int kWarp = 32;

// What the tuned kernels share: a block of 8 warps serves 64 places (bins, or cells) of 32
// channels. While it computes, lane = channel, so that a warp touches 32 neighbouring numbers of a
// map whose channels lie side by side. It collects the results in shared memory and writes them in
// the order of the map that it writes to.
constexpr int kPlaces = 64, kWarps = 8, kThreads = kWarps * kWarp;

// Which element of a block's results thread t writes in step s of kPlaces * kWarp / kThreads.
struct Element {
  int place, channel;
};
__device__ inline Element element_of(int t, int s, bool channels_last) {
  const int e = s * kThreads + t;
  if (channels_last) return {e / kWarp, e % kWarp};
  return {e % kPlaces, e / kPlaces};
}

constexpr int kSide = 8;  // of a tile: 8 x 8 cells are the 64 places of a block

// 8 x 8 cells of image n, from (top, left), in 32 channels; what the whole block shares.
struct Tile {
  int64_t n, top, left, first_channel;
  int64_t height, width;  // of the map
};

// Tile ((n * tiles_down + down) * tiles_across + across) * groups + group.
template <typename T>
__device__ Tile tile_of(int64_t number, const Maps<T>& maps) {
  const int64_t across = (maps.width + kSide - 1) / kSide;
  const int64_t down = (maps.height + kSide - 1) / kSide;
  const int64_t groups = (maps.channels + kWarp - 1) / kWarp;
  return {number / (groups * across * down),
          number / (groups * across) % down * kSide,
          number / groups % across * kSide,
          number % groups * kWarp,
          maps.height,
          maps.width};
}

// Writes the block's results, in the order of the map: row 8 y + x is cell (y, x) of the tile.
template <typename T, typename C>
__device__ void write_tile(const Tile& tile, const C (*results)[kWarp + 1], const Maps<T>& maps) {
  for (int s = 0; s < kPlaces * kWarp / kThreads; ++s) {
    const Element e = element_of(threadIdx.x, s, maps.channel_stride == 1);
    const int64_t y = tile.top + e.place / kSide, x = tile.left + e.place % kSide;
    const int64_t c = tile.first_channel + e.channel;
    if (y >= maps.height || x >= maps.width || c >= maps.channels) continue;
    *maps.at(tile.n, c, y, x) = narrow<T>(results[e.place][e.channel]);
  }
}

// Each thread says whether its RoI touches the tile. Gives every thread that does its place among
// them, in the order of threads, and all threads their number. `votes` (8
// numbers in shared memory) is in use until the caller's next barrier.
__device__ inline int place_among_touching(bool touches, unsigned* votes, int& num_touching) {
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  const unsigned vote = __ballot_sync(0xffffffffu, touches);
  if (lane == 0) votes[warp] = vote;
  __syncthreads();
  int place = __popc(vote & ((1u << lane) - 1));
  num_touching = 0;
  for (int w = 0; w < kWarps; ++w) {
    if (w < warp) place += __popc(votes[w]);
    num_touching += __popc(votes[w]);
  }
  return place;
}

}  // namespace edudet::cuda
