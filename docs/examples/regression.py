"""The two ends of regression.sh: make measurements whose coefficients are known; say what was found, in their units."""

import csv
import sys

import numpy as np

from arraymill.jobs import run

N = 50_000
CONDITIONS = {"temperature [K]": (300, 20, 0.25), "pressure [kPa]": (101, 5, -0.8), "flow [l/min]": (2, 0.5, 6.0)}
OUTCOME = "yield [%]"
OFFSET, NOISE = 40.0, 2.0


def make() -> None:
    rng = np.random.default_rng(7)
    columns = [rng.normal(mean, deviation, N) for mean, deviation, _ in CONDITIONS.values()]
    slopes = [slope for *_, slope in CONDITIONS.values()]
    outcome = OFFSET + np.dot(slopes, columns) + rng.normal(0, NOISE, N)
    with open("measurements.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*CONDITIONS, OUTCOME])
        writer.writerows(np.round([*columns, outcome], 6).T.tolist())


def report() -> None:
    means, deviations = (run(op, "measurements.csv", axis=0) for op in ("mean", "std"))
    slopes = np.load("fit.npy") * deviations[3] / deviations[:3]
    print(f"{'offset':16} {means[3] - slopes @ means[:3]:8.3f}   {OFFSET:8.3f} was put in")
    for name, slope in zip(CONDITIONS, slopes, strict=True):
        print(f"{name:16} {slope:8.3f}   {CONDITIONS[name][2]:8.3f} was put in")
        assert abs(slope - CONDITIONS[name][2]) < 0.1
    # the squares of a standardized column add up to its length
    r2 = 1 - np.load("fit.residuals.npy")[0] / N
    print(f"R^2              {r2:8.3f}")
    assert 0.9 < r2 < 1


if __name__ == "__main__":
    {"make": make, "report": report}[sys.argv[1]]()
