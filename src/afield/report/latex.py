"""Text and tables as LaTeX: every sign that LaTeX would read otherwise is escaped."""

from __future__ import annotations

from afield.report.recorded import Table

_PACKAGES = ("textcomp", "booktabs", "longtable", "graphicx")
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
_FLOATS = 40
"""rows that a floating table may have"""
_WIDE = 5
"""columns beyond which a table is shrunk to the width of the text"""


def escaped(text: str) -> str:
    r"""Text that LaTeX prints as it is.

    >>> print(escaped("50 % of lite_2 & {x}"))
    50 \% of lite\_2 \& \{x\}
    """
    return "".join(_SIGNS.get(sign, sign) for sign in text)


def latex_table(table: Table, label: str) -> str:
    """A table with booktabs' rules; a row's standing is a column where there is one.

    It floats, a wide one made small enough for the text; one of many rows runs over pages.
    """
    standing = any(row.standing for row in table.rows)
    heads = [*table.heads[:1], *([""] if standing else []), *table.heads[1:]]
    rows = [[row.name, *([row.standing] if standing else []), *row.cells] for row in table.rows]
    head, *lines = (" & ".join(map(escaped, cells)) + r" \\" for cells in (heads, *rows))
    caption = rf"\caption{{{escaped(table.caption)}.}}\label{{tab:{label}}}"
    columns = f"{{{'l' * len(heads)}}}"
    if len(rows) > _FLOATS:
        start = [rf"\begin{{longtable}}{columns}", caption + r"\\", r"\toprule", head, r"\midrule", r"\endhead"]
        end = [r"\bottomrule", r"\end{longtable}"]
    else:
        start = [r"\begin{table}[htbp]", r"\centering", caption]
        start += [r"\resizebox{\linewidth}{!}{%"] if len(heads) > _WIDE else []
        start += [rf"\begin{{tabular}}{columns}", r"\toprule", head, r"\midrule"]
        end = [r"\bottomrule", r"\end{tabular}" + ("}" if len(heads) > _WIDE else ""), r"\end{table}"]
    return "\n".join([f"% {' '.join(PACKAGES)}", *start, *lines, *end, ""])
