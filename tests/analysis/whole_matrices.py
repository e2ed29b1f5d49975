"""CR2 as the papers write it, with whole matrices: Pustejovsky and Tipton 2018, equations 5 and 11."""

import numpy as np
from scipy.stats import t


def cr2_p(design: np.ndarray, y: np.ndarray, families: np.ndarray, column: int) -> float:
    """P of a coefficient of least squares being 0, with Satterthwaite's degrees of freedom."""
    n = len(y)
    bread = np.linalg.inv(design.T @ design)
    left_over = np.eye(n) - design @ bread @ design.T
    variance, columns = 0.0, []
    for family in dict.fromkeys(families.tolist()):
        own = families == family
        values, vectors = np.linalg.eigh(left_over[np.ix_(own, own)])
        root = vectors @ np.diag([1 / np.sqrt(each) if each > 1e-9 else 0.0 for each in values]) @ vectors.T
        weights = root @ design[own] @ bread[:, column]
        variance += float(weights @ (left_over @ y)[own]) ** 2
        columns.append(left_over[:, own] @ weights)
    sizes = np.linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    slope = float((bread @ design.T @ y)[column])
    return 2 * float(t.sf(abs(slope) / np.sqrt(variance), sizes.sum() ** 2 / (sizes**2).sum()))
