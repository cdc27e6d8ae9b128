"""What other processes do in the tests of arrays; a module of its own, which spawned processes can import."""

from __future__ import annotations

import os
import pickle
import time
from typing import Any

import numpy as np

from arraymill.jobs.arrays import Target, create_output
from arraymill.jobs.blocks import Region, region_shape
from arraymill.jobs.errors import OutputLockedError

F8 = np.dtype("<f8")


def write_block(target: Target, region: Region) -> int:
    with pickle.loads(pickle.dumps(target)).open() as writer:
        block = np.full(region_shape(region), region[0][0] * 100 + region[1][0], target.header.dtype)
        return int(writer.write(region, block))


def race(path: str, start: Any, outcomes: Any) -> None:
    start.wait()
    for _ in range(50):
        try:
            with create_output(path, (3,), F8, "C", replace=True, inputs=[]) as output:
                with output.target.open() as writer:
                    writer.write(((0, 3),), np.full(3, float(os.getpid())))
                output.publish()
            outcomes.put("published")
        except OutputLockedError:
            outcomes.put("locked")


def hold(path: str, held: Any) -> None:
    with create_output(path, (3,), F8, "C", replace=True, inputs=[]):
        held.set()
        time.sleep(600)
