"""The page in a browser: a core is chosen and its numbers read; no sideways scrolling.

Chromium is run without a driver: it opens the page and prints the document that scripts have made.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from neurocompile.report import html, words
from neurocompile.report.model.report import Report
from neurocompile.report.section import Section

pytestmark = pytest.mark.slow
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CLICK = """
const cells = document.querySelectorAll("svg a[data-core]");
const press = (key) => document.activeElement.dispatchEvent(
  new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
"""


Opener = Callable[..., str]  # a page, opened


@pytest.fixture(scope="module")
def browser() -> str:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no page was looked at: none of {', '.join(NAMES)} is installed")
    return path


@pytest.fixture(scope="module")
def grid_report(hostile_report: Report) -> Report:
    """Eight cores in rows of three, each with a slice."""
    cores = tuple(replace(core, core=k, chip=0, x=k % 3, y=k // 3)
                  for k, core in enumerate((hostile_report.resources.cores * 8)[:8]))
    return replace(hostile_report, resources=replace(hostile_report.resources, cores=cores))


@pytest.fixture
def page(grid_report: Report, loihi_sections: tuple[Section, ...]) -> str:
    return html.render(grid_report, loihi_sections)


@pytest.fixture
def open_in_browser(browser: str, tmp_path: Path) -> Callable[..., str]:
    """The document after its scripts ran; `script` is run at its end, `width` is the window's."""
    def open_page(text: str, anchor: str = "", script: str = "", width: int = 1280,
                  dark: bool = False) -> str:
        if script:  # the page's policy allows its own script only
            text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
            text = text.replace("</body>", f"<script>{script}</script></body>")
        file = tmp_path / "report.html"
        file.write_text(text, encoding="utf-8")
        process = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900",
             f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom",
             *(["--blink-settings=preferredColorScheme=0"] if dark else []),
             f"{file.as_uri()}{anchor}"], capture_output=True, text=True, timeout=120, check=True)
        return process.stdout
    return open_page


def detail(document: str) -> str:
    """The text of the panel beside the grid."""
    panel, = re.findall(r'<div id="detail".*?</div>', document, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", panel))


def amounts(report: Report, core: int) -> list[str]:
    """What the panel has to say of a core."""
    one = report.resources.cores[core]
    counts = [f"{name.replace('_', ' ')} {one.resources[name].amount:,} "
              f"{one.resources[name].limit:,} "
              for name in ("neurons", "input_axons", "output_axons")]
    bits = words.amount(one.resources["synapse_memory"].amount, "bit")
    return [f" core {core} ", *counts, f"synapse memory {bits} ".replace(".0 KiB", " KiB"),
            *(f"({piece.stop - piece.start:,} neurons)" for piece in one.slices)]


def check(document: str, report: Report, core: int) -> None:
    text = detail(document)
    for expected in amounts(report, core):
        assert expected in text
    assert len(re.findall('class="[lmh] on"', document)) == 1


def test_a_link_chooses_its_core(open_in_browser: Opener, page: str, grid_report: Report) -> None:
    for core in (0, 5):
        document = open_in_browser(page, f"#core-{core}")
        check(document, grid_report, core)
        assert re.search(rf'data-core="{core}"[^>]*tabindex="0"', document)
        assert document.count('tabindex="-1"') == len(grid_report.resources.cores) - 1


def test_a_click_chooses_a_core(open_in_browser: Opener, page: str, grid_report: Report) -> None:
    click = """cells[6].dispatchEvent(new MouseEvent("click", {bubbles: true, cancelable: true}));"""
    check(open_in_browser(page, script=CLICK + click), grid_report, 6)


def test_arrow_keys_move_through_the_mesh(open_in_browser: Opener, page: str,
                                          grid_report: Report) -> None:
    """Cores are numbered along rows of three: right, then down, is core 4."""
    keys = """cells[0].focus(); press("ArrowRight"); press("ArrowDown");"""
    check(open_in_browser(page, script=CLICK + keys), grid_report, 4)
    check(open_in_browser(page, script=CLICK + 'cells[0].focus(); press("End");'), grid_report, 7)


def test_another_resource_repaints_the_grid(open_in_browser: Opener, page: str,
                                            grid_report: Report) -> None:
    choose = """document.querySelectorAll("input[name=resource]")[1].click();"""
    document = open_in_browser(page, script=CLICK + choose)
    share = 100 * grid_report.resources.cores[0].resources["neurons"].utilization
    assert f'aria-label="core 0 at 0,0: neurons {share:.1f} %; holds if1"' in document


@pytest.mark.parametrize("width", [400, 500, 1280])
def test_no_sideways_scrolling(open_in_browser: Opener, page: str, width: int) -> None:
    """The browser may refuse narrow windows, so the page is narrowed by a frame of that width."""
    frame = f"""
    const text = document.documentElement.outerHTML.replace(/<script[^]*?<\\/script>/g, "");
    const frame = document.createElement("iframe");
    frame.style.cssText = "width:{width}px;height:800px;border:0;position:fixed;left:0;top:0";
    frame.srcdoc = "<!doctype html>" + text;
    frame.onload = () => {{
      const inner = frame.contentDocument.documentElement;
      document.title = [frame.contentWindow.innerWidth, inner.scrollWidth,
        inner.clientWidth].join(" ");
    }};
    document.body.append(frame);
    """
    title = re.search(r"<title>(.*?)</title>", open_in_browser(page, script=frame, width=1400)).group(1)
    inner, scroll, client = map(int, title.split())
    assert inner == width
    assert scroll <= client


def test_dark_mode(open_in_browser: Opener, page: str) -> None:
    script = 'document.title = getComputedStyle(document.body).backgroundColor;'
    for dark, color in ((False, "rgb(246, 247, 249)"), (True, "rgb(15, 19, 23)")):
        assert f"<title>{color}</title>" in open_in_browser(page, script=script, dark=dark)
