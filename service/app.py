"""The FastAPI application, made from its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

from anyio import to_thread
from fastapi import FastAPI
from starlette.routing import Route

from corpus.settings import Settings
from service.accepting import MIB
from service.http.access import Access
from service.http.audit import Audited, AuditLog
from service.http.authentication import Authenticator, Tokens
from service.http.cross_origin import CrossOrigin, origins_in
from service.http.errors import install_error_handlers
from service.http.hosts import names_beyond
from service.http.limits import RateLimiter
from service.http.measuring import Measured
from service.http.middleware import BodyLimit, ErrorShapeUnder, OwnHostsOnly, RequestId, Unexpected
from service.http.recorder import Recorder
from service.mcp.endpoint import McpEndpoint
from service.openai_api import completions, models
from service.openai_api.errors import openai_shape
from service.parts import ServiceParts
from service.rest import (
    answers,
    audit,
    collections,
    conversations,
    document_events,
    documents,
    health,
    many_documents,
    metrics,
    originals,
    page_pictures,
    questions,
    reports,
    uploads,
)
from service.rest.openapi import DESCRIPTION, TAGS, complete_openapi, error_responses
from service.slack import endpoint as slack_endpoint
from service.slack.serving import SlackService, takes_requests
from service.web import page

JSON_BODY_MAX_BYTES = MIB  # questions and settings; uploads have their own limit


def create_app(
    parts: ServiceParts, *, opens_slack_socket: bool = False, operator_key: str | None = None
) -> FastAPI:
    """The application; closing the parts remains the caller's.

    With `opens_slack_socket` it fetches Slack's events by itself, for which both tokens are needed.
    Whoever presents `operator_key` is the operator, whatever keys there are.
    """
    mcp, recorder = McpEndpoint(parts), Recorder(lambda: parts.registry)
    answers_slack = takes_requests(parts.settings)
    slack = None
    if answers_slack or opens_slack_socket:
        slack = SlackService(parts, opens_socket=opens_slack_socket)
    app = FastAPI(
        title="Lectern",
        version=version("lectern"),
        description=DESCRIPTION,
        openapi_tags=TAGS,
        responses=error_responses(),
        # The interactive pages load their scripts from elsewhere, and we load nothing from there.
        docs_url=None,
        redoc_url=None,
        lifespan=lambda _app: _serving(mcp, slack, recorder),
    )
    app.state.parts = parts
    app.state.slack = slack
    app.state.recorder = recorder
    install_error_handlers(app)
    for routes in (
        health,
        metrics,
        many_documents,
        uploads,
        page_pictures,
        documents,
        originals,
        reports,
        document_events,
        collections,
        questions,
        answers,
        conversations,
        audit,
    ):
        app.include_router(routes.router)
    # OpenAI's own document describes the first two.
    for routes in (models, completions, page):
        app.include_router(routes.router, include_in_schema=False)
    if answers_slack:
        app.include_router(slack_endpoint.router)
    complete_openapi(app)
    # No GET and no DELETE: without sessions there is no stream to open and nothing to end.
    app.router.routes.append(Route("/mcp", mcp, methods=["POST"]))
    authenticator = Authenticator(
        lambda: parts.registry,
        recorder,
        operator_key=operator_key,
        is_closed=bool(names_beyond(parts.settings)),
        tokens=_tokens(parts.settings),
    )
    _add_middleware(app, parts, authenticator, recorder)
    return app


@asynccontextmanager
async def _serving(
    mcp: McpEndpoint, slack: SlackService | None, recorder: Recorder
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        stack.push_async_callback(to_thread.run_sync, recorder.close)
        await stack.enter_async_context(mcp.serving())
        if slack is not None:
            await stack.enter_async_context(slack.serving())
        yield


def _tokens(settings: Settings) -> Tokens | None:
    if not settings.oidc_issuer:
        return None
    # Imported only when used: it loads a library of cryptography.
    from service.http.oidc import OidcTokens, rules_of  # noqa: PLC0415

    rules = rules_of(settings)
    return None if rules is None else OidcTokens(rules)


def _add_middleware(
    app: FastAPI, parts: ServiceParts, authenticator: Authenticator, recorder: Recorder
) -> None:
    """The last is the outermost."""
    settings = parts.settings
    app.add_middleware(
        BodyLimit,
        default_bytes=JSON_BODY_MAX_BYTES,
        upload_bytes=settings.max_request_mb * MIB,
    )
    audit = AuditLog(recorder, with_questions=settings.audit_questions)
    app.add_middleware(Access, authenticator=authenticator, limiter=RateLimiter(), audit=audit)
    app.add_middleware(Audited, audit=audit)
    app.add_middleware(Unexpected)
    origins = origins_in(settings.cors_origins)
    app.add_middleware(CrossOrigin, origins=origins)
    allowed = f"{settings.allowed_hosts},{settings.host}"
    app.add_middleware(OwnHostsOnly, allowed=allowed, origins=origins)
    app.add_middleware(ErrorShapeUnder, prefix="/v1/", shape=openai_shape)
    app.add_middleware(Measured, measures=parts.measures)
    app.add_middleware(RequestId, tracing=parts.tracing)
