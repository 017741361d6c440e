"""Takes a picture of the top of a report, for the home page and the README."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from PIL import Image

BROWSERS = ("chromium", "google-chrome", "chrome")
SIZE = (1000, 880)
COLOURS = 128


def take_screenshot(page: Path, picture: Path) -> None:
    """Draw the first screen of a page in its light theme as a small PNG.

    Parameters
    ----------
    page
        An HTML file that needs no other.
    picture
        Where the PNG goes. Without a browser it stays as it was, and a line says so.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        click.echo(f"{picture.name} stays as it was: there is neither Chromium nor Chrome")
        return
    picture.write_bytes(shrunk(_drawn(browser, page)))


def _drawn(browser: str, page: Path) -> bytes:
    with TemporaryDirectory() as folder:
        image = Path(folder, "page.png")
        arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--hide-scrollbars",
            "--blink-settings=preferredColorScheme=1",
            f"--user-data-dir={folder}/profile",
            f"--window-size={SIZE[0]},{SIZE[1]}",
            f"--screenshot={image}",
            page.resolve().as_uri(),
        ]
        subprocess.run([browser, *arguments], check=True, capture_output=True, timeout=180)
        return image.read_bytes()


def shrunk(image: bytes) -> bytes:
    """Keep few colours of a PNG."""
    drawn = Image.open(io.BytesIO(image)).convert("RGB")
    few = drawn.quantize(COLOURS)
    small = io.BytesIO()
    few.save(small, "PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    take_screenshot(Path(sys.argv[1]), Path(sys.argv[2]))
