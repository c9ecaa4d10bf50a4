"""How kernels are compiled: one decorator for every kernel, and a cache on disk that is never stale.

Numba keeps a kernel's machine code until the file that holds it changes; the code of the kernels that it
calls is inside, and they live in other files. So the cache as a whole is dropped when any source changes.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit, types
from numba.extending import intrinsic

FAST = {"nnan", "ninf", "nsz", "arcp", "contract"}  # everything but a change of order


def kernel(function: Callable | None = None, **options: Any) -> Any:
    """Compile a function: cached on disk, division as in C, without counting references to arrays.

    Counting is atomic, and took a seventh of the time of a frame; who calls a kernel holds its arrays anyway.
    So a kernel makes no arrays; `allocating` is for those that do. Options are numba's.
    """
    options = {"cache": True, "error_model": "numpy", "_nrt": False, **options}
    return njit(**options) if function is None else njit(**options)(function)


def allocating(function: Callable | None = None, **options: Any) -> Any:
    """Compile a function that makes arrays; otherwise as `kernel`."""
    return kernel(function, _nrt=True, **options)


def inlined(function: Callable) -> Any:
    """Compile a function into its callers, by floating-point rules that let loops be vectorised."""
    return kernel(function, inline="always", fastmath=FAST)


def drop_stale_cache(folder: Path, *called: Path) -> None:
    """Delete a folder's cached machine code of other sources than those at hand.

    Args:
        folder: a package with kernels.
        called: other packages, whose kernels these call.
    """
    sources = [source for package in (folder, *called) for source in sorted(package.glob("*.py"))]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    cache = folder / "__pycache__"
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


def _prefer_wide(_context: Any) -> Any:
    def generate(target: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        # llvmlite's own `add` knows attributes without a value only
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return target.get_dummy_value()

    return types.void(), generate


wide_vectors: Any = intrinsic(_prefer_wide)
"""Called in a kernel, lets it use 512-bit vectors where the processor has them.

LLVM takes 256 by default, a fifth slower here. Numba's own setting holds for the whole process from its first
kernel on, whoever's that is: the simulator's speed and last bits would depend on what is imported first, and
small networks, whose rows are short, would learn more slowly.
"""


drop_stale_cache(Path(__file__).parent)
