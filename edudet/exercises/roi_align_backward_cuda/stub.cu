// The gradient of RoIAlign, in CUDA. The task is in roi_align_backward_cuda.md, beside this file.

__global__ void roi_align_backward(const float* grad, const float* boxes, long long num_boxes,
                                   long long rows, long long columns, float spatial_scale,
                                   long long sampling_ratio, float* grad_input, long long maps,
                                   long long channels, long long height, long long width) {
  // write your solution here
}
