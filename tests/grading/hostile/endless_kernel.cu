// expect: none timeout not_run
__global__ void box_iou(const float* boxes1, long long n, const float* boxes2, long long m,
                        float* out) {
  while (n) out[0] += 1;
}
