"""Whole jobs that are killed, lose power, meet a failing disk or changed inputs, and are then resumed."""
