"""Courier IMAP: the IMAP server of another make, with its own namespace, extensions and manners.

Debian will not install it beside Dovecot, and its paths are compiled in. So its packages are only unpacked
(install.sh), and it runs in a root folder of its own that holds its programs, the libraries they need, its
configuration and the mail.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

from tether_mailconf.settings import Security

from .process import LOOPBACK, NotStarted, fill_in, program, run, running, temporary_folder
from .server import ImapServer

UNPACKED = Path(__file__).parents[2] / ".nox" / "courier"
PROGRAMS = (
    "usr/bin/couriertls",
    "usr/bin/imapd",
    "usr/lib/courier-authlib/libauthuserdb.so.0",
    "usr/lib/courier/courier-authlib/authdaemond",
    "usr/lib/courier/courier-authlib/makedatprog",
    "usr/lib/courier/courier/imaplogin",
    "usr/sbin/couriertcpd",
)
OWNER = 8
"""The user and group id of the mail: `mail`, as everywhere on Debian. The root folder has no name for it."""
TLS_USER = 1
"""The user and group id that `couriertls` turns into before it reads the certificate; it asks for "courier" by name."""


class Courier(ImapServer):
    """A Courier IMAP of its own, in a root folder of its own. The user has an INBOX and nothing else.

    Args:
        authority: whose certificate it shows.
        address: the user.
        password: the user's password.
    """

    services: ClassVar = {("imap", Security.TLS): "imaps", ("imap", Security.STARTTLS): "imap"}

    def start(self, held: contextlib.ExitStack) -> None:
        """Start the authentication daemon and a listener for each port."""
        chroot = program("chroot")
        if not (UNPACKED / "complete").exists():
            raise NotStarted("Courier's packages are not unpacked: run tests/servers/install.sh (or: nox -s servers)")
        folder = held.enter_context(temporary_folder("courier"))
        root = folder / "root"
        furnish(root)
        self.write_configuration(root, chroot)
        environment = dict(
            line.split("=", 1) for line in fill_in("courier.env").splitlines() if not line.startswith("#")
        )
        environment["GAM_CLIENT_ID"] = folder.name
        held.enter_context(silent_file_watcher(folder.name))
        held.enter_context(
            running(
                [chroot, root, "/usr/lib/courier/courier-authlib/authdaemond"],
                logs=[folder / "authdaemond.log"],
                socket_file=root / "run/courier/authdaemon/socket",
                environment=environment,
            )
        )
        login = ["/usr/lib/courier/courier/imaplogin", "/usr/bin/imapd", "Maildir"]
        listen: list[str | Path] = [chroot, root, "/usr/sbin/couriertcpd", f"-address={LOOPBACK}"]
        listen += ["-nodnslookup", "-noidentlookup", "-maxprocs=40", "-maxperip=40"]
        for name, command, more in (
            ("imap", login, {"IMAP_STARTTLS": "YES", "IMAP_TLS_REQUIRED": "1"}),
            ("imaps", ["/usr/bin/couriertls", "-server", "-tcpd", "-user=courier", *login], {"IMAP_TLS": "1"}),
        ):
            held.enter_context(
                running(
                    [*listen, str(self.ports[name]), *command],
                    logs=[folder / f"{name}.log", folder / "authdaemond.log"],
                    ports=[self.ports[name]],
                    environment={**environment, **more},
                )
            )

    def write_configuration(self, root: Path, chroot: str) -> None:
        """Write the user, the mail folder, the certificate and the configuration of the authentication daemon."""
        etc = root / "etc/courier"
        etc.mkdir(parents=True)
        (etc / "authdaemonrc").write_text(fill_in("courier-authdaemonrc"), "utf-8")
        certificate = etc / "imapd.pem"
        certificate.touch(mode=0o600)
        certificate.write_bytes(self.authority.key_file.read_bytes() + self.authority.certificate_file.read_bytes())
        os.chown(certificate, TLS_USER, TLS_USER)
        (root / "etc/passwd").write_text(f"courier:x:{TLS_USER}:{TLS_USER}::/:/bin/false\n", "utf-8")
        (root / "etc/group").write_text(f"courier:x:{TLS_USER}:\n", "utf-8")
        (root / "run/courier/authdaemon").mkdir(parents=True)
        (root / "dev").mkdir()
        # An empty file does for /dev/null, and needs no right to make devices.
        (root / "dev/null").touch()
        home = root / "home"
        for part in ("cur", "new", "tmp"):
            (home / "Maildir" / part).mkdir(parents=True)
        for path in (home, *home.rglob("*")):
            os.chown(path, OWNER, OWNER)
        digest = base64.b64encode(hashlib.sha256(self.password.encode()).digest()).decode()
        self.write_table(chroot, root, "userdb", f"uid={OWNER}|gid={OWNER}|home=/home")
        self.write_table(chroot, root, "userdbshadow", f"systempw={{SHA256}}{digest}")

    def write_table(self, chroot: str, root: Path, name: str, fields: str) -> None:
        """Write the user's fields into one of the GDBM files of authuserdb, with Courier's own program."""
        path = f"/etc/courier/{name}"
        run(
            [chroot, root, "/usr/lib/courier/courier-authlib/makedatprog", "-", f"{path}.tmp", f"{path}.dat"],
            input=f"{self.address}\t{fields}\n.\n",
        )


@contextlib.contextmanager
def silent_file_watcher(client: str) -> Iterator[None]:
    """Stand where imapd looks for gamin's file watcher, and hang up on it.

    There is no watcher in the root folder, and imapd would look for it for more than a second in each session.
    """
    # libgamin's name for it, in the abstract namespace: of no user, for this client, filled up to sockaddr_un's length.
    address = b"\0" + f"/tmp/fam--{client}".encode().ljust(107, b"\0")
    with socketserver.UnixStreamServer(address, socketserver.BaseRequestHandler) as watcher:
        thread = threading.Thread(target=watcher.serve_forever, args=(0.05,), name="watcher", daemon=True)
        thread.start()
        yield
        watcher.shutdown()
        thread.join()


def furnish(root: Path) -> None:
    """Fill a root folder with Courier's programs and every library that they load."""
    unpacked = UNPACKED / "root"
    for name in PROGRAMS:
        copy(unpacked / name, root / name)
    for library in libraries([unpacked / name for name in PROGRAMS]):
        # The loader is asked for by its path; everything else is searched for in /lib.
        copy(
            library, root / (library.relative_to("/") if library.name.startswith("ld-") else Path("lib", library.name))
        )


def copy(source: Path, target: Path) -> None:
    """Copy a file, or what a link stands for."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def libraries(programs: Iterable[Path]) -> set[Path]:
    """Return the shared libraries that programs load, and the loader itself, as `ldd` finds them.

    Raises:
        NotStarted: if one is missing on this machine.
    """
    done = subprocess.run(
        ["ldd", *map(str, programs)],
        env={**os.environ, "LD_LIBRARY_PATH": str(UNPACKED / "root/usr/lib")},
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    if done.returncode != 0 or "not found" in done.stdout:
        raise NotStarted(
            f"Courier's libraries are not all here: run tests/servers/install.sh\n{done.stdout}{done.stderr}"
        )
    return {Path(path) for path in re.findall(r"(?:=> |\t)(/\S+) \(0x", done.stdout)}
