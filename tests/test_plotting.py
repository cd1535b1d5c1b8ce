"""Pictures: what is drawn is what the estimator says, and nothing else is touched."""

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from tfae import Autoencoder, ConvolutionalAutoencoder, plotting

pytestmark = pytest.mark.usefixtures("in_executor")


class Fitted(BaseEstimator):
    """A fitted estimator with the given attributes."""

    def __init__(self, **attributes):
        vars(self).update(attributes, fitted_=True)

    def fit(self, X, y=None):
        return self


class Negative(Fitted):
    """Reconstructs each row as its negative."""

    def reconstruct(self, X):
        return -np.asarray(X)


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(size=(30, 6))


def drawn(ax):
    return np.ma.filled(ax.images[0].get_array(), np.nan)


def test_reconstructions_are_below_their_originals_on_the_same_scale(ax, rows):
    plotting.reconstructions(Negative(), rows, image_shape=(2, 3), n_images=4, ax=ax)
    picture = drawn(ax)
    assert picture.shape == (2 * 2 + 1, 4 * 3 + 3)  # gaps of one pixel
    for index, row in enumerate(rows[:4]):
        tile = picture[:, index * 4 : index * 4 + 3]
        np.testing.assert_array_equal(tile[:2], row.reshape(2, 3))
        np.testing.assert_array_equal(tile[3:], -row.reshape(2, 3))
    assert np.isnan(picture[2]).all()
    assert np.isnan(picture[:, 3::4]).all()
    assert ax.images[0].get_clim() == (rows[:4].min(), rows[:4].max())


def test_noisy_rows_are_drawn_between_the_clean_and_the_cleaned_ones(ax, rows):
    clean = rows + 1
    plotting.reconstructions(Negative(), rows, X_clean=clean, image_shape=(2, 3), n_images=4, ax=ax)
    picture = drawn(ax)
    assert picture.shape == (3 * 2 + 2, 4 * 3 + 3)
    for top, line in zip((0, 3, 6), (clean, rows, -rows), strict=True):
        np.testing.assert_array_equal(picture[top : top + 2, :3], line[0].reshape(2, 3))
    assert ax.images[0].get_clim() == (clean[:4].min(), clean[:4].max())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["clean", "noisy", "cleaned"]


def test_noisy_rows_of_a_table_are_too(ax, rows):
    plotting.reconstructed_rows(Negative(), rows, X_clean=rows + 1, n_rows=2, ax=ax)
    picture, scaler = drawn(ax), StandardScaler().fit(rows + 1)
    for line, expected in enumerate((rows + 1, rows, -rows)):
        np.testing.assert_allclose(picture[line::4], scaler.transform(expected[:2]), atol=1e-12)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == 2 * ["clean", "noisy", "cleaned"]
    with pytest.raises(ValueError, match=r"X_clean must have the shape of X, \(30, 6\), got"):
        plotting.reconstructed_rows(Negative(), rows, X_clean=rows[:10])


def test_reconstructions_are_square_by_default_and_no_more_than_there_are_rows(ax, digits):
    pca = PCA(3).fit(digits)
    plotting.reconstructions(pca, digits[:3], ax=ax)
    picture = drawn(ax)
    assert picture.shape == (8 * 2 + 1, 8 * 3 + 2)
    expected = pca.inverse_transform(pca.transform(digits[1:2])).reshape(8, 8)
    np.testing.assert_allclose(picture[9:, 9:17], expected, atol=1e-4)


@pytest.mark.parametrize("draw", [plotting.reconstructions, plotting.reconstructed_rows])
def test_data_frames_keep_their_names_and_sparse_rows_are_dense_in_the_picture(draw, digits):
    frame = pd.DataFrame(digits[:50]).add_prefix("pixel")
    with_names = Figure().subplots()
    draw(PCA(3, random_state=0).fit(frame), frame, ax=with_names)
    without = Figure().subplots()
    draw(PCA(3, random_state=0).fit(digits[:50]), digits[:50], ax=without)
    np.testing.assert_allclose(drawn(with_names), drawn(without), atol=1e-4)
    matrix = sparse.csr_array(digits[:50])
    assert draw(TruncatedSVD(2).fit(matrix), matrix, ax=Figure().subplots()).images


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (None, "must be given when the number of features is not a perfect square, got 6"),
        ((2, 2), r"must be \(height, width\) with height \* width = 6, got \(2, 2\)"),
        ((-2, -3), "must be"),
        ((6,), "must be"),
        ((1, 2, 3), "must be"),
    ],
)
def test_image_shape_must_fit(ax, rows, shape, message):
    with pytest.raises(ValueError, match=message):
        plotting.reconstructions(Negative(), rows, image_shape=shape, ax=ax)


def test_reconstructions_need_rows_and_an_estimator_that_can(ax, rows):
    with pytest.raises(TypeError, match=r"must have a reconstruct or .* got Fitted"):
        plotting.reconstructions(Fitted(), rows, image_shape=(2, 3), ax=ax)
    with pytest.raises(ValueError, match=r"rows and columns or be images, got .*\(0, 6\)"):
        plotting.reconstructions(Negative(), rows[:0], ax=ax)
    with pytest.raises(ValueError, match=r"rows and columns or be images, got .*\(6,\)"):
        plotting.reconstructions(Negative(), rows[0], ax=ax)
    with pytest.raises(ValueError, match="must have 1 or 3 channels to be drawn, got 2"):
        plotting.reconstructions(Negative(), rows[:4].reshape(1, 4, 3, 2), ax=ax)
    with pytest.raises(ValueError, match="n_images must be an integer of at least 1, got 0"):
        plotting.reconstructions(Negative(), rows, n_images=0, ax=ax)


@pytest.mark.parametrize("shape", [(8, 8), (4, 16), (4, 16, 1)])
def test_images_are_drawn_as_their_flat_rows(digits, shape):
    images = digits[:60].reshape(-1, *shape)
    model = ConvolutionalAutoencoder(
        2,
        image_shape=shape,
        hidden_layer_sizes=(2,),
        max_iter=1,
        early_stopping=False,
        random_state=0,
    ).fit(images)
    of_images, of_rows = Figure().subplots(2)
    plotting.reconstructions(model, images, ax=of_images)
    plotting.reconstructions(model, digits[:60], image_shape=shape[:2], ax=of_rows)
    np.testing.assert_array_equal(drawn(of_images), drawn(of_rows))
    plotting.reconstructions(model, images.tolist(), image_shape=shape[:2], ax=of_images)


def test_images_of_three_channels_are_drawn_in_colour(ax):
    images = np.arange(24.0).reshape(2, 2, 2, 3)
    plotting.reconstructions(Negative(), images, ax=ax)
    picture = drawn(ax)
    assert picture.shape == (2 * 2 + 1, 2 * 2 + 1, 3)
    np.testing.assert_allclose(picture[:2, :2], images[0] / 23)
    np.testing.assert_array_equal(picture[3:, 3:], 0)  # below the scale of the originals
    np.testing.assert_array_equal(picture[2], 1)


def test_a_table_has_no_images(ax, digits):
    with pytest.raises(ValueError, match=r"must have rows and columns, got .*\(3, 8, 8\)"):
        plotting.reconstructed_rows(Negative(), digits[:3].reshape(3, 8, 8), ax=ax)


def test_rows_are_drawn_in_standard_deviations_of_their_columns(ax, rows):
    rows = rows * [1, 10, 100, 1000, 1, 1] + 5
    rows[:, 5] = 7  # constant: drawn as the mean
    plotting.reconstructed_rows(Negative(), rows, n_rows=3, ax=ax)
    picture = drawn(ax)
    assert picture.shape == (3 * 3 - 1, 6)
    scaler = StandardScaler().fit(rows)
    np.testing.assert_allclose(picture[0::3], scaler.transform(rows[:3]), atol=1e-12)
    np.testing.assert_allclose(picture[1::3], scaler.transform(-rows[:3]), atol=1e-12)
    assert np.isnan(picture[2::3]).all()
    low, high = ax.images[0].get_clim()
    assert low == -high


def test_loss_curves_are_the_history(ax):
    estimator = Fitted(history_={"loss": [8.0, 2.0, 1.0], "val_loss": [9.0, 3.0, 2.0]})
    plotting.loss_curves(estimator, ax=ax)
    assert [line.get_label() for line in ax.lines] == ["training", "validation"]
    for line, losses in zip(ax.lines, estimator.history_.values(), strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(line.get_ydata(), losses)


@pytest.mark.parametrize(
    ("losses", "scale"),
    [
        ([100.0, 1.0], "log"),
        ([1.2, 1.0], "linear"),
        ([100.0, 0.0], "linear"),
        ([1.0, -5.0], "linear"),
        ([100.0, 1.0, np.nan], "log"),
        ([np.nan], "linear"),
        ([1.0], "linear"),
    ],
)
def test_losses_are_on_a_log_scale_where_that_can_be_read(ax, losses, scale):
    plotting.loss_curves(Fitted(history_={"loss": losses}), ax=ax)
    assert ax.get_yscale() == scale
    ax.figure.canvas.draw()  # tick labels are made only now


def test_loss_curves_need_a_history(ax, rows):
    with pytest.raises(NotFittedError):
        plotting.loss_curves(Autoencoder(), ax=ax)
    with pytest.raises(TypeError, match="history_ of its training, got PCA without one"):
        plotting.loss_curves(PCA().fit(rows), ax=ax)


def points_of(ax):
    return [np.asarray(points.get_offsets()) for points in ax.collections]


def test_scatter_without_labels_draws_all_points(ax, rows):
    plotting.code_scatter(rows[:, :2], ax=ax)
    np.testing.assert_array_equal(points_of(ax)[0], rows[:, :2])
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    "labels", [np.arange(30) % 3, np.array(["a", "b", "c"] * 10), ["a", 1, None] * 10]
)
def test_scatter_draws_each_class_in_its_colour(ax, rows, labels):
    plotting.code_scatter(rows[:, :2], labels, ax=ax)
    names = np.asarray(labels).astype(str)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == sorted(set(names))
    assert len({tuple(points.get_facecolor()[0]) for points in ax.collections}) == 3
    for name, points in zip(sorted(set(names)), points_of(ax), strict=True):
        np.testing.assert_array_equal(points, rows[names == name, :2])


def test_scatter_loses_no_row_whose_label_is_missing(ax, rows):
    labels = np.where(np.arange(30) % 2, 1.0, np.nan)
    plotting.code_scatter(rows[:, :2], labels, ax=ax)
    assert sum(map(len, points_of(ax))) == 30


def test_scatter_takes_many_numbers_for_a_quantity_and_many_names_for_names(rows):
    figure = Figure()
    plotting.code_scatter(rows[:, :2], np.arange(30), ax=figure.subplots())
    points, colour_bar = figure.axes
    np.testing.assert_array_equal(points.collections[0].get_array(), np.arange(30))
    assert colour_bar.get_ylabel() == "label"
    assert points.get_legend() is None

    figure = Figure()
    plotting.code_scatter(rows[:, :2], [f"row {i}" for i in range(30)], ax=figure.subplots())
    assert len(figure.axes) == 1
    assert figure.axes[0].get_legend() is None


def test_scatter_needs_two_columns_and_a_label_for_each_row(ax, rows):
    with pytest.raises(ValueError, match=r"must have 2 columns, got .*\(30, 6\).*TSNE"):
        plotting.code_scatter(rows, ax=ax)
    with pytest.raises(ValueError, match=r"each of the 30 rows of codes, got .*\(29,\)"):
        plotting.code_scatter(rows[:, :2], np.zeros(29), ax=ax)


@pytest.fixture
def report():
    columns = [f"{name}@{k}" for name in ("trustworthiness", "neighbor_recall") for k in (5, 50)]
    columns += ["shepard_correlation", "mse", "explained_variance"]
    values = np.random.default_rng(0).uniform(0, 1, (3, 7))
    values[1, 5:] = np.nan
    return pd.DataFrame(values, index=["PCA", "t-SNE", "UMAP"], columns=columns)


def test_embedding_scores_are_the_columns_of_the_report_but_errors(ax, report):
    plotting.embedding_scores(report, ax=ax)
    curves = [line for line in ax.lines if line.get_label() in report.index]
    assert [line.get_label() for line in curves] == list(report.index)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(report.index)
    scores = report.drop(columns="mse").to_numpy()
    for line, expected in zip(curves, scores, strict=True):
        # What is not a number ends a line: the measures are not joined.
        heights = line.get_ydata()
        assert np.isnan(heights[[2, 5, 7, 9]]).all()
        np.testing.assert_array_equal(np.delete(heights, [2, 5, 7, 9]), expected)
    assert len({line.get_color() for line in curves}) == 3
    assert len({line.get_marker() for line in curves}) == 3


def test_embedding_scores_are_above_their_names(ax, report):
    plotting.embedding_scores(report, ax=ax)
    sizes = [text.get_text() for text in ax.get_xticklabels(minor=True)]
    assert sizes == ["5", "50", "5", "50", "", ""]
    names = [text.get_text() for text in ax.get_xticklabels()]
    assert names == [
        "trustworthiness",
        "neighbor\nrecall",
        "shepard\ncorrelation",
        "explained\nvariance",
    ]
    minor, major = ax.get_xticks(minor=True), ax.get_xticks()
    np.testing.assert_allclose(major, [minor[:2].mean(), minor[2:4].mean(), *minor[4:]])
    middle = next(line for line in ax.lines if line.get_label() == "t-SNE").get_xdata()
    np.testing.assert_allclose(np.delete(middle, [2, 5, 7, 9]), minor)


def test_embedding_scores_do_not_overlap_and_all_are_on_the_axes(report):
    report["shepard_correlation"] = -0.4
    equal = pd.concat([report, report.rename(index="again, {}".format)])
    ax = plotting.embedding_scores(equal)
    figure = ax.figure
    figure.canvas.draw()
    for minor in (False, True):
        boxes = [text.get_window_extent() for text in ax.get_xticklabels(minor=minor)]
        boxes = [box for box in boxes if box.width > 0]
        assert all(left.x1 < right.x0 for left, right in pairwise(boxes))
    assert ax.get_ylim()[0] < -0.4
    curves = [line for line in ax.lines if line.get_label() in equal.index]
    starts = [line.get_xdata()[0] for line in curves]
    assert len(set(starts)) == 6
    assert figure.get_tightbbox().x1 <= figure.get_figwidth()
    plt.close(figure)


def test_embedding_scores_need_a_report(ax, report):
    with pytest.raises(TypeError, match=r"tfae\.metrics\.embedding_report, got dict"):
        plotting.embedding_scores({"PCA": 1.0}, ax=ax)
    with pytest.raises(ValueError, match="got 0 rows and 6 scores"):
        plotting.embedding_scores(report[:0], ax=ax)
    with pytest.raises(ValueError, match="got 3 rows and 0 scores"):
        plotting.embedding_scores(report[["mse"]], ax=ax)


def test_first_layer_weights_are_one_image_a_unit_on_a_symmetric_scale(ax):
    kernel = np.random.default_rng(0).normal(size=(6, 5))
    estimator = Fitted(encoder_weights_=[kernel, np.zeros(5)])
    plotting.first_layer_weights(estimator, image_shape=(2, 3), ax=ax)
    picture = drawn(ax)
    assert picture.shape == (2 * 2 + 1, 3 * 3 + 2)  # five units in two lines of three
    np.testing.assert_array_equal(picture[:2, 4:7], kernel[:, 1].reshape(2, 3))
    np.testing.assert_array_equal(picture[3:, :3], kernel[:, 3].reshape(2, 3))
    assert np.isnan(picture[3:, 8:]).all()  # the sixth place is empty
    assert ax.images[0].get_clim() == (-np.abs(kernel).max(), np.abs(kernel).max())


def test_first_layer_weights_need_a_dense_first_layer(ax, rows):
    with pytest.raises(ValueError, match=r"must be dense, .*got weights of shape \(3, 3, 1, 8\)"):
        plotting.first_layer_weights(Fitted(encoder_weights_=[np.zeros((3, 3, 1, 8))]), ax=ax)
    with pytest.raises(TypeError, match="encoder_weights_, got PCA without them"):
        plotting.first_layer_weights(PCA().fit(rows), ax=ax)
    with pytest.raises(NotFittedError):
        plotting.first_layer_weights(Autoencoder(), ax=ax)


def test_a_trained_autoencoder_can_be_drawn(digits):
    autoencoder = Autoencoder(
        2, hidden_layer_sizes=(9,), max_iter=2, early_stopping=True, random_state=0
    )
    autoencoder.fit(digits[:200])
    axes = Figure().subplots(4)
    plotting.reconstructions(autoencoder, digits, ax=axes[0])
    plotting.loss_curves(autoencoder, ax=axes[1])
    plotting.code_scatter(autoencoder.transform(digits), ax=axes[2])
    plotting.first_layer_weights(autoencoder, ax=axes[3])
    np.testing.assert_allclose(
        drawn(axes[0])[9:, :8], autoencoder.reconstruct(digits[:1]).reshape(8, 8), atol=1e-4
    )
    assert len(axes[1].lines) == 2
    axes[0].figure.canvas.draw()


DRAWINGS = [
    lambda **kw: plotting.reconstructions(Negative(), np.eye(4), **kw),
    lambda **kw: plotting.reconstructed_rows(Negative(), np.eye(4), **kw),
    lambda **kw: plotting.loss_curves(Fitted(history_={"loss": [9.0, 1.0]}), **kw),
    lambda **kw: plotting.code_scatter(np.eye(2), [0, 1], **kw),
    lambda **kw: plotting.embedding_scores(pd.DataFrame({"knn_accuracy": [0.5, 1]}), **kw),
    lambda **kw: plotting.first_layer_weights(Fitted(encoder_weights_=[np.eye(4)]), **kw),
]


@pytest.mark.parametrize("draw", DRAWINGS)
def test_only_the_axes_given_are_touched(draw, ax):
    settings, backend, figures = dict(mpl.rcParams), mpl.get_backend(), plt.get_fignums()
    assert draw(ax=ax) is ax
    assert plt.get_fignums() == figures
    own = draw()
    assert own is not ax
    assert own.figure.number not in figures
    plt.close(own.figure)
    assert dict(mpl.rcParams) == settings
    assert mpl.get_backend() == backend


def test_numbers_and_axes_that_cannot_be_drawn_with(digits):
    model = Autoencoder(2, max_iter=1).fit(digits)
    with pytest.raises(ValueError, match=r"an integer of at least 1, got 2\.5"):
        plotting.reconstructions(model, digits, n_images=2.5)
    with pytest.raises(ValueError, match="expecting 64 features"):
        plotting.reconstructions(model, digits[:, :10])
    with pytest.raises(ValueError, match="size must be above 0, got -1"):
        plotting.code_scatter(digits[:, :2], size=-1)
    with pytest.raises(TypeError, match="one Matplotlib Axes, got ndarray"):
        plotting.loss_curves(model, ax=plt.subplots(2)[1])


def test_columns_missing_together_lie_side_by_side(ax):
    rng = np.random.default_rng(0)
    ones, others = rng.random((2, 200)) < 0.3
    frame = pd.DataFrame(rng.normal(size=(200, 6)), columns=list("abcdef"))
    frame.loc[ones, ["a", "d"]] = np.nan
    frame.loc[others, ["b", "e"]] = np.nan
    frame.loc[~ones, "c"] = np.nan
    plotting.missing_together(frame, ax=ax)
    names = [label.get_text() for label in ax.get_xticklabels()]
    assert sorted(names) == list("abcde")  # the last column is complete
    assert abs(names.index("a") - names.index("d")) == 1
    assert abs(names.index("b") - names.index("e")) == 1
    expected = frame.isna()[names].astype(float).corr()
    np.testing.assert_allclose(drawn(ax), expected, atol=1e-12)
    share = frame["a"].isna().mean()
    assert f"a ({100 * share:.0f} %)" in [label.get_text() for label in ax.get_yticklabels()]
    with pytest.raises(ValueError, match="missing in some rows, got none"):
        plotting.missing_together(frame[["f"]])


def test_errors_of_values_are_in_usual_errors_of_their_column(ax):
    errors = pd.DataFrame({"a": [1.0, 1, 1, 5], "b": [0.1, np.nan, 0.1, 0.1]})

    class Erring(Fitted):
        def column_errors(self, X):
            return errors

    plotting.column_errors(Erring(), None, n_rows=3, ax=ax)
    usual = np.sqrt(np.square(errors).mean())
    np.testing.assert_allclose(drawn(ax), (errors / usual)[:3])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "b"]
    with pytest.raises(TypeError, match="column_errors"):
        plotting.column_errors(Fitted(), None)


def test_bars_of_imputed_columns_are_errors_over_those_of_the_best_constant(ax):
    frame = pd.DataFrame(
        {
            "number": [0.0, 1, 2, 3],
            "name": ["x"] * 4,
            "kind": ["u", "u", "u", "v"],
            "day": pd.to_datetime(["2024-01-01", "2024-01-03"] * 2),
            "code": [1, 1, 2, 2],
        }
    )
    imputer = Fitted(
        imputation_errors_=np.array([0.5, 0.1, 43_200, 0.25]),
        dropped_columns_={"name": "all values are the same"},
        columns={"code": "category"},
    )
    plotting.imputation_errors(imputer, frame, ax=ax)
    names = [label.get_text() for label in ax.get_yticklabels()]
    widths = dict(zip(names, [bar.get_width() for bar in ax.patches], strict=True))
    expected = {"number": 0.5 / np.sqrt(1.25), "kind": 0.4, "day": 0.5, "code": 0.5}
    assert widths == pytest.approx(expected)
    assert list(widths.values()) == sorted(widths.values(), reverse=True)
    with pytest.raises(ValueError, match="4 columns"):
        plotting.imputation_errors(imputer, frame[["number"]])


EXPLAINED = pd.DataFrame(
    {"a": [0.1, 3.0, 0.2], "b": [0.5, 0.2, 0.0], "c": [0.1, -0.1, 1.0], "remainder": -1.0},
    index=["x", "y", "z"],
)


def test_the_bars_of_a_row_add_up_to_its_oddness(ax):
    plotting.contributions(EXPLAINED, 1, offset=-1.5, n_columns=2, ax=ax)
    bars = ax.patches
    assert [label.get_text() for label in ax.get_yticklabels()] == [
        "remainder",
        "1 others",
        "b",
        "a",
    ]
    np.testing.assert_allclose([bar.get_width() for bar in bars], [-1.0, -0.1, 0.2, 3.0])
    for before, after in pairwise(bars):
        assert np.isclose(before.get_x() + before.get_width(), after.get_x())
    end = bars[-1].get_x() + bars[-1].get_width()
    assert np.isclose(end, EXPLAINED.iloc[1].sum())
    assert any(np.allclose(line.get_xdata(), 1.5) for line in ax.lines)
    with pytest.raises(ValueError, match="position from 0 to 2, got 3"):
        plotting.contributions(EXPLAINED, 3, ax=ax)
    with pytest.raises(TypeError, match="that explain returns, got list"):
        plotting.contributions([1.0], ax=ax)
    with pytest.raises(ValueError, match="must have rows"):
        plotting.contributions(EXPLAINED[:0], ax=ax)


def test_the_map_has_the_oddest_rows_first_and_the_columns_that_add_most(ax):
    plotting.contribution_map(EXPLAINED, n_rows=2, n_columns=2, ax=ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["y", "z"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["a", "c"]
    np.testing.assert_allclose(drawn(ax), EXPLAINED.loc[["y", "z"], ["a", "c"]])


def test_areas_over_time_end_with_the_oddness(ax):
    plotting.contributions_over_time(EXPLAINED, [10, 20, 40], n_columns=1, ax=ax)
    (line,) = ax.lines
    np.testing.assert_allclose(line.get_xdata(), [10, 20, 40])
    np.testing.assert_allclose(line.get_ydata(), EXPLAINED.sum(axis=1))
    top = max(area.get_paths()[0].vertices[:, 1].max() for area in ax.collections)
    assert np.isclose(top, EXPLAINED.iloc[:, :-1].clip(lower=0).sum(axis=1).max())
    with pytest.raises(ValueError, match="one for each of 3 rows, got 2"):
        plotting.contributions_over_time(EXPLAINED, [1, 2], ax=ax)


def test_contributions_of_polars_are_drawn_too(ax):
    polars = pytest.importorskip("polars")
    plotting.contribution_map(polars.DataFrame(EXPLAINED.to_dict("list")), n_rows=1, ax=ax)
    np.testing.assert_allclose(drawn(ax), EXPLAINED.iloc[[1], :-1])


def test_the_capital_of_a_monitor_starts_at_one_and_meets_the_line_of_an_alarm(ax):
    monitor = Fitted(log_capitals_=np.array([0.5, 1.0, 400.0]), batch_ends_=[2, 3])
    plotting.drift(monitor, rate=0.001, ax=ax)
    capital, end, alarm = ax.lines
    np.testing.assert_allclose(capital.get_ydata(), [0, 0.5, 1, 400])
    np.testing.assert_allclose(end.get_xdata(), 2)
    np.testing.assert_allclose(alarm.get_ydata(), 3)
    with pytest.raises(ValueError, match="rate must be above 0"):
        plotting.drift(monitor, rate=1.0, ax=ax)
    with pytest.raises(ValueError, match="must have seen rows"):
        plotting.drift(Fitted(log_capitals_=[], batch_ends_=[]), ax=ax)
