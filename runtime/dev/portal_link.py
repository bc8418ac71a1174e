"""The link to the portal that `hookwright dev` prints for its tenant."""

from http import HTTPStatus

import httpx

from runtime.dev.welcome import TENANT, DevAddresses

LINK_SECONDS = 86_400


async def portal_link(addresses: DevAddresses) -> str:
    """Create the tenant unless it exists, and return a link that opens its pages once.

    Raises:
        httpx.HTTPError: The API refused, or did not answer.
    """
    headers = {"Authorization": f"Bearer {addresses.operator_key}"}
    async with httpx.AsyncClient(
        base_url=addresses.api, headers=headers, trust_env=False, timeout=30
    ) as http:
        tenant = f"/v1/tenants/{TENANT}"
        if (await http.get(tenant)).status_code == HTTPStatus.NOT_FOUND:
            (await http.put(tenant, json={"name": "Acme"})).raise_for_status()
        answer = await http.post(
            f"{tenant}/portal-links", json={"expires_in_seconds": LINK_SECONDS}
        )
        link: str = answer.raise_for_status().json()["url"]
    return link
