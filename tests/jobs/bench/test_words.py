"""Facts of what is told of a process that failed."""

from __future__ import annotations

import subprocess
import sys

from arraymill.jobs.bench.words import last_words


def test_the_cause_stands_before_the_advice() -> None:
    script = "raise RuntimeError('CUDA error: no kernel image\\nCompile with TORCH_USE_CUDA_DSA.\\n')"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert last_words(ran.stderr).startswith("RuntimeError: CUDA error: no kernel image; Compile with")


def test_of_several_tracebacks_the_last_counts() -> None:
    script = "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise KeyError('x') from error"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert last_words(ran.stderr) == "KeyError: 'x'"


def test_an_error_of_ours_keeps_its_cause() -> None:
    text = "Traceback (most recent call last):\n  File x\nerrors.CannotFitError: too large\n  cause: why\n"
    assert last_words(text) == "errors.CannotFitError: too large; cause: why"


def test_an_error_without_words_is_named() -> None:
    assert last_words("Traceback (most recent call last):\n  File x\nKeyboardInterrupt\n") == "KeyboardInterrupt"


def test_long_words_are_cut() -> None:
    assert len(last_words("x" * 1000)) == 400
