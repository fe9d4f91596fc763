"""Messages: one digest an owner with only their gaps, drafted as files. Nothing is sent from here.

The digests are pure (digest.py); outbox.py prints them as mail and JSON.
"""

from __future__ import annotations

from jixiao.notify.digest import Digest, draft_digests
from jixiao.notify.outbox import write_outbox

__all__ = ["Digest", "draft_digests", "write_outbox"]
