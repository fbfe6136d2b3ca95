"""The Slack edge: what people write to the bot is asked, and the answer streams into the thread.

Only endpoint.py is imported at the start: Bolt is loaded where a Slack app is configured.
"""
