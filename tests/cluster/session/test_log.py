from __future__ import annotations

import logging

import pytest

from arraymill.cluster.session.log import LOGGER, quiet_dask


def test_dask_s_words_go_to_our_logger(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG, logger=LOGGER.name), quiet_dask():
        logging.getLogger("distributed.scheduler").error("worker %s is gone", "w0")
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "distributed.scheduler: worker w0 is gone")
    ]
    assert capfd.readouterr().err == ""


def test_afterwards_dask_has_its_own_handlers_again() -> None:
    logger = logging.getLogger("distributed")
    before = (list(logger.handlers), logger.propagate)
    with quiet_dask("asyncio"):
        assert logger.handlers != before[0]
    assert (list(logger.handlers), logger.propagate) == before
