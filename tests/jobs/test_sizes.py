import pytest

from arraymill.jobs.sizes import format_bytes, limit_bytes, parse_size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (1, 1),
        ("1", 1),
        ("60GB", 60_000_000_000),
        ("60gb", 60_000_000_000),
        ("2kB", 2000),
        ("2KiB", 2048),
        ("1.5 GiB", 3 << 29),
        ("0.5TB", 500_000_000_000),
        ("70%", 0.7),
        ("100%", 1.0),
        ("12.5%", 0.125),
    ],
)
def test_sizes_are_read(text, expected):
    assert parse_size(text) == expected


@pytest.mark.parametrize(
    "text", ["", "GB", "-1GB", "0", "0%", "101%", "70G", "1e9", "1_000", "5 Gb s", "inf", "nan%", True]
)
def test_other_sizes_are_refused(text):
    with pytest.raises(ValueError, match=r"not a size|unknown unit|less than one byte|0%"):
        parse_size(text)


def test_share_is_of_the_whole():
    assert limit_bytes("70%", 1000) == 700
    assert limit_bytes("70kB", 1000) == 70_000


@pytest.mark.parametrize("n_bytes", [0, 5, 999, 1000, 9_994, 9_995, 99_949, 999_499, 999_500, 10**12, 10**17])
def test_three_digits_at_most_are_shown(n_bytes):
    number = format_bytes(n_bytes).split()[0]
    assert len(number.replace(".", "")) <= 3 or n_bytes >= 10**15
