import pytest

from arraymill.jobs.arrays.locations import locate
from arraymill.jobs.arrays.named_arrays import choose_array
from arraymill.jobs.errors import InputError


def test_slashes_around_a_name_are_no_matter():
    assert choose_array(locate("x.h5::/a/b/"), ["a/b", "c"], kind="an HDF5 file") == "a/b"


@pytest.mark.parametrize(
    ("text", "names", "said", "next_step"),
    [
        ("x.h5", [], "x.h5: holds no array", "name another file"),
        ("x.h5", ["a", "b"], "x.h5: is an HDF5 file of 2 arrays, and none is named", "name one: x.h5::a"),
        ("x.h5::imges", ["labels", "images"], "x.h5::imges: there is no such array", "name one: x.h5::images"),
    ],
)
def test_what_is_not_there_is_answered_with_what_is(text, names, said, next_step):
    with pytest.raises(InputError) as caught:
        choose_array(locate(text), names, kind="an HDF5 file")
    assert (caught.value.what, caught.value.next) == (said, next_step)


def test_long_lists_are_cut():
    with pytest.raises(InputError) as caught:
        choose_array(locate("x.h5"), [str(n) for n in range(20)], kind="an HDF5 file")
    assert caught.value.cause == "it holds 0, 1, 2, 3, 4, 5, 6, 7 and 12 more"
