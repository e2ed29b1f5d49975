"""The numbers that the rule of the verdict rests on (`analysis.transfer.fit_transfer`), and its version."""

RULE_VERSION = 3
"""raised where equal settings would give another verdict; 2: families and clusters count in the intervals; 3: of few
families by their number, near a ceiling by the scatter of a share"""
SMALLEST_SLOPE = 0.1
"""Metric points per ImageNet point that would matter. Ten points on ImageNet are years of better architectures; whoever
changes backbones for them should get at least one point here, for less hardly pays for the change."""
FEWEST_BACKBONES = 4
"""for a verdict: three leave one degree of freedom to the slope and none to Fisher's z"""
FEWEST_TASKS = 3
"""for one over tasks: of two tasks' slopes the spread is known so badly that their mean reaches 12.7 errors to each
side"""
