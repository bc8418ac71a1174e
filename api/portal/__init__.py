"""The portal: pages for tenants' developers and for operators, and links that open it."""

from api.portal.pages import install_portal

__all__ = ["install_portal"]
