"""Images that a network prepares: as the specification says, and always."""

import itertools

import numpy as np
import pytest
from test_distortion import madd, smoothed

import neurone
from neurone.datasets.digits import digits
from neurone.engine.distortion import arrays_for
from neurone.formats import save_c

F = np.float32
IMAGES, LABELS = digits(60)


def by_the_specification(image, upright, width, blur):
    """Section 16, by plain loops."""
    rows, columns = image.shape
    middle_y, middle_x = (rows - 1) / 2, (columns - 1) / 2
    places = list(itertools.product(range(rows), range(columns)))
    v = [float(F(image[place])) for place in places]
    slant, y = 0.0, 0.0
    ink = sum(v)
    if upright and ink > 0:
        y = sum(value * i for value, (i, _) in zip(v, places, strict=True)) / ink
        x = sum(value * j for value, (_, j) in zip(v, places, strict=True)) / ink
        a = sum(value * ((i - y) * (i - y)) for value, (i, _) in zip(v, places, strict=True))
        c = sum(value * ((i - y) * (j - x)) for value, (i, j) in zip(v, places, strict=True))
        slant = c / a if a > 0 else 0.0
    inked = [j - middle_x - slant * (i - y) for value, (i, j) in zip(v, places, strict=True) if value > 0]
    f, m = 1.0, 0.0
    if width and inked:
        f, m = max((max(inked) - min(inked) + 1) / width, 0.5), (min(inked) + max(inked)) / 2
    i, j = np.indices(image.shape, F)
    y_new, x_new = i - F(middle_y), j - F(middle_x)
    down = madd(F(1), y_new, madd(F(0), x_new, F(0))) + F(middle_y + 1)
    across = madd(F(slant), y_new, madd(F(f), x_new, F(m - slant * (y - middle_y)))) + F(middle_x + 1)
    down, across = np.clip(down, F(0), F(rows + 1)), np.clip(across, F(0), F(columns + 1))
    a, b = np.floor(down).astype(int), np.floor(across).astype(int)
    fy, fx = down - a.astype(F), across - b.astype(F)
    o = np.pad(image, ((1, 2), (1, 2))).astype(F)
    upper = madd(fx, o[a, b + 1] - o[a, b], o[a, b])
    lower = madd(fx, o[a + 1, b + 1] - o[a + 1, b], o[a + 1, b])
    found = _as(image, madd(fy, lower - upper, upper))
    if blur:
        weights, *_ = arrays_for((rows, columns), blur)
        found = _as(image, smoothed(smoothed(found.astype(F).T, weights).T, weights))
    return found


def _as(image, v):
    return np.floor(v + F(0.5)).astype(np.uint8) if image.dtype == np.uint8 else v.astype(image.dtype)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize(
    "how",
    [dict(upright=True), dict(width=18.0), dict(blur=0.8), dict(upright=True, width=10.0, blur=1.5), {}],
    ids=str,
)
def test_it_follows_the_specification(dtype, how):
    images = np.concatenate([IMAGES[:5], np.zeros((1, 28, 28), np.uint8), np.eye(28, dtype=np.uint8)[None]])
    images = images if dtype == "uint8" else images.astype(dtype) / 7
    preparation = neurone.Preparation((28, 28), **how).checked()
    found = preparation.apply(images.reshape(len(images), -1))
    how = dict(upright=False, width=0.0, blur=0.0) | how
    for image, prepared in zip(images, found, strict=True):
        assert np.array_equal(prepared.reshape(28, 28), by_the_specification(image, **how))
    same = np.array_equal(found.reshape(images.shape), images.astype(F).astype(dtype))
    assert same == (not any(how.values()))


def test_slanted_ink_is_set_upright():
    """A bar that leans by 45 degrees."""
    bar = np.eye(28, dtype=np.uint8) * 255
    upright = neurone.Preparation((28, 28), upright=True).checked().apply(bar.reshape(1, -1)).reshape(28, 28)
    columns = np.flatnonzero(upright.sum(axis=0) > 28 * 20)
    assert len(columns) <= 2 and abs(columns.mean() - 13.5) < 1


def test_training_and_predictions_prepare(tmp_path):
    """As if the caller had prepared the images; a file remembers it."""
    preparation = neurone.Preparation((28, 28), upright=True, blur=0.5)
    prepared = preparation.checked().apply(IMAGES.reshape(60, -1))
    by_itself = neurone.Network((784, 20, 10), preparation=preparation)
    by_hand = neurone.Network((784, 20, 10))
    histories = [
        neurone.fit(net, images, LABELS, epochs=3, validation=(images, LABELS), batch_size=4, threads=2)
        for net, images in ((by_itself, IMAGES), (by_hand, prepared))
    ]
    assert np.array_equal(by_itself.parameters, by_hand.parameters)
    assert [report.validation_cost for report in histories[0]] == [report.validation_cost for report in histories[1]]
    assert np.array_equal(by_itself.predict_proba(IMAGES), by_hand.predict_proba(prepared))
    assert np.array_equal(by_itself.predict_proba(IMAGES[:1]), by_hand.predict_proba(prepared[:1]))
    by_itself.save(tmp_path / "net.npz")
    found = neurone.load(tmp_path / "net.npz")
    assert found.settings() == by_itself.settings() and found.preparation == preparation.checked()
    assert np.array_equal(found.predict_proba(IMAGES), by_itself.predict_proba(IMAGES))
    committee = neurone.Committee([by_itself, by_hand])
    committee.save(tmp_path / "both.npz")
    both = neurone.load(tmp_path / "both.npz").predict_proba(IMAGES)
    assert np.array_equal(both, committee.predict_proba(IMAGES))
    with pytest.raises(neurone.InputError, match="prepares its images"):
        save_c(by_itself, tmp_path / "net.c")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(shape=28), "shape is 28; give"),
        (dict(shape=(28, 27)), r"images of \(28, 27\), and the inputs are 784"),
        (dict(shape=(28, 28), upright=1), "upright is 1; give True or False"),
        (dict(shape=(28, 28), width=-1.0), "width is -1.0"),
        (dict(shape=(28, 28), blur=1e5), "blur is 100000; give 0, or 0.001 to 10000 pixels"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, message):
    with pytest.raises(neurone.InputError, match=message):
        neurone.Network((784, 10), preparation=neurone.Preparation(**settings))


def test_sparse_images_cannot_be_prepared():
    sparse = pytest.importorskip("scipy.sparse")
    net = neurone.Network((784, 10), preparation=neurone.Preparation((28, 28), upright=True))
    with pytest.raises(neurone.InputError, match="images are sparse"):
        net.predict(sparse.csr_array(IMAGES.reshape(60, 784)))
    with pytest.raises(neurone.InputError, match="preparation is 'upright'"):
        neurone.Network((784, 10), preparation="upright")


def test_the_commands_prepare(call, small_set):
    options = "--data", small_set, "--hidden", 4, "--epochs", 2
    plain = call("train", *options).stdout.splitlines()
    done = call("train", *options, "--prepare", "upright", "width=4", "blur=0.5", "--save", "net.npz",
                "--checkpoint", "run.state")  # fmt: skip
    assert done.returncode == 0 and done.stdout.splitlines()[3] != plain[3]
    evaluated = call("evaluate", "net.npz", "--data", small_set)
    assert evaluated.stdout.splitlines()[-1] == done.stdout.splitlines()[-1]
    again = call("train", *options, "--prepare", "upright", "--checkpoint", "run.state", "--resume")
    assert again.returncode == 2 and "preparation is" in again.stderr
    assert call("train", *options, "--prepare", "none").stdout.splitlines()[-1] == plain[-1]
    for wrong in ("slanted", "width", "blur=x", "upright=1", "width=-1"):
        refused = call("train", *options, "--prepare", wrong)
        assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
    refused = call("export", "net.npz", "--format", "c", "--output", "net.c")
    assert refused.returncode == 2 and "prepares its images" in refused.stderr
