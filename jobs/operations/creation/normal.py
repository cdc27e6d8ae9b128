"""Normal deviates from uniform ones, one for one: the inverse of the normal distribution function.

References
----------
M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied Statistics 37 (1988),
477-484: PPND16, three ratios of polynomials of degree 7, to about 1 part in 10^16.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["normal_of_uniform"]

_SPLIT, _OFFSET = 0.425, 0.180625
"""Below `_SPLIT`, of the distance from 1/2, one ratio serves: 85 % of all numbers. `_OFFSET` is its square."""
_FAR = 5.0
_HALF = 0.5 - 2.0**-54

_CENTRE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_FAR_TAIL = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


def normal_of_uniform(u: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return standard normal numbers of uniform ones, over which it writes.

    Parameters
    ----------
    u : ndarray of float64
        ``k 2^-53`` for integers ``0 <= k < 2^53``, C-contiguous. Taken for the middle of its interval, ``(k + 1/2)
        2^-53``: never 0 and never 1, and as far from 0 as its mirror is from 1. All numbers made are within 8.3 of 0.

    Examples
    --------
    >>> normal_of_uniform(np.array([0.25, 0.5, 0.75])).round(6).tolist()
    [-0.67449, 0.0, 0.67449]
    """
    # both differences are exact: their results have 53 bits
    q = np.subtract(u, _HALF, out=u)
    size = np.abs(q)
    outside = np.flatnonzero(size > _SPLIT)
    tail = np.subtract(0.5, size[outside])
    sign = np.sign(q[outside])
    r = np.square(size, out=size)
    np.subtract(_OFFSET, r, out=r)
    q *= _ratio(r, *_CENTRE)
    q[outside] = sign * _tail(tail)
    return q


def _tail(tail: NDArray[np.float64]) -> NDArray[np.float64]:
    r = np.sqrt(-np.log(tail))
    value = _ratio(r - 1.6, *_TAIL)
    far = np.flatnonzero(r > _FAR)
    if len(far):
        value[far] = _ratio(r[far] - _FAR, *_FAR_TAIL)
    return value


def _ratio(x: NDArray[np.float64], above: tuple[float, ...], below: tuple[float, ...]) -> NDArray[np.float64]:
    top = _polynomial(x, above)
    top /= _polynomial(x, below)
    return top


def _polynomial(x: NDArray[np.float64], coefficients: tuple[float, ...]) -> NDArray[Any]:
    """Return a polynomial by Horner's rule, the constant first."""
    *rest, highest = coefficients
    value = x * highest
    for coefficient in reversed(rest[1:]):
        value += coefficient
        value *= x
    value += rest[0]
    return value
