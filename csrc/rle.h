// Contract of rle: masks as run lengths, COCO's way.
//   A mask is read column by column; counts[0] pixels are outside, the next counts[1] inside, and
//   so on. Counts are not negative and add up to height * width. In text, a count is a number in
//   base 32, least digit first: bits 0 to 4 of (character - 48), bit 5 where more follow, bit 4 of
//   the last digit is the sign. From the fourth on it is the difference to the count two places
//   before.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace edudet {

// Mask i has the counts data[start[i]], ..., data[stop[i] - 1].
struct RunLengths {
  const int32_t* data;
  const int64_t *start, *stop;
  int64_t size;
};

namespace cpu {

using Counts = std::vector<int32_t>;

// Appends the counts of a text. False if it is none, or its counts do not add up to `pixels`.
bool rle_parse(const uint8_t* text, int64_t length, int64_t pixels, Counts& counts);
void rle_format(const int32_t* counts, int64_t n, std::string& text);

// mask (height, width), rows contiguous.
void rle_encode(const bool* mask, int64_t height, int64_t width, Counts& counts);
void rle_decode(const int32_t* counts, int64_t n, int64_t height, int64_t width, bool* mask);

// A polygon of `corners` points x, y, |.| <= kFarthest; height * width < 2^31.
constexpr double kFarthest = 1e6;
void rle_from_polygon(const double* xy, int64_t corners, int64_t height, int64_t width,
                      Counts& counts);
// In place of `a`: where a or b is, or where both are.
void rle_merge(Counts& a, const int32_t* b, int64_t n, bool intersect);

// IoU of detections [begin, end) with objects first_object[i], ... of the same height; the part of
// the detection that lies in the object if that is a crowd. To overlaps[row_begin[i]], ...
void rle_overlaps(const RunLengths& detections, const RunLengths& objects, const int64_t* heights,
                  const bool* crowd, const int64_t* row_begin, const int64_t* first_object,
                  double* overlaps, int64_t begin, int64_t end);

}  // namespace cpu
}  // namespace edudet
