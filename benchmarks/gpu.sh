#!/usr/bin/env bash
# Installs a bare checkout on a GPU node without network, runs the tests that need a GPU and the GPU's benchmarks, and
# writes what they measured: in 8 minutes, whatever happens. docs/gpu-node.md says more.
set -uo pipefail

usage() {
  cat <<'TEXT'
usage: benchmarks/gpu.sh [options] [-- arguments of python -m benchmarks]

  --out DIR         where the results go [benchmarks/results]; what was said goes to DIR/logs
  --wheelhouse DIR  wheels from `make wheelhouse PY=3.x EXTRAS=test` [wheelhouse, beside this checkout's Makefile]
  --python PYTHON   the node's Python, which sees its torch and NumPy [python3]
  --folder DIR      where inputs and outputs lie, 50 GB [/dev/shm if it has them, else a temporary folder]
  --seconds N       time for everything [480]
  --no-install      use PYTHON as it is: arraymill is installed there
  --no-tests        benchmarks only
  --dry-run         the same on the CPU at tiny sizes

Examples:
  benchmarks/gpu.sh --out "$HOME/results"
  benchmarks/gpu.sh --no-tests -- --case gpu-fp32-32768 --rounds 3
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 2
out=$root/benchmarks/results wheels=$root/wheelhouse python=python3 folder="" seconds=480
install=1 tests=1 dry=0
while [ $# -gt 0 ]; do
  case $1 in
    --out | --wheelhouse | --python | --folder | --seconds)
      [ $# -ge 2 ] || { echo "gpu.sh: $1 needs a value" >&2; exit 2; }
      case $1 in
        --out) out=$2 ;;
        --wheelhouse) wheels=$2 ;;
        --python) python=$2 ;;
        --folder) folder=$2 ;;
        --seconds) seconds=$2 ;;
      esac
      shift 2 ;;
    --no-install) install=0; shift ;;
    --no-tests) tests=0; shift ;;
    --dry-run) dry=1; shift ;;
    -h | --help) usage; exit 0 ;;
    --) shift; break ;;
    *) echo "gpu.sh: unknown option $1" >&2; usage >&2; exit 2 ;;
  esac
done
case $seconds in "" | *[!0-9]*) echo "gpu.sh: --seconds $seconds: not a number" >&2; exit 2 ;; esac

case $python in */*) python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python") || exit 2 ;; esac
mkdir -p "$out/logs" && out=$(cd "$out" && pwd) || exit 2
wheels=$(cd "$wheels" 2>/dev/null && pwd)
cd "$root" || exit 2
logs=$out/logs failed="" SECONDS=0

left() { echo $((seconds - SECONDS)); }
say() { echo "[${SECONDS}s] $*" >&2; }

# within LIMIT NAME COMMAND...: run it for LIMIT seconds at most, keep what it says, remember whether it failed. $stdout
# takes what it prints apart from what it says; $signal ends it when time is up
within() {
  local limit=$1 name=$2 code=0 now log=$logs/$2.log
  shift 2
  now=$(left)
  [ "$limit" -le "$now" ] || limit=$now
  if [ "$limit" -lt 5 ]; then
    say "$name: left out, time is up"
    failed="$failed $name"
    return 1
  fi
  say "$name (at most $limit s)"
  : >"$log"
  [ -z "${stdout:-}" ] || : >"$stdout"
  timeout --signal="${signal:-TERM}" --kill-after=15 "$limit" "$@" >>"${stdout:-$log}" 2>>"$log" || code=$?
  [ "$code" -ne 0 ] || return 0
  say "$name: exit code $code$([ "$code" -eq 124 ] && echo ', time is up')"
  tail -n 15 "$log" >&2
  failed="$failed $name"
  return "$code"
}

# make_environment: a virtual environment that sees the node's torch and NumPy, with the checkout in it
make_environment() {
  local venv=$root/.venv-gpu site pip
  [ -n "$wheels" ] || { say "no wheelhouse: make wheelhouse EXTRAS=test on a machine with network, or --no-install"; exit 2; }
  rm -rf "$venv"
  if "$python" -c 'import ensurepip' 2>/dev/null; then
    within 60 venv "$python" -m venv --system-site-packages "$venv" || exit 1
    pip=("$venv/bin/python" -m pip)
  else
    # Debian keeps that in a package of its own
    within 60 venv "$python" -m venv --system-site-packages --without-pip "$venv" || exit 1
    pip=("$python" -m pip --python "$venv/bin/python")
  fi
  # where the node's Python is itself a virtual environment, that flag reaches the Python below it only
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  "$python" -c 'import site; print("\n".join(site.getsitepackages()))' >"$site/node.pth"
  # --no-deps: they were resolved together. Otherwise pip holds them against all that the node's packages ask for, and
  # looks for minutes for what is not there
  within 150 wheels "${pip[@]}" install --disable-pip-version-check --no-index --no-deps "$wheels"/*.whl || exit 1
  within 60 checkout "${pip[@]}" install --disable-pip-version-check --no-index --no-deps --no-build-isolation \
    -e "$root" || exit 1
  python=$venv/bin/python
}

# large_folder: print a place for 50 GB, memory if there is room
large_folder() {
  local room memory
  room=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }')
  memory=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
  if [ "${room:-0}" -gt 52000000 ] && [ "${memory:-0}" -gt 100000000 ]; then mktemp -d /dev/shm/benchmarks-XXXXXX
  else mktemp -d; fi
}

[ "$install" -eq 0 ] || make_environment
within 60 doctor "$python" -m arraymill.jobs.cli doctor
if [ "$tests" -eq 1 ]; then
  [ "$dry" -eq 1 ] && only=(tests/gpu) || only=(-m gpu)
  # of the plugins that the node's Python has, none is wanted: a warning of one would be an error. One module that cannot
  # be imported costs the others nothing, and an interrupt lets pytest say what failed so far.
  signal=INT within $((seconds / 3)) tests env PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 "$python" -m pytest -v \
    -p no:cacheprovider -p pytest_timeout --continue-on-collection-errors --durations=10 "${only[@]}"
  grep -E '^(FAILED|ERROR) ' "$logs/tests.log" >&2
  tail -n 1 "$logs/tests.log" >&2
fi

made=""
[ -n "$folder" ] || { folder=$(large_folder); made=$folder; }
mkdir -p "$folder" || exit 2
say "inputs and outputs lie in $folder"
trap '[ -z "$made" ] || rm -rf "$made"' EXIT
name=$(date -u +%F)-gpu
if [ "$dry" -eq 1 ]; then kind=(--dry-run); name=$name-dry-run; else kind=(); fi
last=45    # for arraymill bench, in the end
reserve=45 # for the case that runs when time is up
limit=$(($(left) - last))
within "$limit" benchmarks "$python" -m benchmarks --gpu "${kind[@]}" --rounds 1 --no-settle --drop-inputs \
  --within $((limit > 2 * reserve ? limit - reserve : limit / 2)) --folder "$folder" --out "$out/$name.json" "$@"
stdout=$logs/bench.json within "$last" bench "$python" -m arraymill.jobs.cli bench --quick --json --folder "$folder"

[ ! -s "$out/$name.md" ] || cat "$out/$name.md"
if [ -n "$failed" ]; then say "not done, or not well:$failed (see $logs)"; exit 1; fi
say "done: $out/$name.json"
