"""The command line, with blocks that are counted and held at a gate: ``counting_driver.py FOLDER ARGUMENT...``.

A block waits, where it is on the board of its worker, until its number is below that in the folder's file ``gate``.
Few travel together: what waits at the gate keeps back the receipts of those before it in its task.
"""

from __future__ import annotations

import sys
from functools import partial

from faults.injection import run_gated

from arraymill.jobs.cli.main import main
from arraymill.jobs.runner import batching, loop

if __name__ == "__main__":
    loop.run_block = partial(run_gated, sys.argv.pop(1))  # type: ignore[assignment]
    batching._MOST_BLOCKS = 3
    main()
