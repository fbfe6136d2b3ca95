"""Have the data in a folder of a server's own; what is there already stays."""

from __future__ import annotations

import time

from bench.quality.data_sets import DataSet
from corpus.values import FINAL_STATUSES, Status
from lectern.client import Client

LOOK_EVERY_S = 0.5


def ingest(client: Client, data: DataSet) -> None:
    """Upload the files to the set's collection and wait; SystemExit when one cannot be read."""
    ids = [client.upload(path, data.collection)["id"] for path in data.files]
    for document_id in ids:
        while (document := client.document(document_id))["status"] not in FINAL_STATUSES:
            time.sleep(LOOK_EVERY_S)
        if document["status"] != Status.READY:
            raise SystemExit(f"{document['filename']}: {document['error']}")
