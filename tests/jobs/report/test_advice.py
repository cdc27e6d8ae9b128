from dataclasses import replace

import pytest
from stored_jobs import START_S, block_record, plan_document

from arraymill.jobs.rates.workers import Rates
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


RATES = {"most_read": 1e15, "most_write": 1e15, "is_measured": True}


def measured_report(seconds, *, read=1e6, write=1e6, flops=1e9, **changes):
    """Return a report against a machine of which so much was measured; 800 kB are read and 1 GFLOP done in a block."""
    rates = Rates(read=read, write=write, flops=flops, **RATES).to_json()
    records = [{"kind": "block", **block_record(block, seconds=seconds)} for block in range(8)]
    state = JobState("DONE", started_s=START_S, ended_s=START_S + 9.0)
    plan = plan_document(ceilings=rates, flops=8 * 10**9)
    return replace(report_of(state, settle(records), plan), **changes)


@pytest.mark.parametrize(
    ("seconds", "ceilings", "said"),
    [
        ({"read": 0.8}, {"read": 1e6}, "1.00 MB/s per worker, 100 % of what this machine reaches: only fewer bytes"),
        ({"read": 0.8}, {"read": 1.8e6}, "56 % of what this machine reaches: it came from memory"),
        ({"read": 0.8}, {"read": 1e7}, "10 % of what this machine reaches: it came from the disk, or other programs"),
        ({"write": 0.8}, {"write": 2e5}, "50 % of what this machine reaches: the output's disk"),
        ({"compute": 0.8}, {"flops": 1.3e9}, "computing, 96 % of what this machine reaches: more workers"),
        ({"compute": 0.8}, {"flops": 5e9}, "25 % of what this machine reaches: other programs took the cores"),
    ],
)
def test_advice_knows_what_this_machine_reaches(seconds, ceilings, said):
    assert said in "\n".join(advise(measured_report(seconds, **ceilings)))


def test_little_is_said_of_a_job_of_milliseconds():
    report = report_with({"read": 0.9}, wall_s=0.05, working_s=0.04, bottleneck="read")
    assert advise(report) == ()
    (said,) = advise(replace(report, working_s=0.01, bottleneck="start"))
    assert said == "40 ms of 50 ms went into starting and ending, not into blocks: the job is too small to tune"


def test_fast_precision_is_not_advised_twice():
    report = report_with({"compute": 0.9}, device="cuda", precision="fast")
    assert advise(report) == ("100 % of the time went into computing: the GPU is the limit; more GPUs would help",)


def test_no_stage_is_blamed_for_less_than_half():
    assert advise(report_with({"read": 0.4, "compute": 0.35, "write": 0.25})) == ()
