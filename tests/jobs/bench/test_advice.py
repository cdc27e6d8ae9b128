import pytest

from arraymill.jobs.bench import Bout, Score, recommend, works_of

REDUCTION, PRODUCT, CHAIN = works_of(1 << 20)


def score(name, *seconds):
    return Score(name, seconds)


def test_each_kind_of_work_goes_where_it_is_fastest():
    bouts = [
        Bout(REDUCTION, (score("numpy", 1.0, 1.1), score("torch-gpu", 3.0, 3.1))),
        Bout(PRODUCT, (score("numpy", 9.0, 9.9), score("torch-gpu", 3.0, 3.1), score("arraymill-gpu", 1.0, 1.0))),
    ]
    said = recommend(bouts, has_gpu=True)
    assert "reductions, use the CPU (numpy, 2.9 times as fast as torch-gpu)" in said
    assert "products, use the GPU (arraymill-gpu, 9.4 times as fast as numpy)" in said


def test_operands_that_are_on_the_gpu_already_recommend_nothing():
    scores = (score("numpy", 1.0, 1.1), score("torch-gpu", 3.0, 3.1), score("torch-gpu-resident", 0.1, 0.1))
    assert "use the CPU" in recommend([Bout(REDUCTION, scores)], has_gpu=True)


def test_what_overlaps_in_spread_takes_the_same_time():
    scores = (score("numpy", 1.0, 1.3), score("arraymill-gpu", 1.2, 1.4))
    assert "take the same time" in recommend([Bout(PRODUCT, scores)], has_gpu=True)


def test_works_that_belong_together_are_said_together():
    scores = (score("numpy", 2.0, 2.0), score("arraymill-cpu", 1.0, 1.0))
    said = recommend([Bout(work, scores) for work in (REDUCTION, PRODUCT, CHAIN)], has_gpu=False)
    assert said == (
        "For files in the page cache, without a GPU: reductions, products and elementwise chains, "
        "use arraymill-cpu, 2.0 times as fast as numpy."
    )


@pytest.mark.parametrize("has_gpu", [True, False])
def test_who_is_out_is_not_recommended(has_gpu):
    scores = (Score("arraymill-gpu", (), "no driver"), Score("numpy", (), "killed"))
    assert recommend([Bout(PRODUCT, scores)], has_gpu=has_gpu).startswith("For files in the page cache")
