"""What the harness asks of each: the job on kept connections, and on new ones, in either colour."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import ClassVar, Self

from ..job import Letter, Target, Wire

SECONDS = 60
"""How long the peers wait for an answer."""


class Adapter(ABC):
    """Somebody who sends and files. Used as a context manager; connections are made by `connect` and by `cold`.

    Args:
        target: where.
        files: whether a copy goes into Sent.

    Attributes:
        name: what is used.
        wires: how it can be reached.
        keeps: whether it can keep its connections for the next letter.
        is_ours: whether it is what the design has goals for.
    """

    name: ClassVar[str]
    wires: ClassVar[frozenset[Wire]] = frozenset(Wire)
    keeps: ClassVar[bool] = True
    is_ours: ClassVar[bool] = False

    def __init__(self, target: Target, *, files: bool) -> None:
        self.target = target
        self.files = files

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None:
        """Put away what is not a connection."""

    @abstractmethod
    def connect(self) -> None:
        """Make the connections that `warm` uses, and sign in."""

    @abstractmethod
    def disconnect(self) -> None:
        """End them."""

    @abstractmethod
    def warm(self, letter: Letter, count: int) -> None:
        """Do the job so many times on the kept connections."""

    @abstractmethod
    def cold(self, letter: Letter, count: int) -> None:
        """Do the job so many times, each time from no connection to no connection."""


class Blocking(Adapter):
    """One that blocks."""

    def __exit__(self, *_: object) -> None:
        """It has nothing else."""

    @abstractmethod
    def open(self) -> None:
        """Connect and sign in."""

    @abstractmethod
    def send(self, letter: Letter) -> None:
        """Send one letter and file its copy."""

    @abstractmethod
    def close(self) -> None:
        """End the connections."""

    def connect(self) -> None:
        self.open()

    def disconnect(self) -> None:
        self.close()

    def warm(self, letter: Letter, count: int) -> None:
        for _ in range(count):
            self.send(letter)

    def cold(self, letter: Letter, count: int) -> None:
        for _ in range(count):
            self.open()
            self.send(letter)
            self.close()


class Asynchronous(Adapter):
    """One for asyncio, on a loop that is kept."""

    def __init__(self, target: Target, *, files: bool) -> None:
        super().__init__(target, files=files)
        self._runner = asyncio.Runner()

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    @abstractmethod
    async def open(self) -> None:
        """Connect and sign in."""

    @abstractmethod
    async def send(self, letter: Letter) -> None:
        """Send one letter and file its copy."""

    @abstractmethod
    async def close(self) -> None:
        """End the connections."""

    def connect(self) -> None:
        self._runner.run(self.open())

    def disconnect(self) -> None:
        self._runner.run(self.close())

    def warm(self, letter: Letter, count: int) -> None:
        async def all_of_them() -> None:
            for _ in range(count):
                await self.send(letter)

        self._runner.run(all_of_them())

    def cold(self, letter: Letter, count: int) -> None:
        async def all_of_them() -> None:
            for _ in range(count):
                await self.open()
                await self.send(letter)
                await self.close()

        self._runner.run(all_of_them())
