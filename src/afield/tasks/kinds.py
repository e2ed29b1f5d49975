"""Of what kind a task is: what is told of a sample, and which mirror images leave that as it is."""

from __future__ import annotations

from typing import Literal

Flip = Literal["horizontal", "vertical"]
Target = Literal["class", "grade", "labels"]
"""what is told of a sample: one of several classes, one of grades in an order, or any number of labels"""
