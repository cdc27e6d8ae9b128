import json
import os
import subprocess
import sys

import pytest
from pages import read_page
from stored_jobs import START_S, store_job

pytestmark = pytest.mark.usefixtures("home")


def test_the_receipt_of_a_job(call):
    folder = store_job("DONE", n_done=8, name="mine", ended_s=START_S + 10.0)
    result = call("report", folder.id)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"job {folder.id} (mine, map): DONE\n")
    assert "bottleneck  reading" in result.stdout
    assert result.stderr == ""


def test_a_job_that_was_stopped_has_one_so_far(call):
    result = call("report", store_job("RUNNING", n_done=3).id)
    assert "3 of 8 done" in result.stdout
    assert "this is what it took so far" in result.stderr


def test_a_job_without_a_plan_has_none(call):
    result = call("report", store_job("CANCELLED").id)
    assert result.exit_code == 1
    assert "its plan is not made" in result.stderr


def test_json(call):
    folder = store_job("DONE", n_done=8, ended_s=START_S + 10.0)
    document = json.loads(call("report", folder.id, "--json").stdout)
    assert (document["schema"], document["id"], document["eta"]) == (1, folder.id, 0.4)


def test_names_cannot_steer_the_terminal(call):
    folder = store_job("DONE", n_done=8, name="a\x1b[2J", op="\x1b[2J")
    assert "\x1b" not in call("report", folder.id).stdout


def done_job():
    return store_job("DONE", n_done=8, name="mine", ended_s=START_S + 10.0)


def test_the_page_lies_in_the_folder_of_the_job_and_its_path_alone_is_printed(call):
    folder = done_job()
    result = call("report", folder.id, "--html")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{folder.path}/report.html\n", "")
    assert read_page(folder.page.read_text()).all("h1")[0].text == "mine"


def test_the_option_may_come_first(call):
    folder = done_job()
    assert call("report", "--html", folder.id).stdout == f"{folder.path}/report.html\n"
    assert call("report", "--html").exit_code == 2


def test_the_page_goes_where_it_was_asked_for(call, tmp_path):
    folder = done_job()
    assert call("report", folder.id, "--html", "r.html").stdout == "r.html\n"
    assert call("report", folder.id, "--html", "-").stdout == (tmp_path / "r.html").read_text()
    assert not folder.page.exists()


def test_a_page_of_a_job_that_was_stopped_says_so(call):
    result = call("report", store_job("RUNNING", n_done=3).id, "--html")
    assert result.stdout.endswith("report.html\n")
    assert "this is what it took so far" in result.stderr


def test_a_page_may_not_replace_an_array(call, tmp_path):
    before = (tmp_path / "x.npy").read_bytes()
    result = call("report", done_job().id, "--html", "x.npy")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is no report" in result.stderr
    assert (tmp_path / "x.npy").read_bytes() == before


@pytest.mark.parametrize("arguments", [["--html", "--json"], ["--open", "--json"], ["--html", "-", "--open"]])
def test_what_does_not_go_together_is_refused(call, arguments):
    folder = done_job()
    result = call("report", folder.id, *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert not folder.page.exists()


def test_open_shows_the_page_in_the_browser_of_the_user(tmp_path):
    folder, told = done_job(), tmp_path / "told"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {told}\n')
    browser.chmod(0o700)
    command = [sys.executable, "-m", "arraymill.jobs.cli", "report", folder.id, "--open"]
    environment = os.environ | {"BROWSER": str(browser)}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{folder.page}\n", "")
    assert told.read_text() == f"{folder.page.as_uri()}\n"


def test_where_nothing_can_be_opened_the_path_is_printed(call, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    folder = done_job()
    result = call("report", folder.id, "--open")
    assert (result.exit_code, result.stdout) == (0, f"{folder.page}\n")
    assert "there is no display here: open the file in a browser" in result.stderr


def test_the_receipt_as_text_needs_no_template(call):
    script = (
        "import sys; from arraymill.jobs.cli.main import arraymill; from click.testing import CliRunner; "
        "assert CliRunner().invoke(arraymill, ['report', sys.argv[1]]).exit_code == 0; print('jinja2' in sys.modules)"
    )
    command = [sys.executable, "-c", script, done_job().id]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout == "False\n"
