#!/usr/bin/env bash
# The terminal session of the README: a job is submitted, its process killed with SIGKILL, looked at, and resumed.
# Run it to see it: bash docs/session.sh, with arraymill on PATH. It works in a folder of its own and removes it.
set -uo pipefail

folder="$(mktemp -d)"
export ARRAYMILL_HOME="$folder/home"
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python - <<'END'
import numpy as np

a = np.lib.format.open_memmap("a.npy", mode="w+", dtype=np.float32, shape=(16384, 8192))
for row in range(0, len(a), 1024):
    a[row : row + 1024] = np.random.default_rng(row).standard_normal((1024, 8192), dtype=np.float32)
np.save("b.npy", np.random.default_rng(1).standard_normal((8192, 4096), dtype=np.float32))
END

show() {
    echo "\$ $*"
    eval "$@" 2>&1
    echo
}

show arraymill run matmul a.npy b.npy -o undisturbed.npy --memory 600MB --cluster local -q
show 'id=$(arraymill submit matmul a.npy b.npy -o c.npy --memory 600MB --cluster local)'
until arraymill status "$id" --json | grep -Eq '"n_done": ([5-9]|1[0-9])'; do sleep 0.05; done
show 'pkill -9 -f "drive $id"'
until arraymill status "$id" --json | grep -q INTERRUPTED; do sleep 0.05; done
show 'arraymill status $id'
show 'arraymill explain $id'
show 'arraymill resume $id'
show 'cmp c.npy undisturbed.npy && echo identical'
