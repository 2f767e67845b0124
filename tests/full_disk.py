"""A disk that is full, for tests."""

from __future__ import annotations

import resource
from contextlib import contextmanager


@contextmanager
def disk_full(free: int = 0):
    """No file of this process may grow past `free` bytes: the kernel refuses as it does on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
