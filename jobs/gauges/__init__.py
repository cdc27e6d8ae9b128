"""Measures what this machine can do: each gauge one rate, in a slice of time, best of several short tries."""

from __future__ import annotations

from .calibrate import calibrate

__all__ = ["calibrate"]
