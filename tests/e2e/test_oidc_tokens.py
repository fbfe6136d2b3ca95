"""A server that accepts the tokens of an identity provider."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.doubles.scripted_oidc import AUDIENCE, ScriptedOidc
from tests.e2e.keys import bearer, operator
from tests.e2e.server import LecternServer


def test_people_come_with_tokens_and_programs_with_keys(
    make_data_dir: Callable[[], Path],
) -> None:
    with (
        ScriptedOidc() as provider,
        LecternServer(
            make_data_dir(),
            LECTERN_OIDC_ISSUER=provider.issuer,
            LECTERN_OIDC_AUDIENCE=AUDIENCE,
            LECTERN_OIDC_SCOPES_CLAIM="scope",
        ) as server,
    ):
        assert server.http.get("/documents").status_code == 401, "before there is any key"
        server.http.headers.update(operator(server))
        acl = {"acl": '["group:legal"]', "collection": "cases"}
        document = server.add("case.txt", b"The case is about a red boat.", **acl)
        address = f"/documents/{document['id']}"

        def status(method: str = "GET", path: str = address, **claims: Any) -> int:  # noqa: ANN401
            headers = {"Authorization": f"Bearer {provider.token(**claims)}"}
            return server.http.request(method, path, headers=headers).status_code

        assert status(groups=["legal"]) == 200
        assert status(groups=["sales"]) == 404
        assert status(groups=["legal"], aud="another") == 401
        assert status("DELETE", groups=["legal"]) == 403
        assert status(path="/audit", scope="lectern:admin") == 200
        assert status(path="/metrics", scope="lectern:write") == 403
        assert status(path="/metrics", scope="lectern:metrics") == 200
        ann = {"X-Lectern-On-Behalf-Of": "user:bob"}
        ann["Authorization"] = f"Bearer {provider.token()}"
        assert server.http.get("/documents", headers=ann).status_code == 403
        assert server.http.get("/documents", headers=bearer(server, "program")).is_success
        assert status("DELETE", groups=["legal"], scope="openid lectern:write") == 200
