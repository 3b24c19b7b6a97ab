// A thread for each element of the result.
__device__ float value_at(const float* plane, long long height, long long width, float y,
                          float x) {
  if (y < -1 || y > height || x < -1 || x > width) return 0;
  y = fminf(fmaxf(y, 0.0f), float(height - 1));
  x = fminf(fmaxf(x, 0.0f), float(width - 1));
  const long long top = y, left = x;
  const long long bottom = min(top + 1, height - 1), right = min(left + 1, width - 1);
  const float down = y - top, across = x - left;
  const float *upper = plane + top * width, *lower = plane + bottom * width;
  return (1 - down) * ((1 - across) * upper[left] + across * upper[right]) +
         down * ((1 - across) * lower[left] + across * lower[right]);
}

__global__ void roi_align(const float* input, long long channels, long long height,
                          long long width, const float* boxes, long long num_boxes,
                          long long rows, long long columns, float spatial_scale,
                          long long sampling_ratio, float* out) {
  const long long p = threadIdx.x;
  if (p >= num_boxes * channels * rows * columns) return;
  const long long j = p % columns, i = p / columns % rows, c = p / (columns * rows) % channels;
  const float* box = boxes + 5 * (p / (columns * rows * channels));
  const float* plane = input + ((long long)box[0] * channels + c) * height * width;
  const float step_y = (box[4] - box[2]) * spatial_scale / (rows * sampling_ratio);
  const float step_x = (box[3] - box[1]) * spatial_scale / (columns * sampling_ratio);
  float sum = 0;
  for (long long a = 0; a < sampling_ratio; ++a) {
    const float y = box[2] * spatial_scale - 0.5f + (i * sampling_ratio + a + 0.5f) * step_y;
    for (long long b = 0; b < sampling_ratio; ++b) {
      const float x = box[1] * spatial_scale - 0.5f + (j * sampling_ratio + b + 0.5f) * step_x;
      sum += value_at(plane, height, width, y, x);
    }
  }
  out[p] = sum / (sampling_ratio * sampling_ratio);
}
