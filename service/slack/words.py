"""What people are told where there is no answer."""

from __future__ import annotations

EMPTY = "Ask me something about your documents."
BUSY = "Too many questions are waiting here. Ask again in a minute."
ENDS = "The service is being restarted. Ask again in a minute."
CUT_OFF = "The service was cut off before it could answer here. Ask again."
STOPPED = "I stopped."
STOPPED_MIDWAY = "I stopped. What I said above is not all of the answer, and lacks its sources."
NOT_TAKEN = "Slack did not take all of this answer. Ask again."
LIMITED = "Slack limits how much I may write, and did not take all of this answer. Ask again."
SHARED = (
    "This channel is shared with another organisation, and my documents are yours: ask me in a "
    "direct message, or in a channel of your own."
)
NOT_OURS = "You are of another organisation, and my documents are those of this one."
