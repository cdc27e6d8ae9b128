#!/bin/sh
# A regression of measurements in a CSV file: standardized, solved and saved by one job of three steps.
set -eu
here=$(dirname "$0")

python "$here/regression.py" make        # makes measurements.csv, of which the coefficients are known
arraymill run "$here/regression.yaml"
python "$here/regression.py" report
