"""What is asked of an endpoint that goes."""

from pydantic import BaseModel


class EndpointDelete(BaseModel):
    """The argument of an endpoint's update `delete`.

    `with_tenant`: its tenant is being deleted, has emptied its route table, and cancels what waits
    for any of its endpoints, so this one has nobody to tell and nothing to clear up.
    """

    with_tenant: bool = False
