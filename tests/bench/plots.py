"""Plots as files: PNG beside the figures, SVG for the documentation. Only here is matplotlib known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from .figures import Plot

HEIGHT = 2.8
WIDTH = 9.0
MOST_LEVEL = 6
"""How many groups there may be whose names still find room side by side."""


def draw(plot: Plot, file: Path) -> None:
    """Draw a plot as its file's ending says."""
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": plot.name, "font.size": 9}):
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.add_subplot()
        width = 0.86 / len(plot.bars)
        for index, (name, values) in enumerate(plot.bars.items()):
            shown = [(group, value) for group, value in enumerate(values) if value is not None]
            places = [group + (index - (len(plot.bars) - 1) / 2) * width for group, _ in shown]
            axes.bar(
                places,
                [value for _, value in shown],
                width * 0.95,
                label=name,
                linewidth=1.2,
                color=f"C{index}",
                edgecolor="black" if name.startswith("tether") else "none",
            )
        for group, goal in enumerate(plot.goals):
            if goal is not None:
                axes.hlines(goal, group - 0.45, group + 0.45, colors="black", linestyles="dashed", linewidth=1)
        axes.set_xticks(range(len(plot.groups)), plot.groups)
        if len(plot.groups) > MOST_LEVEL:
            for label in axes.get_xticklabels():
                label.set(rotation=25, ha="right", rotation_mode="anchor")
        axes.set_ylabel(plot.axis)
        axes.set_title(plot.title, fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        if plot.is_logarithmic:
            axes.set_yscale("log")
        axes.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        figure.savefig(file, dpi=120, metadata={"Date": None} if file.suffix == ".svg" else None)


def draw_all(plots: tuple[Plot, ...], folder: Path, ending: str) -> Iterator[Path]:
    """Draw all of them into a folder."""
    for plot in plots:
        file = folder / f"{plot.name}.{ending}"
        draw(plot, file)
        yield file
