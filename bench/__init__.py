"""convgrad against the libraries that people use for convolutions, on one machine, in one run. See bench/README.md."""

from __future__ import annotations
