// expect: none error fail
__global__ void box_iou(const float* boxes1, long long n, const float* boxes2, long long m,
                        float* out) {
  out[blockIdx.x * blockDim.x + threadIdx.x + 1000000] = 1;
}
