"""OpenAI's protocol at /v1, for clients that speak nothing else: a collection is a model.

It stands on service/http for what every HTTP endpoint needs: parts, errors, event streams.
"""
