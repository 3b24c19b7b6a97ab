"""Notebooks in JupyterLab, in a real browser: run all cells, move a slider, see another picture."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
PATIENCE = 120  # seconds
LESSONS = [
    "part1_boxes_and_windows/nms",
    "part2_regions/roi_align",
    "part5_warping_and_pose/soft_argmax",
]
# Cells out of sight are drawn, too; no questions are asked.
SETTINGS = {
    "notebook-extension/tracker": '{"windowingMode": "none", "autoStartDefaultKernel": true}',
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false}',
}
CONNECTED = """window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel
               ?.connectionStatus === 'connected'"""
ALL_HAVE_RUN = r"""() => {
    const prompts = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')];
    return prompts.length && prompts.every(prompt => /\[\d+\]/.test(prompt.textContent));
}"""

pytestmark = [
    pytest.mark.skipif(
        "EDUDET_LAB" not in os.environ, reason="slow: `make notebooks` opens the browser"
    ),
    pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed"),
    pytest.mark.xdist_group("lab"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A JupyterLab over a copy of the notebooks."""
    folder = tmp_path_factory.mktemp("lab")
    shutil.copytree(ROOT / "notebooks", folder, dirs_exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}",
        "--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True", "--LabApp.news_url=",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]  # fmt: skip
    places = {name: str(folder / f".{name.lower()}") for name in ("JUPYTER_CONFIG_DIR",
              "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR",
              "JUPYTERLAB_WORKSPACES_DIR")}  # fmt: skip
    for name, setting in SETTINGS.items():
        path = Path(places["JUPYTERLAB_SETTINGS_DIR"], "@jupyterlab", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".jupyterlab-settings").write_text(setting)
    environment = {**os.environ, **places, "PYTHONPATH": str(ROOT)}
    log = (folder / ".log").open("w")
    process = subprocess.Popen(words, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(f"{address}/api/status").close()
            break
        except OSError:
            assert process.poll() is None, (folder / ".log").read_text()[-3000:]
            assert time.monotonic() < deadline, "JupyterLab does not answer"
            time.sleep(0.5)
    yield address
    process.terminate()
    process.wait()


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_runs_and_its_slider_moves(server, browser, lesson):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE)
    page.goto(f"{server}/lab/tree/{lesson}.ipynb?reset")
    panel = page.locator(".jp-NotebookPanel:visible")
    panel.locator(".jp-Cell").first.click()
    page.wait_for_function(CONNECTED)
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function(ALL_HAVE_RUN)
    assert panel.locator(".jp-OutputArea-output[data-mime-type*=stderr]").count() == 0
    assert panel.get_by_text("Error displaying widget").count() == 0
    assert not re.search(r"Traceback \(most recent", panel.inner_text())
    box = panel.locator(".widget-vbox").first
    box.scroll_into_view_if_needed()
    slider, picture = box.locator(".noUi-handle"), box.locator("img")
    before = picture.get_attribute("src")
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([image, before]) => image.src !== before", arg=[picture.element_handle(), before]
    )
    page.close()
