from __future__ import annotations

import subprocess
import sys

CODE = """
import os, signal, sys
from arraymill.cluster.preload import dask_setup, is_bound_to_parent
assert not is_bound_to_parent()
dask_setup(None)
assert is_bound_to_parent()
assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
assert os.umask(0) == 0o077
"""


def test_a_process_is_bound_private_and_deaf_to_ctrl_c() -> None:
    # In a process of its own: this one is not to die with its parent.
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=120)
