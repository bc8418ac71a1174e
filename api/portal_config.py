"""What an operator chooses for the portal, fixed at the start of the API."""

from dataclasses import dataclass

DEFAULT_ACCENT = "#3451b2"
LINEAR_UP_TO = 0.04045
"""Where sRGB turns from a line into a curve."""


@dataclass(frozen=True)
class Logo:
    """A picture, with its media type."""

    media_type: str
    content: bytes


@dataclass(frozen=True)
class PortalConfig:
    """The portal's key, name and looks.

    `key` signs links and sessions. `accent` is a colour, `#rrggbb`. `url` is where people reach
    this API, without a slash at its end; None: links point to where their request went.
    """

    key: bytes
    name: str = "Hookwright"
    accent: str = DEFAULT_ACCENT
    logo: Logo | None = None
    url: str | None = None

    @property
    def text_on_accent(self) -> str:
        """Black or white, whichever contrasts more with the accent colour (WCAG 2.2)."""
        red, green, blue = (_linear(int(self.accent[i : i + 2], 16) / 255) for i in (1, 3, 5))
        luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        # Contrast is (lighter + 0.05) / (darker + 0.05); both sides are equal at 0.179.
        return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def _linear(part: float) -> float:
    return part / 12.92 if part <= LINEAR_UP_TO else ((part + 0.055) / 1.055) ** 2.4
