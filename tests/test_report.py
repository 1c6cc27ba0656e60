"""The page about a training, in a real browser."""

import hashlib
import json

import pytest

import neurone

pytest.importorskip("matplotlib")


@pytest.fixture
def trained(small_set, tmp_path, call):
    done = call(
        "train", "--data", small_set, "--epochs", 3, "--validation", 6, "--hidden", 7, "--save", tmp_path / "net.npz",
        "--history", tmp_path / "h.jsonl", "--report", tmp_path / "report.html",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.parametrize("width", [400, 1400])
def test_of_a_training(opened, trained, tmp_path, width):
    page = opened(tmp_path / "report.html", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    titles = page.locator("h2").all_inner_texts()
    for title in ("Test error", "Errors", "Cost", "Confusion matrix", "Classes", "Weights of the first layer",
                  "How sure it is", "Settings", "Environment"):  # fmt: skip
        assert title in titles
    end = json.loads((tmp_path / "h.jsonl").read_text().splitlines()[-1])
    assert page.locator(".large").inner_text() == f"{end['test_error']:.2f} %"
    assert end["parameters_sha256"] in page.content()
    pictures = page.locator("img").all()
    assert pictures
    for picture in pictures:
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0") and picture.get_attribute("alt")
    assert page.locator(".numbers tr").count() == 4  # a head and three classes
    assert page.get_by_text("learning rate", exact=True).count() == 1  # told though at its default
    assert page.get_by_text("momentum", exact=True).count() == 0


def test_of_a_file(opened, trained, small_set, tmp_path, call):
    done = call("report", tmp_path / "net.npz", "--data", small_set, "--output", tmp_path / "b.html")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path / 'b.html'}\n")
    page = opened(tmp_path / "b.html")
    assert "Cost" not in page.locator("h2").all_inner_texts()
    call(
        "report",
        tmp_path / "net.npz",
        "--data",
        small_set,
        "--history",
        tmp_path / "h.jsonl",
        "--output",
        tmp_path / "c.html",
    )
    assert "Cost" in opened(tmp_path / "c.html").locator("h2").all_inner_texts()


def test_of_a_committee(opened, trained, small_set, tmp_path, call):
    net = tmp_path / "net.npz"
    assert call("report", net, net, "--data", small_set, "--output", tmp_path / "b.html").returncode == 0
    page = opened(tmp_path / "b.html")
    parameters = neurone.load(net).parameters.tobytes()
    assert hashlib.sha256(2 * parameters).hexdigest() in page.content()


def test_refusals(small_set, tmp_path, call, trained):
    assert "one file" in call(
        "train", "--data", small_set, "--report", tmp_path / "a", "--save", tmp_path / "a"
    ).stderr  # fmt: skip
    neurone.Network((9, 3)).save(tmp_path / "other.npz")
    done = call("report", tmp_path / "other.npz", "--data", small_set, "--output", tmp_path / "no.html")
    assert done.returncode == 2 and "9 inputs" in done.stderr and not (tmp_path / "no.html").exists()
    done = call("report", tmp_path / "net.npz", "--data", small_set, "--history", tmp_path / "net.npz")
    assert done.returncode == 2 and "history" in done.stderr
