"""What API, portal and worker are configured with, made from the settings."""

from api.config import ApiConfig
from api.portal_config import PortalConfig
from hookwright.temporal import EncryptionCodec
from runtime.deployment import worker_version
from runtime.keys import cursor_key, portal_key
from runtime.settings import Settings
from runtime.worker import WorkerConfig


def api_config(settings: Settings) -> ApiConfig:
    """Return the API's configuration, made from the settings."""
    token = settings.codec_token
    return ApiConfig(
        task_queue=settings.task_queue,
        api_keys=settings.api_keys,
        tenant_keys=settings.tenant_keys,
        tokens=settings.tokens,
        rate_limit_storage=settings.rate_limit_storage,
        operator_rate_limit=settings.operator_rate_limit,
        facades=settings.facades,
        contracts=settings.contracts,
        destinations=settings.destinations,
        max_body_bytes=settings.max_body_bytes,
        cursor_key=cursor_key(settings.key_ring),
        codec=payload_codec(settings),
        codec_token=token.get_secret_value() if token else None,
        ui_origin=settings.ui_origin,
        portal=portal_config(settings),
        docs=settings.api_docs,
        allowed_hosts=settings.allowed_hosts,
    )


def payload_codec(settings: Settings) -> EncryptionCodec:
    """Return the codec of all payloads, made from the settings."""
    return EncryptionCodec(settings.key_ring, settings.refuse_clear_payloads)


def portal_config(settings: Settings) -> PortalConfig:
    """Return the portal's configuration, made from the settings."""
    return PortalConfig(
        key=portal_key(settings.key_ring),
        name=settings.portal_name,
        accent=settings.portal_accent,
        logo=settings.portal_logo,
        url=settings.portal_url,
    )


def worker_config(settings: Settings) -> WorkerConfig:
    """Return a worker's configuration, made from the settings."""
    return WorkerConfig(
        task_queue=settings.task_queue,
        destinations=settings.destinations,
        contracts=settings.contracts,
        proxy=settings.proxy,
        authorities=settings.egress_authorities,
        operator_tenant=settings.operator_tenant,
        mail_server=settings.mail_server,
        portal_url=settings.portal_url,
        webhook_headers=settings.webhook_headers,
        version=worker_version(settings.task_queue, settings.worker_build_id),
    )
