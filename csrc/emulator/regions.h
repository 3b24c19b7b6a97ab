// The memory that kernels use, in named regions, and what is known of every few bytes of it.
#pragma once
#include <stddef.h>
#include <stdint.h>

#include <vector>

namespace edudet::emulator::checker {

struct Access {
  uint32_t epoch = 0;  // 0: never
  uint32_t site = 0;
  uint16_t thread = 0;
  uint16_t clock = 0;  // __syncwarps that the thread had passed in this epoch
};

struct Cell {
  Access write, first_read, last_read;  // reads by two different threads, if there are two
  bool atomic_write = false;
  bool written = false;  // ever, also by the host
};

struct Region {
  uintptr_t begin, end;
  int name;  // in report.names
  bool shared, initialised;
  uint32_t unit = 4;  // bytes in a cell
  std::vector<Cell> cells;
};

// The region that holds an address, or null. `__device__` variables become regions on first sight.
Region* find_region(uintptr_t address);
// The region that ends or begins closest to an address in none, or null if all are far.
const Region* nearest_region(uintptr_t address);
// Memory that is not watched: the host's stack and the constants of the program.
bool is_foreign(uintptr_t address);
// Makes the cells of a region, or splits them where an access needs smaller ones.
void fit_cells(Region& region, uintptr_t address, size_t bytes);

// `body` is code of the kernel: its library's variables and constants belong to the program.
void begin_regions(const void* body);
void drop_shared_regions();
void drop_all_regions();

}  // namespace edudet::emulator::checker
