from io import BytesIO
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from crossfold.mlp import Activation, MLPClassifier, MLPRegressor, load, save

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
CLASSES = np.array(["a & b", "<c>", "d"])[np.arange(60) % 3]
SVG = "{http://www.w3.org/2000/svg}"


def softmax(z):
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def fitted(sizes=(4,), y=CLASSES, inputs=X, kind=MLPClassifier, **params):
    settings = {"max_iter": 2, "n_iter_no_change": float("inf"), "random_state": 0, **params}
    return kind(hidden_layer_sizes=sizes, **settings).fit(inputs, y)


def parsed(network):
    return ElementTree.fromstring(network.draw())


def lines_of(svg):
    return [list(group) for group in svg.iter(f"{SVG}g") if group.get("class") == "edges"]


def texts_of(svg):
    return [text.text for text in svg.iter(f"{SVG}text")]


@pytest.mark.parametrize("engine", ["numpy", "torch"])
@pytest.mark.parametrize("sizes", [(), (4,), (5, 2, 6)])
def test_every_unit_and_every_weight_is_drawn(engine, sizes):
    svg = parsed(fitted(sizes, engine=engine))
    layers = [3, *sizes, 3]
    assert len(list(svg.iter(f"{SVG}circle"))) == sum(layers)
    pairs = pairwise(layers)
    assert [len(lines) for lines in lines_of(svg)] == [a * b for a, b in pairs]


def test_lines_are_as_wide_as_weights_are_large_and_dashed_below_zero():
    network = fitted()
    [lines, _] = lines_of(parsed(network))
    weights = network.coefs_[0].ravel()
    widths = np.array([float(line.get("stroke-width")) for line in lines])
    sizes = np.abs(weights) / np.abs(weights).max()
    np.testing.assert_allclose(widths, 0.5 + 3.5 * sizes, atol=0.006)
    assert [line.get("stroke-dasharray") is not None for line in lines] == (weights < 0).tolist()


def test_long_layers_are_shortened_and_say_how_many_units_they_have():
    svg = parsed(fitted((1000,), np.arange(60.0), kind=MLPRegressor))
    assert len(list(svg.iter(f"{SVG}circle"))) == 3 + 6 + 1
    assert [len(lines) for lines in lines_of(svg)] == [18, 6]
    assert len({line.get("stroke-width") for lines in lines_of(svg) for line in lines}) == 1
    assert {"⋮", "1,000 units", "4,000 parameters", "1,001 parameters"} <= {*texts_of(svg)}


def test_a_screen_reader_is_told_the_layers():
    svg = parsed(fitted((4, 2), activation="tanh"))
    assert svg.get("role") == "img"
    assert svg.findtext(f"{SVG}title") == "Network of layers 3-4-2-3"
    assert svg.findtext(f"{SVG}desc") == (
        "input, 3 units; hidden 1, 4 units, tanh, 16 parameters; hidden 2, 2 units, tanh, "
        "10 parameters; output, 3 units, softmax, 9 parameters. Biases are not drawn."
    )


def test_names_of_columns_and_classes_stand_beside_their_units():
    named = pd.DataFrame(X, columns=["age", "<days>", "a name that is far too long"])
    words = texts_of(parsed(fitted(inputs=named)))
    assert {"age", "<days>", "a name that is fa…", "a & b", "<c>", "d"} <= {*words}
    assert "yes" in texts_of(parsed(fitted(y=np.where(X[:, 0] > 0, "yes", "no"))))


def test_a_loaded_network_is_drawn_alike_and_a_notebook_shows_an_estimator_as_before():
    network, file = fitted((4, 2)), BytesIO()
    save(file, [network])
    file.seek(0)
    [loaded], _ = load(file)
    assert loaded.draw() == network.draw() == network.draw()._repr_svg_()
    assert not hasattr(network, "_repr_svg_")
    with pytest.raises(NotFittedError):
        MLPClassifier().draw()


@pytest.mark.parametrize(
    ("activation", "engine", "function"),
    [
        ("relu", "numpy", lambda z: np.maximum(z, 0)),
        ("tanh", "torch", np.tanh),
        ("softmax", "numpy", softmax),
        (Activation("sine", np.sin, lambda a, z: np.cos(z)), "numpy", np.sin),
    ],
)
def test_outputs_of_layers_follow_from_each_other(activation, engine, function):
    network = fitted((5, 4), activation=activation, engine=engine, dtype="float64")
    (z1, a1), (z2, a2), (z3, a3) = network.layer_outputs(X)
    np.testing.assert_allclose(z1, X @ network.coefs_[0] + network.intercepts_[0])
    np.testing.assert_allclose(a1, function(z1))
    np.testing.assert_allclose(z2, a1 @ network.coefs_[1] + network.intercepts_[1])
    np.testing.assert_allclose(a2, function(z2))
    np.testing.assert_allclose(a3, softmax(z3))
    np.testing.assert_allclose(a3, network.predict_proba(X))


def test_outputs_of_layers_read_scaled_pixels_and_give_values():
    pixels = RNG.integers(0, 256, size=(60, 3), dtype=np.uint8)
    network = fitted((4,), pixels.mean(axis=1), pixels, MLPRegressor, input_scale=1 / 255)
    (z, _), (_, said) = network.layer_outputs(pixels)
    expected = (pixels / 255) @ network.coefs_[0] + network.intercepts_[0]
    np.testing.assert_allclose(z, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(said[:, 0], network.predict(pixels), rtol=1e-5)
