"""The tools as the SDK serves them."""

from __future__ import annotations

import logging
from importlib.metadata import version
from typing import Any, cast

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.requests import Request

from corpus.errors import LecternError, Unavailable, unforeseen
from service.leaving import ClientLeftError, while_connected
from service.mcp.arguments import read_arguments
from service.mcp.call import call_of
from service.mcp.errors import error_text
from service.mcp.tools import TOOLS, UNTRUSTED, ToolKind
from service.parts import ServiceParts

INSTRUCTIONS = (
    "Lectern answers from documents that its users gave it. `ask` answers with verbatim quotes, "
    "or says that the documents do not tell; `search` finds passages, `read_page` reads on where "
    f"one stands, `list_documents` says what there is. {UNTRUSTED}"
)

log = logging.getLogger("lectern.mcp")


def mcp_sessions(parts: ServiceParts) -> StreamableHTTPSessionManager:
    """Serves the tools inside its `run()`.

    Every request stands for itself and is answered by one JSON body: no session is kept, so any
    replica can answer any request.
    """
    kinds = {kind.name: kind for kind in TOOLS}
    listed = ListToolsResult(tools=[_described(kind) for kind in TOOLS])

    async def list_tools(
        _context: ServerRequestContext[Any], _params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        return listed

    async def call_tool(
        context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult:
        kind = kinds.get(params.name)
        if kind is None:
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name!r}.")
        request = cast("Request", context.request)
        work = _called(kind, parts, request, params.arguments or {})
        try:
            return await while_connected(request.receive, work)
        except ClientLeftError:
            return _failed(LecternError("The client left."))  # which nobody reads

    server: Server[Any] = Server(
        "lectern",
        version=version("lectern"),
        title="Lectern",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )
    # Without security_settings it checks no host: OwnHostsOnly did, and knows the operator's.
    return StreamableHTTPSessionManager(server, stateless=True, json_response=True)


def _described(kind: ToolKind[Any]) -> Tool:
    return Tool(
        name=kind.name,
        title=kind.title,
        description=kind.description,
        input_schema=kind.arguments.model_json_schema(),
        output_schema=kind.result.model_json_schema(mode="serialization"),
        annotations=ToolAnnotations(read_only_hint=True, open_world_hint=False),
    )


async def _called(
    kind: ToolKind[Any], parts: ServiceParts, request: Request, raw: dict[str, Any]
) -> CallToolResult:
    request_id = request.state.request_id
    try:
        call = call_of(parts, request)
        result = await kind.run(call, read_arguments(kind.arguments, raw))
    except LecternError as error:
        request.state.error_code = error.code  # for the audit log: the status is 200
        if isinstance(error, Unavailable):
            log.warning("request %s: %s", request_id, error.detail, exc_info=error.__cause__)
        return _failed(error)
    except Exception:
        # The SDK would tell the client what the exception says.
        log.exception("request %s failed", request_id)
        return _failed(unforeseen(request_id))
    return CallToolResult(
        content=[TextContent(text=result.as_text())],
        structured_content=result.model_dump(mode="json"),
    )


def _failed(error: LecternError) -> CallToolResult:
    return CallToolResult(content=[TextContent(text=error_text(error))], is_error=True)
