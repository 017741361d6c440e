"""axe-core finds no serious accessibility fault in a report, in light and in dark mode."""

import json
import re
import shutil
import subprocess
import tarfile
from html import unescape
from pathlib import Path

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
NPM = shutil.which("npm")
AXE = "axe-core@4.14.1"
RUN = """
addEventListener("load", async () => {
  for (const folded of document.querySelectorAll("details")) folded.open = true;
  const found = (await axe.run()).violations.map((one) => ({
    impact: one.impact, rule: one.id, nodes: one.nodes.map((node) => node.html.slice(0, 200)),
  }));
  const shown = document.createElement("pre");
  shown.id = "axe";
  shown.textContent = JSON.stringify(found);
  document.body.append(shown);
});
"""
DARK = "--blink-settings=preferredColorScheme=0"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and NPM), reason="needs Chromium or Chrome, and npm"),
]


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("axe")
    subprocess.run([NPM, "pack", AXE, "--silent"], cwd=folder, check=True, timeout=120)
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        content = package.extractfile("package/axe.min.js")
        assert content is not None
        return content.read().decode().replace("</script", "<\\/script")


@pytest.mark.parametrize("switches", [(), (DARK,)], ids=["light", "dark"])
def test_reports_have_no_serious_fault(
    axe: str, sample_project: Path, tmp_path: Path, switches: tuple[str, ...]
) -> None:
    reports = sample_project / "data/sample/08_reporting"
    pages = [*reports.glob("*/*.html/*/*.html"), *reports.glob("index.html")]
    assert pages
    for page in pages:
        found = _faults(page.read_text(encoding="utf-8"), axe, tmp_path, switches)
        assert [one for one in found if one["impact"] in ("serious", "critical")] == [], page


def test_a_fault_is_found(axe: str, tmp_path: Path) -> None:
    page = '<html lang="en"><title>a</title><body><main><img src="x.png"></main></body></html>'
    assert "image-alt" in [one["rule"] for one in _faults(page, axe, tmp_path, ())]


def _faults(page: str, axe: str, folder: Path, switches: tuple[str, ...]) -> list[dict]:
    file = folder / "page.html"
    script = f"<script>{axe}</script><script>{RUN}</script></body>"
    file.write_text(page.replace("</body>", script), encoding="utf-8")
    arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=20000",
        "--dump-dom",
        *switches,
        file.as_uri(),
    ]
    done = subprocess.run([BROWSER, *arguments], capture_output=True, timeout=180, check=False)
    found = re.search(r'<pre id="axe">(.*?)</pre>', done.stdout.decode(), re.DOTALL)
    assert found, "axe-core did not run"
    return json.loads(unescape(found[1]))
