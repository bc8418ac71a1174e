"""Routes of contracts: what can be chosen, as data."""

from http import HTTPStatus

from fastapi import APIRouter, Request

from api.http import Page, not_found, responses
from hookwright.contracts import Contract
from hookwright.ids import Name

router = APIRouter(prefix="/v1/contracts", tags=["contracts"])


@router.get("", responses=responses())
async def list_contracts(request: Request) -> Page[Contract]:
    """List the contracts."""
    return Page(data=list(request.app.state.config.contracts.values()), next_cursor=None)


@router.get("/{name}", responses=responses(HTTPStatus.NOT_FOUND))
async def get_contract(name: Name, request: Request) -> Contract:
    """Read a contract."""
    contract: Contract | None = request.app.state.config.contracts.get(name)
    if contract is None:
        raise not_found("contract")
    return contract
