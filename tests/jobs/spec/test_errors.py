import pytest

from arraymill.jobs.errors import SpecError
from arraymill.jobs.spec.errors import suggest
from arraymill.jobs.spec.load import load_spec

ALL_WRONG = """\
version: 2
name: "a b"
ops: sum
op: 12
inputs:
  - x.npy
  - {path: y.npy, select: "0:a"}
params: [1]
output: {pth: out.npy}
compute: {device: gpu, precision: fats, block: 3}
memory: {host: 70G}
cluster: {kind: slurm, workers: 0, dashboard: "no"}
fault: {retries: 99, on_error: ignore}
verify: {sample: 0}
"""


def problems_of(text):
    with pytest.raises(SpecError) as caught:
        load_spec(text, "job.yaml")
    return [line.strip() for line in caught.value.cause.splitlines()]


def test_everything_wrong_is_said_at_once_with_lines_in_order():
    problems = problems_of(ALL_WRONG)
    lines = [int(problem.split(":")[0].removeprefix("line ")) for problem in problems]
    assert lines == sorted(lines)
    assert set(lines) == {1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13, 14}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{op: sum, compute: {precison: fast}}", "line 1: compute.precison is no field; did you mean precision?"),
        ("{op: sum, compute: {precision: fats}}", "did you mean fast?"),
        ("{op: sum, compute: {zzz: 1}}", "known are device, precision"),
        ("{op: sum, output: {if_exists: error}}", "line 1: output.path is missing"),
        ("{op: sum, name: 2026}", "line 1: name is 2026, not text (put it in quotes)"),
        ("{op: sum, cluster: {dashboard: 'no'}}", "line 1: cluster.dashboard is 'no', not true or false"),
        ("{inputs: [x.npy]}", "op is missing"),
        ("{op: sum, verify: {sampel: 8}}", "line 1: verify.sampel is no field; did you mean sample?"),
        ("{op: sum, cluster: {kind: cuda}, compute: {device: cpu}}", "compute.device is cpu and cluster.kind is cuda"),
        ("{op: sum, fault: {on_error: ignore}}", "fault.on_error is 'ignore', not fail | skip"),
        ("{op: sum, inputs: [3]}", "line 1: inputs.0 is 3, not a mapping"),
    ],
)
def test_sentences(text, said):
    assert said in problems_of(text)[0]


def test_nothing_near_gives_no_suggestion():
    assert suggest("zzz", ["device"]) == ""
