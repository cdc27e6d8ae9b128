from dataclasses import replace

import pytest
from stored_jobs import START_S, block_record, plan_document

from arraymill.jobs.report import report_of
from arraymill.jobs.report.advice import advise
from arraymill.jobs.store import JobState, settle


def report_with(seconds, **changes):
    records = [{"kind": "block", **block_record(block, seconds=seconds)} for block in range(8)]
    state = JobState("DONE", started_s=START_S, ended_s=START_S + 9.0)
    report = report_of(state, settle(records), plan_document())
    return replace(report, **changes)


@pytest.mark.parametrize(
    ("seconds", "changes", "said"),
    [
        ({"read": 0.9}, {}, "the disk, or the memory that caches it, is the limit"),
        ({"read": 1e-5}, {}, "it came from memory"),
        ({"write": 0.9}, {}, "the output's disk is the limit"),
        ({"compute": 0.9}, {}, "more workers, on more cores, or a GPU would help"),
        ({"compute": 0.9}, {"n_workers": 8, "n_blocks": 80}, "only 1.0 of 8 workers were busy"),
        ({"compute": 0.9}, {"device": "cuda"}, "--precision fast"),
        ({"to_device": 0.9}, {"device": "cuda"}, "compare with --device cpu"),
        ({"compute": 0.9}, {"n_workers": 9}, "8 blocks for 9 workers: 1 had none"),
        ({"read": 0.9}, {"bottleneck": "start", "working_s": 1.0}, "8.0 s of 9.0 s went into starting"),
        ({"read": 0.9}, {"bottleneck": "start", "place": "inline"}, "publishing the output"),
        ({"read": 0.9}, {"splits": 2}, "memory ran out 2 times"),
        ({"read": 0.9}, {"deaths": 1}, "workers died once"),
        ({"read": 0.9}, {"timeouts": 1}, "blocks hung once"),
        ({"read": 0.9}, {"retries": 3}, "tried again 3 times"),
    ],
)
def test_advice_follows_from_the_figures(seconds, changes, said):
    assert said in "\n".join(advise(report_with(seconds, **changes)))


def test_fast_precision_is_not_advised_twice():
    report = report_with({"compute": 0.9}, device="cuda", precision="fast")
    assert advise(report) == ("100 % of the time went into computing: the GPU is the limit; more GPUs would help",)


def test_no_stage_is_blamed_for_less_than_half():
    assert advise(report_with({"read": 0.4, "compute": 0.35, "write": 0.25})) == ()
