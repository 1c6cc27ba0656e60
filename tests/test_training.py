"""`fit`: what its options mean, and that nothing but them decides the bits."""

import hashlib

import numpy as np
import pytest

import neurone
from neurone.datasets.digits import digits
from neurone.engine.tuning import LEARNERS
from neurone.randomness import _order, epoch_order, hold_out_order

RNG = np.random.Generator(np.random.Philox(11))
IMAGES = RNG.integers(0, 256, (23, 6)).astype(np.uint8)
LABELS = RNG.integers(0, 3, 23)


def trained(images=IMAGES, labels=LABELS, options=None, **settings):
    """Parameters after training a small network."""
    net = neurone.Network((6, 4, 3), **(options or {}))
    neurone.fit(net, images, labels, **{"epochs": 2} | settings)
    return net.parameters


def test_orders_are_permutations_of_seed_and_epoch_alone():
    first = epoch_order(1000, 5, 2)
    assert np.array_equal(np.sort(first), np.arange(1000)) and first.dtype == np.int64
    assert np.array_equal(first, epoch_order(1000, 5, 2))
    others = [epoch_order(1000, 5, 3), epoch_order(1000, 6, 2), hold_out_order(1000, 5), np.arange(1000)]
    # Two independent permutations agree in about one place.
    assert all((first == other).sum() < 12 for other in others)


def test_orders_are_unbiased():
    """Each of the 24 orders of 4, in 4,800 draws: chi-square with 23 degrees of freedom, 0.1 % above 49.7."""
    orders = [tuple(epoch_order(4, seed, 0)) for seed in range(4800)]
    counts = np.array([orders.count(order) for order in set(orders)])
    assert len(counts) == 24 and ((counts - 200) ** 2 / 200).sum() < 49.7


def test_unshuffled_samples_keep_their_order():
    order = epoch_order(len(IMAGES), 0, 0)
    given = trained(IMAGES[order], LABELS[order], epochs=1, shuffle=False)
    assert np.array_equal(given, trained(epochs=1, seed=0))
    assert not np.array_equal(given, trained(epochs=1, shuffle=False))


def test_learning_rate_decays_by_the_epoch():
    net, step = neurone.Network((6, 4, 3)), neurone.Network((6, 4, 3))
    history = neurone.fit(net, IMAGES, LABELS, learning_rate=0.3, decay=0.5, epochs=3, shuffle=False)
    assert [report.learning_rate for report in history] == [0.3, 0.15, 0.075]
    assert [report.epoch for report in history] == [0, 1, 2]
    for rate in (0.3, 0.15, 0.075):
        neurone.fit(step, IMAGES, LABELS, learning_rate=rate, epochs=1, shuffle=False)
    assert np.array_equal(net.parameters, step.parameters)


def test_none_is_the_whole_set_and_larger_batches_are_it_too():
    whole = trained(batch_size=None)
    assert np.array_equal(whole, trained(batch_size=23))
    assert np.array_equal(whole, trained(batch_size=1000))
    assert not np.array_equal(whole, trained(batch_size=22))


def test_sum_is_mean_times_the_batch():
    """Exactly so where P is a power of 2 and divides the set."""
    images, labels = IMAGES[:16], LABELS[:16]
    mean = trained(images, labels, batch_size=8, learning_rate=0.8)
    assert np.array_equal(mean, trained(images, labels, batch_size=8, learning_rate=0.1, reduction="sum"))


@pytest.mark.parametrize("kernels", ["notes", "fast"])
@pytest.mark.parametrize("batch_size", [1, 5, None])
def test_length_of_kernel_calls_changes_nothing(batch_size, kernels, monkeypatch):
    expected = trained(batch_size=batch_size)
    done = []
    monkeypatch.setattr(LEARNERS[kernels], "samples_per_call", lambda self: 3)
    assert np.array_equal(expected, trained(batch_size=batch_size, kernels=kernels, progress=done.append))
    # How fast they grow depends on the clock.
    assert done[0] == 3 and len(done) > 4 and sum(done) == 2 * len(IMAGES)


def test_labels_are_one_hot_targets():
    assert np.array_equal(trained(), trained(labels=np.eye(3)[LABELS]))
    binary = dict(output="logistic")
    net, other = neurone.Network((6, 1), **binary), neurone.Network((6, 1), **binary)
    neurone.fit(net, IMAGES, LABELS % 2)
    neurone.fit(other, IMAGES, (LABELS % 2)[:, None].astype(float))
    assert np.array_equal(net.parameters, other.parameters)


def test_inputs_are_left_alone():
    images, labels = IMAGES.copy(), LABELS.copy()
    images.flags.writeable = labels.flags.writeable = False
    assert np.array_equal(trained(images, labels), trained())


def test_training_error_counts_answers_before_the_correction():
    """With the whole set in one batch that is the untrained network's error; cost likewise."""
    net = neurone.Network((6, 4, 3), dtype="float64")
    outputs = net.predict_proba(IMAGES)
    expected = 100 * (net.predict(IMAGES) != LABELS).mean()
    cost = -np.log(outputs[np.arange(23), LABELS]).mean()
    (report,) = neurone.fit(net, IMAGES, LABELS, batch_size=None, epochs=1)
    assert report.train_error == pytest.approx(expected, rel=1e-15)
    assert report.cost == pytest.approx(cost, rel=1e-12)  # the logarithm of a quotient, and a difference
    assert report.validation_error is None and report.seconds > 0


def test_float_targets_have_no_training_error():
    net = neurone.Network((6, 2), output="identity", cost="quadratic")
    (report,) = neurone.fit(net, IMAGES, RNG.random((23, 2)), learning_rate=0.01, epochs=1)
    assert report.train_error is None


def test_one_output_is_wrong_by_the_rule_of_predict():
    """An answer is 1 from 0.5 on."""
    net = neurone.Network((1, 1), output="identity", cost="quadratic")
    net.parameters[:] = [0, 1]
    (report,) = neurone.fit(net, [[0.3], [0.4], [0.6]], [1, 1, 1], learning_rate=1e-9, batch_size=None, epochs=1)
    assert report.train_error == pytest.approx(200 / 3)


def test_validation_changes_nothing_but_the_report():
    net = neurone.Network((6, 4, 3))
    history = neurone.fit(net, IMAGES, LABELS, epochs=2, validation=(IMAGES[:7], LABELS[:7]))
    assert np.array_equal(net.parameters, trained())
    assert history[-1].validation_error == pytest.approx(100 * (net.predict(IMAGES[:7]) != LABELS[:7]).mean())


def _mean_cost(net, outputs, wanted):
    """By NumPy, in 64 bits, from the outputs."""
    if net.cost != "log":
        return (np.square(outputs - wanted).sum(axis=1) / (1 + (net.cost == "half-quadratic"))).mean()
    costs = -wanted * np.log(outputs)
    if net.output == "logistic":
        costs -= (1 - wanted) * np.log(1 - outputs)
    return costs.sum(axis=1).mean()


@pytest.mark.parametrize(
    ("output", "cost"),
    [("softmax", "log"), ("logistic", "log"), ("logistic", "half-quadratic"), ("tanh", "quadratic"),
     ("identity", "half-quadratic")],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_validation_cost(output, cost, dtype):
    """That of training, for labels and for float targets; the same bits whatever computes it."""
    wanted = RNG.random((40, 3))
    wanted /= wanted.sum(axis=1, keepdims=True)
    images = RNG.integers(0, 256, (40, 6)).astype(np.uint8)
    for targets in (wanted, np.arange(40) % 3, np.eye(3)[np.arange(40) % 3]):
        found = set()
        for kernels, threads, given in (
            ("fast", 1, images),
            ("notes", 1, images),
            ("fast", 3, images / dtype_of(dtype)),
        ):
            net = neurone.Network((6, 4, 3), output=output, cost=cost, dtype=dtype, slope=0.7)
            (report,) = neurone.fit(
                net, IMAGES, LABELS, learning_rate=0.01, epochs=1, validation=(given, targets), kernels=kernels,
                threads=threads,
            )  # fmt: skip
            found.add((report.validation_cost, report.validation_error))
            # The untrained network's cost, as training counts it with the whole set in a batch.
            again = neurone.Network((6, 4, 3), output=output, cost=cost, dtype=dtype, slope=0.7)
            again.parameters = net.parameters
            (seen,) = neurone.fit(again, given, targets, batch_size=None, shuffle=False, epochs=1)
            assert report.validation_cost == seen.cost and report.validation_error == seen.train_error
        assert len(found) == 1
        one_hot = targets if np.ndim(targets) == 2 else np.eye(3)[targets]
        expected = _mean_cost(net, net.predict_proba(images).astype(float), one_hot)
        assert report.validation_cost == pytest.approx(expected, rel=1e-6 if dtype == "float32" else 1e-12)
        assert (report.validation_error is None) == (targets is wanted)


def dtype_of(name):
    """255, in a width: floats divided by it are what bytes become."""
    return np.dtype(name).type(255)


def test_a_validation_cost_is_never_infinite():
    """Where a softmax rounds to 0."""
    net = neurone.Network((1, 2))
    net.parameters[:] = [0, 0, 1000, -1000]
    (report,) = neurone.fit(net, [[0.0]], [0], epochs=1, validation=([[1.0]], [1]))
    assert report.validation_cost == pytest.approx(2000, rel=1e-4) and net.predict_proba([[1.0]])[0, 1] == 0


def test_patience_judges_float_targets_by_the_validation_cost():
    wanted = RNG.random((23, 2))
    net = neurone.Network((6, 2), output="identity", cost="quadratic")
    parameters = []
    history = neurone.fit(
        net, IMAGES[:12], wanted[:12], learning_rate=0.3, epochs=20, validation=(IMAGES[12:], wanted[12:]),
        patience=np.inf, callback=lambda _: parameters.append(net.parameters.copy()),
    )  # fmt: skip
    costs = [report.validation_cost for report in history]
    best = costs.index(min(costs))
    assert best < 19 and np.array_equal(net.parameters, parameters[best])


def test_no_epochs_leave_the_network_alone(monkeypatch):
    """And compile no kernels, which take seconds."""
    monkeypatch.delitem(LEARNERS, "fast")
    assert np.array_equal(trained(epochs=0), neurone.Network((6, 4, 3)).parameters)
    with pytest.raises(KeyError):
        trained(epochs=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(learning_rate=0), "learning_rate is 0"),
        (dict(learning_rate=-1), "learning_rate is -1"),
        (dict(learning_rate=float("nan")), "learning_rate is nan"),
        (dict(learning_rate="0.1"), "learning_rate is '0.1'"),
        (dict(learning_rate=1e-50), "float32 rounds to"),
        (dict(learning_rate=1e50), "float32 rounds to"),
        (dict(decay=0), "decay is 0"),
        (dict(decay=1e30, epochs=3), "decay is 1e.30, with which"),
        (dict(decay=1e300, epochs=3), "decay is 1e.300, with which"),
        (dict(batch_size=0), "batch_size is 0"),
        (dict(batch_size=2.0), "batch_size is 2.0"),
        (dict(epochs=-1), "epochs is -1"),
        (dict(reduction="max"), "reduction is 'max'"),
        (dict(kernels="slow"), "kernels is 'slow'"),
        (dict(threads=0), "threads is 0"),
        (dict(seed=-1), "seed is -1"),
        (dict(images=IMAGES[:0], labels=LABELS[:0]), "no sample"),
        (dict(labels=LABELS + 1), "label 3"),
        (dict(validation=IMAGES), "validation is no pair"),
        (dict(validation=(IMAGES, LABELS[:5])), "23 images take"),
        (dict(validation=(IMAGES[:0], LABELS[:0])), "at least one sample"),
        (dict(validation=(IMAGES, np.full((23, 3), 0.5))), "validation: targets of sample 0 sum to 1.5"),
        (dict(validation=(IMAGES, LABELS + 1)), "validation: label 3"),
        (dict(validation=(np.ma.masked_array(IMAGES, IMAGES > 9), LABELS)), "validation: images have masked"),
        (dict(labels=np.ma.masked_array(LABELS, LABELS > 1)), "labels have masked"),
        (dict(sample_weight=np.ma.masked_array(np.ones(23), LABELS > 1)), "sample_weight have masked"),
        (dict(progress=5), "progress is 5; give a function that takes a number of samples"),
        (dict(callback="print"), "callback is 'print'; give a function that takes a report"),
        (dict(shuffle="no"), "shuffle is 'no'; give True or False"),
        (dict(nesterovs_momentum=0), "nesterovs_momentum is 0"),
        (dict(momentum=1 - 1e-12), "momentum is 0.999999999999"),
        (dict(momentum=10**400), "momentum is 1000.*\\.\\.\\.; give a number"),
        (dict(tol=10**5000), "tol is too long an int; give a number"),
        (dict(learning_rate=np.ones((3, 3))), r"learning_rate is array\(\[\[1., 1., 1.\], \[1"),
        (dict(patience=np.ones(2)), r"patience is array\(\[1., 1.\]\)"),
        (dict(epochs=np.timedelta64(3)), "epochs is np.timedelta64"),
    ],
)
def test_bad_settings_train_nothing(settings, message):
    net = neurone.Network((6, 4, 3))
    before = net.parameters.copy()
    with pytest.raises(neurone.InputError, match=message) as raised:
        neurone.fit(net, **{"images": IMAGES, "labels": LABELS} | settings)
    assert np.array_equal(net.parameters, before)
    assert "\n" not in str(raised.value) and len(str(raised.value)) < 300


@pytest.mark.parametrize("other", [None, "net", IMAGES])
def test_only_a_network_is_trained(other):
    with pytest.raises(neurone.InputError, match="give a neurone"):
        neurone.fit(other, IMAGES, LABELS)


def test_an_infinite_cost_is_divergence():
    """The parameters are still finite, but JSON has no word for the cost."""
    net = neurone.Network((6, 2), output="identity", cost="quadratic")
    with pytest.raises(neurone.DivergenceError, match="cost not finite"):
        neurone.fit(net, IMAGES, np.full((23, 2), 1e30), learning_rate=1e-30, batch_size=None, epochs=1)


def test_divergence_names_the_epoch_and_the_cause():
    net = neurone.Network((6, 2), output="identity", cost="quadratic")
    with pytest.raises(neurone.DivergenceError, match=r"epoch \d+, .*learning rate 100 is probably too large"):
        neurone.fit(net, IMAGES, RNG.random((23, 2)), learning_rate=100, epochs=50)


def test_the_same_bits_on_every_machine():
    """32-bit training uses no library function: this digest holds wherever the package runs."""
    images, labels = digits(500, seed=3)
    net = neurone.Network((784, 100, 10, 10), seed=4)
    neurone.fit(net, images, labels, epochs=2, batch_size=7, learning_rate=0.5, seed=5)
    digest = hashlib.sha256(net.parameters.tobytes()).hexdigest()
    assert digest == "e212e1dbf18831cf4f700aab768014fc8488ec4d52d46dcf9d642ed90da362a2"


def test_the_order_is_that_of_the_words():
    """Of their upper halves, equal ones as they come: checkpoints rely on it."""
    words = np.random.Generator(np.random.Philox(1)).integers(0, 1 << 63, 1000, np.uint64)
    words[500:] = words[:500] ^ np.uint64(5)  # equal in their upper halves
    assert np.array_equal(_order(words), np.lexsort((np.arange(1000), words >> np.uint64(32))))
