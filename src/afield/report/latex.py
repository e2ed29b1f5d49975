"""Text and tables as LaTeX: every sign that LaTeX would read otherwise is escaped."""

from __future__ import annotations

from collections.abc import Sequence

from afield.report.recorded import Table

_PACKAGES = ("textcomp", "booktabs", "graphicx")
_SIGNS = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    '"': r"\textquotedbl{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "\u2212": r"\textminus{}",
    "\u2014": "---",
    "\u00a0": "~",
    "\u2190": r"$\leftarrow$",
    "\u2192": r"$\rightarrow$",
    "\u00b7": r"$\cdot$",
    "\n": " ",
    "[": "{[}",  # after the end of a row it would begin that row's optional length
}
PACKAGES = (r"\usepackage[T1]{fontenc}", *(rf"\usepackage{{{name}}}" for name in _PACKAGES))
"""what a document needs for these tables"""
_ROWS, _COLUMNS = 40, 10
"""of one floating table; one of more becomes several"""


def escaped(text: str) -> str:
    r"""Text that LaTeX prints as it is.

    >>> print(escaped("50 % of lite_2 & {x}"))
    50 \% of lite\_2 \& \{x\}
    """
    return "".join(_SIGNS.get(sign, sign) for sign in text)


def latex_table(table: Table, label: str) -> str:
    """A table with booktabs' rules; a row's standing is a column where there is one.

    It floats, made smaller where it is wider than the text. One of many rows or columns becomes several, each with the
    names of its rows, of which the first has the label.
    """
    leads = 2 if any(row.standing for row in table.rows) else 1
    heads = [table.heads[0], *([""] if leads == 2 else []), *table.heads[1:]]
    rows = [[row.name, *([row.standing] if leads == 2 else []), *row.cells] for row in table.rows]
    width = len(heads) - leads if len(heads) <= _COLUMNS else _COLUMNS - leads
    parts = [
        [[*cells[:leads], *cells[column : column + width]] for cells in (heads, *rows[row : row + _ROWS])]
        for row in range(0, max(1, len(rows)), _ROWS)
        for column in range(leads, max(leads + 1, len(heads)), max(1, width))
    ]
    lines = [f"% {' '.join(PACKAGES)}"]
    for place, part in enumerate(parts):
        of_all = f" (part {place + 1} of {len(parts)})" if len(parts) > 1 else ""
        named = "" if place else rf"\label{{tab:{label}}}"
        caption = rf"\caption{{{escaped(table.caption)}{of_all}.}}{named}"
        lines += [r"\begin{table}[htbp]", r"\centering", caption, r"\vspace{1ex}", *_fitting(part), r"\end{table}"]
    return "\n".join([*lines, ""])


def _fitting(cells: Sequence[Sequence[str]]) -> list[str]:
    """The head and the rows in a box, which is fitted to the text."""
    head, *lines = (" & ".join(map(escaped, line)) + r" \\" for line in cells)
    return [
        r"\sbox0{%",
        rf"\begin{{tabular}}{{{'l' * len(cells[0])}}}",
        *(r"\toprule", head, r"\midrule", *lines, r"\bottomrule"),
        r"\end{tabular}}%",
        r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\usebox0}\else\usebox0\fi",
    ]
