"""The documents can be built, and axe-core finds no serious fault in them and in the reports."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from html import unescape
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
NPM = shutil.which("npm")
AXE = "axe-core@4.14.1"
# Reads pages in frames, one after the other, so that one browser serves all.
READ_FRAMES = """
addEventListener("load", async () => {
  const faults = [];
  for (const page of PAGES) {
    const frame = document.createElement("iframe");
    frame.style.cssText = "width: 1280px; height: 900px";
    frame.src = page;
    const loaded = new Promise((resolve) => { frame.onload = resolve; });
    document.body.append(frame);
    await loaded;
    for (const folded of frame.contentDocument.querySelectorAll("details")) folded.open = true;
    frame.contentWindow.eval(document.getElementById("axe-core").textContent);
    const found = await frame.contentWindow.axe.run({iframes: false});
    for (const one of found.violations) faults.push({
      impact: one.impact, rule: one.id, page,
      nodes: one.nodes.map((node) => node.html.slice(0, 200)),
    });
    faults.push({impact: null, rule: "read", page, nodes: [
      frame.contentDocument.title, frame.contentDocument.body.dataset.mdColorScheme ?? "own",
    ]});
    frame.remove();
  }
  const shown = document.createElement("pre");
  shown.id = "axe";
  shown.textContent = JSON.stringify(faults);
  document.body.append(shown);
});
"""
# A page of each kind.
DOCUMENTS = (
    "index.html",
    "how-to/own-table/index.html",
    "studies/no_show/index.html",
    "studies/audit/index.html",
    "studies/audit/page.html",
    "reference/parameters/index.html",
    "reference/mlp/index.html",
    "reference/glossary/index.html",
)
DARK = "--blink-settings=preferredColorScheme=0"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    if not (BROWSER and NPM):
        pytest.skip("needs Chromium or Chrome, and npm")
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
    found = _faults(pages, axe, tmp_path, switches)
    assert [one for one in found if one["impact"] in ("serious", "critical")] == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the documents."""
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", f"--site-dir={folder}"]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(build, cwd=ROOT, env=environment, check=True, timeout=300)
    return folder


def test_the_documents_can_be_built(site: Path) -> None:
    assert [page for page in DOCUMENTS if not (site / page).is_file()] == []


@pytest.mark.parametrize("switches", [(), (DARK,)], ids=["light", "dark"])
def test_documents_have_no_serious_fault(
    axe: str, site: Path, tmp_path: Path, switches: tuple[str, ...]
) -> None:
    found = _faults([site / page for page in DOCUMENTS], axe, tmp_path, switches)
    schemes = {one["nodes"][1] for one in found if one["rule"] == "read"}
    assert schemes == {"own", "slate" if switches else "default"}
    assert [one for one in found if one["impact"] in ("serious", "critical")] == []


@pytest.mark.parametrize(
    ("switches", "colour"), [((), "#ddd"), ((DARK,), "#333")], ids=["light", "dark"]
)
def test_a_fault_is_found(axe: str, tmp_path: Path, switches: tuple[str, ...], colour: str) -> None:
    page = tmp_path / "faults.html"
    page.write_text(
        '<html lang="en"><title>a</title><meta name="color-scheme" content="light dark">'
        '<body style="background: Canvas"><main><img src="x.png">'
        f'<details><p style="color: {colour}">pale</p></details></main></body></html>'
    )
    found = {one["rule"] for one in _faults([page], axe, tmp_path, switches)}
    assert found >= {"image-alt", "color-contrast"}


def _faults(pages: list[Path], axe: str, folder: Path, switches: tuple[str, ...]) -> list[dict]:
    """Open pages in one browser, and read what axe-core finds in them."""
    file = folder / "all.html"
    addresses = json.dumps([page.as_uri() for page in pages])
    file.write_text(
        '<html lang="en"><title>all</title><meta name="color-scheme" content="light dark"><body>'
        f'<script type="text/plain" id="axe-core">{axe}</script>'
        f"<script>const PAGES = {addresses};{READ_FRAMES}</script></body></html>",
        encoding="utf-8",
    )
    arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--allow-file-access-from-files",
        f"--user-data-dir={folder / 'profile'}",
        "--virtual-time-budget=60000",
        "--dump-dom",
        *switches,
        file.as_uri(),
    ]
    done = subprocess.run([BROWSER, *arguments], capture_output=True, timeout=300, check=False)
    shown = re.search(r'<pre id="axe">(.*?)</pre>', done.stdout.decode(), re.DOTALL)
    assert shown, "axe-core did not run"
    found = json.loads(unescape(shown[1]))
    assert [one["rule"] for one in found].count("read") == len(pages)
    return found
