"""The process that runs Hookwright's REST API. Its environment configures it, as in production."""

import asyncio
import sys

import uvicorn

from api.app import create_app
from hookwright.temporal import EncryptionCodec, connect
from runtime.services import api_config
from runtime.settings import Settings


async def main(port: int) -> None:
    """Serve the API until SIGTERM."""
    settings = Settings()
    client = await connect(EncryptionCodec(settings.key_ring))
    app = create_app(client, api_config(settings))
    await uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
    ).serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
