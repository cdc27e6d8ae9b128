import pytest
from stored_jobs import START_S, block_record, plan_document

from arraymill.jobs.rates.workers import Rates
from arraymill.jobs.report import report_of
from arraymill.jobs.store import JobState, settle


def settled_of(records, events=()):
    start = [{"kind": "plan", **plan_document()}, {"kind": "epoch", "epoch": 1}]
    return settle([*start, *({"kind": "block", **record} for record in records), *events])


def make_report(records, events=(), state=None, **plan):
    done = JobState("DONE", started_s=START_S, ended_s=START_S + 10.0, op="map", output="/out/y.npy")
    return report_of(state or done, settled_of(records, events), plan_document(**plan))


ALL = [block_record(block) for block in range(8)]


def test_seconds_are_told_apart_by_stage():
    report = make_report(ALL)
    busy = {stage.name: round(stage.busy_s, 6) for stage in report.stages}
    assert busy == {"read": 5.6, "compute": 1.6, "write": 0.8}
    assert sum(stage.share for stage in report.stages) == pytest.approx(1)
    assert (report.wall_s, report.working_s, report.overlap) == (10.0, 8.0, 1.0)


def test_eta_is_the_slowest_stage_alone_over_the_wall():
    report = make_report(ALL)
    assert (report.predicted_s, report.eta) == (4.0, 0.4)


def test_a_short_job_waits_for_its_start():
    records = [block_record(block, started_s=START_S, wall_s=0.001) for block in range(8)]
    state = JobState("DONE", started_s=START_S, ended_s=START_S + 0.1)
    assert make_report(records, state=state).bottleneck == "start"


def test_computing_has_a_ceiling_where_it_is_products():
    sums = make_report(ALL)
    products = make_report(ALL, flops=80 * 7_040_000)
    found = [{stage.name: stage.ceiling for stage in report.stages} for report in (sums, products)]
    assert found == [{"read": 8e9, "compute": None, "write": 1.5e9}, {"read": 8e9, "compute": 1e11, "write": 1.5e9}]


def test_workers_that_measured_make_the_ceilings():
    rates = Rates(read=16e9, most_read=4e10, write=1e9, most_write=1e9, flops=1e11, is_measured=True)
    report = make_report(ALL, [{"kind": "ceilings", **rates.to_json()}])
    assert (report.ceilings, report.predicted_s, report.eta) == ("measured", 2.0, 0.2)


def test_only_what_is_done_is_predicted():
    report = make_report(ALL[:4])
    assert (report.n_done, report.predicted_s, report.flops) == (4, 2.0, 4_000_000)


def test_a_resumed_job_counts_the_seconds_of_its_blocks():
    report = make_report(ALL, [{"kind": "epoch", "epoch": 2}])
    assert (report.n_attempts, report.wall_s) == (2, 8.0)


def test_a_killed_job_ends_with_its_last_block():
    state = JobState("INTERRUPTED", started_s=START_S)
    assert make_report(ALL[:3], state=state).wall_s == 4.0


def test_blocks_side_by_side_are_one_stretch_of_time():
    report = make_report([block_record(block, started_s=START_S) for block in range(4)])
    assert (report.working_s, report.overlap) == (1.0, 4.0)


def test_memory_is_compared_with_what_was_planned_for_a_process():
    report = make_report([block_record(0), block_record(1, peak_rss_bytes=200_000_000)])
    assert report.peak_host_bytes == 200_000_000
    assert report.planned_host_bytes == 50_000_000 + (96 << 20)


def test_threads_of_one_process_share_its_plan():
    place = {"kind": "inline", "device": "cpu", "reason": ""}
    assert make_report(ALL, place=place, n_workers=3).planned_host_bytes == 3 * 50_000_000 + (64 << 20)


def test_faults_are_counted():
    events = [{"kind": kind, "block": 0} for kind in ("retry", "retry", "death", "timeout", "split", "hole")]
    report = make_report(ALL[1:], events)
    assert (report.retries, report.deaths, report.timeouts, report.splits, report.holes) == (2, 1, 1, 1, 1)


def test_a_job_without_a_block_has_no_eta():
    report = make_report([])
    assert (report.eta, report.bottleneck, report.stages, report.advice) == (None, None, (), ())


def test_a_job_of_no_blocks_is_reported():
    assert make_report([], n_blocks=0, flops=0).n_blocks == 0


def test_a_step_of_another_version_is_passed_over():
    report = make_report([block_record(block, seconds={"think": 3.0, "read": 1.0}) for block in range(8)])
    assert [(stage.name, stage.share) for stage in report.stages] == [("read", 0.25)]
