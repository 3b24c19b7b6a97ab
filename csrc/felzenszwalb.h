// Contract of felzenszwalb: graph-based segmentation, for several scales of one image.
//   values (channels, height, width): float32, finite, contiguous.
//   taps (num_taps,): the centre and the right half of a symmetric filter.
#pragma once
#include <cstdint>

namespace edudet::cpu {

// At most so many pixels: an edge's number fits into 32 bits.
constexpr int64_t kMostPixelsOfFelzenszwalb = int64_t(1) << 25;

// One plane: down the columns, then along the rows, mirrored at the border.
void smooth(const float* in, int64_t height, int64_t width, const float* taps, int64_t num_taps,
            float* out);

// labels (num_scales, height, width): regions 0, 1, ... in the order of their first pixels.
// min_sizes (num_scales,). Allocates scratch of about 120 bytes a pixel.
void felzenszwalb(const float* values, int64_t channels, int64_t height, int64_t width,
                  const float* taps, int64_t num_taps, const double* scales,
                  const int64_t* min_sizes, int64_t num_scales, int64_t* labels);

}  // namespace edudet::cpu
