"""How fast machines work: what was measured of them, nominal rates, and the seconds that follow from both."""
