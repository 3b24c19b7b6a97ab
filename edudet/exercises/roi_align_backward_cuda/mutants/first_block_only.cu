// A thread for each gradient spreads it over the cells; others write to the same ones.
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

__global__ void roi_align_backward(const float* grad, const float* boxes, long long num_boxes,
                                   long long rows, long long columns, float spatial_scale,
                                   long long sampling_ratio, float* grad_input, long long maps,
                                   long long channels, long long height, long long width) {
  const long long p = threadIdx.x;
  if (p >= num_boxes * channels * rows * columns) return;
  const long long j = p % columns, i = p / columns % rows, c = p / (columns * rows) % channels;
  const float* box = boxes + 5 * (p / (columns * rows * channels));
  float* plane = grad_input + ((long long)box[0] * channels + c) * height * width;
  const float step_y = (box[4] - box[2]) * spatial_scale / (rows * sampling_ratio);
  const float step_x = (box[3] - box[1]) * spatial_scale / (columns * sampling_ratio);
  const float share = grad[p] / (sampling_ratio * sampling_ratio);
  for (long long a = i * sampling_ratio; a < (i + 1) * sampling_ratio; ++a) {
    const Taps y = taps_at(box[2] * spatial_scale - 0.5f + (a + 0.5f) * step_y, height);
    for (long long b = j * sampling_ratio; b < (j + 1) * sampling_ratio; ++b) {
      const Taps x = taps_at(box[1] * spatial_scale - 0.5f + (b + 0.5f) * step_x, width);
      atomicAdd(plane + y.low * width + x.low, y.weight_low * x.weight_low * share);
      atomicAdd(plane + y.low * width + x.high, y.weight_low * x.weight_high * share);
      atomicAdd(plane + y.high * width + x.low, y.weight_high * x.weight_low * share);
      atomicAdd(plane + y.high * width + x.high, y.weight_high * x.weight_high * share);
    }
  }
}
