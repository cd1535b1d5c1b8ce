"""Parametric t-SNE: an encoder that is trained to put neighbours next to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, fields, replace
from functools import partial
from numbers import Integral, Real
from typing import Any, Self

from sklearn.neighbors import VALID_METRICS
from sklearn.utils.metaestimators import available_if

from tfae._data.scaling import check_squares
from tfae._estimators.attributes import Absent, Fact
from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.base import BaseEncoder
from tfae._estimators.parameters import (
    AT_LEAST_0,
    AT_LEAST_1,
    AUTO,
    NOT_NEGATIVE,
    POSITIVE,
    AutoencoderParameters,
    EncoderParameters,
    defaults,
    parameter,
)
from tfae._fitting.defaults import is_auto
from tfae._fitting.embedding import (
    as_components,
    batch_that_fills,
    describe_embedding,
    embedding_settings,
    neighbour_batches,
)
from tfae._fitting.first_weights import drawn
from tfae._fitting.from_parameters import scaling_for
from tfae._fitting.pretraining import after_autoencoder
from tfae._fitting.recipe import FirstWeights, Ramp, Recipe
from tfae._inference.fitted import Fitted
from tfae._networks.spec import Network
from tfae._objective.affinities import Affinities
from tfae._objective.divergence import Divergence
from tfae._objective.losses import LOSSES
from tfae._support.sklearn import Interval, StrOptions, with_callbacks
from tfae._support.typing import Array

# Metrics that need nothing but two rows of features; precomputed distances could not place new
# rows.
_METRICS = {*VALID_METRICS["brute"], *VALID_METRICS["ball_tree"]} - {
    "precomputed",
    "pyfunc",
    "seuclidean",
    "mahalanobis",
}
# The entry of the history that only a decoder adds.
_RECONSTRUCTED = "reconstruction_loss"
# Parameters of autoencoders that an embedding does not have. The place of a row follows from its
# neighbours alone. So nothing is asked of codes or of corrupted entries, and no rows are held out,
# because they would have other neighbours.
_NOT_ASKED: dict[str, Any] = {
    **{
        name: default
        for name, default in defaults(AutoencoderParameters).items()
        if name not in defaults(EncoderParameters)
    },
    "code_activation": "identity",
    "linear_path": False,
    "early_stopping": False,
    "validation_fraction": 0.1,
    "refit": False,
}


def _decodes(model: Any) -> bool:
    """Whether the fitted estimator has a decoder, or before a fit whether it is to have one."""
    if model._fitted is None:
        decodes = model.reconstruction_weight > 0
    else:
        decodes = _RECONSTRUCTED in model.history_
    if decodes:
        return True
    raise AttributeError(
        f"This {type(model).__name__} has no decoder; fit with 'reconstruction_weight' above 0."
    )


@dataclass(eq=False, repr=False)
class ParametricTSNE(BaseEncoder):
    r"""Parametric t-SNE: an encoder that is trained on the loss of t-SNE.

    Unlike :class:`sklearn.manifold.TSNE` it can place rows that it has not seen [1]_. The
    affinities :math:`p_{ij}` of neighbouring rows are those of t-SNE [2]_. The encoder minimises

    .. math:: \mathrm{KL}(P \| Q) = \sum p_{ij} \log p_{ij} - \sum p_{ij} \log w_{ij}
              + \log \sum_{k \neq l} w_{kl}, \qquad
              w_{ij} = (1 + \|y_i - y_j\|^2 / \alpha)^{-(\alpha + 1) / 2}.

    A step takes some rows and all pairs of them. So the number of neighbours that meet in a step
    is about ``3 * perplexity * batch_size**2 / n_samples``: take larger batches for millions of
    rows.

    Parameters
    ----------
    n_components : int, default=2
        The dimensions of the embedding.
    perplexity : float, default=30.0
        About how many neighbours a row has. It must be less than the number of rows. Three times as
        many neighbours are searched for.
    early_exaggeration : float, default=12.0
        The factor of the attraction at the start. It falls to 1 over `n_exaggeration_iter` epochs.
    n_exaggeration_iter : int, default="auto"
        See `early_exaggeration`. "auto" is a tenth of the epochs.
    init : {"pca", "random"}, default="pca"
        How the encoder starts. "pca" starts as the principal components; this needs dense hidden
        layers and an activation such as "relu" or "gelu". "random" starts with random weights.
    metric : str or callable, default="euclidean"
        The distance between rows, as in :class:`sklearn.neighbors.NearestNeighbors`.
    degrees_of_freedom : float, default=None
        :math:`\alpha`, the degrees of freedom of Student's distribution in the embedding. None
        takes ``n_components - 1``, but at least 1.
    reconstruction_weight : float, default=0.0
        The weight of the reconstruction loss. Above 0 there is a decoder and with it
        ``inverse_transform``, ``reconstruct``, ``score`` and ``score_samples``.
    pretraining : {"autoencoder"}, default=None
        "autoencoder" first trains the encoder, and the decoder if there is one, as an
        :class:`Autoencoder`. This replaces `init`. None starts as `init` says.
    pretrain_max_iter : int, default=20
        The largest number of epochs of the pretraining.
    hidden_layer_sizes : int or sequence of int, default="auto"
        The numbers of units of the hidden layers. "auto" is (512, 512, 512).
    activation : str, default="auto"
        "auto" is "gelu".
    learning_rate_init : float or callable, default="auto"
        "auto" rises to 0.003 and falls as a cosine to 0 at the last epoch.
    batch_size : int, default="auto"
        The number of rows per step. "auto" is 512, or 1,024 with 20,000 rows or more.
    max_iter : int, default="auto"
        The number of epochs. "auto" is the number that makes 4,000 steps, but 20 to 300.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_samples, n_components)
        The embedding of the training rows.
    kl_divergence_ : float
        The divergence after training.

    See Also
    --------
    Autoencoder : The other parameters, and the attributes.
    sklearn.manifold.TSNE : The embedding without an encoder.

    References
    ----------
    .. [1] van der Maaten, L. (2009). Learning a parametric embedding by preserving local structure.
       AISTATS.
    .. [2] van der Maaten, L. and Hinton, G. (2008). Visualizing data using t-SNE. JMLR 9,
       2579-2605.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from tfae import ParametricTSNE
    >>> X = load_digits().data
    >>> model = ParametricTSNE(max_iter=20, random_state=0).fit(X[:1500])
    >>> model.transform(X[1500:]).shape
    (297, 2)
    """

    n_components: int | float | str | None = parameter(2, AT_LEAST_1, None)
    _: KW_ONLY
    batch_size: int | str = parameter("auto", Interval(Integral, 2, None, closed="left"), AUTO)
    perplexity: float = parameter(30.0, POSITIVE)
    early_exaggeration: float = parameter(12.0, Interval(Real, 1, None, closed="left"))
    n_exaggeration_iter: int | str = parameter("auto", AT_LEAST_0, AUTO)
    init: str = parameter("pca", StrOptions({"pca", "random"}))
    metric: str | Callable[..., Any] = parameter("euclidean", StrOptions(_METRICS), callable)
    degrees_of_freedom: float | None = parameter(None, POSITIVE, None)
    reconstruction_weight: float = parameter(0.0, NOT_NEGATIVE)
    pretraining: str | None = parameter(None, StrOptions({"autoencoder"}), None)
    pretrain_max_iter: int = parameter(20, AT_LEAST_1)

    embedding_ = Fact[Array]("embedding")
    kl_divergence_ = Fact[float]("kl_divergence")

    partial_fit = Absent("neighbours are looked for among all rows")
    from_keras = Absent("it trains encoders that may have no decoder")
    inverse_transform = available_if(_decodes)(Autoencoder.inverse_transform)
    reconstruct = available_if(_decodes)(Autoencoder.reconstruct)
    score_samples = available_if(_decodes)(Autoencoder.score_samples)
    score = available_if(_decodes)(Autoencoder.score)

    @with_callbacks
    def fit(self, X: Any, y: Any = None) -> Self:  # type: ignore[override]
        """Learn to embed `X`.

        There is no `sample_weight`: the neighbours of a row are other rows, and these count alike.

        Parameters
        ----------
        X : {array-like, sparse matrix, DataFrame} of shape (n_samples, n_features)
            As in :meth:`Autoencoder.fit`, but no stream.
        y : None
            Ignored.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a parameter or the data cannot be used. The estimator is then unchanged.

        Warns
        -----
        ConvergenceWarning, UserWarning
            As :meth:`Autoencoder.fit`.
        """
        return self._fit(X, y)

    def to_keras(self) -> Network:
        """Build the trained network as Keras models that work in the user's units.

        Returns
        -------
        encoder, decoder : keras.Model
            A named pair. ``encoder`` maps rows to codes, like :meth:`transform`. ``decoder`` maps
            codes to rows; it is None if the estimator has no decoder.
        """
        network = super().to_keras()
        return network if _RECONSTRUCTED in self.history_ else network._replace(decoder=None)

    def _recipe(self, X: Any, start: Fitted | None, **instead: Any) -> Recipe:
        n_rows = X.shape[0]
        if self.perplexity >= n_rows:
            raise ValueError(
                f"'perplexity' must be less than the number of rows, {n_rows}. "
                f"Got {self.perplexity!r}."
            )
        settings = embedding_settings(self.get_params(deep=False), n_rows)
        if start is not None:
            settings = {name: start.settings.get(name, value) for name, value in settings.items()}
        recipe = super()._recipe(X, start, **{**_NOT_ASKED, **settings, **instead})
        recipe = replace(recipe, settings={**recipe.settings, **settings})
        anneals = is_auto(self.learning_rate_init) and isinstance(self.optimizer, str)
        check_squares(X)  # a search takes longer
        affinities = Affinities.of_rows(X, float(self.perplexity), self.metric)
        recipe = self._with_divergence(recipe, affinities, n_rows)
        return replace(
            recipe,
            anneal_over=recipe.stopping.max_iter if anneals else None,
            ramp=Ramp(
                "exaggeration",
                settings.get("n_exaggeration_iter", self.n_exaggeration_iter),
                first=self.early_exaggeration,
            ),
            batches=partial(neighbour_batches, affinities),
            first_weights=self._first_weights(recipe),
        )

    def _with_divergence(self, recipe: Recipe, affinities: Affinities, n_rows: int) -> Recipe:
        """Return a recipe that minimises the divergence from affinities."""
        decoded = self.reconstruction_weight > 0
        structure, loss = recipe.structure, recipe.objective.loss
        if not decoded:  # build the smallest decoder possible; nothing trains it
            spec = replace(structure.spec, decoder_layer_sizes=())
            structure = replace(structure, spec=spec, output_activation="linear")
            loss = LOSSES.find("mse")
        given, n_components = self.degrees_of_freedom, structure.spec.n_components
        freedom = float(max(n_components - 1, 1) if given is None else given)
        batch_size = batch_that_fills(recipe.batch_size, n_rows)
        return replace(
            recipe,
            structure=structure,
            objective=Divergence(
                loss,
                corrupted=recipe.objective.corrupted,
                batch_size=batch_size,
                degrees_of_freedom=freedom,
                decoded=decoded,
            ),
            scalars={
                "exaggeration": 1.0,
                "constant": affinities.constant,
                "reconstruction_weight": float(self.reconstruction_weight),
            },
            scaling=scaling_for(loss, recipe.asked["scaling"]),
            batch_size=batch_size,
            describe=partial(describe_embedding, affinities, freedom),
        )

    def _first_weights(self, recipe: Recipe) -> FirstWeights:
        """Return the function that makes the first weights."""
        if self.pretraining is None:
            return as_components if self.init == "pca" else drawn
        given = {name: getattr(self, name) for name in _OF_THE_PRETRAINING}
        params = {
            **defaults(Autoencoder),
            **{name: recipe.settings.get(name, value) for name, value in given.items()},
            "linear_path": False,
            "max_iter": self.pretrain_max_iter,
        }
        return partial(after_autoencoder, params, self.reconstruction_weight > 0)


# Parameters that the autoencoder of the pretraining shares.
_OF_THE_PRETRAINING = sorted(
    {f.name for f in fields(Autoencoder)}
    & {f.name for f in fields(ParametricTSNE)}
    - {"max_iter", "random_state", "callbacks", "checkpoint", "warm_start"}
)
