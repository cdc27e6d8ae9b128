import sys

import numpy as np
import pytest

from arraymill.jobs.bench import child as child_module
from arraymill.jobs.bench import run_bout, works_of
from arraymill.jobs.bench.contestant import Contestant, ContestantFailed

CPU = ("numpy", "torch-cpu", "arraymill-cpu")


@pytest.fixture(scope="module")
def bouts(tmp_path_factory):
    said = []
    folder = tmp_path_factory.mktemp("bench")
    return run_bout(works_of(1 << 20), folder, names=CPU, rounds=2, say=said.append), said


def test_everybody_has_a_turn_in_each_round_and_the_same_result(bouts):
    for bout in bouts[0]:
        assert [(score.contestant, len(score.seconds), score.error) for score in bout.scores] == [
            (name, 2, None) for name in CPU
        ]


def test_each_work_is_said(bouts):
    assert [line.split(":")[0] for line in bouts[1]] == ["reduction", "product", "chain"]


def test_the_caller_stays_light(bouts):
    # the children have torch; this process may have it from other tests, but not from these modules
    assert not any(
        hasattr(sys.modules[name], "torch") for name in sys.modules if name.startswith("arraymill.jobs.bench")
    )


def test_a_wrong_result_is_out(tmp_path, monkeypatch):
    def turn(self, order, **_):
        value = 2.0 if self.name == "torch-cpu" else 1.0
        return {"seconds": 0.1, "sample": [value]}

    monkeypatch.setattr(Contestant, "take_turn", turn)
    (bout,) = run_bout(works_of(1 << 20)[:1], tmp_path, names=CPU, rounds=1)
    assert [score.error is None for score in bout.scores] == [True, False, True]


def test_a_contestant_that_fails_is_out_and_the_others_go_on(tmp_path):
    # without CUDA here, or with it hidden: a GPU's contestant cannot start
    (bout,) = run_bout(works_of(1 << 20)[:1], tmp_path, names=("numpy", "no-such-contestant"), rounds=1)
    assert [score.error for score in bout.scores] == [None, "KeyError: 'no-such-contestant'"]


def test_a_turn_that_takes_too_long_ends(tmp_path):
    with Contestant("numpy") as contestant, pytest.raises(ContestantFailed, match="took too long"):
        contestant.take_turn({"work": "reduction", "inputs": ["/dev/stdin"], "output": "x"}, timeout_s=0.0)


def test_a_sample_is_taken_of_what_was_written(tmp_path):
    output = str(tmp_path / "out.npy")

    def side(order):
        np.save(order["output"], np.arange(100.0))
        return 0.5

    answer = child_module.answer(side, {"output": output})
    assert answer["seconds"] == 0.5
    assert (answer["sample"][0], answer["sample"][-1]) == (0.0, 99.0)
    assert child_module.answer(lambda order: 0.1, {"output": str(tmp_path / "none.npy")})["sample"] is None
