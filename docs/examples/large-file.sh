#!/bin/sh
# Covariance and percentiles of a file that is larger than the memory that they may take.
#
#   sh large-file.sh                 4 GB under 1 GB
#   sh large-file.sh 64MB 300MB      the same in small
set -eu
size=${1:-4GB}
memory=${2:-1GB}

case $size in
    *GB) rows=$((${size%GB} * 1000000000 / 256)) ;;
    *MB) rows=$((${size%MB} * 1000000 / 256)) ;;
    *) echo "say a size in GB or MB, as 4GB" >&2; exit 2 ;;
esac

# 64 columns of float32; the numbers are a function of the seed and of their places alone
arraymill run randn --shape "$rows,64" --dtype float32 --seed 1 -o large.npy --memory "$memory"
arraymill run cov large.npy --no-rowvar -o covariance.npy --memory "$memory"
arraymill run percentile large.npy --q 1,50,99 --axis 0 -o percentiles.npy --memory "$memory"

# the columns are independent and their standard deviation is 1
arraymill run max covariance.npy
arraymill run mean percentiles.npy --axis 1
