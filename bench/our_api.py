"""The process that runs Hookwright's REST API, configured as in production: by its environment."""

import asyncio
import secrets
import sys

import uvicorn

from api.app import create_app
from api.config import ApiConfig
from runtime.codec import EncryptionCodec
from runtime.settings import Settings
from runtime.temporal import connect


def api_config(settings: Settings) -> ApiConfig:
    """Return what the API is told; its cursors need not outlive the benchmark."""
    return ApiConfig(
        task_queue=settings.task_queue,
        api_keys=settings.api_keys,
        destinations=settings.destinations,
        max_body_bytes=settings.max_body_bytes,
        cursor_key=secrets.token_bytes(32),
        codec=EncryptionCodec(settings.key_ring),
        codec_token=None,
        ui_origin=settings.ui_origin,
    )


async def main(port: int) -> None:
    """Serve until SIGTERM."""
    settings = Settings()
    client = await connect(EncryptionCodec(settings.key_ring))
    app = create_app(client, api_config(settings))
    await uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", access_log=False)
    ).serve()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
