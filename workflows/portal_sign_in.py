"""`PortalSignIn`: the record that a link to the portal was used, so that it works only once."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from hookwright.temporal import WorkflowType


@workflow.defn(name=WorkflowType.PORTAL_SIGN_IN)
class PortalSignIn:
    """Ends at once. What counts is its id: Temporal starts no second workflow of the same id."""

    @workflow.run
    async def run(self) -> None:
        """Do nothing more."""
