// RoIAlign, in CUDA. The task is in roi_align_cuda.md, beside this file.

__global__ void roi_align(const float* input, long long channels, long long height,
                          long long width, const float* boxes, long long num_boxes,
                          long long rows, long long columns, float spatial_scale,
                          long long sampling_ratio, float* out) {
  // write your solution here
}
