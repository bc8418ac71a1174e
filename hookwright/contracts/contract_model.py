"""What all parts of a contract share: their base class, and the types of their texts."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

HeaderName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128),
]
VisibleAscii = Annotated[str, StringConstraints(pattern=r"^[ -~]*$", max_length=128)]
HeaderText = Annotated[
    str, StringConstraints(pattern=r"^[!-~]([ -~]*[!-~])?$", min_length=1, max_length=256)
]
"""A header's value: printable ASCII without spaces at its ends, which HTTP would take away."""


class ContractModel(BaseModel):
    """The base of all parts of a contract: unknown fields are refused, and nothing can change."""

    model_config = ConfigDict(extra="forbid", frozen=True)
