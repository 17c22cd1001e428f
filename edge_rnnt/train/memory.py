"""What the C library does with the memory that a train step gives back."""

import ctypes

# Names and values of glibc's malloc.h.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_MAX, _ARENA_MAX = -1, -2, -4, -8
_NEVER = 2**31 - 1  # bytes at the heap's end that are given back to the system
_AT_ONCE = 64 << 20  # bytes that the heap grows by


def keep_freed() -> bool:
  """Keeps freed memory in the process for what asks next; False if this C library can't be told.

  XLA's CPU client takes every buffer from malloc and frees it within the step. glibc maps large
  ones anew each time, and the kernel clears each of their pages at its first touch: an eighth of
  the CPU time of a small model's training (BUILD_NOTES.md). Kept, the next step finds them as they
  are. The process stays as large as it has once been.
  """
  mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
  if mallopt is None:
    return False
  wanted = {_MMAP_MAX: 0, _TRIM_THRESHOLD: _NEVER, _TOP_PAD: _AT_ONCE, _ARENA_MAX: 1}
  return all([mallopt(name, value) for name, value in wanted.items()])
