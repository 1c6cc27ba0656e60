"""Distorted images: those of the specification, in every window, by any kernels and threads."""

import numpy as np
import pytest

import neurone
from neurone.datasets.digits import digits
from neurone.engine import windows
from neurone.kernels import scalars
from neurone.kernels.arguments import Pixels, Span
from neurone.kernels.distortion import distort, gaussian
from neurone.sklearn import NeuroneClassifier

F = np.float32
WORD, HALF = 2**64, 2**32
SETTINGS = dict(rotation=30.0, scale=0.3, shear=0.2, shift=2.0, elastic=5.0, width=1.5)
IMAGES, LABELS = digits(60)


def madd(a, b, s):
    """Rounded once: the product of two float32 is exact in long doubles, whose sum has 40 bits to spare."""
    return (np.longdouble(1) * a * b + s).astype(F)


def mix(x):
    z = (x + 0x9E3779B97F4A7C15) % WORD
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % WORD
    return z ^ (z >> 31)


def uniform(key, numbers):
    h = (key % HALF + numbers * 0x9E3779B9) % HALF
    h = (h ^ (h >> 16)) * 0x7FEB352D % HALF
    h = (h ^ (h >> 15)) * 0x846CA68B % HALF
    h = h ^ (h >> 16) ^ (key >> 32)
    return F(h >> 8) * F(2.0**-23) - F(1)


def sine_and_cosine(a):
    n = np.floor(madd(a, F(float.fromhex("0x1.45f306p-1")), F(0.5)))
    r = madd(-n, F(float.fromhex("-0x1.2aeef4p-18")), madd(-n, F(float.fromhex("0x1.922p+0")), a))
    q = r * r
    s = madd(madd(madd(F(1 / 362880), q, F(-1 / 5040)), q, F(1 / 120)), q, F(-1 / 6))
    s = madd(r * q, s, r)
    c = madd(madd(madd(F(1 / 40320), q, F(-1 / 720)), q, F(1 / 24)), q, F(-1 / 2))
    c = madd(q, c, F(1))
    s, c = [(s, c), (c, -s), (-s, -c), (-c, s)][int(n) % 4]
    return s, c


def smoothed(numbers, weights):
    """Along the first axis."""
    reach, length = len(weights) // 2, len(numbers)
    total = np.zeros_like(numbers)
    for d, g in zip(range(-reach, reach + 1), weights, strict=True):
        there = np.arange(length) + d
        inside = (0 <= there) & (there < length)
        total[inside] = madd(g, numbers[there[inside]], total[inside])
    return total


def by_the_specification(image, seed, epoch, p, how, weights):
    """Section 15, with long doubles for the fused operations."""
    rows, columns = image.shape
    key = mix((mix((mix((mix(seed) + epoch) % WORD) + p) % WORD) + 2**32) % WORD)
    u = uniform(key, np.arange(6))
    s, c = sine_and_cosine(F(np.radians(how["rotation"])) * u[0])
    down, right = madd(F(how["scale"]), u[1:3], F(1))
    slant = F(how["shear"]) * u[3]
    m = np.array(
        [[madd(-s, slant, c * down), -s * right, F(how["shift"]) * u[4]],
         [madd(c, slant, s * down), c * right, F(how["shift"]) * u[5]]]
    )  # fmt: skip
    field = np.zeros((2, rows, columns), F)
    if how["elastic"]:
        numbers = uniform(key, 8 + np.arange(2 * rows * columns)).reshape(field.shape)
        for axis in range(2):
            field[axis] = smoothed(smoothed(numbers[axis].T, weights).T, weights)
    i, j = np.indices(image.shape, F)
    y, x = i - F((rows - 1) / 2), j - F((columns - 1) / 2)
    places = []
    for axis, (size, middle) in enumerate(((rows, F((rows - 1) / 2)), (columns, F((columns - 1) / 2)))):
        place = madd(m[axis, 0], y, madd(m[axis, 1], x, m[axis, 2])) + (middle + F(1))
        places.append(np.clip(madd(F(how["elastic"]), field[axis], place), F(0), F(size + 1)))
    (a, b), (fy, fx) = np.floor(places).astype(int), np.array(places) - np.floor(places)
    o = np.pad(image, ((1, 2), (1, 2))).astype(F)
    upper = madd(fx, o[a, b + 1] - o[a, b], o[a, b])
    lower = madd(fx, o[a + 1, b + 1] - o[a + 1, b], o[a + 1, b])
    v = madd(fy, lower - upper, upper)
    return np.floor(v + F(0.5)).astype(np.uint8) if image.dtype == np.uint8 else v.astype(image.dtype)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
@pytest.mark.parametrize("shape", [(28, 28), (5, 9), (1, 1), (3, 40)])
@pytest.mark.parametrize("left_out", [[], ["elastic"], ["rotation", "scale", "shear", "shift"]], ids=str)
def test_the_kernel_follows_the_specification(dtype, shape, left_out):
    rng = np.random.Generator(np.random.Philox(1))
    images = (rng.random((6, *shape)) * 255).astype(dtype)
    how = SETTINGS | dict.fromkeys(left_out, 0.0)
    arrays = neurone.Distortion(**how, shape=shape).checked().arrays(3)
    order, found = rng.permutation(6), np.empty((4, images[0].size), dtype)
    distort(Pixels(images.reshape(6, -1)), Span(order, 1, 5, 7, order), arrays, found)
    for place, p in enumerate(order[1:5].tolist()):
        expected = by_the_specification(images[p], 3, 7, p, how, arrays.weights)
        assert np.array_equal(found[place].reshape(shape), expected)
    assert not np.array_equal(found.reshape(4, *shape), images[order[1:5]]) or shape == (1, 1)


def test_sine_and_cosine():
    """Within 1.2e-7, and to the bits of the specification."""
    angles = np.linspace(-np.pi, np.pi, 40_001).astype(F)
    found = np.array([scalars.sine_and_cosine(angle) for angle in angles])
    assert np.abs(found - np.array([np.sin(angles, dtype=float), np.cos(angles, dtype=float)]).T).max() < 1.2e-7
    for angle, pair in list(zip(angles, found, strict=True))[::97]:
        assert tuple(pair) == sine_and_cosine(angle)


@pytest.mark.parametrize("deviation", [0.3, 1.5, 5.0, 100.0])
def test_weights_are_a_gaussian(deviation):
    """To the few units in the last place that an exponential and a sum take."""
    weights = np.empty(2 * int(np.ceil(3 * deviation)) + 1, F)
    gaussian(F(deviation), weights)
    d = np.arange(len(weights)) - len(weights) // 2
    expected = np.exp(-((d / deviation) ** 2) / 2)
    np.testing.assert_allclose(weights, expected / expected.sum(), rtol=3e-5)


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(windows, "WINDOW", 16)
    monkeypatch.setattr("neurone.training.fit._CALL_SECONDS", 0)


def trained(images, *, dtype="float32", sizes=(784, 70, 10), **options):
    net = neurone.Network(sizes, dtype=dtype)
    options = dict(epochs=2, learning_rate=0.05, distortion=neurone.Distortion()) | options
    history = neurone.fit(net, images, LABELS[: len(images)], **options)
    return net.parameters.tobytes(), [report.cost for report in history]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "options",
    [
        dict(batch_size=1), dict(batch_size=7, momentum=0.9), dict(batch_size=20, dropout=0.5, input_dropout=0.2),
        dict(batch_size=None),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("images", [IMAGES, IMAGES / 255, IMAGES | 1], ids=["bytes", "floats", "dense"])
def test_all_kernels_and_threads_give_the_same_bits(images, options, dtype, small_windows, teams):
    """Windows end anywhere in batches, and the last one is smaller."""
    if dtype == "float64" and images is not IMAGES:
        pytest.skip("the other images differ by how they are cut, which no width changes")
    expected = trained(images, kernels="notes", dtype=dtype, **options)
    for threads in (1, 3):
        assert trained(images, threads=threads, dtype=dtype, **options) == expected
    assert max(teams) >= 2  # one makes the next window


@pytest.mark.parametrize("free", [1, 2])
def test_windows_are_made_by_whoever_is_free(free, small_windows, monkeypatch):
    expected = trained(IMAGES, batch_size=5)
    monkeypatch.setattr(windows, "cores", lambda: free)
    assert trained(IMAGES, batch_size=5) == expected


def test_each_image_is_another_in_each_epoch():
    still = dict(learning_rate=1e-30, batch_size=None, epochs=3, shuffle=False)
    _, costs = trained(IMAGES, **still)
    _, other = trained(IMAGES, seed=1, **still)
    assert len({*costs, *other}) == 6
    _, same = trained(IMAGES, distortion=neurone.Distortion(0, 0, 0, 0, 0), **still)
    assert len(set(same)) == 1


def test_nothing_to_distort_changes_nothing():
    assert trained(IMAGES, distortion=neurone.Distortion(0, 0, 0, 0, 0)) == trained(IMAGES, distortion=None)


def test_validation_and_predictions_are_of_the_images_themselves():
    nets = [neurone.Network((784, 9, 10)) for _ in range(2)]
    for net, how in zip(nets, (None, neurone.Distortion()), strict=True):
        options = dict(learning_rate=1e-30, epochs=1, validation=(IMAGES, LABELS), distortion=how)
        (report,) = neurone.fit(net, IMAGES, LABELS, **options)
        assert report.validation_error == 100 * (net.predict(IMAGES) != LABELS).mean()
    assert np.array_equal(*(net.predict_proba(IMAGES) for net in nets))


@pytest.mark.filterwarnings("ignore:max_iter")
def test_estimators_distort_rows_of_pixels():
    options = dict(random_state=1, max_iter=40, distortion=neurone.Distortion(shape=(28, 28)))
    model = NeuroneClassifier((30,), **options).fit(IMAGES.reshape(60, -1) / 255, LABELS)
    plain = NeuroneClassifier((30,), **options | {"distortion": None}).fit(IMAGES.reshape(60, -1) / 255, LABELS)
    assert model.loss_ > 2 * plain.loss_
    with pytest.raises(ValueError, match="distortion is Distortion"):
        NeuroneClassifier(solver="lbfgs", **options).fit(IMAGES.reshape(60, -1) / 255, LABELS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(rotation=181), "rotation is 181.0; give a number from 0 to 180"),
        (dict(scale=1.0), "scale is 1.0; give a number from 0 to below 1"),
        (dict(shift=-1), "shift is -1; give a number of 0 or more"),
        (dict(elastic=np.nan), "elastic is nan"),
        (dict(width=0), "width is 0, and the random field"),
        (dict(width=5000), "width is 5000.0; give a number from 0 to 1000"),
        (dict(shape=(28,)), r"shape is \(28,\); give \(rows, columns\)"),
        (dict(shape=(28, 27)), r"shape is \(28, 27\), and the images' is \(28, 28\)"),
    ],
)
def test_what_makes_no_sense_is_refused(settings, message):
    with pytest.raises(neurone.InputError, match=message):
        trained(IMAGES, distortion=neurone.Distortion(**settings))


def test_images_need_a_shape_and_pixels():
    with pytest.raises(neurone.InputError, match="distortions need rows and columns"):
        trained(IMAGES.reshape(60, 784))
    with pytest.raises(neurone.InputError, match="distortion is 3; give a neurone"):
        trained(IMAGES, distortion=3)
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(neurone.InputError, match="images are sparse"):
        net, how = neurone.Network((784, 5, 10)), neurone.Distortion(shape=(28, 28))
        neurone.fit(net, sparse.csr_array(IMAGES.reshape(60, 784)), LABELS, distortion=how)


def test_the_command_distorts_and_resumes(run, call, small_set):
    options = ("--data", small_set, "--hidden", 8, "--epochs", 3, "--batch-size", 4)
    whole = run("train", *options, "--distort", "elastic=3", "width=1", "--history", "whole.jsonl")
    plain = run("train", *options)
    assert whole.returncode == 0 and "test error" in whole.stdout and whole.stdout != plain.stdout
    kept = "--distort", "elastic=3", "width=1", "--checkpoint", "run.state", "--resume"
    assert run("train", *options[:-4], "--epochs", 2, *options[-2:], *kept).returncode == 0
    other = run("train", *options, "--distort", "--checkpoint", "run.state", "--resume")
    assert other.returncode == 2 and "distortion is" in other.stderr
    resumed = run("train", *options, *kept)
    assert resumed.stdout.splitlines()[-1] == whole.stdout.splitlines()[-1]
    for wrong in ("elastic", "elastic=x", "hue=3", "rotation=900"):
        refused = call("train", *options, "--distort", wrong)
        assert refused.returncode == 2 and "--distort" in refused.stderr
