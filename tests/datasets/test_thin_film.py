import numpy as np
import pytest

from skmix.datasets import _thin_film, make_thin_film
from skmix.datasets._thin_film import (
    nitride_index,
    reflectance,
    silica_index,
    silicon_index,
    surface_fields,
)

WAVELENGTHS = np.linspace(300, 1000, 29)


def fresnel(substrate):
    return np.abs((1 - substrate) / (1 + substrate)) ** 2


def airy(thickness, index, substrate, wavelengths):
    """One layer: the sum of all its internal reflections, in closed form."""
    top = (1 - index) / (1 + index)
    bottom = (index - substrate) / (index + substrate)
    trip = bottom * np.exp(4j * np.pi * index * thickness / wavelengths)
    return np.abs((top + trip) / (1 + top * trip)) ** 2


def matrices(thickness, index, substrate, wavelengths):
    """Reflectance and transmittance of one stack, one 2 x 2 product at a time."""
    R, T = [], []
    for column, wavelength in enumerate(wavelengths):
        product = np.eye(2)
        for d, n in zip(thickness, index[:, column], strict=True):
            delta = 2 * np.pi * n * d / wavelength
            layer = [
                [np.cos(delta), -1j * np.sin(delta) / n],
                [-1j * n * np.sin(delta), np.cos(delta)],
            ]
            product = product @ np.array(layer)
        electric, magnetic = product @ [1, substrate[column]]
        R.append(abs((electric - magnetic) / (electric + magnetic)) ** 2)
        T.append(4 * substrate[column].real / abs(electric + magnetic) ** 2)
    return np.array(R), np.array(T)


@pytest.mark.parametrize("substrate", [1.52, 3.8, 3.8 + 0.02j, 1.6 + 3.7j])
def test_no_layer_is_fresnels_formula(substrate):
    R = reflectance(np.empty((2, 0)), [], substrate, WAVELENGTHS)
    assert R.shape == (2, len(WAVELENGTHS))
    np.testing.assert_allclose(R, fresnel(substrate))


@pytest.mark.parametrize("index", [1.46, 2.02, 2.02 + 0.1j])
@pytest.mark.parametrize("substrate", [1.52, 3.8 + 0.02j, 1.6 + 3.7j])
def test_one_layer_is_airys_formula(index, substrate):
    thickness = np.array([10.0, 55.0, 230.0])
    R = reflectance(thickness[:, np.newaxis], [index], substrate, WAVELENGTHS)
    expected = airy(thickness[:, np.newaxis], index, substrate, WAVELENGTHS)
    np.testing.assert_allclose(R, expected, atol=1e-12)


def test_four_layers_agree_with_explicit_matrices():
    wavelengths = WAVELENGTHS
    nitride = nitride_index(wavelengths) + 0.01j  # a layer that absorbs, too
    silica = silica_index(wavelengths)
    index = np.array([nitride, silica, nitride, silica])
    substrate = silicon_index(wavelengths)
    thickness = np.array([[10.0, 70.0, 100.0, 40.0], [90.0, 20.0, 30.0, 60.0]])
    R = reflectance(thickness, index, substrate, wavelengths)
    for row, expected_row in zip(R, thickness, strict=True):
        expected, _ = matrices(expected_row, index, substrate, wavelengths)
        np.testing.assert_allclose(row, expected, rtol=1e-10)


@pytest.mark.parametrize("substrate", [1.0, 1.52, 3.8])
def test_no_energy_is_lost_in_transparent_layers(substrate):
    index = np.array([nitride_index(WAVELENGTHS), silica_index(WAVELENGTHS)] * 2)
    thickness = np.array([[30.0, 80.0, 10.0, 50.0]])
    R = reflectance(thickness, index, substrate, WAVELENGTHS)
    electric, magnetic = surface_fields(thickness, index, substrate, WAVELENGTHS)
    transmitted = 4 * substrate / np.abs(electric + magnetic) ** 2
    np.testing.assert_allclose(R + transmitted, 1)
    _, T = matrices(thickness[0], index, np.full(29, substrate + 0j), WAVELENGTHS)
    np.testing.assert_allclose(R[0] + T, 1)


def test_energy_is_lost_in_a_layer_that_absorbs():
    index = np.full((1, 29), 2.0 + 0.1j)
    R = reflectance([[100.0]], index, 1.52, WAVELENGTHS)
    _, T = matrices([100.0], index, np.full(29, 1.52 + 0j), WAVELENGTHS)
    assert np.all(R[0] + T < 0.99)


@pytest.mark.parametrize(("index", "substrate"), [(1.38, 1.52), (2.0, 1.52), (2, 3.8)])
def test_quarter_wave_layer(index, substrate):
    R = reflectance([[600 / 4 / index]], [index], substrate, [600.0])
    expected = ((substrate - index**2) / (substrate + index**2)) ** 2
    np.testing.assert_allclose(R, expected)


@pytest.mark.parametrize("substrate", [1.52, 3.8 + 0.02j])
def test_half_wave_layer_is_invisible(substrate):
    R = reflectance([[600 / 2 / 1.46]], [1.46], substrate, [600.0])
    np.testing.assert_allclose(R, fresnel(substrate))


def test_the_first_layer_is_on_top():
    # A metal on top hides the rest; below a transparent layer it does not.
    metal, glass = 1.0 + 6.0j, 1.5
    hidden = reflectance([[500.0, 80.0]], [metal, glass], 1.5, [600.0])
    np.testing.assert_allclose(hidden, fresnel(metal))
    seen = reflectance([[80.0, 500.0]], [glass, metal], 1.5, [600.0])
    np.testing.assert_allclose(seen[0], airy(80.0, glass, metal, np.array([600.0])))


def test_indices_take_known_values():
    # Catalogue values of fused silica (F, d and C lines).
    np.testing.assert_allclose(
        silica_index([486.1, 587.6, 656.3]), [1.46313, 1.45846, 1.45637], atol=1e-5
    )
    np.testing.assert_allclose(nitride_index([632.8]), 2.0105, atol=1e-3)
    # Another group's measurements of silicon (Aspnes and Studna 1983).
    other = np.array([4.888 + 4.639j, 5.222 + 0.269j, 4.320 + 0.073j, 3.796 + 0.013j])
    ours = silicon_index([295.2, 413.3, 495.9, 688.8])
    np.testing.assert_allclose(ours, other, rtol=0.05)
    np.testing.assert_allclose(ours[1:].real, other[1:].real, rtol=0.01)
    # The table itself, at both ends and at the peak near 370 nm.
    table = [1.665 + 3.665j, 6.891 + 2.171j, 3.542 + 3.0637e-05j]
    np.testing.assert_allclose(silicon_index([250, 370, 1100]), table)


@pytest.mark.parametrize(
    ("thickness", "index", "match"),
    [
        ([10.0, 20.0], [2.0, 1.5], "must have shape"),
        ([[10.0, 20.0]], [2.0], "one row for each of the 2 layers"),
        ([[10.0]], 2.0, "one row for each of the 1 layers"),
    ],
)
def test_reflectance_refuses_shapes_that_do_not_fit(thickness, index, match):
    with pytest.raises(ValueError, match=match):
        reflectance(thickness, index, 1.5, [600.0])


def test_default_data():
    X, y = make_thin_film(random_state=0)
    assert X.shape == (1100, 226)
    assert y.shape == (1100, 4)
    assert X.dtype == y.dtype == np.float64
    assert np.all((X >= 0) & (X <= 1))
    assert X.std(axis=0).min() > 0.05
    np.testing.assert_array_equal(np.unique(y), np.arange(10, 101, 10))
    assert len(np.unique(y, axis=0)) == 1100
    # Drawn evenly: a level of one layer has 110 rows on average, give or take 10.
    for layer in y.T:
        counts = np.unique(layer, return_counts=True)[1]
        assert np.all(np.abs(counts - 110) < 50)


def test_features_are_the_reflectance_of_the_targets():
    wavelengths = np.array([250.0, 400.0, 700.0, 1100.0])
    X, y = make_thin_film(7, n_layers=3, wavelengths=wavelengths, random_state=0)
    nitride, silica = nitride_index(wavelengths), silica_index(wavelengths)
    index = np.array([nitride, silica, nitride])
    for row, thickness in zip(X, y, strict=True):
        expected, _ = matrices(
            thickness, index, silicon_index(wavelengths), wavelengths
        )
        np.testing.assert_allclose(row, expected)


def test_one_layer_is_silicon_nitride():
    X, y = make_thin_film(10, n_layers=1, wavelengths=WAVELENGTHS, random_state=0)
    assert sorted(y[:, 0]) == list(range(10, 101, 10))
    expected = airy(
        y, nitride_index(WAVELENGTHS), silicon_index(WAVELENGTHS), WAVELENGTHS
    )
    np.testing.assert_allclose(X, expected)


def test_batches_do_not_change_the_data(monkeypatch):
    expected, _ = make_thin_film(50, random_state=0)
    monkeypatch.setattr(_thin_film, "_BATCH_SIZE", 7)
    X, _ = make_thin_film(50, random_state=0)
    np.testing.assert_array_equal(X, expected)


@pytest.mark.parametrize("highest", [0.3, 0.35])
def test_thickness_levels(highest):
    # 0.3 / 0.1 is less than 3 in floating point; 0.35 is no multiple of the step.
    _, y = make_thin_film(
        200, thickness_range=(0, highest), thickness_step=0.1, random_state=0
    )
    np.testing.assert_allclose(np.unique(y), [0, 0.1, 0.2, 0.3])


def test_one_thickness_only():
    _, y = make_thin_film(3, thickness_range=(42, 42), random_state=0)
    assert np.all(y == 42)


@pytest.mark.parametrize("n_samples", [100, 250, 300])
def test_more_rows_than_combinations_repeat_evenly(n_samples):
    _, y = make_thin_film(n_samples, n_layers=2, wavelengths=[500], random_state=0)
    combinations, counts = np.unique(y, axis=0, return_counts=True)
    assert len(combinations) == 100
    assert counts.max() - counts.min() <= 1
    # and in no particular order
    assert np.abs(np.corrcoef(np.arange(n_samples), y.T)[0, 1:]).max() < 0.3


def test_noise():
    clean, y = make_thin_film(100, random_state=0)
    noisy, y_noisy = make_thin_film(100, noise=0.01, random_state=0)
    np.testing.assert_array_equal(y, y_noisy)
    assert (noisy - clean).std() == pytest.approx(0.01, rel=0.05)
    loud, _ = make_thin_film(100, noise=1.0, random_state=0)
    assert loud.min() == 0
    assert loud.max() == 1


def test_random_state():
    X, y = make_thin_film(20, noise=0.1, random_state=3)
    X_same, y_same = make_thin_film(20, noise=0.1, random_state=3)
    np.testing.assert_array_equal(X, X_same)
    np.testing.assert_array_equal(y, y_same)
    _, y_other = make_thin_film(20, noise=0.1, random_state=4)
    assert not np.array_equal(y, y_other)
    generator = np.random.RandomState(3)
    np.testing.assert_array_equal(
        make_thin_film(20, noise=0.1, random_state=generator)[1], y
    )
    assert not np.array_equal(make_thin_film(20, random_state=generator)[1], y)


def test_global_random_state_is_untouched():
    before = np.random.get_state()
    make_thin_film(20, noise=0.1, random_state=0)
    after = np.random.get_state()
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]


@pytest.mark.parametrize(
    ("params", "error", "match"),
    [
        ({"n_samples": 0}, ValueError, "n_samples"),
        ({"n_samples": 1.5}, TypeError, "n_samples"),
        ({"n_layers": 0}, ValueError, "n_layers"),
        ({"n_layers": 19}, ValueError, "too many combinations"),
        ({"thickness_range": (-1, 10)}, ValueError, "thickness_range"),
        ({"thickness_range": (20, 10)}, ValueError, "thickness_range"),
        ({"thickness_range": (0, np.inf)}, ValueError, "finite"),
        ({"thickness_step": 0}, ValueError, "thickness_step"),
        ({"noise": -0.1}, ValueError, "noise"),
        ({"noise": np.nan}, ValueError, "finite"),
        ({"wavelengths": []}, ValueError, "non-empty"),
        ({"wavelengths": [[500.0]]}, ValueError, "non-empty"),
        ({"wavelengths": [249.0, 500.0]}, ValueError, "between 250 nm and 1100 nm"),
        ({"wavelengths": [500.0, 1101.0]}, ValueError, "between 250 nm and 1100 nm"),
        ({"wavelengths": [np.nan]}, ValueError, "between 250 nm and 1100 nm"),
    ],
)
def test_bad_parameters(params, error, match):
    with pytest.raises(error, match=match):
        make_thin_film(**{"n_samples": 5, **params})


def test_only_n_samples_is_positional():
    with pytest.raises(TypeError):
        make_thin_film(5, 4)
