"""Pictures prepared as MNIST's were."""

import io
import random

import numpy as np
import pytest

import neurone
from neurone.images import prepare, read

Image = pytest.importorskip("PIL.Image")


def drawn(rows=100, columns=100):
    """A tall stroke with a foot to the right, light on dark."""
    picture = np.zeros((rows, columns), np.uint8)
    picture[20:80, 30:40] = 255
    picture[70:80, 40:60] = 255
    return picture


def prepared(tmp_path, picture, mode=None, name="a.png", **options):
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    (image.convert(mode) if mode else image).save(tmp_path / name, **options)
    return prepare(tmp_path / name)


def test_size_box_and_centre_of_mass(tmp_path):
    image = prepared(tmp_path, drawn())
    assert image.shape == (28, 28) and image.dtype == np.uint8 and image.max() == 255
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert (rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1) == (20, 10)  # 60 x 30, a third of it
    weights = image / image.sum()
    # Whole pixels: the centre of mass is within half a pixel of pixel (14, 14).
    assert abs((weights.sum(axis=1) * np.arange(28)).sum() - 14) <= 0.5
    assert abs((weights.sum(axis=0) * np.arange(28)).sum() - 14) <= 0.5


def test_pixels_of_a_known_picture(tmp_path):
    """An exact third of the size: each pixel is all ink or none."""
    image = prepared(tmp_path, drawn())
    expected = np.zeros((20, 10), np.uint8)
    large = drawn()[20:80, 30:60].reshape(20, 3, 10, 3).mean(axis=(1, 3))
    expected[:] = np.rint(large)
    rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
    assert np.abs(image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(int) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1", "I", "F", "CMYK"])
def test_modes_and_dark_on_light(tmp_path, mode):
    expected = prepared(tmp_path, drawn())
    name = "a.tiff"
    assert np.array_equal(prepared(tmp_path, drawn(), mode, name), expected)
    if mode not in ("I", "F"):
        assert np.array_equal(prepared(tmp_path, 255 - drawn(), mode, name), expected)


def test_sixteen_bits(tmp_path):
    deep = Image.fromarray(drawn().astype(np.uint16) * 257)
    assert np.array_equal(prepared(tmp_path, deep), prepared(tmp_path, drawn()))


@pytest.mark.parametrize("ink", [0, 255])
def test_transparent_paper(tmp_path, ink):
    alpha = drawn()
    colour = np.full_like(alpha, ink)
    picture = np.stack([colour, colour, colour, alpha], axis=-1)
    assert np.array_equal(prepared(tmp_path, picture), prepared(tmp_path, drawn()))


@pytest.mark.parametrize("pen", [1, 2, 8])
def test_thin_pens_leave_full_ink(tmp_path, pen):
    """In a picture a thousand pixels high, a stroke one pixel wide becomes a fiftieth of a pixel."""
    picture = np.zeros((1000, 1000), np.uint8)
    picture[100:900, 500 : 500 + pen] = 255
    picture[100 : 100 + pen, 300:500] = 255
    image = prepared(tmp_path, picture)
    assert image.max() == 255 and (image > 100).sum() >= 20


def test_faint_paper_texture_is_no_ink(tmp_path):
    noise = np.random.Generator(np.random.Philox(2)).integers(0, 30, (100, 100)).astype(np.uint8)
    rough = prepared(tmp_path, np.maximum(drawn(), noise))
    assert np.abs(rough.astype(int) - prepared(tmp_path, drawn())).mean() < 2


def test_mnist_images_stay_nearly_what_they_are(tmp_path, mnist):
    """They are prepared already: in the box and centred. Only their faintest edges go, 2 grey levels on average."""
    moved = [np.abs(prepared(tmp_path, image).astype(int) - image).mean() for image in mnist.test_images[:50]]
    assert np.median(moved) < 2


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (28, 28)])
def test_small_and_thin_pictures(tmp_path, shape):
    picture = np.zeros(shape, np.uint8)
    picture[shape[0] // 2, shape[1] // 2] = 255
    if max(shape) == 1:
        with pytest.raises(neurone.InputError, match="one colour"):
            prepared(tmp_path, picture)
    else:
        assert prepared(tmp_path, picture).max() == 255


@pytest.mark.parametrize("value", [0, 128, 255])
def test_blank_pictures_are_refused(tmp_path, value):
    with pytest.raises(neurone.InputError, match="one colour"):
        prepared(tmp_path, np.full((50, 50), value, np.uint8))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.png").write_text("not a picture")
    Image.fromarray(drawn()).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:60])
    for name in ("text.png", "cut.png", "missing.png", "."):
        with pytest.raises(neurone.InputError, match=name):
            prepare(tmp_path / name)


def test_damaged_pictures_of_every_format(tmp_path, torture, tried):
    """Cut, or with some bits turned: read, or refused in one line that says what is wrong."""
    Image.init()
    rng = random.Random(3)
    kinds, rounds = set(), 500 if torture else 12
    for kind in sorted(Image.SAVE):
        for mode in ("L", "RGB", "1"):
            whole = io.BytesIO()
            try:
                Image.fromarray(drawn(40, 30)).convert(mode).save(whole, kind)
            except Exception:  # this mode, or this format, cannot be written
                continue
            for number in range(rounds):
                data = bytearray(whole.getvalue())
                if number % 12 < 3:
                    data = data[: rng.randrange(len(data))]
                for _ in range(1 + number // 12 % 4 if number % 12 >= 3 else 0):
                    place = rng.randrange(len(data) if number % 12 < 6 else min(len(data), 128))
                    data[place] ^= 1 << rng.randrange(8)
                (tmp_path / "a").write_bytes(data)
                try:
                    picture = read(tmp_path / "a")
                    for digit in [picture.whole(), *picture.digits()]:
                        assert digit.image.shape == (28, 28) and digit.image.max() == 255
                except neurone.InputError as error:
                    assert "(None)" not in str(error) and "picture ()" not in str(error) and str(error).isprintable()
                tried[f"damaged {kind} pictures"] += 1
            kinds.add(kind)
    assert {"BMP", "DDS", "GIF", "JPEG", "PNG", "SPIDER", "TIFF"} <= kinds
    assert not torture or sum(tried[f"damaged {kind} pictures"] for kind in kinds) >= 20_000


@pytest.mark.parametrize("side", [5001, 10_000, 14_000])
def test_enormous_pictures_are_refused(tmp_path, side):
    """Before they are unpacked; Pillow itself would warn, or refuse, from 9,500 on."""
    Image.new("1", (side, side)).save(tmp_path / "a.png")
    with pytest.raises(neurone.InputError, match="too large"):
        prepare(tmp_path / "a.png")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pictures_that_are_not_finite_are_refused(tmp_path, value):
    picture = drawn().astype(np.float32)
    picture[3, 3] = value
    Image.fromarray(picture).save(tmp_path / "a.tiff")
    with pytest.raises(neurone.InputError, match="NaN"):
        prepare(tmp_path / "a.tiff")


def test_without_pillow_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(neurone.ExtraError, match=r"needs Pillow.*images"):
        prepare(tmp_path / "a.png")
