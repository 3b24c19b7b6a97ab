// A warp for each bin of a box, a lane for every 32nd channel: positions and weights are worked
// out once per lane and serve all its channels. A grid-stride loop: fewer warps than bins will do.
struct Taps {
  long long low, high;
  float weight_low, weight_high;
};

__device__ Taps taps_at(float at, long long cells) {
  if (at < -1 || at > cells) return {0, 0, 0, 0};
  at = fminf(fmaxf(at, 0.0f), float(cells - 1));
  const long long low = at;
  return {low, min(low + 1, cells - 1), 1 - (at - low), at - low};
}

__global__ void roi_align(const float* input, long long channels, long long height,
                          long long width, const float* boxes, long long num_boxes,
                          long long rows, long long columns, float spatial_scale,
                          long long sampling_ratio, float* out) {
  const long long lane = threadIdx.x % 32, warps = gridDim.x * blockDim.x / 32;
  const long long bins = rows * columns;
  for (long long bin = (blockIdx.x * blockDim.x + threadIdx.x) / 32; bin < num_boxes * bins;
       bin += warps) {
    const long long k = bin / bins, i = bin % bins / columns, j = bin % columns;
    const float* box = boxes + 5 * k;
    const float top = box[2] * spatial_scale - 0.5f, left = box[1] * spatial_scale - 0.5f;
    const float step_y = (box[4] - box[2]) * spatial_scale / (rows * sampling_ratio);
    const float step_x = (box[3] - box[1]) * spatial_scale / (columns * sampling_ratio);
    for (long long c = lane; c < channels; c += 32) {
      const float* plane = input + ((long long)box[0] * channels + c) * height * width;
      float sum = 0;
      for (long long a = i * sampling_ratio; a < (i + 1) * sampling_ratio; ++a) {
        const Taps y = taps_at(top + (a + 0.5f) * step_y, height);
        for (long long b = j * sampling_ratio; b < (j + 1) * sampling_ratio; ++b) {
          const Taps x = taps_at(left + (b + 0.5f) * step_x, width);
          sum += y.weight_low * (x.weight_low * plane[y.low * width + x.low] +
                                 x.weight_high * plane[y.low * width + x.high]) +
                 y.weight_high * (x.weight_low * plane[y.high * width + x.low] +
                                  x.weight_high * plane[y.high * width + x.high]);
        }
      }
      out[(k * channels + c) * bins + i * columns + j] = sum / (sampling_ratio * sampling_ratio);
    }
  }
}
