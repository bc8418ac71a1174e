"""Hookwright's domain, and what Python services use to publish: `connect` and `publish`.

```python
from hookwright import connect, publish

client = await connect()
event = {"tenant_id": "acme", "id": "inv_42", "type": "invoice.paid", "data": {"amount": 1500}}
await publish(client, event)
```
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookwright.temporal import connect, publish

__all__ = ["connect", "publish"]


def __getattr__(name: str) -> object:
    """Import Temporal's client only when it is used: `hookwright.verify` does not need it."""
    if name in __all__:
        return getattr(import_module("hookwright.temporal"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
