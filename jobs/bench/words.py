"""What a process that failed has to say, out of all that it wrote to stderr."""

from __future__ import annotations

import re

__all__ = ["last_words"]

_MOST_CHARACTERS = 400
_RAISED = re.compile(r"[A-Za-z_][\w.]*: |[\w.]*(Error|Exception|Interrupt|Exit)$")


def last_words(text: str) -> str:
    """Return what the last traceback ends with, or the last line where there is none; "" of nothing.

    A message may have many lines, of which the last says least: those of CUDA end with advice on how to build torch.

    Examples
    --------
    >>> last_words("Traceback (most recent call last):\\n  File ...\\nRuntimeError: CUDA error\\nCompile with ...\\n")
    'RuntimeError: CUDA error; Compile with ...'
    >>> last_words("Killed\\n"), last_words("")
    ('Killed', '')
    """
    lines = [line.rstrip() for line in text.strip().splitlines() if line.strip()]
    begins = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    if begins:
        after = lines[begins[-1] + 1 :]
        raised = next((number for number, line in enumerate(after) if _RAISED.match(line)), len(after) - 1)
        lines = ["; ".join(line.strip() for line in after[raised:])]
    return lines[-1][:_MOST_CHARACTERS] if lines else ""
