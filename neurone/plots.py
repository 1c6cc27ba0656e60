"""Pictures of networks and trainings, by matplotlib (the extra `plots`).

Each function draws on an `Axes`, its own where none is given, and returns it. Networks and histories may be given as
the files of `Network.save` and `train --history`. Colours are those of the style in force, dark or light. What a
picture shows is told in words by `alternative_text`, and in the metadata of files that `save` writes.
"""

import os

import numpy as np

from neurone import options
from neurone.answers import class_name, confusion
from neurone.committee import Committee, load
from neurone.errors import ExtraError, InputError
from neurone.kernels.scalars import activate, derivative
from neurone.training.reports import Report, read_history

# What learning curves show: its name, and the reports' fields with what they were found on.
_LEARNING = {
    "error": ("error in %", (("train_error", "training"), ("validation_error", "held out"))),
    "cost": ("cost", (("cost", "training"), ("validation_cost", "held out"))),
    "learning_rate": ("learning rate", (("learning_rate", ""),)),
}
_LABELLED = 30  # classes that a confusion matrix names and counts
_ABREAST, _CAPTIONED = 10, 4  # images in a row, alone and with a line below
_LONGEST = 10  # letters of a name below an image


def learning_curves(*histories, names=None, what="error", ax=None):
    """Curves over the epochs of one or several trainings.

    Parameters
    ----------
    *histories : path-like or list of Report
        Files of `train --history`, or what `fit` returns.
    names : list of str, optional
        Of the histories, in the legend.
    what : {"error", "cost", "learning_rate"}
        Of errors and costs, those on the training samples (dashed, as they pass) and on those held out, where there are
        any.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        A file that is no history, or one without what is asked for.

    Examples
    --------
    >>> import numpy as np, neurone
    >>> net = neurone.Network((2, 3, 2))
    >>> history = neurone.fit(net, np.eye(2), np.array([0, 1]), epochs=5)
    >>> learning_curves(history).get_ylabel()
    'error in %'
    """
    options.choice("what", what, _LEARNING)
    runs = [_reports(history) for history in histories]
    if not runs:
        raise InputError("no history is given; give at least one, a file of --history or what fit returns")
    names = [str(each) for each in names] if names is not None else _names_of(histories)
    if len(names) != len(runs):
        raise InputError(f"names are {len(names)}, histories {len(runs)}; give a name for each")
    (title, parts), told, ax = _LEARNING[what], [], _axes(ax)
    for number, (name, reports) in enumerate(zip(names, runs, strict=True)):
        found = [(key, part) for key, part in parts if all(getattr(r, key) is not None for r in reports)]
        if not found:
            raise InputError(f"the history {name!r} has no {title}; ask for another with what=")
        epochs = [report.epoch + 1 for report in reports]
        for key, part in found:
            values = [getattr(report, key) for report in reports]
            style = "--" if part == "training" and len(found) > 1 else "-"
            label = ", ".join(filter(None, (name if len(runs) > 1 else "", part)))
            ax.plot(epochs, values, style, color=f"C{number}", label=label, marker="." * (len(epochs) < 3) or None)
            told.append(f"{label or name} from {values[0]:.3g} to {values[-1]:.3g} in {len(epochs)} epochs")
    ax.set(xlabel="epoch", ylabel=title)
    ax.xaxis.get_major_locator().set_params(integer=True)
    if max(len(reports) for reports in runs) == 1:
        ax.set_xlim(0, 2)
    if what != "learning_rate":
        ax.set_ylim(bottom=0)
    if len(ax.lines) > 1 or len(runs) > 1:
        ax.legend(frameon=False)
    return _told(ax, f"{title} by epoch: " + "; ".join(told))


def confusion_matrix(network, images, labels, ax=None):
    """How often each class was taken for which. Right answers stand on the diagonal, without colour.

    Parameters
    ----------
    network : Network, Committee or path-like
    images, labels : ndarray
        As `predict` takes them; labels are integers (P,).
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np, neurone
    >>> net = neurone.Network((2, 2))
    >>> confusion_matrix(net, np.eye(2), np.array([0, 1])).get_xlabel()
    'answer'
    """
    network = _network(network)
    labels = _labels(network, images, labels)
    answers = network.predict(images)
    counts = confusion(labels, answers)
    ax, classes = _axes(ax), len(counts)
    wrong = np.where(np.eye(classes, dtype=bool) | (counts == 0), np.nan, counts)
    most = np.nanmax(wrong) if np.isfinite(wrong).any() else 1
    ax.imshow(wrong, cmap="Oranges", vmin=0, vmax=most)
    small = {"fontsize": min(9, 85 / classes)}
    if classes <= _LABELLED:
        for row, column in zip(*np.nonzero(counts), strict=True):
            count = counts[row, column]
            wrongly = {"color": "white" if count > 0.6 * most else "black"}
            look = {"fontweight": "bold"} if row == column else wrongly
            ax.text(column, row, str(count), ha="center", va="center", **small, **look)
        names = [class_name(network, label) for label in range(classes)]
        ax.set_xticks(range(classes), names, rotation=90 if max(map(len, names)) > 2 else 0, **small)
        ax.set_yticks(range(classes), names, **small)
    ax.set(xlabel="answer", ylabel="true class")
    right = int(np.trace(counts))
    return _told(ax, f"confusion matrix of {len(labels)} images in {classes} classes: {right} answers right")


def first_layer(network, shape=None, count=100, ax=None):
    """The weights into the neurons of the first layer, each as an image: red above 0, blue below, white at 0.

    Parameters
    ----------
    network : Network or path-like
    shape : (int, int), optional
        Rows and columns of an image; by default a square.
    count : int
        How many neurons, from the first on.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    InputError
        A committee; a shape of other pixels than the network's inputs.

    Examples
    --------
    >>> import neurone
    >>> first_layer(neurone.Network((784, 30, 10))).get_title()
    '30 neurons of the first layer'
    """
    network = _network(network)
    if isinstance(network, Committee):
        raise InputError("a committee has several first layers; give one of its networks")
    inputs, count = network.sizes[0], options.integer("count", count)
    if shape is not None and not (isinstance(shape, tuple | list) and len(shape) == 2):
        raise InputError(f"shape is {options.described(shape)}; give (rows, columns)")
    rows, columns = (round(inputs**0.5),) * 2 if shape is None else (options.integer("shape", each) for each in shape)
    if rows * columns != inputs:
        raise InputError(f"shape is {rows} x {columns}, the network has {inputs} inputs; give rows and columns of them")
    weights = network.layer(0)[1:, :count].T.reshape(-1, rows, columns)
    # A few weights far beyond all others would leave the rest pale.
    largest = float(np.quantile(np.abs(weights), 0.998)) or 1.0
    ax = _axes(ax)
    ax.imshow(_mosaic(weights), cmap="RdBu_r", vmin=-largest, vmax=largest)
    _bare(ax, f"{len(weights)} neurons of the first layer")
    return _told(
        ax, f"weights of {len(weights)} neurons as images of {rows} x {columns}, nearly all within {largest:.2g} of 0"
    )


def misread(network, images, labels, count=20, ax=None):
    """The images that were misread most surely, with what was read instead, how surely, and what they are.

    Parameters
    ----------
    network : Network, Committee or path-like
    images : ndarray
        (P, rows, columns).
    labels : ndarray of integers, (P,)
    count : int
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np, neurone
    >>> images = np.zeros((4, 5, 5), np.uint8)
    >>> misread(neurone.Network((25, 2)), images, np.array([0, 0, 1, 1])).get_title()
    '2 of 4 misread'
    """
    network = _network(network)
    labels = _labels(network, images, labels)
    if np.ndim(images) != 3:
        raise InputError(f"images have {np.ndim(images)} dimensions; give (P, rows, columns)")
    count = options.integer("count", count)
    answers, sure = _answers(network, images)
    wrong = np.flatnonzero(answers != labels)
    chosen = wrong[np.argsort(-sure[wrong], kind="stable")][:count]
    ax, told = _axes(ax), []
    rows, columns = np.asarray(images).shape[1:]
    if len(chosen):
        abreast = min(_CAPTIONED, len(chosen))
        met = {*answers[chosen].tolist(), *labels[chosen].tolist()}
        names = {each: _short(class_name(network, each)) for each in met}
        apart = "\n" if max(map(len, names.values())) > 2 else ", "
        step = rows + max(6, rows // 3) * (2 if apart == "\n" else 1)  # room below
        lines = -(-len(chosen) // abreast)
        gap = 2 * columns if apart == "\n" else columns // 2  # and beside, for the line is wider than its image
        wide = columns + gap
        whole = np.full((lines * step, abreast * wide - gap), np.nan)
        for place, index in enumerate(chosen):
            top, left = place // abreast * step, place % abreast * wide
            whole[top : top + rows, left : left + columns] = images[index] / (np.max(images[index]) or 1)
            answer, label = (names[int(each[index])] for each in (answers, labels))
            ax.text(
                left + columns / 2, top + rows + 0.5, f"{answer} ({sure[index]:.2f}){apart}is {label}",
                ha="center", va="top", fontsize=8,
            )  # fmt: skip
            told.append(f"{label} as {answer}")
        ax.imshow(whole, cmap="gray", vmin=0, vmax=1)
    _bare(ax, f"{len(wrong)} of {len(labels)} misread")
    return _told(ax, f"{len(wrong)} of {len(labels)} images misread; the surest: {', '.join(told) or 'none'}")


def outputs(network, image, ax=None):
    """The outputs for one image, as bars.

    Parameters
    ----------
    network : Network, Committee or path-like
    image : ndarray
        As one of those that `predict` takes.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np, neurone
    >>> len(outputs(neurone.Network((4, 3)), np.ones(4)).patches)
    3
    """
    network = _network(network)
    values = network.predict_proba(np.asarray(image)[None])[0]
    names = [class_name(network, label) for label in range(len(values))] if len(values) > 1 else ["output"]
    ax = _axes(ax)
    best = int(values.argmax())
    ax.barh(range(len(values)), values, color=["C1" if k == best else "C0" for k in range(len(values))])
    ax.set_yticks(range(len(values)), names)
    ax.invert_yaxis()
    ax.set(xlabel="output", xlim=(min(0, values.min()), max(1, values.max())))
    return _told(ax, "outputs: " + ", ".join(f"{name} {y:.3f}" for name, y in zip(names, values, strict=True)))


def activation(name, slope=1.0, ax=None):
    """An activation and its derivative from -6 to 6, as on the notes' first page (specification section 1).

    Parameters
    ----------
    name : {"logistic", "tanh", "relu", "identity"}
    slope : float
        Of the logistic function.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> activation("tanh").get_title()
    'tanh'
    """
    options.choice("name", name, options.ACTIVATIONS)
    code, slope = options.ACTIVATIONS[name], options.positive("slope", slope)
    x = np.linspace(-6, 6, 481)
    y = [activate(code, s, slope) for s in x]
    ax = _axes(ax)
    ax.plot(x, y, label="g")
    ax.plot(x, [derivative(code, u, slope) for u in y], "--", label="derivative")
    ax.axhline(0, linewidth=0.5, color="grey")
    ax.set(xlabel="x", title=name + (f", slope {slope:g}" if name == "logistic" and slope != 1 else ""))
    ax.legend(frameon=False)
    return _told(ax, f"the function {name} and its derivative, from -6 to 6")


def calibration(network, images, labels, bins=10, ax=None):
    """How often answers are right, by how sure the network is of them; on the diagonal it is as sure as it should be.

    Parameters
    ----------
    network : Network, Committee or path-like
    images, labels : ndarray
        As for `confusion_matrix`. The output is softmax, or logistic.
    bins : int
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> import numpy as np, neurone
    >>> calibration(neurone.Network((2, 2)), np.eye(2), np.array([0, 1])).get_ylabel()
    'share of right answers'
    """
    network, bins = _network(network), options.integer("bins", bins)
    labels = _labels(network, images, labels)
    if _first(network).output not in ("softmax", "logistic"):
        raise InputError(f"the network's output is {_first(network).output}; how sure it is, softmax and logistic tell")
    answers, sure = _answers(network, images)
    right = answers == labels
    which = np.minimum((sure * bins).astype(int), bins - 1)
    counts, sums, hits = (np.bincount(which, weights, bins) for weights in (None, sure, right))
    some = counts > 0
    gap = float(np.abs(sums - hits).sum() / len(labels))
    ax = _axes(ax)
    ax.plot([0, 1], [0, 1], linewidth=0.8, color="grey")
    ax.plot(sums[some] / counts[some], hits[some] / counts[some], "o-")
    ax.set(xlabel="output of the answer", ylabel="share of right answers", xlim=(0, 1.02), ylim=(0, 1.02))
    ax.set_title(f"mean gap {100 * gap:.2f} %")
    return _told(ax, f"share of right answers by output of the answer, {bins} steps; mean gap {100 * gap:.2f} %")


def alternative_text(ax):
    """What the picture shows, in words, for those who do not see it.

    Examples
    --------
    >>> alternative_text(activation("relu"))
    'the function relu and its derivative, from -6 to 6'
    """
    return ax.alternative_text


def save(ax, path, **settings):
    """Write the figure of `ax` to a PNG, SVG or PDF file, with the alternative text among its metadata.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    path : path-like
    **settings
        For `Figure.savefig`, such as `dpi`.

    Examples
    --------
    >>> import tempfile
    >>> save(activation("tanh"), tempfile.mkdtemp() + "/tanh.png")
    """
    key = "Subject" if os.fspath(path).endswith(".pdf") else "Description"
    ax.figure.savefig(path, metadata={key: alternative_text(ax)}, bbox_inches="tight", **settings)


def check_matplotlib():
    """Raise `ExtraError` where plots cannot be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise ExtraError(
            "plots need matplotlib: pip install matplotlib, or this package with its extra 'plots'"
        ) from None


def _axes(ax):
    if ax is not None:
        return ax
    check_matplotlib()
    from matplotlib import pyplot

    return pyplot.subplots(layout="constrained")[1]


def _network(network):
    return network if hasattr(network, "predict_proba") else load(network)


def _first(network):
    """A network, of a committee the first; all have the same output function."""
    return network.networks[0] if isinstance(network, Committee) else network


def _answers(network, images):
    """What is read, and how surely: the answer's output, or with one output that of the class that it stands for."""
    answers, outputs = network.predict(images), network.predict_proba(images)
    if outputs.shape[1] == 1:
        return answers, np.where(answers == 1, outputs[:, 0], 1 - outputs[:, 0])
    return answers, outputs[np.arange(len(outputs)), answers]


def _short(name):
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _labels(network, images, labels):
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.shape != (len(images),) or labels.size == 0:
        raise InputError(
            f"labels are {labels.dtype} {labels.shape} of {len(images)} images; give integers (P,), one for each"
        )
    classes = max(network.sizes[-1], 2)
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if outside.size:
        raise InputError(
            f"label {labels[outside[0]]} at position {outside[0]}; the network has labels from 0 to {classes - 1}"
        )
    return labels


def _reports(history):
    """The reports of a file of --history, or those given."""
    if isinstance(history, str | os.PathLike):
        return read_history(history)
    if not isinstance(history, list | tuple) or not all(isinstance(report, Report) for report in history):
        raise InputError(f"a history is {options.described(history)}; give a file of --history, or what fit returns")
    if not history:
        raise InputError("a history is empty; give one of an epoch at least")
    return list(history)


def _names_of(histories):
    return [
        os.path.basename(os.fspath(each)) if isinstance(each, str | os.PathLike) else str(number)
        for number, each in enumerate(histories, 1)
    ]


def _mosaic(images):
    """Images (count, rows, columns) side by side, nothing between them."""
    count, rows, columns = images.shape
    abreast = min(_ABREAST, count)
    whole = np.full((-(-count // abreast) * (rows + 1) - 1, abreast * (columns + 1) - 1), np.nan)
    for place, image in enumerate(images):
        top, left = place // abreast * (rows + 1), place % abreast * (columns + 1)
        whole[top : top + rows, left : left + columns] = image
    return whole


def _bare(ax, title):
    ax.set_axis_off()
    ax.set_title(title)


def _told(ax, text):
    ax.alternative_text = text
    return ax
