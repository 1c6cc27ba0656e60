"""Pictures as people take them, from `photographs.py`: what is read of them is what a clean picture gives."""

import numpy as np
import pytest

import neurone
from neurone.datasets.digits import digits
from neurone.images import prepare, read

Image = pytest.importorskip("PIL.Image")
photographs = pytest.importorskip("photographs")


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """Kind of picture -> how like its images are to those of clean pictures (correlations), of a 3 and an 8."""
    path, rng = tmp_path_factory.mktemp("pictures") / "a", np.random.Generator(np.random.Philox(5))
    images, labels = digits(40)
    found = {}
    for digit in (images[labels == 3][0], images[labels == 8][0]):
        made = photographs.pictures(digit, rng)
        clean = prepare(photographs.stored(*made["clean"], path))
        for kind, how in made.items():
            image = prepare(photographs.stored(*how, path))
            found.setdefault(kind, []).append(np.corrcoef(image.ravel(), clean.ravel())[0, 1])
    return found


@pytest.mark.parametrize("kind", photographs.KINDS)
def test_what_is_read_is_what_was_written(seen, kind):
    """A move by one pixel leaves 0.8; what is not upright, a frame or a dark stripe, less than 0.6."""
    assert min(seen[kind]) > 0.75


def test_exif_turns_as_viewers_do(tmp_path):
    """PNG keeps EXIF too, and adds no noise: the very same image."""
    picture = Image.fromarray(photographs.on_paper(photographs.drawn(digits(1)[0][0])).astype(np.uint8))
    picture.save(tmp_path / "upright.png")
    upright = prepare(tmp_path / "upright.png").astype(int)
    for orientation, turn in photographs.TURNS.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        picture.transpose(turn).save(tmp_path / "turned.png", exif=exif)
        assert np.abs(prepare(tmp_path / "turned.png") - upright).max() <= 1


def test_colours_of_one_grey(tmp_path):
    """Red on green, which a conversion to grey would make the same; steps of both are rounded to bytes."""
    ink = photographs.drawn(digits(1)[0][0])
    picture = photographs.coloured(ink, (0, 135, 0), (255, 2, 14))
    grey = np.asarray(Image.fromarray(picture.astype(np.uint8)).convert("L"), int)
    assert np.ptp(grey) <= 2
    path = photographs.stored(picture, "png", 1, tmp_path / "a")
    clean = photographs.stored(photographs.on_paper(ink), "png", 1, tmp_path / "b")
    assert np.abs(prepare(path).astype(int) - prepare(clean)).max() <= 6


@pytest.mark.parametrize("tight", [0, 12])
def test_a_stroke_from_side_to_side_is_no_line(tmp_path, tight):
    """The bar of a 7, drawn thinly, with or without a border of paper."""
    picture = np.full((300, 200), 255, np.uint8)
    picture[tight : 9 + tight, tight : 200 - tight] = 0
    for row in range(tight, 300 - tight):
        column = 190 - tight - row // 2
        picture[row, max(column - 5, tight) : column + 5] = 0
    Image.fromarray(picture).save(tmp_path / "a.png")
    image = prepare(tmp_path / "a.png")
    rows = np.flatnonzero(image.any(axis=1))
    assert np.count_nonzero(image[rows[0]]) >= 11 and rows.size == 20


def page(tmp_path, places):
    """A picture with embedded digits at these places (row, column), 60 pixels large, the light uneven; their labels."""
    images, labels = digits(40)
    picture = np.full((300, 500), 230.0)
    for number, (row, column) in enumerate(places):
        large = np.asarray(Image.fromarray(images[number]).resize((84, 84)), float) / 255
        picture[row : row + 84, column : column + 84] -= 150 * large
    picture -= np.linspace(0, 60, 500)
    Image.fromarray(picture.astype(np.uint8)).save(tmp_path / "page.png")
    return labels[: len(places)]


def test_several_digits_in_reading_order(tmp_path):
    places = [(20, 20), (30, 130), (15, 250), (180, 20), (170, 130), (190, 400)]
    page(tmp_path, places)
    picture = read(tmp_path / "page.png")
    found = picture.digits()
    assert picture.parts.max() == len(found) == 6
    for (row, column), digit in zip(places, found, strict=True):
        left, top, right, bottom = digit.place
        assert column <= left < right <= column + 84 and row <= top < bottom <= row + 84
        assert 55 <= max(right - left, bottom - top) <= 70 and digit.image.shape == (28, 28)


def test_dots_and_bars(tmp_path):
    """A bar next to a digit belongs to it, a dot on the line is none."""
    picture = np.full((200, 300), 255, np.uint8)
    picture[40:160, 50:62] = 0
    picture[150:160, 150:160] = 0
    picture[40:160, 200:210] = 0
    picture[40:50, 215:255] = 0
    Image.fromarray(picture).save(tmp_path / "a.png")
    assert [digit.place for digit in read(tmp_path / "a.png").digits()] == [(50, 40, 62, 160), (200, 40, 255, 160)]


def test_predict_reads_several_and_shows_them(tmp_path, call):
    labels = page(tmp_path, [(20, 20), (30, 130), (180, 60)])
    neurone.Network((784, 10), seed=1).save(tmp_path / "n.npz")
    one = call("predict", "n.npz", "page.png")
    assert one.returncode == 0 and len(one.stdout.splitlines()) == 1
    assert one.stderr == "neurone.predict: page.png seems to hold 3 digits; --several reads each\n"
    each = call("predict", "n.npz", "page.png", "page.png", "--several", "--show", "out.png")
    assert each.returncode == 0 and each.stderr == ""
    lines = each.stdout.splitlines()
    assert len(lines) == 2 * len(labels) and lines[:3] == lines[3:]
    for line, digit in zip(lines, read("page.png").digits(), strict=False):
        name, answer, _, word, place, *outputs = line.split()
        assert (name, word, place) == ("page.png:", "at", ",".join(map(str, digit.place)) + ":")
        assert len(outputs) == 10 and answer == str(np.argmax([float(output) for output in outputs]))
    with Image.open("out.png") as shown:
        pixels = np.asarray(shown.convert("L"))
    given = np.kron(read("page.png").digits()[0].image, np.ones((7, 7), np.uint8))
    assert np.array_equal(pixels[:196, 404:600], given)  # beside the picture, seven times enlarged


def test_show_is_refused_before_anything_is_read(tmp_path, call):
    neurone.Network((784, 10)).save(tmp_path / "n.npz")
    result = call("predict", "n.npz", "missing.png", "--show", "no/where.png")
    assert result.returncode == 2 and "--show" in result.stderr
