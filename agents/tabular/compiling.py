"""How this package compiles: one decorator for every kernel, and a cache on disk that is never stale.

Numba keeps a kernel's machine code until the file that holds it changes; the code of the kernels that it
calls is inside, and they live in other files. So the cache as a whole is dropped when any source changes.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

OPTIONS: dict[str, Any] = {
    "error_model": "numpy",  # division as in C
    "nogil": True,  # other threads may run
    "forceinline": True,  # a record of arrays is a hundred words: too many to hand over at every call
    "_nrt": False,  # kernels allocate nothing: counting who holds each array would cost ten times the work
}


def kernel(function: Callable) -> Any:
    """Compile a function, cached on disk."""
    return njit(cache=True, **OPTIONS)(function)


def _drop_stale_cache(folder: Path) -> None:
    """Delete cached machine code of other sources than those at hand."""
    sources = b"".join(source.read_bytes() for source in sorted(folder.glob("*.py")))
    cache, digest = folder / "__pycache__", hashlib.sha256(sources).hexdigest()
    stamp = cache / "kernels.sha256"
    try:
        if stamp.exists() and stamp.read_text() == digest:
            return
        cache.mkdir(exist_ok=True)
        for stale in [*cache.glob("*.nbi"), *cache.glob("*.nbc")]:
            stale.unlink(missing_ok=True)
        fresh = stamp.with_suffix(f".{os.getpid()}")
        fresh.write_text(digest)
        fresh.replace(stamp)
    except OSError:  # a read-only installation: numba then keeps its cache elsewhere, by file
        return


_drop_stale_cache(Path(__file__).parent)
