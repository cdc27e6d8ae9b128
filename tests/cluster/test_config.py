from __future__ import annotations

from typing import Any

import pytest

from arraymill.cluster.config import ClusterConfig
from arraymill.cluster.errors import ClusterConfigError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "slurm"}, "kind is 'slurm'"),
        ({"precision": "exact"}, "precision is 'exact'"),
        ({"workers": 0}, "workers is 0"),
        ({"workers": -1}, "workers is -1"),
        ({"threads": 0}, "threads is 0"),
        ({"kind": "local", "gpus": 1}, "a local cluster uses no GPU"),
        ({"kind": "cuda", "gpus": 0}, "gpus is 0"),
        ({"kind": "cuda", "gpus": ()}, "gpus is 0"),
        ({"kind": "cuda", "gpus": ("0", "0")}, "one GPU twice"),
        ({"kind": "cuda", "gpus": 2, "workers": 3}, "3 workers for 2 GPUs"),
        ({"kind": "inline", "gpus": 2}, "inline runs on one GPU, not 2"),
    ],
)
def test_contradictions_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ClusterConfigError, match=message) as refused:
        ClusterConfig(**settings)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"kind": "local", "workers": 3},
        {"kind": "cuda", "gpus": 2, "workers": 2},
        {"kind": "cuda", "gpus": ("0", "GPU-1")},
        {"kind": "inline", "gpus": 1, "workers": 2},
    ],
)
def test_what_fits_together_is_taken(settings: dict[str, Any]) -> None:
    config = ClusterConfig(**settings)
    assert hash(config) == hash(ClusterConfig(**settings))
