#!/bin/sh
# A network trained on digits, exported by torch.export and applied to a Zarr array in batches.
set -eu
here=$(dirname "$0")

python "$here/classifier.py" train       # makes classifier.pt2, digits.zarr and labels.npy
arraymill run apply digits.zarr --model classifier.pt2 --batch-size 256 -o scores.npy
arraymill run argmax scores.npy --axis 1 -o read.npy
python "$here/classifier.py" check
