import re

from hypothesis import given
from hypothesis import strategies as st

from arraymill.jobs.report.drawing import box, steps_path


def corners(path):
    """Return the corners of a path of M, H, V and z."""
    x, y, found = 0.0, 0.0, []
    for command, numbers in re.findall(r"([MHV])([-\d. ]+)", path):
        values = [float(number) for number in numbers.split()]
        x, y = values if command == "M" else (values[0], y) if command == "H" else (x, values[0])
        found.append((x, y))
    return found


def area(path):
    points = corners(path)
    pairs = zip(points, points[1:] + points[:1], strict=True)
    return abs(sum(x * v - u * y for (x, y), (u, v) in pairs)) / 2


def test_a_box_is_closed():
    assert box(1.0, 2.0, 3.0, 4.0) == "M1.0 2.0h3.0v4.0h-3.0z"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=12))
def test_the_area_between_stairs_is_what_lies_between_them(steps):
    lower, upper = [50.0 - low for low, _ in steps], [50.0 - low - high for low, high in steps]
    path = steps_path([float(2 * n) for n in range(len(steps) + 1)], lower, upper)
    assert area(path) == sum(2 * high for _, high in steps)
