#include "../rle.h"

#include <algorithm>
#include <tuple>
#include <vector>

#include "tensor.h"

namespace edudet {
namespace {

void check(const Tensor& tensor, ScalarType dtype, const char* name) {
  require(tensor.scalar_type() == dtype && tensor.is_cpu() && tensor.is_contiguous(), "rle: ", name,
          " must be contiguous, on the CPU, and have its dtype");
}

const int64_t* check_begins(const Tensor& tensor, int64_t end, const char* name) {
  check(tensor, ScalarType::Long, name);
  require(tensor.dim() == 1 && tensor.size(0) > 0, "rle: ", name, " must have shape (N + 1,)");
  const int64_t *begins = input<int64_t>(tensor, name), size = tensor.size(0) - 1;
  bool rising = begins[0] == 0 && begins[size] == end;
  for (int64_t i = 0; i < size; ++i) rising &= begins[i] <= begins[i + 1];
  require(rising, "rle: ", name, " must rise from 0 to ", end);
  return begins;
}

RunLengths check_runs(const Tensor& counts, const Tensor& start, const Tensor& stop) {
  check(counts, ScalarType::Int, "counts");
  check(start, ScalarType::Long, "start");
  check(stop, ScalarType::Long, "stop");
  require(counts.dim() == 1 && start.dim() == 1 && stop.dim() == 1 && start.size(0) == stop.size(0),
          "rle: counts, start and stop must be vectors");
  const RunLengths runs{input<int32_t>(counts, "counts"), input<int64_t>(start, "start"),
                        input<int64_t>(stop, "stop"), start.size(0)};
  bool inside = true;
  for (int64_t i = 0; i < runs.size; ++i)
    inside &= runs.start[i] >= 0 && runs.start[i] <= runs.stop[i] && runs.stop[i] <= counts.size(0);
  require(inside, "rle: start and stop must lie inside counts");
  return runs;
}

template <typename T, typename Values>
Tensor vector_of(const Tensor& like, const Values& values, ScalarType dtype) {
  Tensor out = torch::stable::new_empty(like, {int64_t(values.size())}, dtype);
  std::copy(values.begin(), values.end(), output<T>(out, "out"));
  return out;
}

// text: bytes of all masks one behind the other. -> counts, their begins (N + 1), and the first
// text that is none, or N.
std::tuple<Tensor, Tensor, int64_t> rle_parse(const Tensor& text, const Tensor& begin,
                                              const Tensor& pixels) {
  check(text, ScalarType::Byte, "text");
  check(pixels, ScalarType::Long, "pixels");
  const int64_t* begins = check_begins(begin, text.numel(), "begin");
  const int64_t n = begin.size(0) - 1;
  require(pixels.numel() == n, "rle: pixels must have shape (N,)");
  cpu::Counts counts;
  std::vector<int64_t> ends{0};
  int64_t bad = n;
  for (int64_t i = 0; i < n && bad == n; ++i) {
    if (!cpu::rle_parse(input<uint8_t>(text, "text") + begins[i], begins[i + 1] - begins[i],
                        input<int64_t>(pixels, "pixels")[i], counts))
      bad = i;
    ends.push_back(counts.size());
  }
  return {vector_of<int32_t>(text, counts, ScalarType::Int),
          vector_of<int64_t>(text, ends, ScalarType::Long), bad};
}

Tensor rle_format(const Tensor& counts) {
  check(counts, ScalarType::Int, "counts");
  std::string text;
  cpu::rle_format(input<int32_t>(counts, "counts"), counts.numel(), text);
  return vector_of<uint8_t>(counts, text, ScalarType::Byte);
}

Tensor rle_encode(const Tensor& mask) {
  check(mask, ScalarType::Bool, "mask");
  require(mask.dim() == 2 && mask.numel() < int64_t(1) << 31, "rle: mask must have shape (H, W)");
  cpu::Counts counts;
  cpu::rle_encode(input<bool>(mask, "mask"), mask.size(0), mask.size(1), counts);
  return vector_of<int32_t>(mask, counts, ScalarType::Int);
}

Tensor rle_decode(const Tensor& counts, int64_t height, int64_t width) {
  check(counts, ScalarType::Int, "counts");
  const int32_t* c = input<int32_t>(counts, "counts");
  int64_t sum = 0;
  for (int64_t i = 0; i < counts.numel(); ++i) sum += c[i] < 0 ? int64_t(1) << 40 : c[i];
  require(height >= 0 && width >= 0 && sum == height * width,
          "rle: counts must add up to height * width");
  Tensor mask = torch::stable::new_empty(counts, {height, width}, ScalarType::Bool);
  cpu::rle_decode(c, counts.numel(), height, width, output<bool>(mask, "mask"));
  return mask;
}

// xy: the numbers of all polygons; polygon k has xy[polygon_begin[k]], ...; mask i is the union of
// the polygons object_begin[i], ... -> counts and their begins
std::tuple<Tensor, Tensor> rle_from_polygons(const Tensor& xy, const Tensor& polygon_begin,
                                             const Tensor& object_begin, const Tensor& sizes) {
  check(xy, ScalarType::Double, "xy");
  check(sizes, ScalarType::Long, "sizes");
  const int64_t* polygons = check_begins(polygon_begin, xy.numel(), "polygon_begin");
  const int64_t* objects = check_begins(object_begin, polygon_begin.size(0) - 1, "object_begin");
  const int64_t n = object_begin.size(0) - 1;
  const int64_t* size = input<int64_t>(sizes, "sizes");
  const double* numbers = input<double>(xy, "xy");
  require(sizes.numel() == 2 * n, "rle: sizes must have shape (N, 2)");
  for (int64_t k = 0; k < xy.numel(); ++k)
    require(std::abs(numbers[k]) <= cpu::kFarthest, "rle: xy must lie within ", cpu::kFarthest);
  cpu::Counts counts, whole, one;
  std::vector<int64_t> ends{0};
  for (int64_t i = 0; i < n; ++i) {
    const int64_t height = size[2 * i], width = size[2 * i + 1], kMost = int64_t(1) << 31;
    require(height >= 0 && width >= 0 && height < kMost && width < kMost && height * width < kMost,
            "rle: sizes must be those of images of less than 2^31 pixels");
    whole.assign(1, int32_t(height * width));
    for (int64_t k = objects[i]; k < objects[i + 1]; ++k) {
      cpu::rle_from_polygon(numbers + polygons[k], (polygons[k + 1] - polygons[k]) / 2, height,
                            width, one);
      cpu::rle_merge(whole, one.data(), one.size(), false);
    }
    counts.insert(counts.end(), whole.begin(), whole.end());
    ends.push_back(counts.size());
  }
  return {vector_of<int32_t>(xy, counts, ScalarType::Int),
          vector_of<int64_t>(xy, ends, ScalarType::Long)};
}

Tensor rle_merge(const Tensor& counts, const Tensor& start, const Tensor& stop, bool intersect) {
  const RunLengths runs = check_runs(counts, start, stop);
  require(runs.size > 0, "rle: there must be a mask to merge");
  cpu::Counts merged(runs.data + runs.start[0], runs.data + runs.stop[0]);
  for (int64_t i = 1; i < runs.size; ++i)
    cpu::rle_merge(merged, runs.data + runs.start[i], runs.stop[i] - runs.start[i], intersect);
  return vector_of<int32_t>(counts, merged, ScalarType::Int);
}

Tensor rle_overlaps(const Tensor& counts, const Tensor& start, const Tensor& stop,
                    const Tensor& object_counts, const Tensor& object_start,
                    const Tensor& object_stop, const Tensor& heights, const Tensor& crowd,
                    const Tensor& row_begin, const Tensor& first_object) {
  const RunLengths runs = check_runs(counts, start, stop);
  const RunLengths objects = check_runs(object_counts, object_start, object_stop);
  check(heights, ScalarType::Long, "heights");
  check(crowd, ScalarType::Bool, "crowd");
  check(first_object, ScalarType::Long, "first_object");
  check(row_begin, ScalarType::Long, "row_begin");
  const int64_t n = runs.size;
  require(heights.numel() == n && first_object.numel() == n && crowd.numel() == objects.size &&
              row_begin.numel() == n + 1,
          "rle: the arguments of rle_overlaps must fit together");
  const int64_t* rows =
      check_begins(row_begin, input<int64_t>(row_begin, "row_begin")[n], "row_begin");
  const int64_t *first = input<int64_t>(first_object, "first_object"),
                *height = input<int64_t>(heights, "heights");
  for (int64_t i = 0; i < n; ++i) {
    const int64_t length = rows[i + 1] - rows[i];
    require(length == 0 || (first[i] >= 0 && first[i] <= objects.size - length && height[i] >= 0),
            "rle: first_object[", i, "] must point to objects");
  }
  Tensor out = torch::stable::new_empty(counts, {rows[n]}, ScalarType::Double);
  double* to = output<double>(out, "out");
  torch::stable::parallel_for(0, n, 64, [&](int64_t begin, int64_t end) {
    cpu::rle_overlaps(runs, objects, height, input<bool>(crowd, "crowd"), rows, first, to, begin,
                      end);
  });
  return out;
}

}  // namespace

EDUDET_SCHEMAS(m) {
  m.def("rle_parse(Tensor text, Tensor begin, Tensor pixels) -> (Tensor, Tensor, int)");
  m.def("rle_format(Tensor counts) -> Tensor");
  m.def("rle_encode(Tensor mask) -> Tensor");
  m.def("rle_decode(Tensor counts, int height, int width) -> Tensor");
  m.def(
      "rle_from_polygons(Tensor xy, Tensor polygon_begin, Tensor object_begin, Tensor sizes) -> "
      "(Tensor, Tensor)");
  m.def("rle_merge(Tensor counts, Tensor start, Tensor stop, bool intersect) -> Tensor");
  m.def(
      "rle_overlaps(Tensor counts, Tensor start, Tensor stop, Tensor object_counts, Tensor "
      "object_start, Tensor object_stop, Tensor heights, Tensor crowd, Tensor row_begin, Tensor "
      "first_object) -> Tensor");
}
EDUDET_KERNELS(m) {
  m.impl("rle_parse", TORCH_BOX(&rle_parse));
  m.impl("rle_format", TORCH_BOX(&rle_format));
  m.impl("rle_encode", TORCH_BOX(&rle_encode));
  m.impl("rle_decode", TORCH_BOX(&rle_decode));
  m.impl("rle_from_polygons", TORCH_BOX(&rle_from_polygons));
  m.impl("rle_merge", TORCH_BOX(&rle_merge));
  m.impl("rle_overlaps", TORCH_BOX(&rle_overlaps));
}

}  // namespace edudet
