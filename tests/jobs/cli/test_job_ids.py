import click
import pytest
from stored_jobs import store_job

from arraymill.jobs.cli.job_ids import job_argument

pytestmark = pytest.mark.usefixtures("home")


def completions(incomplete, given=None):
    argument = job_argument("jobs", nargs=-1)
    context = click.Context(click.Command("wait", params=[argument]))
    context.params["jobs"] = given
    return {item.value: item.help for item in argument.shell_complete(context, incomplete)}


def test_ids_are_completed_with_what_they_are():
    folder = store_job("DONE", name="mine")
    assert completions(folder.id[:2]) == {folder.id: "mine DONE"}
    assert completions("2") == {}


def test_what_was_given_is_not_offered_again():
    first, second = store_job("DONE").id, store_job("DONE").id
    assert set(completions("", (first,))) == {second}
