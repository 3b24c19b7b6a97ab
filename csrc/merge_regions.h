// Contract of merge_regions: merge neighbouring regions, the most similar pair first.
//   labels (height, width): regions 0 to num_regions - 1, each of them somewhere.
//   planes (channels, height, width): the image in some colour space.
//   taps (num_taps,): half of the Gaussian that the texture's slopes are taken after.
//   masks: which similarities are added: 1 colour, 2 texture, 4 size, 8 fill.
#pragma once
#include <cstdint>

namespace edudet::cpu {

// One more than the largest label, or -1 if a number from 0 to there is missing or negative.
int64_t count_regions(const int64_t* labels, int64_t num_pixels);

// For each of num_masks hierarchies, one after the other:
//   merges (num_regions - 1, 2): step t makes region num_regions + t of these two, the lower first
//   similarity (num_regions - 1,): of the two
//   sizes (2 num_regions - 1,), boxes (2 num_regions - 1, 4) xyxy: of every region there ever was
// Allocates scratch of 4 KiB for a region of three channels, and for each pixel 50 bytes.
void merge_regions(const int64_t* labels, int64_t num_regions, const uint8_t* planes,
                   int64_t channels, int64_t height, int64_t width, const float* taps,
                   int64_t num_taps, const int64_t* masks, int64_t num_masks, int64_t* merges,
                   double* similarity, int64_t* sizes, float* boxes);

}  // namespace edudet::cpu
