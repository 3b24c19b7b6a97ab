// Contract of conv_transpose: out[y s + i d - p] += input[y] weight[i], on two axes.
//   input (batch, groups * in_channels, H, W), weight (groups * in_channels, out_channels, K, L),
//   bias (groups * out_channels) or null: contiguous.
//   out (batch, groups * out_channels, H', W'): contiguous, written in full.
//   framed, packed: scratch of framed_size() and packed_size() numbers.
// The caller owns all memory, and runs frame_input and pack_weight before conv_transpose.
#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/half.h"

namespace edudet::cpu {

// One axis. Its outputs q, q + stride, q + 2 stride, ... are phase q: the t-th of them is the sum,
// over some taps of the kernel, of weight times input[t + offset], a convolution of stride 1.
struct TransposedAxis {
  int64_t cells, taps, stride, padding, dilation, size;  // size: of the output

  int64_t phases() const { return std::min(stride, size); }
  int64_t outputs(int64_t phase) const { return (size - phase + stride - 1) / stride; }
  // Whether a tap reaches any output of a phase from within the input; then `offset` is set.
  bool reads(int64_t phase, int64_t tap, int64_t& offset) const {
    const int64_t distance = phase + padding - tap * dilation;
    offset = distance / stride;
    return distance % stride == 0 && offset < cells && offset > -outputs(phase);
  }
};

// One cell of the kernel, as a phase sees it: its index, and how far from the output's place in
// the framed input its input lies.
struct PhaseTap {
  int64_t index, offset;
};

struct ConvTransposePlan {
  TransposedAxis y, x;
  int64_t batch, groups, in_channels, out_channels;            // channels: of one group
  int64_t frame_top = 0, frame_left = 0, rows = 0, pitch = 0;  // of the input with zeros around it
  std::vector<std::vector<PhaseTap>> taps = {};                // for each phase (y, x)

  void complete();  // sets what has a default above
  int64_t planes() const { return batch * groups * in_channels; }
  int64_t framed_size() const;
  int64_t packed_size(int64_t tile) const;  // tile: of output_tile<T>()
  int64_t chunks() const;                   // of every phase; those beyond a smaller one are empty
  int64_t tasks() const { return batch * groups * int64_t(taps.size()) * chunks(); }
};

// How many output channels are computed at a time.
template <typename T>
int64_t output_tile();

// Planes [begin, end) of the input, with zeros around them.
template <typename T>
void frame_input(const ConvTransposePlan& plan, const T* input, compute_t<T>* framed, int64_t begin,
                 int64_t end);

// Weights in the order in which they are read.
template <typename T>
void pack_weight(const ConvTransposePlan& plan, const T* weight, compute_t<T>* packed);

// Tasks [begin, end).
template <typename T>
void conv_transpose(const ConvTransposePlan& plan, const compute_t<T>* framed,
                    const compute_t<T>* packed, const T* bias, T* out, int64_t begin, int64_t end);

}  // namespace edudet::cpu
