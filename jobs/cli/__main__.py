"""``python -m arraymill.jobs.cli`` is ``arraymill``: how a process is started that does not depend on PATH."""

from __future__ import annotations

from .main import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
