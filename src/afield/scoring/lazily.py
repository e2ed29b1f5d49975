"""scikit-learn's metrics, imported when first asked for: with scipy.stats they take a second, and most commands compute
none.
"""

from __future__ import annotations

from types import ModuleType


def sklearn_metrics() -> ModuleType:
    """The module sklearn.metrics."""
    from sklearn import metrics

    found: ModuleType = metrics
    return found
