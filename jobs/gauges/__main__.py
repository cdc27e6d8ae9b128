"""``python -m arraymill.jobs.gauges DEVICE FOLDER N_CORES``: a calibration as JSON, by a process that may wake CUDA."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .calibrate import calibrate

if __name__ == "__main__":
    device, folder, n_cores = sys.argv[1:]
    found = calibrate("cuda" if device == "cuda" else "cpu", Path(folder), n_cores=int(n_cores))
    sys.stdout.write(json.dumps(found.to_json()) + "\n")
