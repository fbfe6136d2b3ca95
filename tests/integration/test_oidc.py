"""Tokens of an identity provider, over HTTP, with real signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from corpus.errors import IdentityUnavailable, Misconfigured, Unauthorized
from corpus.keys import Grant, Scope
from corpus.registry.database.engine import open_sqlite_registry
from corpus.registry.keys import create_key
from corpus.registry.schema import key_usage
from corpus.settings import Settings
from service.app import create_app
from service.http.access import LOOKUPS
from service.http.jwks import AGAIN_S, FRESH_S, ProviderKeys
from service.http.oidc import LEEWAY_S, OidcTokens, rules_of
from tests.certificates import of_loopback
from tests.doubles.parts import parts_with
from tests.doubles.scripted_oidc import AUDIENCE, ScriptedOidc


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def provider() -> Iterator[ScriptedOidc]:
    with ScriptedOidc() as scripted:
        yield scripted


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(provider: ScriptedOidc, clock: Clock) -> OidcTokens:
    settings = Settings(
        _env_file=None,
        oidc_issuer=provider.issuer,
        oidc_audience=AUDIENCE,
        oidc_scopes_claim="scope",
    )
    rules = rules_of(settings)
    assert rules is not None
    return OidcTokens(rules, ProviderKeys(provider.issuer, clock))


def test_a_token_says_who_somebody_is(provider: ScriptedOidc, tokens: OidcTokens) -> None:
    caller = tokens.caller_of(
        provider.token(groups=["legal", "", 7, "a\tb"], email="ann@x.org", email_verified=True)
    )
    assert caller.reader.principals == frozenset({"user:ann", "group:legal", "user:ann@x.org"})
    assert (caller.reader.owner, caller.scopes) == ("user:ann", frozenset({Scope.READ}))
    assert not caller.may_act_for
    assert caller.limits is not None
    assert len(caller.limits.counted_as) == key_usage.c.key_id.type.length  # type: ignore[attr-defined]
    for unverified in (None, False, "true", 1):
        token = provider.token(email="boss@x.org", email_verified=unverified)
        assert tokens.caller_of(token).reader.principals == frozenset({"user:ann"})


def test_scopes_come_from_their_claim(provider: ScriptedOidc, tokens: OidcTokens) -> None:
    for claim, scopes in (
        ("openid lectern:write", {Scope.READ, Scope.WRITE}),
        (["lectern:write"], {Scope.READ, Scope.WRITE}),
        ("write admin", {Scope.READ}),
        (7, {Scope.READ}),
    ):
        assert tokens.caller_of(provider.token(scope=claim)).scopes == frozenset(scopes)
    admin = tokens.caller_of(provider.token(scope="lectern:admin"))
    assert (admin.reader.principals, admin.scopes) == (None, frozenset(Scope))


def test_each_bearer_has_limits_of_their_own(provider: ScriptedOidc, tmp_path: Path) -> None:
    settings = Settings(
        _env_file=None,
        oidc_issuer=provider.issuer,
        oidc_audience=AUDIENCE,
        oidc_requests_per_minute=3,
        oidc_questions_per_day=1,
    )
    parts = parts_with(open_sqlite_registry(tmp_path / "registry.sqlite"), settings)
    with TestClient(create_app(parts), raise_server_exceptions=False) as client:

        def refused(sub: str, path: str = "/documents") -> object:
            headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {provider.token(sub=sub)}"}
            if path == "/search":
                # Nothing is there to search with: what is asked for is the count before.
                return client.post(path, json={"query": "a"}, headers=headers).json()["error"]
            return client.get(path, headers=headers).json().get("error")

        asked = [refused("ann", "/search") for _ in range(2)]
        assert asked == ["internal_error", "quota_exceeded"]
        assert [refused("ann") for _ in range(2)] == [None, "rate_limited"]
        assert [refused("bob", "/search"), refused("bob")] == ["internal_error", None]


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": None},
        {"aud": []},
        {"iss": "https://another.example"},
        {"iss": None},
        {"exp": None},
        {"sub": None},
        {"sub": ""},
        {"exp": int(time.time()) - LEEWAY_S - 60},
        {"nbf": int(time.time()) + 24 * 3600},
    ],
)
def test_a_token_for_others_or_another_time_is_refused(
    provider: ScriptedOidc, tokens: OidcTokens, claims: dict[str, Any]
) -> None:
    with pytest.raises(Unauthorized):
        tokens.caller_of(provider.token(**claims))


def test_clocks_may_differ_a_little(provider: ScriptedOidc, tokens: OidcTokens) -> None:
    now_s = int(time.time())
    tokens.caller_of(provider.token(exp=now_s - LEEWAY_S // 2, nbf=now_s + LEEWAY_S // 2))


def encoded(part: object) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")


def test_forged_tokens_are_refused(provider: ScriptedOidc, tokens: OidcTokens) -> None:
    good = provider.token()
    tokens.caller_of(good)
    claims = encoded(provider.claims(sub="boss"))
    header = {"typ": "JWT", "kid": provider.key_id}
    unsigned = encoded({**header, "alg": "none"}) + b"." + claims + b"."
    # Signed with the public key, as if that were a shared secret.
    confused = encoded({**header, "alg": "HS256"}) + b"." + claims
    mac = hmac.new(provider.public_pem, confused, hashlib.sha256).digest()
    confused += b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")
    head, _, signature = good.split(".")
    with ScriptedOidc() as another:
        foreign = another.token(key_id=provider.key_id, iss=provider.issuer)
    for forged in (
        unsigned.decode(),
        confused.decode(),
        f"{head}.{claims.decode()}.{signature}",
        foreign,
        good[:-8],
        "a.b.c",
        "",
        "é" * 100,
    ):
        with pytest.raises(Unauthorized):
            tokens.caller_of(forged)


def test_a_new_key_is_fetched_when_it_is_met(
    provider: ScriptedOidc, tokens: OidcTokens, clock: Clock
) -> None:
    before = provider.token()
    tokens.caller_of(before)
    provider.rotate()
    clock.now_s += AGAIN_S
    tokens.caller_of(provider.token())
    assert provider.fetches == 2
    with pytest.raises(Unauthorized):
        tokens.caller_of(before)


def test_made_up_key_ids_do_not_have_it_fetched_each_time(
    provider: ScriptedOidc, tokens: OidcTokens, clock: Clock
) -> None:
    tokens.caller_of(provider.token())
    for number in range(20):
        clock.now_s += 1
        with pytest.raises(Unauthorized):
            tokens.caller_of(provider.token(key_id=f"made-up-{number}"))
    assert provider.fetches == 1


def test_while_the_provider_is_away_known_keys_serve_on(
    provider: ScriptedOidc, tokens: OidcTokens, clock: Clock
) -> None:
    provider.is_away = True
    with pytest.raises(IdentityUnavailable):
        tokens.caller_of(provider.token())
    provider.is_away = False
    clock.now_s += AGAIN_S + 1
    tokens.caller_of(provider.token())
    provider.is_away = True
    clock.now_s += FRESH_S + 1
    tokens.caller_of(provider.token())
    provider.rotate()
    with pytest.raises(IdentityUnavailable):
        tokens.caller_of(provider.token())


def test_a_provider_that_answers_for_ever_is_not_waited_for(provider: ScriptedOidc) -> None:
    provider.trickles = True
    keys = ProviderKeys(provider.issuer, limit_s=0.3)
    for _ in range(2):
        with pytest.raises(IdentityUnavailable):
            keys.find(provider.key_id)
    provider.trickles = False


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", None])
def test_a_provider_with_an_authority_of_ones_own_is_believed_once_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    tls, authority = of_loopback(tmp_path)
    if variable is not None:
        monkeypatch.setenv(variable, str(authority))
    with ScriptedOidc(tls) as provider:
        keys = ProviderKeys(provider.issuer)
        if variable is not None:
            assert keys.find(provider.key_id) is not None
        else:
            with pytest.raises(IdentityUnavailable):
                keys.find(provider.key_id)


def test_while_the_provider_hangs_keys_open_as_ever(provider: ScriptedOidc, tmp_path: Path) -> None:
    registry = open_sqlite_registry(tmp_path / "registry.sqlite")
    with registry.write() as connection:
        _, secret = create_key(connection, Grant("one", frozenset({Scope.READ})))
    settings = Settings(_env_file=None, oidc_issuer=provider.issuer, oidc_audience=AUDIENCE)
    provider.goes_on.clear()
    with (
        TestClient(create_app(parts_with(registry, settings))) as client,
        ThreadPoolExecutor(3 * LOOKUPS) as people,
    ):

        def status(presented: str) -> int:
            headers = {"Host": "127.0.0.1", "Authorization": f"Bearer {presented}"}
            return client.get("/documents", headers=headers).status_code

        waiting = [people.submit(status, provider.token()) for _ in range(3 * LOOKUPS)]
        assert provider.asked.wait(30)
        assert [status(secret) for _ in range(3)] == [200] * 3
        assert not any(one.done() for one in waiting)
        provider.goes_on.set()
        assert [one.result(30) for one in waiting] == [200] * len(waiting)


def test_a_provider_that_calls_itself_another_is_not_believed(
    provider: ScriptedOidc, tokens: OidcTokens
) -> None:
    provider.calls_itself = "https://another.example"
    with pytest.raises(IdentityUnavailable):
        tokens.caller_of(provider.token())


@pytest.mark.parametrize(
    "wrong",
    [
        {"oidc_audience": ""},
        {"oidc_algorithms": "RS256,HS256"},
        {"oidc_algorithms": "none"},
        {"oidc_algorithms": " "},
    ],
)
def test_settings_that_would_let_others_in_are_refused(wrong: dict[str, str]) -> None:
    given = {"oidc_issuer": "https://id.example", "oidc_audience": "a", **wrong}
    with pytest.raises((Misconfigured, ValidationError)):
        rules_of(Settings(_env_file=None, **given))  # type: ignore[arg-type]


def test_the_library_still_refuses_what_we_rely_on() -> None:
    with pytest.raises(jwt.PyJWTError):
        jwt.decode(
            jwt.encode({"a": 1}, "k" * 32, algorithm="HS256"), "k" * 32, algorithms=["RS256"]
        )
