"""Tokens of an identity provider (OpenID Connect): who they are of, and what these may do."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import jwt

from corpus.access import Reader
from corpus.attributes import check_acl
from corpus.errors import InvalidMetadata, Misconfigured, Unauthorized
from corpus.keys import Scope
from corpus.settings import Settings
from service.callers import Caller, Limits
from service.http.jwks import ProviderKeys

LEEWAY_S = 30  # by which clocks may differ
MAX_GROUPS = 1_000
SCOPE_PREFIX = "lectern:"  # of scopes in a claim: lectern:write

# A token of an algorithm with a shared secret could be made by whoever has the public key.
_SIGNED = {f"{kind}{bits}" for kind in ("RS", "ES", "PS") for bits in (256, 384, 512)} | {"EdDSA"}
_REQUIRED = ("exp", "iss", "aud", "sub")


@dataclass(frozen=True, slots=True)
class OidcRules:
    """What a token must say, and where it says who somebody is."""

    issuer: str
    audience: str
    algorithms: tuple[str, ...]
    groups_claim: str
    scopes_claim: str
    requests_per_minute: int | None = None  # of each bearer; None: any number
    questions_per_day: int | None = None


def rules_of(settings: Settings) -> OidcRules | None:
    """The operator's; None where no provider is configured. Raises `Misconfigured`."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_audience:
        raise Misconfigured(
            "LECTERN_OIDC_ISSUER is set, and LECTERN_OIDC_AUDIENCE is not.",
            hint="Name whom the tokens are for: the client id, or the API's identifier.",
        )
    algorithms = tuple(one.strip() for one in settings.oidc_algorithms.split(",") if one.strip())
    if not algorithms or not set(algorithms) <= _SIGNED:
        raise Misconfigured(
            f"LECTERN_OIDC_ALGORITHMS is {settings.oidc_algorithms!r}.",
            hint=f"Name some of: {', '.join(sorted(_SIGNED))}.",
        )
    return OidcRules(
        settings.oidc_issuer,
        settings.oidc_audience,
        algorithms,
        settings.oidc_groups_claim,
        settings.oidc_scopes_claim,
        settings.oidc_requests_per_minute,
        settings.oidc_questions_per_day,
    )


class OidcTokens:
    """Checks tokens against the provider's keys."""

    def __init__(self, rules: OidcRules, keys: ProviderKeys | None = None) -> None:
        self._rules = rules
        self._keys = keys or ProviderKeys(rules.issuer)

    def caller_of(self, token: str) -> Caller:
        """Who the token is of. Raises `Unauthorized`, or `IdentityUnavailable`."""
        try:
            header = jwt.get_unverified_header(token)
            key_id = header.get("kid")
            if header.get("alg") not in self._rules.algorithms:
                raise Unauthorized("The token is not accepted.")
            key = self._keys.find(key_id)
            if key is None:
                raise Unauthorized("The token is not accepted.")
            claims = jwt.decode(
                token,
                key,
                algorithms=self._rules.algorithms,
                audience=self._rules.audience,
                issuer=self._rules.issuer,
                leeway=LEEWAY_S,
                options={"require": list(_REQUIRED)},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise Unauthorized("The token is not accepted.") from error
        return caller_with(claims, self._rules)


def caller_with(claims: Mapping[str, Any], rules: OidcRules) -> Caller:
    """The person that checked claims are of. Pure; raises `Unauthorized`."""
    owner = _principal("user", claims["sub"])
    if owner is None:
        raise Unauthorized("The token names nobody.")
    scopes = _scopes(claims.get(rules.scopes_claim)) if rules.scopes_claim else frozenset()
    scopes |= {Scope.READ}
    limits = Limits(_counted_as(owner), rules.requests_per_minute, rules.questions_per_day)
    if Scope.ADMIN in scopes:
        return Caller(owner, Reader(None, owner=owner), frozenset(Scope), limits=limits)
    principals = {owner, *_groups(claims.get(rules.groups_claim))}
    # Who may choose any address would otherwise be whoever they like.
    email = _principal("user", claims.get("email"))
    if email is not None and claims.get("email_verified") is True:
        principals.add(email)
    return Caller(owner, Reader(frozenset(principals), owner=owner), scopes, limits=limits)


def _counted_as(owner: str) -> str:
    """A short name for somebody, which no key's id is: 64 bits of a hash behind "~"."""
    digest = blake2b(owner.encode(errors="surrogatepass"), digest_size=8).digest()
    return f"~{urlsafe_b64encode(digest).decode().rstrip('=')}"


def _groups(claim: object) -> set[str]:
    named = claim if isinstance(claim, list) else [claim]
    return {one for name in named[:MAX_GROUPS] if (one := _principal("group", name))}


def _scopes(claim: object) -> frozenset[Scope]:
    named = claim.split() if isinstance(claim, str) else claim
    if not isinstance(named, list):
        return frozenset()
    return frozenset(scope for scope in Scope if f"{SCOPE_PREFIX}{scope.value}" in named)


def _principal(kind: str, name: object) -> str | None:
    """The principal of this name; None for what is no name."""
    if not isinstance(name, str) or not name:
        return None
    try:
        check_acl([f"{kind}:{name}"])
    except InvalidMetadata:
        return None
    return f"{kind}:{name}"
