import html
import re
from pathlib import Path

import pytest
from pages import read_page
from stored_jobs import START_S, block_record, plan_document, store_job

from arraymill.jobs.report import report_of, report_text
from arraymill.jobs.report.page import report_page
from arraymill.jobs.report.text import report_facts, stage_rows
from arraymill.jobs.store import (
    JobFolder,
    JobState,
    Journal,
    create_job_folder,
    read_settled,
    read_state,
    settle,
    write_state,
)

pytestmark = pytest.mark.usefixtures("home")

HOSTILE = "<script>alert('x')</script>\"'&\x1b[2J\u202e\udcff{{ 7 * 7 }}"
SHOWN = HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e").replace("\udcff", "\\udcff")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ARRAYMILL_HOME", str(tmp_path / "home"))


def page_of(folder, command="arraymill run map x.npy", job_file="op: map\n"):
    return report_page(folder, read_state(folder), read_settled(folder), command=command, job_file=job_file)


def report_of_folder(folder):
    settled = read_settled(folder)
    return report_of(read_state(folder), settled, settled.plan)


def done_job(**fields):
    return store_job("DONE", n_done=8, ended_s=START_S + 10.0, output="/out/y.npy", **fields)


def test_the_numbers_are_those_of_the_receipt():
    folder = done_job()
    page, report = read_page(page_of(folder)), report_of_folder(folder)
    assert page.by_id("facts").rows() == [list(fact) for fact in report_facts(report)]
    head, *rows = page.by_id("stages").rows()
    expected = stage_rows(report)
    assert head == list(expected[0])
    # a bar stands for the share that text draws with signs
    assert rows == [[*row[:3], "", *row[4:]] for row in expected[1:]]
    assert [note.text[:-1] for note in page.all("p", **{"class": "note"})] == [
        sentence[0].upper() + sentence[1:] for sentence in report.advice
    ]
    assert all(text in report_text(report) for _, text in page.by_id("facts").rows())


def test_the_widths_of_the_bars_are_the_shares():
    folder = done_job()
    spans = read_page(page_of(folder)).by_id("stages").all("span")
    assert [span.attributes["style"] for span in spans] == ["width: 70.0%", "width: 20.0%", "width: 10.0%"]


def test_it_says_what_was_run():
    page = read_page(page_of(done_job(name="mine"), command="arraymill run map 'x y.npy'"))
    assert page.by_id("command").text == "arraymill run map 'x y.npy'"
    assert page.by_id("arrays").rows()[1:] == [
        ["input", "x.npy", "4 x 3", "float32", "48 B"],
        ["output", "/out/y.npy", "4 x 3", "float32", "48 B"],
    ]
    assert ["started", "2023-11-14 22:13:20 UTC"] in page.by_id("settings").rows()
    assert page.all("h1")[0].text == "mine"
    assert "op: map" in page.by_id("job-file").text


def test_a_bar_for_every_block():
    bars = read_page(page_of(done_job())).by_id("timeline").all("g", **{"class": "bars"})
    assert [bar.all("title")[0].text.split(":")[0] for bar in bars] == [f"block {block}" for block in range(8)]


def test_memory_is_shown_beside_its_budget():
    rows = read_page(page_of(done_job())).by_id("memory").rows()
    assert [row[:2] for row in rows] == [
        ["largest process", "100 MB"],
        ["planned for a process", "151 MB"],
        ["budget of all processes", "1.00 GB"],
    ]


def test_the_memory_of_a_gpu_has_bars_of_its_own():
    rows = read_page(page_of(done_job(plan=plan_document(task_device_bytes=10**9)))).by_id("memory").rows()
    assert [row[:2] for row in rows[3:]] == [["most on a GPU", "0 B"], ["planned on a GPU", "1.00 GB"]]


def test_versions_are_shown():
    page = read_page(page_of(done_job(plan=plan_document(versions={"numpy": "2.4.6"}))))
    assert ["numpy", "2.4.6"] in page.by_id("origin").rows()


def test_a_job_that_was_stopped_has_a_page_so_far():
    folder = store_job("RUNNING", n_done=3)
    text = read_page(page_of(folder)).all("main")[0].text
    assert "The job is INTERRUPTED: this is what it took so far. The process that worked on it" in text
    assert "3 of 8" in text


def test_a_job_that_failed_says_why():
    error = {"id": "block-failed", "what": "block 3 failed", "cause": "OSError: busy", "safe": "", "next": "resume it"}
    events = [{"kind": "retry", "block": 3, "message": "OSError: busy"}]
    events += [{"kind": "failed", "block": 3, "message": "no"}]
    page = read_page(page_of(store_job("FAILED", n_done=3, error=error, events=events)))
    assert "block 3 failed cause: OSError: busy next: resume it" in page.all("main")[0].text
    assert [row[1:] for row in page.by_id("troubles").rows()[1:]] == [
        ["tried again", "3", "OSError: busy"],
        ["failed", "3", "no"],
    ]


def test_trouble_beyond_the_most_is_counted():
    events = [{"kind": "retry", "block": 3, "message": "busy"}] * 130
    page = read_page(page_of(done_job(events=events)))
    assert len(page.by_id("troubles").rows()) == 101
    assert "and 30 more" in page.all("main")[0].text


def test_a_job_of_which_no_block_is_done_has_a_page():
    page = read_page(page_of(store_job("FAILED", plan=plan_document(), error=None)))
    assert page.all(id="timeline") == page.all(id="throughput") == page.all(id="memory") == []


def hostile_page():
    header = {"name": HOSTILE, "shape": [4, 3], "dtype": "<f4", "order": "C", "nbytes": 48}
    plan = plan_document(
        operation=HOSTILE,
        inputs=[header],
        params={"expression": HOSTILE, HOSTILE: 1},
        notes=[HOSTILE],
        versions={"numpy": HOSTILE},
        place={"kind": "local", "device": "cpu", "reason": HOSTILE},
        steps=[{"name": HOSTILE, "operation": HOSTILE, "n_blocks": 8, "output": header}],
        outputs=[[HOSTILE, HOSTILE]],
    )
    error = dict.fromkeys(("id", "what", "cause", "safe", "next"), HOSTILE)
    state = JobState("FAILED", name=HOSTILE, op=HOSTILE, output=HOSTILE, error=error, reason=HOSTILE, started_s=START_S)
    events = [{"kind": "retry", "at_s": START_S, "step": HOSTILE, "block": HOSTILE, "message": HOSTILE}]
    blocks = [{"kind": "block", **block_record(block), "step": HOSTILE} for block in range(8)]
    settled = settle([{"kind": "plan", **plan}, *blocks, *events])
    folder = JobFolder(Path("/jobs") / HOSTILE)
    return report_page(folder, state, settled, command=HOSTILE, job_file=f"op: {HOSTILE}\nx: 1\n")


def test_nothing_that_comes_from_a_job_becomes_part_of_the_page():
    text = hostile_page()
    page = read_page(text)
    text.encode("utf-8")
    assert "<script" not in text
    assert page.all("script") == []
    assert not [e for e in page.all() if any(name.startswith("on") for name in e.attributes)]
    assert "\x1b" not in text
    assert "\u202e" not in text
    # as a word of text, wherever it was said
    assert html.unescape(text).count(SHOWN) >= 20
    assert page.by_id("command").text == SHOWN
    assert {row[1] for row in page.by_id("arrays").rows()[1:]} == {SHOWN}


def test_line_breaks_of_the_job_file_are_kept():
    (listing,) = read_page(hostile_page()).by_id("job-file").all("pre")
    assert listing.inside[0].splitlines()[1] == "x: 1"


@pytest.mark.parametrize("make", [lambda: page_of(done_job()), hostile_page], ids=["done", "hostile"])
def test_nothing_is_loaded_from_anywhere(make):
    text = make()
    page = read_page(text)
    assert [e.tag for e in page.all() if {"src", "href", "srcset", "data"} & e.attributes.keys()] == []
    assert not re.search(r"https?://|@import|url\(", text)
    (policy,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy.attributes["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_the_same_records_give_the_same_bytes():
    folder = done_job()
    assert page_of(folder) == page_of(folder)


def test_it_follows_the_reader_in_dark_and_light_and_on_paper():
    text = page_of(done_job())
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text
    assert read_page(text).all("meta", name="viewport")


def test_very_many_blocks_make_a_small_page():
    n = 20_000
    folder = create_job_folder()
    with Journal.open(folder) as journal:
        journal.begin(plan_document(n_blocks=n, n_workers=32))
        for block in range(n):
            lane, turn = block % 32, block // 32
            record = block_record(block, pid=4000 + lane, started_s=START_S + turn * 1.1 + lane / 40)
            journal._append({"kind": "block", **record})
        for block in range(2000):
            journal.event("retry", at_s=START_S + block / 3, block=block, message="OSError: busy " + "x" * 200)
        journal.commit()
    write_state(folder, JobState("DONE", started_s=START_S, ended_s=START_S + 800.0, op="map"))
    text = page_of(folder)
    assert len(text) < 3_000_000
    page = read_page(text)
    lanes = page.by_id("timeline").all("g", **{"class": "lane"})
    # each is full from its first block to its last
    assert [lane.all("path")[0].attributes["d"].count("z") > 200 for lane in lanes] == [True] * 32
    assert f"{n} of {n} done" in page.by_id("facts").text


def test_a_record_of_the_first_version_is_enough():
    names = ("block", "pid", "started_s", "wall_s", "bytes_read", "bytes_written", "peak_rss_bytes")
    bare = {name: block_record(0)[name] for name in names}
    plan = plan_document()
    del plan["notes"], plan["fingerprints"]
    folder = create_job_folder()
    with Journal.open(folder) as journal:
        journal.begin(plan)
        journal._append({"kind": "block", **bare})
        journal.commit()
    write_state(folder, JobState("FAILED", op="map", error={"message": "of another version"}))
    assert "1 of 8 done" in read_page(page_of(folder)).by_id("facts").text
