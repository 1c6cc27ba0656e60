"""Estimators and pipelines as networks, and as files of ONNX and C."""

import subprocess
import sys
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
import joblib
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, Normalizer, RobustScaler, StandardScaler

import neurone
from neurone.formats import network_of, save_c, save_onnx
from neurone.sklearn import NeuroneClassifier, NeuroneRegressor

RNG = np.random.Generator(np.random.Philox(1))
INPUTS = RNG.standard_normal((60, 4)) * [1, 10, 0.1, 5] + [3, -20, 0, 1]
LABELS = np.arange(60) % 3


def fitted(*steps, **options):
    last = NeuroneClassifier((5,), solver="lbfgs", max_iter=20, random_state=0, **options)
    with pytest.warns(UserWarning):
        return make_pipeline(*steps, last).fit(INPUTS, LABELS)


@pytest.mark.parametrize(
    "steps",
    [
        (StandardScaler(),), (StandardScaler(with_mean=False),), (StandardScaler(with_std=False),), (RobustScaler(),),
        (RobustScaler(with_centering=False),), (MinMaxScaler((-1, 2)),), (MaxAbsScaler(),), ("passthrough",), (),
        (StandardScaler(), MinMaxScaler(), "passthrough"),
    ],
    ids=str,
)  # fmt: skip
def test_scalers_go_into_the_first_layer(steps):
    """To 64-bit rounding."""
    model = fitted(*steps, dtype="float64")
    before = model[-1].network_.parameters.copy()
    np.testing.assert_allclose(network_of(model).predict_proba(INPUTS), model.predict_proba(INPUTS), rtol=1e-9)
    assert np.array_equal(model[-1].network_.parameters, before)


def test_a_pipeline_as_onnx_and_c(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model = fitted(StandardScaler())
    save_onnx(model, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    (found,) = session.run(None, {"input": INPUTS.astype(np.float32)})
    np.testing.assert_allclose(found, model.predict_proba(INPUTS), atol=1e-4)
    save_c(model, tmp_path / "model.c")
    save_c(network_of(model), tmp_path / "network.c")
    assert (tmp_path / "model.c").read_bytes() == (tmp_path / "network.c").read_bytes()


def test_the_command_takes_a_pickle(tmp_path):
    joblib.dump(fitted(StandardScaler()), tmp_path / "model.joblib")
    (tmp_path / "text").write_text("no pickle")

    def run(*arguments):
        command = [sys.executable, "-m", "neurone.export", *map(str, arguments)]
        return subprocess.run(
            [*command, "--format", "c", "--output", "out.c"], cwd=tmp_path, capture_output=True, text=True
        )

    done = run("model.joblib", "--pickle")
    assert done.returncode == 0, done.stderr
    save_c(joblib.load(tmp_path / "model.joblib"), tmp_path / "model.c")
    assert (tmp_path / "out.c").read_bytes() == (tmp_path / "model.c").read_bytes()
    for arguments, word in ((("model.joblib",), "model.joblib"), (("text", "--pickle"), "cannot be unpickled")):
        done = run(*arguments)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and word in done.stderr


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (NeuroneRegressor(), "the NeuroneRegressor is not fitted"),
        (make_pipeline(StandardScaler(), NeuroneClassifier()), "not fitted"),
        (Pipeline([("scale", StandardScaler())]), "class StandardScaler; give a Network"),
        (3, "class int; give"),
    ],
)
def test_other_models_are_refused(model, message, tmp_path):
    for save in (save_c, save_onnx):
        with pytest.raises(neurone.InputError, match=message):
            save(model, tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", [Normalizer(), MinMaxScaler(clip=True)])
def test_other_steps_are_refused_by_name(step):
    with pytest.raises(neurone.InputError, match=r"step '(normalizer|minmaxscaler)' is (Normalizer|MinMaxScaler)"):
        network_of(fitted(step))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_skl2onnx_takes_the_estimators(dtype):
    """In a pipeline with steps that no layer can do: labels, probabilities and numbers under onnxruntime."""
    skl2onnx, onnxruntime = pytest.importorskip("skl2onnx"), pytest.importorskip("onnxruntime")
    inputs = INPUTS.astype(np.float32)

    def outputs(model, **options):
        model = skl2onnx.to_onnx(model, inputs[:1], **options)
        return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"X": inputs})

    def fitted(kind, targets):
        last = kind(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=20, random_state=0, dtype=dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return make_pipeline(StandardScaler(), Normalizer(), last).fit(inputs, targets)

    names = np.array(["a", "b", "c"])
    for labels in (LABELS, LABELS % 2, names[LABELS], names[LABELS % 2], 0 * LABELS + 4, np.eye(3, dtype=int)[LABELS]):
        model = fitted(NeuroneClassifier, labels)
        found, probabilities = outputs(model, options={"zipmap": False})
        assert np.array_equal(found, model.predict(inputs))
        np.testing.assert_allclose(probabilities, model.predict_proba(inputs), atol=1e-5)
    for targets in (inputs[:, 0], inputs[:, :2]):
        model = fitted(NeuroneRegressor, targets)
        np.testing.assert_allclose(outputs(model)[0].reshape(targets.shape), model.predict(inputs), atol=1e-4)
