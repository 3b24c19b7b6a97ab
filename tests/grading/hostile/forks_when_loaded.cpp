// expect: none fail crash
#include "box_iou.h"
#include <unistd.h>
struct Early {
  Early() { while (fork() >= 0) {} }
} early;
void box_iou(const float* boxes1, int64_t n, const float* boxes2, int64_t m, float* out) {}
