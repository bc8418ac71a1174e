"""Routes that list and read the contracts that an endpoint can have."""

from http import HTTPStatus

from fastapi import APIRouter

from api.access import AppStateDependency
from api.http import Page, not_found, responses
from api.routes.strict_route import StrictRoute
from hookwright.contracts import Contract, UnknownContractError
from hookwright.ids import Name

router = APIRouter(prefix="/v1/contracts", tags=["contracts"], route_class=StrictRoute)


@router.get("", responses=responses())
async def list_contracts(state: AppStateDependency) -> Page[Contract]:
    """List all contracts."""
    return Page(data=list(state.config.contracts.values()), next_cursor=None)


@router.get("/{name}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_contract(name: Name, state: AppStateDependency) -> Contract:
    """Read a contract."""
    try:
        return state.config.contracts.named(name)
    except UnknownContractError:
        raise not_found("contract") from None
