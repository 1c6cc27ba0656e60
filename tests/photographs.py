"""Right answers on pictures of MNIST's test digits as people take them: `python tests/photographs.py [COUNT]`.

Each kind of picture is made of the same digits, by a seeded simulation, and read by one network (784-100-10, trained in
a few seconds). The columns: the kind, and how many of a hundred are right.
"""

import io
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import neurone
from neurone.datasets.mnist import find_set
from neurone.images import prepare

SIDE = 400
PAPER, INK = 235, 40
KINDS = (
    "clean", "turned by EXIF", "shadow of 100", "flash", "coloured", "light on dark", "noise of 20", "JPEG, quality 10",
    "small on paper", "cropped to the ink", "frame", "cell of a form", "ruled", "squared", "dark stripe", "specks",
    "perspective", "all at once",
)  # fmt: skip


def drawn(digit, share=1.0):
    """How much ink: float 0 to 1, (SIDE, SIDE), the digit's image over a share of the picture."""
    side = round(SIDE * share)
    small = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC), float) / 255
    whole = np.zeros((SIDE, SIDE))
    start = (SIDE - side) // 2
    whole[start : start + side, start : start + side] = small
    return whole


def cropped(digit):
    """The part of `drawn(digit)` that holds all ink, and no more."""
    rows, columns = (np.flatnonzero(digit.max(axis=axis) > 127) for axis in (1, 0))
    scale = SIDE / len(digit)
    return tuple(slice(round(found[0] * scale), round((found[-1] + 1) * scale)) for found in (rows, columns))


def on_paper(ink, paper=PAPER, dark=INK):
    return paper - (paper - dark) * ink


def lit(grey, rng, strength):
    """A shadow across the paper, in a random direction."""
    y, x = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    angle = rng.uniform(0, 2 * np.pi)
    ramp = x * np.cos(angle) + y * np.sin(angle)
    ramp = (ramp - ramp.min()) / np.ptp(ramp)
    return grey - strength * ramp


def flashed(grey, rng):
    y, x = np.mgrid[0 : 1 : SIDE * 1j, 0 : 1 : SIDE * 1j]
    cy, cx = rng.uniform(0.2, 0.8, 2)
    spot = np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 0.2**2))
    return grey * (0.6 + 0.4 * spot) + 20 * spot


def noisy(grey, rng, sigma=20):
    return grey + rng.normal(0, sigma, grey.shape)


def lines(grey, draw):
    picture = Image.fromarray(grey.clip(0, 255).astype(np.uint8))
    draw(ImageDraw.Draw(picture))
    return np.asarray(picture, float)


def darker(grey, drawing):
    """Lines lie under the ink: the darker of both."""
    blank = Image.new("L", (SIDE, SIDE), 255)
    drawing(ImageDraw.Draw(blank))
    return np.minimum(grey, np.asarray(blank, float))


def framed(grey, rng):
    at, width = int(rng.integers(0, 12)), int(rng.integers(3, 12))
    return darker(grey, lambda d: d.rectangle((at, at, SIDE - 1 - at, SIDE - 1 - at), outline=INK, width=width))


def in_cell(grey, rng):
    """A box of a form, and parts of its neighbours."""
    a, b = (int(v) for v in rng.integers(20, 45, 2))

    def drawing(d):
        d.rectangle((a, b, SIDE - a, SIDE - b), outline=60, width=4)
        d.rectangle((SIDE - a + 12, b, SIDE + 300, SIDE - b), outline=60, width=4)

    return darker(grey, drawing)


def ruled(grey, rng, columns=False):
    gap, at, shade = int(rng.integers(60, 110)), int(rng.integers(0, 60)), int(rng.integers(130, 190))

    def drawing(d):
        for place in range(at, SIDE, gap):
            d.line((0, place, SIDE, place), fill=shade, width=3)
            if columns:
                d.line((place, 0, place, SIDE), fill=shade, width=3)

    return darker(grey, drawing)


def striped(grey, rng):
    """The table beside the paper."""
    width, side = int(rng.integers(15, 50)), int(rng.integers(0, 4))
    return np.rot90(darker(np.rot90(grey, side), lambda d: d.rectangle((0, 0, width, SIDE), fill=50)), -side)


def speckled(grey, rng):
    spots = rng.uniform(0, SIDE, (15, 2))

    def drawing(d):
        for x, y in spots:
            r = rng.uniform(1, 4)
            d.ellipse((x - r, y - r, x + r, y + r), fill=INK)

    return darker(grey, drawing)


def seen_askew(grey, rng):
    """A perspective: the corners move by up to 6 % of the side."""
    corners = np.array([(0, 0), (SIDE, 0), (SIDE, SIDE), (0, SIDE)], float)
    moved = corners + rng.uniform(-0.06, 0.06, (4, 2)) * SIDE
    rows = []
    for (x, y), (u, v) in zip(corners, moved, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    found = np.linalg.solve(np.array(rows), moved.reshape(-1))
    paper = int(np.median(grey[0]))
    picture = Image.fromarray(grey.clip(0, 255).astype(np.uint8))
    turned = picture.transform(picture.size, Image.Transform.PERSPECTIVE, tuple(found), Image.Resampling.BILINEAR,
                               fillcolor=paper)  # fmt: skip
    return np.asarray(turned, float)


def coloured(ink, paper, pen):
    return np.stack([on_paper(ink, p, c) for p, c in zip(paper, pen, strict=True)], axis=-1)


def pictures(digit, rng):
    """Kind -> (pixels, how they are stored: "png" or "jpeg", EXIF orientation)."""
    ink = drawn(digit)
    grey, small = on_paper(ink), on_paper(drawn(digit, 0.7))
    colours = [((250, 240, 180), (30, 60, 200)), ((240, 190, 200), (180, 20, 20)), ((190, 230, 190), (200, 30, 40)),
               ((120, 120, 120), (20, 20, 20)), ((40, 60, 50), (240, 240, 235)),
               ((60, 160, 60), (230, 60, 90))]  # fmt: skip
    made = {
        "clean": (grey, "png", 1),
        "turned by EXIF": (grey, "jpeg", int(rng.choice([3, 6, 8]))),
        "shadow of 100": (lit(grey, rng, 100), "png", 1),
        "flash": (flashed(grey, rng), "png", 1),
        "coloured": (coloured(ink, *colours[rng.integers(len(colours))]), "png", 1),
        "light on dark": (255 - grey, "png", 1),
        "noise of 20": (noisy(grey, rng), "png", 1),
        "JPEG, quality 10": (grey, "jpeg", 1),
        "small on paper": (on_paper(drawn(digit, 0.3)), "png", 1),
        "cropped to the ink": (grey[cropped(digit)], "png", 1),
        "frame": (framed(grey, rng), "png", 1),
        "cell of a form": (in_cell(small, rng), "png", 1),
        "ruled": (ruled(small, rng), "png", 1),
        "squared": (ruled(small, rng, True), "png", 1),
        "dark stripe": (striped(small, rng), "png", 1),
        "specks": (speckled(grey, rng), "png", 1),
        "perspective": (seen_askew(grey, rng), "png", 1),
    }
    every = seen_askew(speckled(ruled(small, rng), rng), rng)
    every = noisy(lit(striped(every, rng), rng, 60), rng, 8)
    return made | {"all at once": (every, "jpeg", int(rng.choice([3, 6, 8])))}


TURNS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}


def stored(pixels, kind, orientation, path):
    picture = Image.fromarray(np.asarray(pixels).clip(0, 255).astype(np.uint8))
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
        picture = picture.transpose(TURNS[orientation])
    whole = io.BytesIO()
    picture.save(whole, kind, exif=exif, **({"quality": 10 if orientation == 1 else 80} if kind == "jpeg" else {}))
    path.write_bytes(whole.getvalue())
    return path


def main(count=200):
    data = find_set()
    network = neurone.Network((784, 100, 10))
    neurone.fit(network, data.train_images, data.train_labels, epochs=5, seed=0)
    rng = np.random.Generator(np.random.Philox(19))
    chosen = rng.choice(len(data.test_images), count, replace=False)
    right = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a")
        for index in chosen:
            for kind, how in pictures(data.test_images[index], rng).items():
                try:
                    answer = network.predict(prepare(stored(*how, path))[None])[0]
                except neurone.InputError:
                    answer = -1
                right[kind] = right.get(kind, 0) + int(answer == data.test_labels[index])
    for kind, number in right.items():
        print(f"{kind:20} {100 * number / count:5.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
