"""How a page looks: checked by axe in all looks, and kept as pictures."""

from pathlib import Path
from typing import Literal

from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]
from playwright.async_api import Page

SCREENSHOTS = Path(__file__).parents[2] / ".screenshots"
AXE = Axe()
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LOOKS: tuple[tuple[Literal["light", "dark"], int], ...] = (("light", 1280), ("dark", 360))
"""Every page is looked at on a wide screen in light, and on a phone in dark."""


async def check(page: Page, name: str) -> None:
    """Check a page in both looks: no fault that axe finds, and nothing wider than the screen."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for scheme, width in LOOKS:
        await page.emulate_media(color_scheme=scheme)
        await page.set_viewport_size({"width": width, "height": 800})
        found = await AXE.run(page, options=RULES)
        looked = f"{name} {scheme} {width}"
        assert found.violations_count == 0, f"{looked}: {found.generate_report()}"
        assert "color-contrast" in {rule["id"] for rule in found.response["passes"]}, looked
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, looked
        await page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
