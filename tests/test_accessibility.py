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
# Reads pages in frames, one after the other, so that one browser serves all. The scheme of a frame
# is what its page is told that people prefer; the documents have a switch of their own too. Nothing
# but colours is other in the dark than in the light, so that only rules of colours are asked again.
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
    for (const [scheme, palette, asked] of [
      ["light", "default", {}],
      ["dark", "slate", {
        runOnly: ["cat.color"], rules: {"color-contrast-enhanced": {enabled: false}},
      }],
    ]) {
      frame.style.colorScheme = scheme;
      frame.contentDocument.querySelector(`input[data-md-color-scheme=${palette}]`)?.click();
      await new Promise((resolve) => { setTimeout(resolve, 500); });  // colours fade
      const found = await frame.contentWindow.axe.run({iframes: false, ...asked});
      for (const one of found.violations) faults.push({
        impact: one.impact, rule: one.id, page, scheme,
        nodes: one.nodes.map((node) => node.html.slice(0, 200)),
      });
      const dark = frame.contentWindow.matchMedia("(prefers-color-scheme: dark)").matches;
      faults.push({impact: null, rule: "read", page, scheme, nodes: [
        dark ? "dark" : "light", frame.contentDocument.body.dataset.mdColorScheme ?? "own",
      ]});
    }
    frame.remove();
  }
  const shown = document.createElement("pre");
  shown.id = "axe";
  shown.textContent = JSON.stringify(faults);
  document.body.append(shown);
});
"""
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
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
FAULTY = "faults.html"

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


@pytest.fixture(scope="module")
def reports(
    axe: str, sample_project: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict]]:
    folder = sample_project / "data/sample/08_reporting"
    pages = [*folder.glob("*/*.html/*/*.html"), *folder.glob("index.html")]
    assert pages
    return _faults(pages, axe, tmp_path_factory.mktemp("reports"))


@SCHEMES
def test_reports_have_no_serious_fault(reports: dict[str, list[dict]], scheme: str) -> None:
    assert _serious(reports[scheme]) == []


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


@pytest.fixture(scope="module")
def documents(
    axe: str, site: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[dict]]:
    folder = tmp_path_factory.mktemp("documents")
    faulty = folder / FAULTY
    faulty.write_text(
        '<html lang="en"><title>a</title><meta name="color-scheme" content="light dark">'
        '<body style="background: Canvas"><main><img src="x.png">'
        '<details><p style="color: #ddd">light</p><p style="color: #333">dark</p></details>'
        "</main></body></html>"
    )
    return _faults([*(site / page for page in DOCUMENTS), faulty], axe, folder)


@SCHEMES
def test_documents_have_no_serious_fault(documents: dict[str, list[dict]], scheme: str) -> None:
    found = [one for one in documents[scheme] if not one["page"].endswith(FAULTY)]
    schemes = {one["nodes"][1] for one in found if one["rule"] == "read"}
    assert schemes == {"own", {"light": "default", "dark": "slate"}[scheme]}
    assert _serious(found) == []


@SCHEMES
def test_a_fault_is_found(documents: dict[str, list[dict]], scheme: str) -> None:
    found = {one["rule"]: one["nodes"] for one in documents[scheme] if one["page"].endswith(FAULTY)}
    assert ("image-alt" in found) == (scheme == "light")
    [pale] = found["color-contrast"]
    assert pale.endswith(f">{scheme}</p>")


def _serious(found: list[dict]) -> list[dict]:
    return [one for one in found if one["impact"] in ("serious", "critical")]


def _faults(pages: list[Path], axe: str, folder: Path) -> dict[str, list[dict]]:
    """Open pages in one browser, and read what axe-core finds in them, by colour scheme."""
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
        file.as_uri(),
    ]
    done = subprocess.run([BROWSER, *arguments], capture_output=True, timeout=300, check=False)
    shown = re.search(r'<pre id="axe">(.*?)</pre>', done.stdout.decode(), re.DOTALL)
    assert shown, "axe-core did not run"
    found = json.loads(unescape(shown[1]))
    by_scheme = {
        name: [one for one in found if one["scheme"] == name] for name in ("light", "dark")
    }
    for scheme, own in by_scheme.items():
        read = [one["nodes"][0] for one in own if one["rule"] == "read"]
        assert read == [scheme] * len(pages)
    return by_scheme
