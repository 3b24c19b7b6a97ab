// A phase of the output is a convolution of stride 1. With zeros around the input, its rows follow
// each other in memory, and a phase is computed as if it were one long row, kLanes cells by kTile
// channels at a time, whose sums stay in registers: each input vector is read once for kTile
// products, each weight once for kLanes. What falls between two rows is thrown away.
#include "../conv_transpose.h"

namespace edudet::cpu {
namespace {

constexpr int64_t kLanes = 32;  // gcc unrolls a loop of 16, but makes vectors of a longer one
template <typename C>
constexpr int64_t kTile = 32 / sizeof(C);

int64_t blocks_of(const ConvTransposePlan& plan, int64_t tile) {
  return (plan.out_channels + tile - 1) / tile;
}

// Zeros needed before and after the cells of an axis.
void frame(const TransposedAxis& axis, int64_t& before, int64_t& total) {
  int64_t after = 0, offset = 0;
  before = 0;
  for (int64_t phase = 0; phase < axis.phases(); ++phase) {
    for (int64_t tap = 0; tap < axis.taps; ++tap) {
      if (!axis.reads(phase, tap, offset)) continue;
      before = std::max(before, -offset);
      after = std::max(after, offset + axis.outputs(phase) - axis.cells);
    }
  }
  total = before + axis.cells + after;
}

}  // namespace

void ConvTransposePlan::complete() {
  frame(y, frame_top, rows);
  frame(x, frame_left, pitch);
  pitch = std::max(pitch, x.outputs(0));  // also where no tap reads anything
  for (int64_t phase_y = 0; phase_y < y.phases(); ++phase_y) {
    for (int64_t phase_x = 0; phase_x < x.phases(); ++phase_x) {
      std::vector<PhaseTap>& list = taps.emplace_back();
      for (int64_t i = 0; i < y.taps; ++i) {
        for (int64_t j = 0; j < x.taps; ++j) {
          int64_t down, right;
          if (!y.reads(phase_y, i, down) || !x.reads(phase_x, j, right)) continue;
          list.push_back({i * x.taps + j, (down + frame_top) * pitch + right + frame_left});
        }
      }
    }
  }
}

int64_t ConvTransposePlan::framed_size() const {
  return planes() * rows * pitch + pitch + kLanes;  // the last chunk reads beyond the last plane
}

int64_t ConvTransposePlan::packed_size(int64_t tile) const {
  return groups * blocks_of(*this, tile) * y.taps * x.taps * in_channels * tile;
}

int64_t ConvTransposePlan::chunks() const {
  const int64_t cells = (y.outputs(0) - 1) * pitch + x.outputs(0);
  return (cells + kLanes - 1) / kLanes;
}

template <typename T>
int64_t output_tile() {
  return kTile<compute_t<T>>;
}

template <typename T>
void frame_input(const ConvTransposePlan& plan, const T* input, compute_t<T>* framed, int64_t begin,
                 int64_t end) {
  using C = compute_t<T>;
  const int64_t size = plan.rows * plan.pitch;
  for (int64_t plane = begin; plane < end; ++plane) {
    const T* from = input + plane * plan.y.cells * plan.x.cells;
    C* to = framed + plane * size;
    std::fill_n(to, size + (plane + 1 == plan.planes() ? plan.pitch + kLanes : 0), C(0));
    for (int64_t y = 0; y < plan.y.cells; ++y) {
      C* row = to + (y + plan.frame_top) * plan.pitch + plan.frame_left;
      for (int64_t x = 0; x < plan.x.cells; ++x) row[x] = widen(from[y * plan.x.cells + x]);
    }
  }
}

template <typename T>
void pack_weight(const ConvTransposePlan& plan, const T* weight, compute_t<T>* packed) {
  using C = compute_t<T>;
  constexpr int64_t tile = kTile<C>;
  const int64_t taps = plan.y.taps * plan.x.taps;
  for (int64_t group = 0; group < plan.groups; ++group) {
    for (int64_t first = 0; first < plan.out_channels; first += tile) {
      // Taps are the inner loop, so that both sides stay within a few lines of the cache.
      for (int64_t c = 0; c < plan.in_channels; ++c) {
        const T* from =
            weight + ((group * plan.in_channels + c) * plan.out_channels + first) * taps;
        for (int64_t tap = 0; tap < taps; ++tap) {
          C* to = packed + (tap * plan.in_channels + c) * tile;
          for (int64_t o = 0; o < tile; ++o) {
            to[o] = first + o < plan.out_channels ? widen(from[o * taps + tap]) : C(0);
          }
        }
      }
      packed += taps * plan.in_channels * tile;
    }
  }
}

namespace {

// sums[o][l] = sum over taps and input channels of weight[o] * input[l].
template <typename C>
EDUDET_CLONES void multiply(const C* framed, int64_t plane, int64_t channels, const PhaseTap* taps,
                            int64_t num_taps, const C* packed, C* __restrict sums) {
  C registers[kTile<C>][kLanes] = {};
  for (int64_t t = 0; t < num_taps; ++t) {
    const C* cells = framed + taps[t].offset;
    const C* weights = packed + taps[t].index * channels * kTile<C>;
    for (int64_t c = 0; c < channels; ++c, cells += plane, weights += kTile<C>) {
      for (int64_t o = 0; o < kTile<C>; ++o) {
        for (int64_t l = 0; l < kLanes; ++l) registers[o][l] += weights[o] * cells[l];
      }
    }
  }
  std::copy_n(&registers[0][0], kTile<C> * kLanes, sums);
}

// Which of the kLanes cells of a chunk are outputs: pieces of rows of one phase.
struct Piece {
  int64_t first, length, out;  // out: where in a plane of the output; the next is a stride further
};

std::vector<Piece> pieces_of(const ConvTransposePlan& plan, int64_t phase_y, int64_t phase_x,
                             int64_t chunk) {
  std::vector<Piece> pieces;
  const int64_t begin = chunk * kLanes, width = plan.x.outputs(phase_x);
  for (int64_t row = begin / plan.pitch;
       row < plan.y.outputs(phase_y) && row * plan.pitch < begin + kLanes; ++row) {
    const int64_t first = std::max(begin, row * plan.pitch);
    const int64_t last = std::min(begin + kLanes, row * plan.pitch + width);
    if (first >= last) continue;
    const int64_t y = row * plan.y.stride + phase_y;
    const int64_t x = (first - row * plan.pitch) * plan.x.stride + phase_x;
    pieces.push_back({first - begin, last - first, y * plan.x.size + x});
  }
  return pieces;
}

template <typename T, typename C>
void write(const std::vector<Piece>& pieces, const C* sums, C bias, int64_t stride, T* plane) {
  for (const Piece& piece : pieces) {
    T* to = plane + piece.out;
    for (int64_t l = 0; l < piece.length; ++l) {
      to[l * stride] = narrow<T>(sums[piece.first + l] + bias);
    }
  }
}

}  // namespace

template <typename T>
void conv_transpose(const ConvTransposePlan& plan, const compute_t<T>* framed,
                    const compute_t<T>* packed, const T* bias, T* out, int64_t begin, int64_t end) {
  using C = compute_t<T>;
  constexpr int64_t tile = kTile<C>;
  C sums[tile * kLanes];
  const int64_t chunks = plan.chunks(), phases = int64_t(plan.taps.size());
  const int64_t plane = plan.rows * plan.pitch, out_plane = plan.y.size * plan.x.size;
  const int64_t weights = plan.y.taps * plan.x.taps * plan.in_channels * tile;  // of one block
  for (int64_t task = begin; task < end; ++task) {
    const int64_t chunk = task % chunks, phase = task / chunks % phases;
    const int64_t image_group = task / chunks / phases, group = image_group % plan.groups;
    const auto pieces = pieces_of(plan, phase / plan.x.phases(), phase % plan.x.phases(), chunk);
    if (pieces.empty()) continue;
    const std::vector<PhaseTap>& taps = plan.taps[phase];
    const C* from = framed + image_group * plan.in_channels * plane + chunk * kLanes;
    const C* block = packed + group * blocks_of(plan, tile) * weights;
    for (int64_t first = 0; first < plan.out_channels; first += tile, block += weights) {
      multiply(from, plane, plan.in_channels, taps.data(), int64_t(taps.size()), block, sums);
      for (int64_t o = first; o < std::min(first + tile, plan.out_channels); ++o) {
        const C of_channel = bias ? widen(bias[group * plan.out_channels + o]) : C(0);
        write(pieces, sums + (o - first) * kLanes, of_channel, plan.x.stride,
              out + (image_group * plan.out_channels + o) * out_plane);
      }
    }
  }
}

#define INSTANTIATE(T)                                                                             \
  template int64_t output_tile<T>();                                                               \
  template void frame_input(const ConvTransposePlan&, const T*, compute_t<T>*, int64_t, int64_t);  \
  template void pack_weight(const ConvTransposePlan&, const T*, compute_t<T>*);                    \
  template void conv_transpose(const ConvTransposePlan&, const compute_t<T>*, const compute_t<T>*, \
                               const T*, T*, int64_t, int64_t);
INSTANTIATE(float)
INSTANTIATE(double)
INSTANTIATE(Half)
INSTANTIATE(BFloat16)

}  // namespace edudet::cpu
