"""Text and tables as LaTeX: every sign that LaTeX would read otherwise is escaped."""

from __future__ import annotations

from afield.report.recorded import Table

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
}
PREAMBLE = r"""% \usepackage[T1]{fontenc} \usepackage{textcomp} \usepackage{booktabs} \usepackage{longtable}"""


def escaped(text: str) -> str:
    r"""Text that LaTeX prints as it is.

    >>> print(escaped("50 % of lite_2 & {x}"))
    50 \% of lite\_2 \& \{x\}
    """
    return "".join(_SIGNS.get(sign, sign) for sign in text)


def latex_table(table: Table, label: str) -> str:
    """A table with booktabs' rules, which may run over pages; a row's standing is a column where there is one."""
    standing = any(row.standing for row in table.rows)
    heads = [*table.heads[:1], *([""] if standing else []), *table.heads[1:]]
    lines = [
        " & ".join(escaped(cell) for cell in (row.name, *([row.standing] if standing else []), *row.cells)) + r" \\"
        for row in table.rows
    ]
    head = " & ".join(escaped(cell) for cell in heads) + r" \\"
    return "\n".join(
        [
            PREAMBLE,
            rf"\begin{{longtable}}{{{'l' * len(heads)}}}",
            rf"\caption{{{escaped(table.caption)}.}}\label{{tab:{label}}}\\",
            r"\toprule",
            head,
            r"\midrule",
            r"\endhead",
            r"\bottomrule",
            r"\endlastfoot",
            *lines,
            r"\end{longtable}",
            "",
        ]
    )
