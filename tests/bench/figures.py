"""Figures as they are printed, stored and drawn: tables with headings, and series for plots. Knows no measurement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Table:
    """What was measured, for people.

    Args:
        title: what it is about.
        columns: the headings.
        rows: the cells, as text.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def plain(self) -> str:
        """Return it for a terminal."""
        widths = [max(len(row[index]) for row in (self.columns, *self.rows)) for index in range(len(self.columns))]
        return "\n".join((f"-- {self.title} --", *(_padded(row, widths) for row in (self.columns, *self.rows))))

    def markdown(self) -> str:
        """Return it for a page."""
        ruler = ("---", *["---:"] * (len(self.columns) - 1))
        return "\n".join(f"| {' | '.join(row)} |" for row in (self.columns, ruler, *self.rows))


@attrs.frozen(kw_only=True)
class Plot:
    """Groups of bars.

    Args:
        name: of the file, without its ending.
        title: what it shows.
        axis: what is measured, with its unit.
        groups: what the bars of one group have in common.
        bars: for each who, a value for each group; None where there is none.
        is_logarithmic: whether the axis is.
        goals: for each group, what ours should not exceed; None where the design names nothing.
    """

    name: str
    title: str
    axis: str
    groups: tuple[str, ...]
    bars: dict[str, tuple[float | None, ...]]
    is_logarithmic: bool = False
    goals: tuple[float | None, ...] = ()


@attrs.frozen(kw_only=True)
class Goal:
    """A number of the design beside what was measured.

    Args:
        what: what is counted.
        goal: the most that it should be.
        measured: what it is.
        unit: of both.
    """

    what: str
    goal: float
    measured: float
    unit: str

    @property
    def verdict(self) -> str:
        """Whether it is reached, and else by how much not."""
        return "reached" if self.measured <= self.goal else f"missed: {self.measured / self.goal:.2f} times the goal"


@attrs.frozen(kw_only=True)
class Figures:
    """All of one part.

    Args:
        rows: what was measured, to be stored.
        tables: the same for people.
        plots: the same to be drawn.
        goals: those of the design that it speaks to.
    """

    rows: list[dict[str, Any]]
    tables: tuple[Table, ...]
    plots: tuple[Plot, ...] = ()
    goals: tuple[Goal, ...] = ()


def goals_table(goals: Sequence[Goal]) -> Table:
    """Return goals as a table."""
    return Table(
        title="measured beside the design's goals",
        columns=("what", "goal", "measured", "unit", ""),
        rows=tuple((goal.what, f"{goal.goal:g}", f"{goal.measured:.3g}", goal.unit, goal.verdict) for goal in goals),
    )


def number(value: float | None, digits: int = 2) -> str:
    """Return a cell; a dash where there is nothing."""
    return "-" if value is None else f"{value:.{digits}f}"


def _padded(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = (
        cell.ljust(width) if index == 0 else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join((first, *others)).rstrip()
