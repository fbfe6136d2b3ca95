"""The MCP edge: tools parse, call the function that the HTTP endpoints call, and shape the result.

Only endpoint.py is imported at the start: the SDK is loaded when the first client comes.
"""
