"""No issuer makes a host application dial its own network, or take a secret to where it was not meant for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import dns.message
import dns.rdatatype
import dns.rrset
import pytest

from tests.discovery.domains import HERE
from tests.discovery.strangers import COLOURS, LyingNameServer, Pretended, Trap, policy
from tests.hostile.awaited import blocking
from tether_mailconf import InvalidSettings, NetworkPolicy, NotPermitted, aio, oauth
from tether_mailconf.oauth import Issuer
from tether_mailconf.sandbox import Internet, Sandbox, WebAnswer, WebRequest

URL = "https://login.issuer.test"
REFUSED = "127.0.0.9"
ADDRESS = "ana@acme.example"
SECRET = "s3cret-of-the-client"
GRANTED = {
    "access_token": "at-1",
    "token_type": "Bearer",
    "expires_in": 3600,
    "refresh_token": "rt-1",
    "scope": "mail openid email",
}
DESCRIBED: dict[str, Any] = {
    "issuer": URL,
    "authorization_endpoint": f"{URL}/authorize",
    "token_endpoint": f"{URL}/token",
    "device_authorization_endpoint": f"{URL}/device",
    "userinfo_endpoint": f"{URL}/userinfo",
    "revocation_endpoint": f"{URL}/revoke",
}
METADATA = "/.well-known/oauth-authorization-server"
INSIDE = (
    f"https://{REFUSED}/",
    "http://login.issuer.test/token",
    "https://127.0.0.1/token",
    "https://127.1/token",
    "https://2130706433/token",
    "https://0x7f000001/token",
    "https://0.0.0.0/token",
    "https://[::1]/token",
    "https://[::ffff:127.0.0.1]/token",
    "https://[64:ff9b::7f00:1]/token",
    "https://[2002:7f00:1::]/token",
    "https://169.254.169.254/latest/meta-data/",
    "https://metadata.google.internal/token",
    "https://localhost/token",
    "https://inside.issuer.test/token",
    "https://login.issuer.test@127.0.0.1/token",
    "https://user:pass@login.issuer.test/token",
    "https://login.issuer.test\\@127.0.0.1/token",
    "https://login.issuer.test.127.0.0.1/token",
    "https://login.issuer.test#@127.0.0.1/token",
    "https://login.issuer.test:0/token",
    "https://login.issuer.test:65536/token",
    "https://log\tin.issuer.test/token",
    "https://login.issuer.test/to\r\nken",
    "//127.0.0.1/token",
    "/token",
    "file:///etc/passwd",
    "ftp://login.issuer.test/token",
)


@attrs.define
class Issuing:
    """An issuer that does as it is told.

    Args:
        sandbox: where it runs.
        trap: a connection that nobody may make.
        pages: what its pages answer instead, by path.
    """

    sandbox: Sandbox
    trap: Trap
    pages: dict[str, WebAnswer] = attrs.field(factory=dict[str, WebAnswer])

    @property
    def network(self) -> NetworkPolicy:
        return policy(Pretended, self.sandbox)

    @property
    def asked(self) -> list[str]:
        return [request.host for request in self.sandbox.requests]

    def describe(self, **changed: Any) -> None:
        self.pages[METADATA] = WebAnswer(body=json.dumps(DESCRIBED | changed).encode())

    def learned(self, colour: str, **options: Any) -> Issuer:
        """What is learned of it."""
        learn = oauth.issuer_at if colour == "sync" else blocking(aio.oauth.issuer_at)
        options = {"network": self.network, **options}
        return learn(options.pop("url", URL), scopes=["mail"], ca_file=self.sandbox.ca_file, **options)

    def sign_in(self, colour: str, issuer: Issuer, **options: Any) -> Any:
        kind: Any = oauth.SignIn if colour == "sync" else blocking(aio.oauth.SignIn)
        given = {"client_id": "c", "client_secret": SECRET, "redirect_uri": "https://host.example/back"}
        return kind(issuer, **given, ca_file=self.sandbox.ca_file, **{"network": self.network, **options})


@pytest.fixture(scope="module")
def running() -> Iterator[Issuing]:
    pages: dict[str, WebAnswer] = {}

    def page(path: str, answer: dict[str, Any]) -> Any:
        def found(request: WebRequest) -> WebAnswer:
            return pages.get(path) or WebAnswer(body=json.dumps(answer).encode())

        return found

    device = {"device_code": "d", "user_code": "U", "verification_uri": f"{URL}/d", "expires_in": 600, "interval": 1}
    site = {
        METADATA: page(METADATA, DESCRIBED),
        "/token": page("/token", GRANTED),
        "/device": page("/device", device),
        "/userinfo": page("/userinfo", {"sub": "1", "email": ADDRESS, "email_verified": True}),
        "/revoke": page("/revoke", {}),
        "/elsewhere": page("/elsewhere", GRANTED),
    }
    zone = f"login A {HERE}\ninside A {REFUSED}"
    internet = Internet(zones={"issuer.test": zone}, sites={"login.issuer.test": site})
    with Sandbox(internet=internet) as sandbox, Trap() as trap:
        for port in sandbox.network.forwarded.values():
            trap.listen(REFUSED, port)
        yield Issuing(sandbox, trap, pages)


@pytest.fixture
def issuing(running: Issuing) -> Iterator[Issuing]:
    running.sandbox.clear_logs()
    running.pages.clear()
    yield running
    assert running.trap.caught() == 0


def complete(sign_in: Any) -> Any:
    pending = sign_in.begin(ADDRESS)
    return sign_in.complete(pending, f"https://host.example/back?state={pending.state}&code=abc")


@pytest.mark.parametrize("colour", COLOURS)
def test_an_issuer_that_is_in_order_signs_somebody_in(issuing: Issuing, colour: str) -> None:
    """What the others rely on: nothing but what they change is refused."""
    sign_in = issuing.sign_in(colour, issuing.learned(colour))
    assert complete(sign_in).account_verified
    assert sign_in.begin_device(ADDRESS).user_code == "U"
    assert {"/token", "/device", "/userinfo"} <= {request.path for request in issuing.sandbox.requests}


# -- where it says that it is ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(DESCRIBED.keys() - {"issuer"}))
@pytest.mark.parametrize("url", INSIDE)
def test_an_endpoint_on_the_inside_is_refused(issuing: Issuing, url: str, name: str) -> None:
    issuing.describe(**{name: url})
    with pytest.raises(InvalidSettings) as caught:
        issuing.learned("sync")
    assert [problem.field for problem in caught.value.problems] == [name]
    assert issuing.asked == ["login.issuer.test"]


@pytest.mark.parametrize("colour", COLOURS)
def test_an_endpoint_on_the_inside_that_the_host_has_named_is_not_dialled(issuing: Issuing, colour: str) -> None:
    """To name a host lets it be an endpoint, and not where it is."""
    issuing.describe(token_endpoint="https://inside.issuer.test/token")
    sign_in = issuing.sign_in(colour, issuing.learned(colour, endpoint_hosts=["inside.issuer.test"]))
    with pytest.raises(NotPermitted):
        complete(sign_in)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("port", [22, 25, 6379, 8443])
def test_an_endpoint_at_another_port_is_not_dialled(issuing: Issuing, port: int, colour: str) -> None:
    issuing.describe(token_endpoint=f"{URL}:{port}/token")
    sign_in = issuing.sign_in(colour, issuing.learned(colour))
    with pytest.raises(NotPermitted):
        complete(sign_in)
    assert issuing.asked == ["login.issuer.test"]


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    "url",
    ["https://inside.issuer.test", f"https://{REFUSED}", "https://localhost", "https://a.internal", "https://[::1]"],
)
def test_an_issuer_on_the_inside_is_not_dialled(issuing: Issuing, url: str, colour: str) -> None:
    with pytest.raises((NotPermitted, InvalidSettings)):
        issuing.learned(colour, url=url)
    assert issuing.asked == []


ASKING: dict[str, Callable[[Issuing, str, Issuer], object]] = {
    METADATA: lambda issuing, colour, _: issuing.learned(colour),
    "/device": lambda issuing, colour, issuer: issuing.sign_in(colour, issuer).begin_device(ADDRESS),
    "/token": lambda issuing, colour, issuer: complete(issuing.sign_in(colour, issuer)),
    "/userinfo": lambda issuing, colour, issuer: complete(issuing.sign_in(colour, issuer)),
}
"""What asks at each of an issuer's pages."""

# -- where it sends us -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", [f"https://{REFUSED}/token", "https://inside.issuer.test/token", f"{URL}/elsewhere"])
@pytest.mark.parametrize("path", ASKING)
def test_no_redirect_of_an_issuer_is_followed(issuing: Issuing, path: str, to: str, status: int, colour: str) -> None:
    """Not even to itself: the request has the client's secret in it, the code or a token."""
    issuer = Issuer(id="own", label="Own", scopes=["mail"], identity_scopes=["openid", "email"], **DESCRIBED)
    issuing.pages[path] = WebAnswer(status=status, headers={"Location": to})
    with pytest.raises(oauth.IssuerFailed) as caught:
        ASKING[path](issuing, colour, issuer)
    assert "not followed" in str(caught.value)
    assert set(issuing.asked) == {"login.issuer.test"}
    assert "/elsewhere" not in [request.path for request in issuing.sandbox.requests]


@pytest.mark.parametrize("colour", COLOURS)
def test_what_is_given_back_goes_to_nobody_else(issuing: Issuing, colour: str) -> None:
    issuer = Issuer(id="own", label="Own", scopes=["mail"], identity_scopes=["openid", "email"], **DESCRIBED)
    sign_in = issuing.sign_in(colour, issuer, store=oauth.MemoryTokenStore())
    complete(sign_in)
    issuing.pages["/revoke"] = WebAnswer(status=307, headers={"Location": f"https://{REFUSED}/revoke"})
    assert not sign_in.disconnect(ADDRESS).revoked
    assert set(issuing.asked) == {"login.issuer.test"}


# -- where its name leads ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour", COLOURS)
def test_an_issuer_whose_name_leads_inside_the_second_time_gets_no_secret(issuing: Issuing, colour: str) -> None:
    told = 0

    def answer(query: dns.message.Message) -> bytes:
        nonlocal told
        made = dns.message.make_response(query, recursion_available=True)
        question = query.question[0]
        if dns.rdatatype.to_text(question.rdtype) == "A":
            told += 1
            address = HERE if told == 1 else REFUSED
            made.answer.append(dns.rrset.from_text(question.name, 0, "IN", "A", address))
        return made.to_wire()

    with LyingNameServer(answer) as lying:
        network = policy(Pretended, issuing.sandbox, name_servers=lying.servers)
        sign_in = issuing.sign_in(colour, issuing.learned(colour, network=network), network=network)
        with pytest.raises(NotPermitted):
            complete(sign_in)
    assert told > 1
    assert [request.path for request in issuing.sandbox.requests] == [METADATA]
