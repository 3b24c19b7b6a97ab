// CUDA's language and runtime for g++: see ../README.md.
#pragma once
#include "../atomics.h"
#include "../intrinsics.h"
#include "../words.h"
#include "cuda_runtime_api.h"
