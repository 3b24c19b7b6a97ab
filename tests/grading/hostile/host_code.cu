// expect: none crash error
#include <unistd.h>
struct Early {
  Early() { _exit(0); }
} early;
__global__ void box_iou(const float* boxes1, long long n, const float* boxes2, long long m,
                        float* out) {}
