"""A skipped test proves nothing, so where CI=true it fails: a server that is missing must not look green."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

STRICT = os.environ.get("CI", "").lower() in {"1", "true"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    refuse(report)
    return report


def refuse(report: pytest.TestReport | pytest.CollectReport, strict: bool = STRICT) -> None:
    """Turn a skip (or an expected failure, which pytest reports as a skip) into a failure."""
    if strict and report.outcome == "skipped":
        reason: Any = getattr(report, "wasxfail", None) or report.longrepr
        vars(report).pop("wasxfail", None)
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure where CI=true: {reason}"
