"""Facts of the workspace: buffers that stay, and what they hold."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from arraymill.jobs.workspace import Workspace, thread_workspace

F4, F8 = np.dtype("f4"), np.dtype("f8")


def test_a_smaller_array_takes_the_same_memory() -> None:
    workspace = Workspace()
    large = workspace.take("piece", (100,), F8)
    assert np.may_share_memory(large, workspace.take("piece", (3, 4), F4))


def test_names_have_memory_of_their_own() -> None:
    workspace = Workspace()
    assert not np.may_share_memory(workspace.take("a", (9,), F8), workspace.take("b", (9,), F8))


@pytest.mark.parametrize("order", ["C", "F"])
def test_buffers_are_aligned_and_of_the_order_asked_for(order: Any) -> None:
    array = Workspace().take("piece", (5, 7), F8, order)
    assert array.ctypes.data % 4096 == 0
    assert (array.flags.c_contiguous, array.flags.f_contiguous) == (order == "C", order == "F")
    assert array.shape == (5, 7)


@pytest.mark.parametrize("shape", [(), (0, 3), (0,)])
def test_empty_and_0d_arrays(shape: tuple[int, ...]) -> None:
    assert Workspace().take("piece", shape, F8).shape == shape


def test_a_label_holds_until_the_buffer_is_taken_again() -> None:
    workspace = Workspace()
    array = workspace.take("a", (4,), F8)
    array[:] = 7
    workspace.label("a", ("x", 0), array)
    assert workspace.holds("a", ("x", 0))
    assert not workspace.holds("a", ("x", 1))
    assert workspace.peek("a", (4,), F8).tolist() == [7] * 4
    workspace.take("a", (1,), F8)
    assert not workspace.holds("a", ("x", 0))


def test_a_view_of_something_else_is_not_remembered() -> None:
    workspace = Workspace()
    workspace.take("a", (4,), F8)
    workspace.label("a", "x", np.zeros(4))
    assert not workspace.holds("a", "x")
    workspace.label("never taken", "x", np.zeros(4))
    assert not workspace.holds("never taken", "x")


def test_clear_gives_every_buffer_back() -> None:
    workspace = Workspace()
    workspace.label("a", "x", workspace.take("a", (4,), F8))
    workspace.clear()
    assert not workspace.holds("a", "x")


def test_threads_have_workspaces_of_their_own() -> None:
    others: list[Workspace] = []
    thread = threading.Thread(target=lambda: others.append(thread_workspace()))
    thread.start()
    thread.join()
    assert thread_workspace() is thread_workspace()
    assert others[0] is not thread_workspace()
