"""Keep libraries from reaching out: no telemetry, no notice, no model hub.

`set_offline_environment()` runs first in every process, before the libraries are imported, because
they read these variables when they load.
"""

from __future__ import annotations

import os

OFFLINE_ENVIRONMENT = {
    "SCARF_NO_ANALYTICS": "true",
    "DO_NOT_TRACK": "true",
    "UNSTRUCTURED_DISABLE_NOTICE": "1",
    "ANONYMIZED_TELEMETRY": "false",
    "HF_HUB_OFFLINE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def set_offline_environment() -> None:
    """Set each variable that the operator has not set already."""
    for name, value in OFFLINE_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
