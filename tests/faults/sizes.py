"""How large the suites of faults are: small in `make test`, large in `make soak`."""

from __future__ import annotations

import os

__all__ = ["IS_SOAK"]

IS_SOAK = os.environ.get("HYPOTHESIS_PROFILE") == "soak"
