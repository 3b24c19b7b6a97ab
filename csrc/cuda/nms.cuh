// Greedy suppression in parallel. All kernels work on candidates: boxes sorted by score, best
// first.
//
//   nms_mask_kernel_1    one thread fills one word: which 64 later candidates it would suppress
//   nms_gather_kernel_1  one block walks over the candidates, serially, as the loop does
//
// The walk is the bottleneck, and the mask of n^2 bits does not fit for large n. So the second
// version goes through the candidates chunk by chunk and keeps no mask but that of one chunk:
//
//   nms_kill_kernel_2    drops candidates of the chunk that a box of an earlier chunk suppresses
//   nms_mask_kernel_2    which *earlier* candidates of the chunk would suppress this one
//   nms_rounds_kernel_2  decides all candidates of the chunk in a few parallel rounds
#pragma once

#include <cstdint>

#include "../common/box.h"
#include "../nms.h"

namespace edudet::cuda {

constexpr int kWord = 64;     // candidates in a word of a mask; also threads in a block
constexpr int kChunk = 4096;  // candidates of a chunk of version 2
constexpr int kChunkWords = kChunk / kWord;
constexpr int kRoundThreads = 1024;
constexpr int kMostRounds = 64;

template <typename T>
struct NmsInput {
  const T* boxes;
  const int64_t* classes;  // or null
  const int64_t* order;    // candidate -> box
  int64_t n;
  compute_t<T> threshold;
};

// A candidate, ready to be compared.
template <typename C>
struct Candidate {
  Box<C> box;
  C area;
  int64_t label;
};

template <typename T>
__device__ Candidate<compute_t<T>> load_candidate(const NmsInput<T>& in, int64_t i) {
  const int64_t index = in.order[i];
  const Box<compute_t<T>> box = load_box(in.boxes + 4 * index);
  return {box, area(box), in.classes ? in.classes[index] : 0};
}

template <typename C>
__device__ bool suppresses(const Candidate<C>& a, const Candidate<C>& b, C threshold) {
  return a.label == b.label && iou(a.box, a.area, b.box, b.area) > threshold;
}

// One thread looks at one box and its score; the lowest invalid index wins.
template <typename T>
__global__ void nms_check_kernel(const T* boxes, const T* scores, int64_t n, NmsResult* result) {
  const int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (i >= n) return;
  // Indices are not negative, so they compare alike as unsigned numbers, which atomicMin knows.
  using Unsigned = unsigned long long;
  if (!is_valid(load_box(boxes + 4 * i))) {
    atomicMin(reinterpret_cast<Unsigned*>(&result->first_invalid_box), Unsigned(i));
  }
  const compute_t<T> score = widen(scores[i]);
  if (!(score - score == compute_t<T>(0))) {
    atomicMin(reinterpret_cast<Unsigned*>(&result->first_infinite_score), Unsigned(i));
  }
}

// ---- Version 1 ----------------------------------------------------------------------------------

// Block (column, row) of 64 threads: thread t compares candidate 64 * row + t with the candidates
// 64 * column ..., and sets bit k of its word if it would suppress candidate 64 * column + k.
//
// The column's boxes are read by all 64 threads: they are loaded once, into shared memory, one by
// each thread. Only later candidates can be suppressed, so blocks left of the diagonal leave.
template <typename T>
__global__ void nms_mask_kernel_1(NmsInput<T> in, int64_t words, uint64_t* mask) {
  using C = compute_t<T>;
  const int64_t row = blockIdx.y, column = blockIdx.x;
  if (column < row) return;
  __shared__ Candidate<C> others[kWord];
  const int64_t other = column * kWord + threadIdx.x;
  if (other < in.n) others[threadIdx.x] = load_candidate(in, other);
  __syncthreads();
  const int64_t i = row * kWord + threadIdx.x;
  if (i >= in.n) return;
  const Candidate<C> mine = load_candidate(in, i);
  const int64_t left = in.n - column * kWord;
  uint64_t bits = 0;
  for (int k = 0; k < kWord && k < left; ++k) {
    if (column * kWord + k > i && suppresses(mine, others[k], in.threshold)) bits |= 1ull << k;
  }
  mask[i * words + column] = bits;
}

// One block. Candidate after candidate: if it is not dropped yet, it is kept, and its row of the
// mask is added to `dropped`, a word by each thread. Two barriers a candidate: this is the walk.
template <typename T>
__global__ void nms_gather_kernel_1(NmsInput<T> in, int64_t words, const uint64_t* mask,
                                    uint64_t* dropped, int64_t* keep, NmsResult* result) {
  for (int64_t w = threadIdx.x; w < words; w += blockDim.x) dropped[w] = 0;
  __syncthreads();
  int64_t num_kept = 0;  // every thread counts for itself, all alike
  for (int64_t i = 0; i < in.n; ++i) {
    const bool kept = !(dropped[i / kWord] >> (i % kWord) & 1);
    __syncthreads();  // all have read the word before one of them changes it
    if (kept) {
      for (int64_t w = i / kWord + threadIdx.x; w < words; w += blockDim.x) {
        dropped[w] |= mask[i * words + w];
      }
      if (threadIdx.x == 0) keep[num_kept] = in.order[i];
      ++num_kept;
    }
    __syncthreads();
  }
  if (threadIdx.x == 0) result->num_kept = num_kept;
}

// ---- Version 2 ----------------------------------------------------------------------------------

// Block (row, slice) of 64 threads: thread t compares candidate 64 * row + t of the chunk with
// every gridDim.y-th tile of 64 boxes that earlier chunks have kept, and drops out when one
// suppresses it. A tile is loaded into shared memory, one box by each thread.
//
// `keep` holds candidates until nms_name_kernel_2 turns them into boxes.
template <typename T>
__global__ void nms_kill_kernel_2(NmsInput<T> in, int64_t chunk, const int64_t* keep,
                                  const NmsResult* result, uint64_t* dropped) {
  using C = compute_t<T>;
  __shared__ Candidate<C> tile[kWord];
  const int64_t i = chunk + blockIdx.x * int64_t(kWord) + threadIdx.x, num_kept = result->num_kept;
  const bool inside = i < in.n;
  const Candidate<C> mine = load_candidate(in, inside ? i : in.n - 1);
  bool hit = false;
  for (int64_t first = blockIdx.y * int64_t(kWord); first < num_kept;
       first += gridDim.y * int64_t(kWord)) {
    __syncthreads();  // all have read the last tile
    if (first + threadIdx.x < num_kept) {
      tile[threadIdx.x] = load_candidate(in, keep[first + threadIdx.x]);
    }
    __syncthreads();
    for (int k = 0; k < kWord && first + k < num_kept && !hit; ++k) {
      hit = suppresses(tile[k], mine, in.threshold);
    }
  }
  if (inside && hit) {
    atomicOr(reinterpret_cast<unsigned long long*>(dropped + blockIdx.x), 1ull << threadIdx.x);
  }
}

// Block (column, row) of 64 threads, as in version 1, inside the chunk and the other way round:
// bit k of word `column` of candidate i says that candidate 64 * column + k comes earlier and
// would suppress i. So a candidate finds all that decides about it in its own row.
template <typename T>
__global__ void nms_mask_kernel_2(NmsInput<T> in, int64_t chunk, uint64_t* mask) {
  using C = compute_t<T>;
  const int row = blockIdx.y, column = blockIdx.x;
  if (column > row) return;
  __shared__ Candidate<C> others[kWord];
  const int64_t other = chunk + column * kWord + threadIdx.x;
  if (other < in.n) others[threadIdx.x] = load_candidate(in, other);
  __syncthreads();
  const int64_t i = chunk + row * kWord + threadIdx.x;
  if (i >= in.n) return;
  const Candidate<C> mine = load_candidate(in, i);
  uint64_t bits = 0;
  for (int k = 0; k < kWord; ++k) {
    const int64_t earlier = chunk + column * kWord + k;
    if (earlier < i && suppresses(others[k], mine, in.threshold)) bits |= 1ull << k;
  }
  mask[int64_t(row * kWord + threadIdx.x) * kChunkWords + column] = bits;
}

// What a round knows of the chunk: two sets of candidates, in shared memory.
struct Decided {
  uint64_t kept[kChunkWords], dropped[kChunkWords];
};

// One warp asks: is candidate i suppressed by a kept one, or must it wait for an undecided one?
// Lane l looks at words l and l + 32 of its row.
__device__ inline void decide(const uint64_t* row, int i, int lane, const Decided& before,
                              Decided& after) {
  bool hit = false, wait = false;
  for (int w = lane; w <= i / kWord; w += 32) {
    hit |= (row[w] & before.kept[w]) != 0;
    wait |= (row[w] & ~before.kept[w] & ~before.dropped[w]) != 0;
  }
  hit = __any_sync(0xffffffffu, hit);
  wait = __any_sync(0xffffffffu, wait);
  if (lane != 0 || (!hit && wait)) return;
  uint64_t* set = hit ? after.dropped : after.kept;
  atomicOr(reinterpret_cast<unsigned long long*>(set + i / kWord), 1ull << (i % kWord));
}

// One block of 32 warps decides the chunk. A candidate is kept as soon as all earlier ones that
// overlap it are known to be dropped, and dropped as soon as one of them is known to be kept: the
// same choice as the walk makes, for all undecided candidates at once. A round reads `before` and
// writes `after`, so the order of the warps does not matter; a dozen rounds do for real boxes.
// A long chain of overlaps decides one candidate a round: after kMostRounds one warp walks.
template <typename T>
__global__ void nms_rounds_kernel_2(NmsInput<T> in, int64_t chunk, const uint64_t* mask,
                                    const uint64_t* dropped, int64_t* keep, NmsResult* result) {
  __shared__ Decided before, after;
  __shared__ int64_t places[kChunkWords + 1];
  const int size = in.n - chunk < kChunk ? int(in.n - chunk) : kChunk;
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  for (int w = threadIdx.x; w < kChunkWords; w += blockDim.x) {
    before.kept[w] = after.kept[w] = 0;
    before.dropped[w] = after.dropped[w] = dropped[w];
  }
  __syncthreads();
  bool open = true;
  for (int round = 0; round < kMostRounds && open; ++round) {
    open = false;
    for (int i = warp; i < size; i += kRoundThreads / 32) {
      if ((before.kept[i / kWord] | before.dropped[i / kWord]) >> (i % kWord) & 1) continue;
      decide(mask + int64_t(i) * kChunkWords, i, lane, before, after);
      open = true;
    }
    open = __syncthreads_or(open);
    for (int w = threadIdx.x; w < kChunkWords; w += blockDim.x) {
      before.kept[w] = after.kept[w];
      before.dropped[w] = after.dropped[w];
    }
    __syncthreads();
  }
  for (int i = 0; open && warp == 0 && i < size; ++i) {
    if ((after.kept[i / kWord] | after.dropped[i / kWord]) >> (i % kWord) & 1) continue;
    decide(mask + int64_t(i) * kChunkWords, i, lane, after, after);
    __syncwarp();
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    places[0] = result->num_kept;
    for (int w = 0; w < kChunkWords; ++w) places[w + 1] = places[w] + __popcll(after.kept[w]);
    result->num_kept = places[kChunkWords];
  }
  __syncthreads();
  for (int i = threadIdx.x; i < size; i += blockDim.x) {
    const uint64_t word = after.kept[i / kWord];
    const uint64_t earlier = word & ((1ull << (i % kWord)) - 1);
    if (word >> (i % kWord) & 1) keep[places[i / kWord] + __popcll(earlier)] = chunk + i;
  }
}

// One thread names one kept candidate: its place in the order becomes the index of its box.
__global__ void nms_name_kernel_2(const int64_t* order, const NmsResult* result, int64_t* keep) {
  const int64_t k = blockIdx.x * int64_t(blockDim.x) + threadIdx.x;
  if (k < result->num_kept) keep[k] = order[keep[k]];
}

}  // namespace edudet::cuda
