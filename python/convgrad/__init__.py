"""The convolutional layer on the CPU: its forward pass and both gradients, for NumPy arrays.

>>> import numpy as np, convgrad as cg
>>> V = np.random.default_rng(0).standard_normal((32, 3, 28, 28))
>>> K = np.random.default_rng(1).standard_normal((8, 3, 5, 5))
>>> Z = cg.forward(V, K)
>>> dV, dK, db = cg.backward(np.ones_like(Z), V, K)

Importing fails with ImportError when the environment variable CONVGRAD_ISA names a kernel set that is unknown or that
this processor cannot run, and when CONVGRAD_KEPT_MIB or CONVGRAD_CACHE_MIB is no number of mebibytes. As much as the
first of the memory of results of 16 MiB or more is kept for the next ones, 256 unless set, and no more than that of a
call's scratch memory. The second is the size of the last-level cache, where the processor's own word is not to be
taken: results of more than three quarters of it go around the caches.
"""

from __future__ import annotations

from ._core import version
from .config import get_cmake_dir, get_include, get_num_threads, set_num_threads, show_config
from .layer import ConvLayer
from .operations import Gradients, Plan, backward, forward, grad_bias, grad_input, grad_kernel, plan

__version__ = version()
del version

__all__ = [
    "ConvLayer",
    "Gradients",
    "Plan",
    "__version__",
    "backward",
    "forward",
    "get_cmake_dir",
    "get_include",
    "get_num_threads",
    "grad_bias",
    "grad_input",
    "grad_kernel",
    "plan",
    "set_num_threads",
    "show_config",
]
