// A thread for each cell collects what belongs there, in a fixed order: no atomic additions, the
// same bits every time. The weight of a cell in a bin is that of its row times that of its column.
__device__ float weight_in_bin(float low, float step, long long bin, long long samples,
                               long long cell, long long cells) {
  float weight = 0;
  for (long long s = bin * samples; s < (bin + 1) * samples; ++s) {
    const float at = low + (s + 0.5f) * step;
    if (at < -1 || at > cells) continue;
    weight += fmaxf(1 - fabsf(fminf(fmaxf(at, 0.0f), float(cells - 1)) - cell), 0.0f);
  }
  return weight / samples;
}

__global__ void roi_align_backward(const float* grad, const float* boxes, long long num_boxes,
                                   long long rows, long long columns, float spatial_scale,
                                   long long sampling_ratio, float* grad_input, long long maps,
                                   long long channels, long long height, long long width) {
  const long long p = blockIdx.x * 128ll + threadIdx.x;
  if (p >= maps * channels * height * width) return;
  const long long column = p % width, row = p / width % height, c = p / (width * height) % channels;
  float sum = 0;
  for (long long k = 0; k < num_boxes; ++k) {
    const float* box = boxes + 5 * k;
    const float top = box[2] * spatial_scale - 0.5f, left = box[1] * spatial_scale - 0.5f;
    const float step_y = (box[4] - box[2]) * spatial_scale / (rows * sampling_ratio);
    const float step_x = (box[3] - box[1]) * spatial_scale / (columns * sampling_ratio);
    for (long long i = 0; i < rows; ++i) {
      const float down = weight_in_bin(top, step_y, i, sampling_ratio, row, height);
      for (long long j = 0; j < columns && down > 0; ++j) {
        const float across = weight_in_bin(left, step_x, j, sampling_ratio, column, width);
        sum += down * across * grad[((k * channels + c) * rows + i) * columns + j];
      }
    }
  }
  grad_input[p] = sum;
}
