"""Starting and ending a server: a folder that goes with it, ports of its own, a bounded start, an end by its pid.

A server that cannot be started is an error with its log in it, never a skipped test. It knows no mail.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import socket
import string
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

LOOPBACK = "127.0.0.2"
"""Where the servers listen. Clients come from 127.0.0.1: Dovecot would take a client of its own address for safe, and
let it sign in without TLS."""
START_SECONDS = 10.0
STOP_SECONDS = 0.5
TEMPLATES = Path(__file__).parent / "templates"
PORTS_EACH = 1000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_PORTS = itertools.cycle(range(10_000 + _WORKER * PORTS_EACH, 10_000 + (_WORKER + 1) * PORTS_EACH))


class NotStarted(Exception):
    """A real server could not be started. Its text holds what the server wrote."""


@contextlib.contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """Make a folder that the servers' own users may enter, and remove it at the end."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_ports(count: int) -> list[int]:
    """Return ports of LOOPBACK that nobody listens at, all different.

    The kernel gives ports from 32768 on to whoever asks for any, and to every connection that is made. It would give
    one of these to somebody else before its server has taken it. So they are lower, and each process that runs tests
    has its own.
    """
    found: list[int] = []
    while len(found) < count:
        port = next(_PORTS)
        if is_free(port):
            found.append(port)
    return found


def fill_in(template: str, **values: object) -> str:
    """Return a file of tests/servers/templates with its $names filled in; `$$` stands for `$`."""
    return string.Template((TEMPLATES / template).read_text("utf-8")).substitute(values)


def program(name: str) -> str:
    """Return the path of an installed program.

    Raises:
        NotStarted: if it is missing, or this process may not start servers.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/bin")
    if found is None:
        raise NotStarted(f"{name} is not on this machine: run tests/servers/install.sh (or: nox -s servers)")
    if os.geteuid() != 0:
        raise NotStarted("the real mail servers change users when they start: run the tests as root, in a container")
    return found


def run(command: Sequence[str | Path], **options: str) -> None:
    """Run a command to its end, within the time that a start may take.

    Raises:
        NotStarted: with what it wrote, if it fails.
    """
    done = subprocess.run(
        [str(part) for part in command],
        input=options.get("input"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        raise NotStarted(f"{command[0]} ended with {done.returncode}:\n{done.stdout}")


class Program:
    """A server in the foreground, which can be ended and begun again as it was.

    Args:
        command: the server and its arguments.
        logs: files to show if it does not start; what it writes to its standard streams goes to the first.
        ports: on LOOPBACK, all of which must accept a connection.
        socket_file: a UNIX socket that must be there.
        environment: its whole environment; None: this process's.
        seconds: how long it may take to start.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        logs: Sequence[Path],
        ports: Sequence[int] = (),
        socket_file: Path | None = None,
        environment: Mapping[str, str] | None = None,
        seconds: float = START_SECONDS,
    ) -> None:
        self._command = [str(part) for part in command]
        self._logs = logs
        self._ports = ports
        self._socket_file = socket_file
        self._environment = environment
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; return when it listens.

        Raises:
            NotStarted: if it ends, or is not ready in time.
        """
        # A pipe would be held open by the server's children, and a reader of it would wait for ever.
        with self._logs[0].open("ab") as output:
            self._process = process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        try:
            wait_until_ready(process, self._ports, self._socket_file, self._logs, self._seconds)
        except BaseException:
            self.end()
            raise

    def end(self, *, gently: bool = True) -> None:
        """End it, and all that it started; if not gently, by SIGKILL at once."""
        process, self._process = self._process, None
        if process is not None:
            stop(process, gently=gently)

    def restart(self, *, gently: bool = True) -> None:
        """End it, and begin it again once what it had started has let go of its ports.

        Raises:
            NotStarted: if it ends, or is not ready in time.
        """
        self.end(gently=gently)
        wait_until_free(self._ports, self._seconds)
        self.start()


@contextlib.contextmanager
def running(
    command: Sequence[str | Path],
    *,
    logs: Sequence[Path],
    ports: Sequence[int] = (),
    socket_file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    seconds: float = START_SECONDS,
) -> Iterator[Program]:
    """Run a server; leave when it listens; end it at the end. The arguments are those of `Program`.

    Raises:
        NotStarted: if it ends, or is not ready in time.
    """
    program = Program(
        command, logs=logs, ports=ports, socket_file=socket_file, environment=environment, seconds=seconds
    )
    program.start()
    try:
        yield program
    finally:
        program.end()


def wait_until_ready(
    process: subprocess.Popen[bytes],
    ports: Sequence[int],
    socket_file: Path | None,
    logs: Sequence[Path],
    seconds: float,
) -> None:
    """Wait for the ports and the socket of a server.

    Raises:
        NotStarted: if it ends, or is not ready in time.
    """
    end = time.monotonic() + seconds
    while not (all(map(accepts, ports)) and (socket_file is None or socket_file.exists())):
        if process.poll() is not None:
            raise NotStarted(f"{process.args!r} ended with {process.returncode}:\n{told(logs)}")
        if time.monotonic() > end:
            raise NotStarted(f"{process.args!r} was not ready after {seconds:.0f} s:\n{told(logs)}")
        time.sleep(0.02)


def wait_until_free(ports: Sequence[int], seconds: float) -> None:
    """Wait until ports can be listened at again. A killed process holds its own until the kernel has buried it.

    Raises:
        NotStarted: if they cannot in time.
    """
    end = time.monotonic() + seconds
    while not all(map(is_free, ports)):
        if time.monotonic() > end:
            raise NotStarted(f"somebody still listens at one of {ports!r} after {seconds:.0f} s")
        time.sleep(0.02)


def is_free(port: int) -> bool:
    """Tell whether nobody listens at a port of LOOPBACK."""
    try:
        socket.create_server((LOOPBACK, port)).close()
    except OSError:
        return False
    return True


def told(logs: Sequence[Path]) -> str:
    """Return what the logs say."""
    return "\n".join(f"--- {log}\n{log.read_text('utf-8', 'replace')}" for log in logs if log.exists())


def accepts(port: int) -> bool:
    """Tell whether a port of LOOPBACK accepts a connection."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def stop(process: subprocess.Popen[bytes], *, gently: bool = True) -> None:
    """End a server by its pid, with its process group. What it leaves is thrown away, so little is waited for."""
    if gently:
        signal_group(process, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    signal_group(process, signal.SIGKILL)
    process.wait()


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a server and all that it started: it has a session of its own, whose process group bears its pid."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
