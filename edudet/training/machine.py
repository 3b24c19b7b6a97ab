"""What makes training faster on this machine's CPU."""

import ctypes
import platform

import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h
NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let memory that a step frees stay with the process, for the next one.

    glibc gives large freed blocks back to the system, and every step fetches them again, page by
    page: a tenth to a fifth of a small detector's step. For this process, from now on. False: this
    system's malloc cannot be told.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    libc = ctypes.CDLL(None)
    return bool(libc.mallopt(M_TRIM_THRESHOLD, NEVER) and libc.mallopt(M_MMAP_MAX, 0))


def computes_in_bfloat16() -> bool:
    """Whether the CPU has instructions for bfloat16: AMX or AVX-512's. Without them, torch would
    convert to float32 and back, and take longer than in float32."""
    can = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(can.get("amx_bf16") or can.get("avx512_bf16"))
