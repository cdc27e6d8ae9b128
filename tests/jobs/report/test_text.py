import json
from dataclasses import replace

from stored_jobs import START_S, block_record, plan_document

from arraymill.jobs.rates.workers import Rates
from arraymill.jobs.report import report_of, report_text, to_json
from arraymill.jobs.store import JobState, settle


def make_report(n_done=8, **plan):
    records = [{"kind": "block", **block_record(block)} for block in range(n_done)]
    state = JobState("DONE", started_s=START_S, ended_s=START_S + 10.0)
    return report_of(state, settle(records), plan_document(**plan))


def test_the_receipt_says_where_the_time_went():
    assert report_text(make_report()).splitlines() == [
        "  operation   map, CPU, local, 1 worker",
        "  blocks      8 of 8 done; no retries, splits, deaths or timeouts",
        "  time        10.0 s, 2.0 s of it to start and to end",
        "  moved       6.40 MB read, 640 kB written, 704 kB/s",
        "  computed    8.00 MFLOP, 800 kFLOP/s; 1.0 blocks side by side on average",
        "  memory      100 MB in the largest process; planned 151 MB each, 1.00 GB for all",
        "  efficiency  40 % (the slowest stage alone would take 4.0 s at nominal rates; this took 10.0 s)",
        "  bottleneck  reading",
        "",
        "  stage        busy  share                      amount  per worker  nominal ceiling",
        "  reading     5.6 s   70 %  #################  6.40 MB   1.14 MB/s        8.00 GB/s",
        "  computing   1.6 s   20 %  #####",
        "  writing    800 ms   10 %  ##                  640 kB    800 kB/s        1.50 GB/s",
        "",
        f"  {make_report().advice[0]}",
    ]


def test_measured_ceilings_are_called_so():
    rates = Rates(read=1.6e6, most_read=1e9, write=1e6, most_write=1e9, flops=1e9, is_measured=True)
    report = make_report(ceilings=rates.to_json(), flops=8 * 10**9)
    lines = report_text(report).splitlines()
    assert "at measured rates" in lines[6]
    assert [line.split()[-3:] for line in lines[9:13]] == [
        ["worker", "measured", "ceiling"],
        ["1.14", "MB/s", "1.60", "MB/s"][-3:],
        ["5.00", "GFLOP/s", "1.00", "GFLOP/s"][-3:],
        ["800", "kB/s", "1.00", "MB/s"][-3:],
    ]
    assert to_json(report)["ceilings"] == "measured"


def test_the_receipt_of_a_tiny_job_has_no_stages():
    report = replace(make_report(), wall_s=0.02, working_s=0.001, bottleneck="start", advice=())
    said = report_text(report)
    assert "stage" not in said
    assert "efficiency" not in said
    assert said.splitlines()[-1] == "  bottleneck  starting and ending"
    assert to_json(report)["stages"][0]["name"] == "read"


def test_a_gpu_has_its_memory_shown():
    assert "0 B on the GPU, planned 1.00 GB" in report_text(make_report(device="cuda", task_device_bytes=10**9))


def test_a_job_that_did_nothing_has_a_short_receipt():
    assert len(report_text(make_report(0)).splitlines()) == 3


def test_the_document_is_json():
    document = json.loads(json.dumps(to_json(make_report()), allow_nan=False))
    assert (document["schema"], document["eta"], document["ceilings"]) == (1, 0.4, "nominal")
    assert document["stages"][0]["name"] == "read"
    assert document["bytes_per_s"] == 704_000
