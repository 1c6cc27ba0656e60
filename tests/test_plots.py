"""What is drawn: the data in the picture, in either style, with its alternative text."""

import json

import numpy as np
import pytest

import neurone

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("agg")
from matplotlib import pyplot  # noqa: E402

from neurone import plots  # noqa: E402
from neurone.datasets.digits import digits  # noqa: E402


@pytest.fixture(scope="module")
def net():
    images, labels = digits(600)
    network = neurone.Network((784, 12, 10))
    neurone.fit(network, images, labels, epochs=1)
    return network


@pytest.fixture(autouse=True, params=["default", "dark_background"])
def style(request):
    with pyplot.style.context(request.param):
        yield request.param
    pyplot.close("all")


@pytest.fixture
def history(tmp_path):
    """A file of two epochs; the second half of the keys as a newer `train` writes them."""
    path = tmp_path / "run.jsonl"
    epochs = [
        dict(event="epoch", epoch=k, cost=0.5 / (k + 1), train_error=8.0 - k, validation_error=9.0 - 2 * k,
             validation_cost=0.4, learning_rate=0.1, seconds=1.0)
        for k in range(3)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in [*epochs, dict(event="end", test_error=3.0)]))
    return path


def test_learning_curves_of_a_file(history):
    ax = plots.learning_curves(history)
    held_out, training = sorted(ax.lines, key=lambda line: line.get_label())
    assert (training.get_label(), held_out.get_label()) == ("training", "held out")
    assert training.get_xydata().tolist() == [[1, 8], [2, 7], [3, 6]]
    assert held_out.get_xydata().tolist() == [[1, 9], [2, 7], [3, 5]]
    assert "held out from 9 to 5 in 3 epochs" in plots.alternative_text(ax)


def test_learning_curves_of_several(history, net):
    images, labels = digits(100)
    reports = neurone.fit(neurone.Network((784, 10)), images, labels, epochs=4)
    ax = plots.learning_curves(history, reports, names=["a", "b"], what="cost")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a, training", "a, held out", "b, training"]
    assert ax.lines[2].get_ydata().tolist() == [report.cost for report in reports]
    (line,) = plots.learning_curves(reports, what="learning_rate").lines
    assert line.get_ydata().tolist() == [report.learning_rate for report in reports]


def test_what_is_no_history(tmp_path, history):
    (tmp_path / "a").write_text("no\n")
    (tmp_path / "b").write_text('{"event": "end"}\n')
    (tmp_path / "c").write_text('{"event": "epoch", "nothing": 1}\n')
    for name, message in (("a", "line 1"), ("b", "no epoch"), ("c", "line 1")):
        with pytest.raises(neurone.InputError, match=message):
            plots.learning_curves(tmp_path / name)
    with pytest.raises(neurone.InputError, match="names are 1, histories 2"):
        plots.learning_curves(history, history, names=["a"])
    with pytest.raises(neurone.InputError, match="no history"):
        plots.learning_curves()


def test_confusion_matrix(net, tmp_path):
    images, labels = digits(300)
    net.save(tmp_path / "net.npz")
    ax = plots.confusion_matrix(tmp_path / "net.npz", images, labels)
    answers = net.predict(images)
    drawn = ax.images[0].get_array()
    for true in range(10):
        for answer in range(10):
            count = int(((labels == true) & (answers == answer)).sum())
            texts = [t.get_text() for t in ax.texts if t.get_position() == (answer, true)]
            assert texts == ([str(count)] if count else [])
            assert np.ma.filled(drawn, np.nan)[true, answer] == count or not count or true == answer
    assert f"{(answers == labels).sum()} answers right" in plots.alternative_text(ax)


def test_first_layer(net):
    ax = plots.first_layer(net)
    image = ax.images[0]
    low, high = image.get_clim()
    assert low == -high and image.get_cmap()(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.05)  # white at 0
    assert np.array_equal(image.get_array()[:28, :28], net.layer(0)[1:, 0].reshape(28, 28))
    assert np.array_equal(image.get_array()[29:57, 29:57], net.layer(0)[1:, 11].reshape(28, 28))
    with pytest.raises(neurone.InputError, match="5 x 5"):
        plots.first_layer(net, (5, 5))
    with pytest.raises(neurone.InputError, match="committee"):
        plots.first_layer(neurone.Committee([net]))


def test_misread(net):
    images, labels = digits(300)
    answers, sure = net.predict(images), net.predict_proba(images).max(axis=1)
    wrong = np.flatnonzero(answers != labels)
    worst = wrong[np.argmax(sure[wrong])]
    ax = plots.misread(net, images, labels, count=7)
    assert ax.get_title() == f"{len(wrong)} of 300 misread" and len(ax.texts) == 7
    assert ax.texts[0].get_text() == f"{answers[worst]} ({sure[worst]:.2f}), is {labels[worst]}"
    shown = np.ma.filled(ax.images[0].get_array(), 0)[:28, :28]
    assert np.array_equal(shown * images[worst].max(), images[worst])


def test_outputs(net):
    images, _ = digits(1)
    ax = plots.outputs(net, images[0])
    want = net.predict_proba(images)[0]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx(want.tolist())
    colours = [bar.get_facecolor() for bar in ax.patches]
    assert [colours.count(colour) for colour in colours].index(1) == want.argmax()


@pytest.mark.parametrize("name", ["logistic", "tanh", "relu", "identity"])
def test_activation(name):
    curve, derivative, _ = plots.activation(name, slope=2.0).lines
    x, y = curve.get_data()
    want = {"logistic": 1 / (1 + np.exp(-2 * x)), "tanh": np.tanh(x), "relu": np.maximum(x, 0), "identity": x}[name]
    assert np.allclose(y, want, rtol=1e-12)
    away = abs(x) > 0.02  # from the kink
    assert np.allclose(derivative.get_ydata()[away], np.gradient(want, x)[away], atol=1e-2)


def test_calibration(net):
    images, labels = digits(300)
    ax = plots.calibration(net, images, labels)
    sure, right = net.predict_proba(images).max(axis=1), net.predict(images) == labels
    x, y = ax.lines[1].get_data()
    last = sure >= np.floor(10 * sure.max()) / 10
    assert (x[-1], y[-1]) == pytest.approx((sure[last].mean(), right[last].mean()))


def test_an_axes_is_taken_and_nothing_is_clipped(net, style):
    """Text has the style's colour, and lies within the figure."""
    images, labels = digits(100)
    figure, ax = pyplot.subplots(layout="constrained")
    assert plots.confusion_matrix(net, images, labels, ax=ax) is ax
    assert ax.xaxis.label.get_color() == matplotlib.rcParams["axes.labelcolor"]
    figure.canvas.draw()
    whole = figure.get_window_extent()
    for text in [ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()]:
        box = text.get_window_extent()
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1


def test_saved_with_its_text(tmp_path):
    image = pytest.importorskip("PIL.Image")
    plots.save(plots.activation("tanh"), tmp_path / "a.png")
    with image.open(tmp_path / "a.png") as picture:
        assert picture.text["Description"] == "the function tanh and its derivative, from -6 to 6"
    plots.save(plots.activation("tanh"), tmp_path / "a.pdf")
    plots.save(plots.activation("tanh"), tmp_path / "a.svg")
    assert "the function tanh" in (tmp_path / "a.svg").read_text()


def test_labels_are_checked(net):
    images, labels = digits(10)
    for wrong in (labels[:5], labels * 0.5, labels[:, None]):
        with pytest.raises(neurone.InputError, match="labels are"):
            plots.confusion_matrix(net, images, wrong)


def test_of_one_output(tmp_path):
    """How sure an answer 0 is, is 1 minus the output."""
    images, labels = digits(60)
    network = neurone.Network((784, 4, 1), output="logistic", seed=1)
    labels, output = labels % 2, network.predict_proba(images)[:, 0]
    sure, answers = np.maximum(output, 1 - output), network.predict(images)
    wrong = np.flatnonzero(answers != labels)
    worst = wrong[np.argmax(sure[wrong])]
    ax = plots.misread(network, images, labels)
    assert ax.texts[0].get_text() == f"{answers[worst]} ({sure[worst]:.2f}), is {labels[worst]}"
    x, _ = plots.calibration(network, images, labels, bins=1).lines[1].get_data()
    assert x == pytest.approx(sure.mean())


def test_long_names_do_not_meet():
    images, labels = digits(200)
    network = neurone.Network((784, 10), classes=[f"a long class name, number {k}" for k in range(10)])
    figure, ax = pyplot.subplots(figsize=(5, 4), layout="constrained")
    plots.misread(network, images, labels, ax=ax)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert boxes and not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])


def test_what_is_refused(net, history, tmp_path):
    images, labels = digits(10)
    identity = neurone.Network((784, 2), output="identity", cost="quadratic")
    for call, message in (
        (lambda: plots.first_layer(net, count=0), "count"),
        (lambda: plots.first_layer(net, 28), "shape"),
        (lambda: plots.first_layer(net, (-28, -28)), "shape"),
        (lambda: plots.misread(net, images, labels, count=-1), "count"),
        (lambda: plots.misread(net, images.reshape(10, 784), labels), "dimensions"),
        (lambda: plots.confusion_matrix(net, images, labels + 10), "label 1"),
        (lambda: plots.confusion_matrix(net, images, labels.astype(int) - 10), "label -"),
        (lambda: plots.calibration(net, images, labels, bins=0), "bins"),
        (lambda: plots.calibration(identity, images, labels % 2), "identity"),
        (lambda: plots.learning_curves([]), "empty"),
        (lambda: plots.learning_curves(3), "a history is"),
    ):
        with pytest.raises(neurone.InputError, match=message):
            call()
    for value in ('"abc"', "null", "NaN"):
        (tmp_path / "wrong").write_text(history.read_text().replace('"cost": 0.5', f'"cost": {value}', 1))
        with pytest.raises(neurone.InputError, match="line 1"):
            plots.learning_curves(tmp_path / "wrong")
