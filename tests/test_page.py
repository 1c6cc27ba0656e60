"""The page that reads digits, in a real browser: bits of `predict_proba`, images as `predict` makes them, strokes."""

import base64

import numpy as np
import pytest

import neurone
from neurone.datasets.digits import digits
from neurone.engine.preparation import Preparation
from neurone.formats import save_html
from neurone.formats.int8 import Quantised
from neurone.images import read
from neurone.network import Network

Image = pytest.importorskip("PIL.Image")
photographs = pytest.importorskip("photographs")

_PREDICT = """text => {
    const all = Uint8Array.from(atob(text), c => c.charCodeAt(0)), outputs = [];
    for (let k = 0; k < all.length; k += 784) outputs.push([...window.neurone.predict(all.slice(k, k + 784))]);
    return outputs;
}"""
_PREPARE = """async text => {
    const blob = await (await fetch("data:image/png;base64," + text)).blob();
    const bitmap = await createImageBitmap(blob, {premultiplyAlpha: "none", colorSpaceConversion: "none"});
    const canvas = Object.assign(document.createElement("canvas"), {width: bitmap.width, height: bitmap.height});
    const context = canvas.getContext("2d");
    context.drawImage(bitmap, 0, 0);
    const image = window.neurone.prepare(context.getImageData(0, 0, bitmap.width, bitmap.height));
    return image && [...image];
}"""
# Where the pen goes, as parts of the paper.
STROKES = {
    "0": [[(0.5, 0.15), (0.35, 0.25), (0.3, 0.5), (0.35, 0.75), (0.5, 0.85), (0.65, 0.75), (0.7, 0.5), (0.65, 0.25),
           (0.5, 0.15)]],
    "1": [[(0.5, 0.15), (0.5, 0.85)]],
    "2": [[(0.33, 0.3), (0.4, 0.18), (0.6, 0.18), (0.66, 0.35), (0.35, 0.82), (0.7, 0.82)]],
    "4": [[(0.35, 0.2), (0.3, 0.5), (0.7, 0.5)], [(0.6, 0.2), (0.58, 0.85)]],
    "7": [[(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)]],
}  # fmt: skip


def encoded(data):
    return base64.b64encode(data).decode()


@pytest.fixture(scope="module")
def trained():
    images, labels = digits(6000)
    network = Network((784, 100, 10))
    neurone.fit(network, images, labels, learning_rate=0.05, epochs=3)
    return network


@pytest.fixture
def thousand(request):
    """Of MNIST, where it is."""
    try:
        return request.getfixturevalue("mnist").test_images[:1000]
    except pytest.skip.Exception:
        return digits(7000)[0][6000:]


def same_as_predict_proba(opened, path, network, images, want=None):
    page = opened(path)
    got = np.array(page.evaluate(_PREDICT, encoded(images.tobytes())))
    want = network.predict_proba(images) if want is None else want
    assert np.array_equal(got.astype(want.dtype), want)
    return page


def test_bits_of_predict_proba(opened, trained, thousand, tmp_path):
    save_html(trained, tmp_path / "a.html")
    page = same_as_predict_proba(opened, tmp_path / "a.html", trained, thousand)
    assert page.evaluate("neurone.predict(new Uint8Array(784)) instanceof Float32Array")
    assert (tmp_path / "a.html").stat().st_size < 700_000


@pytest.mark.parametrize(
    "settings",
    [
        dict(sizes=(784, 10)),
        dict(sizes=(784, 13, 7, 5), activation="tanh", output="logistic", cost="quadratic"),
        dict(sizes=(784, 13, 1), activation="logistic", slope=1.7, output="logistic"),
        dict(sizes=(784, 11, 3), activation="relu", output="tanh", cost="quadratic"),
        dict(sizes=(784, 11, 2), activation="identity", output="identity", cost="half-quadratic"),
        dict(sizes=(784, 6, 2), output="exp", cost="poisson"),
    ],
    ids=lambda settings: settings.get("output", "softmax"),
)
@pytest.mark.parametrize("factor", [1, 30, 1e-20])
def test_bits_of_every_function(opened, tmp_path, settings, factor):
    """Also where exp and tanh end, and where products are subnormal."""
    network = Network(**settings, seed=4)
    network.parameters *= np.float32(factor)
    if settings["sizes"] == (784, 6, 2) and factor > 1:
        network.parameters *= np.float32(0.1)  # exp is finite
    save_html(network, tmp_path / "a.html")
    rng = np.random.Generator(np.random.Philox(3))
    images = digits(20)[0].reshape(20, 784) // rng.integers(1, 200, (20, 1), dtype=np.uint8)
    same_as_predict_proba(opened, tmp_path / "a.html", network, images)


def test_fused_multiply_add(opened, tmp_path):
    """Sums that lie half-way between two floats but for a last bit: rounded twice, one in a few would be wrong."""
    rng = np.random.Generator(np.random.Philox(6))
    network = Network((784, 64, 10), activation="identity", output="identity", cost="quadratic")
    network.parameters[:] = np.ldexp(
        rng.integers(-(2**23), 2**23, network.parameters.size), rng.integers(-40, 3)
    ).astype(np.float32)
    network.layer(0)[0] = np.ldexp(1.0 + rng.integers(0, 2**23, 64) * 2.0**-23, 30).astype(np.float32)
    save_html(network, tmp_path / "a.html")
    images = rng.integers(0, 256, (100, 784), dtype=np.uint8)
    same_as_predict_proba(opened, tmp_path / "a.html", network, images)


def test_committee_and_64_bits(opened, tmp_path):
    networks = [
        Network((784, 9, 10), seed=1),
        Network((784, 8, 7, 10), activation="tanh", seed=2),
        Network((784, 10), dtype="float64"),
    ]
    images = digits(50)[0]
    save_html(neurone.Committee(networks[:2]), tmp_path / "a.html")
    same_as_predict_proba(opened, tmp_path / "a.html", neurone.Committee(networks[:2]), images)
    save_html(neurone.Committee(networks), tmp_path / "b.html")
    got = np.array(opened(tmp_path / "b.html").evaluate(_PREDICT, encoded(images.tobytes())))
    # The browser's exp may differ from the C library's by a unit in the last place.
    assert np.abs(got - neurone.Committee(networks).predict_proba(images)).max() < 1e-14


def test_int8(opened, trained, tmp_path):
    save_html(trained, tmp_path / "a.html", int8=True)
    images = digits(50)[0]
    want = Quantised(trained).predict_proba(images.reshape(50, 784))
    same_as_predict_proba(opened, tmp_path / "a.html", trained, images, want)
    assert (tmp_path / "a.html").stat().st_size < 200_000


def test_pictures_are_prepared_as_predict_does(opened, trained, tmp_path):
    """All 18 kinds of photographs, and pictures that are transparent, small, of dots, or empty."""
    save_html(trained, tmp_path / "a.html")
    page, rng = opened(tmp_path / "a.html"), np.random.Generator(np.random.Philox(5))
    picture = tmp_path / "picture.png"

    def same():
        want = read(picture).whole().image.ravel()
        got = page.evaluate(_PREPARE, encoded(picture.read_bytes()))
        # Least squares are solved by another method, so a byte may be rounded otherwise.
        assert np.abs(np.array(got) - want.astype(int)).max() <= 1

    for kind, how in photographs.pictures(digits(9)[0][8], rng).items():
        if kind != "turned by EXIF":  # which the browser does on its own, before the page sees it
            with Image.open(photographs.stored(*how, tmp_path / "stored")) as stored:
                stored.save(picture, "PNG")
            same()
    ink = np.zeros((60, 50), np.uint8)
    ink[10:40, 20:24] = ink[10:14, 20:40] = ink[52:54, 30:32] = 255  # a digit, and a dot below it
    transparent = np.zeros((60, 50, 4), np.uint8)
    transparent[..., 3] = ink
    for each in (255 - ink, transparent, np.kron(ink, np.ones((19, 19), np.uint8)), ink[8:42, 16:44][::3, ::3]):
        Image.fromarray(each).save(picture)
        same()
    Image.fromarray(np.full((30, 30), 77, np.uint8)).save(picture)
    assert page.evaluate(_PREPARE, encoded(picture.read_bytes())) is None


def draw(page, strokes):
    box = page.locator("#paper").bounding_box()
    for stroke in strokes:
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=5)
        page.mouse.up()


def answer(page):
    return page.locator("#answer strong").inner_text()


@pytest.mark.parametrize("width", [400, 1400])
def test_strokes(opened, trained, tmp_path, width):
    save_html(trained, tmp_path / "a.html")
    page = opened(tmp_path / "a.html", width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for digit, strokes in STROKES.items():
        draw(page, strokes)
        assert answer(page) == digit
        # The bars are what the network says of the image that is shown.
        shown = page.evaluate("[...document.querySelector('#image').getContext('2d').getImageData(0, 0, 28, 28).data]")[
            ::4
        ]
        want = trained.predict_proba(np.array(shown, np.uint8).reshape(1, 784))[0]
        assert [row.split()[-1] for row in page.locator("#outputs li").all_inner_texts()] == [f"{y:.3f}" for y in want]
        assert page.locator(".neurons i").count() == 100
        page.locator("#clear").click()
        assert page.locator("#answer").inner_text() == "Nothing yet."


def test_events_of_a_script(opened, trained, tmp_path):
    """Pointers that no device has cannot be captured."""
    save_html(trained, tmp_path / "a.html")
    page = opened(tmp_path / "a.html")
    page.evaluate("""strokes => {
        const paper = document.querySelector("#paper"), box = paper.getBoundingClientRect();
        const send = (type, [x, y]) => paper.dispatchEvent(new PointerEvent(type,
            {clientX: box.left + x * box.width, clientY: box.top + y * box.height, bubbles: true, pointerId: 9}));
        for (const [first, ...others] of strokes) {
            send("pointerdown", first);
            for (const other of others) send("pointermove", other);
            send("pointerup", others.at(-1));
        }
    }""", STROKES["4"])  # fmt: skip
    assert answer(page) == "4"
    page.locator("#undo").click()
    page.locator("#undo").click()
    assert page.locator("#undo").is_disabled() and page.locator("#answer").inner_text() == "Nothing yet."


def test_finger(opened, trained, tmp_path):
    save_html(trained, tmp_path / "a.html")
    page = opened(tmp_path / "a.html", 400, has_touch=True)
    page.locator("#paper").tap()
    assert page.locator("#answer strong").count() == 1


def test_keys(opened, trained, tmp_path):
    save_html(trained, tmp_path / "a.html")
    page = opened(tmp_path / "a.html")
    page.keyboard.press("Tab")
    for _ in range(8):
        page.keyboard.press("ArrowUp")
    page.keyboard.press(" ")
    for _ in range(16):
        page.keyboard.press("ArrowDown")
    assert answer(page) == "1"
    page.keyboard.press("Escape")
    assert page.locator("#answer").inner_text() == "Nothing yet."


def test_a_picture_is_opened(opened, trained, tmp_path):
    save_html(trained, tmp_path / "a.html")
    page = opened(tmp_path / "a.html")
    images, labels = digits(9)
    path = photographs.stored(photographs.on_paper(photographs.drawn(images[8])), "png", 1, tmp_path / "picture.png")
    page.locator("#file").set_input_files(path)
    page.locator("#answer strong").wait_for()
    assert answer(page) == str(trained.predict(read(path).whole().image[None])[0]) == str(labels[8])
    (tmp_path / "no.png").write_bytes(b"no picture")
    page.locator("#file").set_input_files(tmp_path / "no.png")
    page.get_by_text("no.png is no picture").wait_for()


def test_names_of_classes(opened, tmp_path):
    """What would end the script, or be read as markup, is shown as it is."""
    names = ("</script><script>alert(1)</script>", "<b>&amp;", "é &lt;")
    save_html(Network((784, 4, 3), classes=names), tmp_path / "a.html")
    page = opened(tmp_path / "a.html")
    assert tuple(page.locator("#outputs .name").all_text_contents()) == names
    draw(page, STROKES["1"])
    assert page.locator("#answer strong").text_content() in names


def test_what_no_page_is_made_of(tmp_path, call):
    path = tmp_path / "a.html"
    with pytest.raises(neurone.InputError, match="5 inputs"):
        save_html(Network((5, 3)), path)
    with pytest.raises(neurone.InputError, match="prepares its images"):
        save_html(Network((784, 3), preparation=Preparation((28, 28), upright=True)), path)
    broken = Network((784, 3))
    broken.parameters[3] = np.nan
    with pytest.raises(neurone.InputError, match="NaN"):
        save_html(broken, path)
    with pytest.raises(neurone.InputError, match="committee"):
        save_html(neurone.Committee([Network((784, 3)), Network((784, 3))]), path, int8=True)
    assert not path.exists()
    Network((784, 3)).save(tmp_path / "net.npz")
    assert call("export", tmp_path / "net.npz", "--format", "html", "--output", path).returncode == 0 and path.exists()


def test_draw(tmp_path, run):
    """Where no browser can be opened, the path is printed all the same."""
    Network((784, 3)).save(tmp_path / "net.npz")
    (tmp_path / "temporary").mkdir()
    done = run("draw", tmp_path / "net.npz", BROWSER="false", TMPDIR=str(tmp_path / "temporary"))
    assert done.returncode == 0
    (page,) = (tmp_path / "temporary").glob("neurone-*/net.html")
    assert done.stdout == f"{page}\n" and "<canvas" in page.read_text()


@pytest.mark.parametrize("event", ["paste", "drop"])
def test_a_picture_is_pasted_or_dropped(opened, trained, tmp_path, event):
    save_html(trained, tmp_path / "a.html")
    page = opened(tmp_path / "a.html")
    images, labels = digits(9)
    path = photographs.stored(photographs.on_paper(photographs.drawn(images[8])), "png", 1, tmp_path / "picture.png")
    page.evaluate("""async ([text, type]) => {
        const blob = await (await fetch("data:image/png;base64," + text)).blob(), data = new DataTransfer();
        data.items.add(new File([blob], "a.png", {type: "image/png"}));
        document.dispatchEvent(type === "paste"
            ? new ClipboardEvent("paste", {clipboardData: data}) : new DragEvent("drop", {dataTransfer: data}));
    }""", [encoded(path.read_bytes()), event])  # fmt: skip
    page.locator("#answer strong").wait_for()
    assert answer(page) == str(labels[8])
    draw(page, STROKES["1"])  # takes the picture's place
    assert answer(page) == "1"


def test_the_pen_is_lifted_by_what_takes_its_stroke(opened, trained, tmp_path):
    """Undo, clear and a picture in the middle of a stroke; moves after it draw nothing, and are no errors."""
    save_html(trained, tmp_path / "a.html")
    page = opened(tmp_path / "a.html")
    draw(page, STROKES["1"])
    for key, left in (("Backspace", "1"), ("Escape", None)):
        box = page.locator("#paper").bounding_box()
        page.mouse.move(box["x"] + 50, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + 90, box["y"] + 90)
        page.keyboard.press(key)
        page.mouse.move(box["x"] + 200, box["y"] + 60)
        page.mouse.up()
        if left is None:
            assert page.locator("#answer").inner_text() == "Nothing yet."
        else:
            assert answer(page) == left
    path = photographs.stored(photographs.on_paper(photographs.drawn(digits(1)[0][0])), "png", 1, tmp_path / "a.png")
    page.locator("#paper").focus()
    page.keyboard.press(" ")
    page.locator("#file").set_input_files(path)
    page.wait_for_timeout(500)
    page.locator("#paper").focus()
    page.keyboard.press("ArrowUp")
    before = answer(page)
    draw(page, STROKES["1"])  # undo brings the picture back, and what clear took
    page.locator("#clear").click()
    page.locator("#undo").click()
    assert answer(page) == "1"
    page.locator("#undo").click()
    assert answer(page) == before


def test_an_answer_outlives_a_file_that_is_no_picture(opened, trained, tmp_path):
    save_html(trained, tmp_path / "a.html")
    page = opened(tmp_path / "a.html")
    draw(page, STROKES["7"])
    (tmp_path / "no.txt").write_text("no")
    page.locator("#file").set_input_files(tmp_path / "no.txt")
    page.get_by_text("no.txt is no picture").wait_for()
    assert answer(page) == "7"


def test_outputs_that_are_not_numbers(opened, tmp_path):
    """Finite weights whose sums are infinite: the class that `predict` gives."""
    network = Network((784, 9, 3), activation="relu", seed=2)
    network.parameters[:] = np.where(network.parameters > 0, 1e38, -1e38).astype(np.float32)
    save_html(network, tmp_path / "a.html")
    page = opened(tmp_path / "a.html")
    draw(page, STROKES["1"])
    shown = page.evaluate("[...document.querySelector('#image').getContext('2d').getImageData(0, 0, 28, 28).data]")
    image = np.array(shown[::4], np.uint8).reshape(1, 784)
    assert not np.isfinite(network.predict_proba(image)).all()
    assert answer(page) == str(network.predict(image)[0])
