"""Draw the pictures of the documentation: `python docs/pictures.py`. Needs the extra `test`, and Chromium."""

import shutil
import tempfile
from pathlib import Path

from matplotlib import pyplot
from playwright.sync_api import sync_playwright

import neurone
from neurone import plots
from neurone.datasets.digits import digits
from neurone.formats import save_html

HERE = Path(__file__).resolve().parent
SEVEN = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]


def main():
    images, labels = digits(20_000)
    held_out = images[18_000:], labels[18_000:]
    net = neurone.Network((784, 100, 10))
    history = neurone.fit(net, images[:18_000], labels[:18_000], learning_rate=0.05, epochs=8, validation=held_out)
    _, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    plots.first_layer(net, count=40, ax=right)
    plots.save(plots.learning_curves(history, ax=left), HERE / "curves.png", dpi=80)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as started:
        page_file = Path(folder) / "digit.html"
        save_html(net, page_file)
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1150, "height": 640})
        page.goto(page_file.as_uri())
        box = page.locator("#paper").bounding_box()
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in SEVEN]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=8)
        page.mouse.up()
        page.screenshot(path=HERE / "page.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
