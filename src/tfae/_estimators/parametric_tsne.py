"""Parametric t-SNE: an encoder that is trained to put neighbours next to each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.neighbors import VALID_METRICS
from sklearn.utils.metaestimators import available_if

from tfae._data.checks import float_dtype
from tfae._data.rows import dense_blocks
from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.base import BaseAutoencoder
from tfae._fitting.recipe import Asked, read_parameters
from tfae._networks.linear_start import linear_start
from tfae._networks.principal_components import principal_components
from tfae._networks.spec import Network
from tfae._networks.structure import Structure
from tfae._objective.affinities import Affinities
from tfae._objective.divergence import Divergence
from tfae._objective.losses import LOSSES
from tfae._objective.penalties import NO_PENALTY, Penalty
from tfae._support.sklearn import Interval, StrOptions
from tfae._support.typing import Array
from tfae._training.chunks import Noise
from tfae._training.loop import Batches, Numbers
from tfae._training.neighbour_batches import Neighbourhoods
from tfae._training.state import TrainingState
from tfae._training.step.chunk import ChunkShape
from tfae._training.step.optimizers import Optimizer
from tfae._training.step.program import Program

# The standard deviation of the first component where the encoder starts at those of PCA.
_SPREAD = 1.0
# Distances between rows of features that need no more than the rows; precomputed ones could not
# place new rows.
_METRICS = {*VALID_METRICS["brute"], *VALID_METRICS["ball_tree"]} - {
    *("precomputed", "pyfunc", "seuclidean", "mahalanobis"),
}
# What the history has where there is a decoder.
_RECONSTRUCTED = "reconstruction_loss"
# What "auto" goes by; see docs/embedding.md.
_MANY_ROWS, _N_STEPS, _LEARNING_RATE = 20_000, 4000, 0.003


@dataclass(frozen=True)
class _AskedOfNeighbours(Asked):
    """What is to be built and minimised, and which rows are neighbours."""

    affinities: Affinities


class _Absent:
    """Stands for what the family has and a class of it has not."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Any:
        raise AttributeError(f"{owner.__name__} has no {self._name!r}: {self._reason}.")


def _decodes(model: Any) -> bool:
    """Whether there is a decoder, as it was fitted or, before that, as it is asked for."""
    fitted = getattr(model, "history_", None)
    if model.reconstruction_weight > 0 if fitted is None else _RECONSTRUCTED in fitted:
        return True
    raise AttributeError(
        f"This {type(model).__name__} has no decoder; fit with 'reconstruction_weight' above 0."
    )


def _is_auto(value: Any) -> bool:
    return isinstance(value, str) and value == "auto"


def _fixed(value: Any) -> Any:
    """Declare a parameter of the family that is none of this class."""
    return field(default=value, init=False)


@dataclass(eq=False, repr=False)
class ParametricTSNE(BaseAutoencoder):
    r"""Parametric t-SNE: an encoder that is trained on the loss of t-SNE [1]_.

    Unlike :class:`sklearn.manifold.TSNE` it can place rows that it has not seen. The affinities
    :math:`p_{ij}` of neighbouring rows are those of t-SNE [2]_; the encoder minimises

    .. math:: \mathrm{KL}(P \| Q) = \sum p_{ij} \log p_{ij} - \sum p_{ij} \log w_{ij}
              + \log \sum_{k \neq l} w_{kl}, \qquad
              w_{ij} = (1 + \|y_i - y_j\|^2 / \alpha)^{-(\alpha + 1) / 2}.

    A step takes some rows and all pairs of them. So the number of neighbours that meet in a step
    is `batch_size` squared, times about three times the perplexity, over the number of rows: for
    millions of rows take larger batches.

    Parameters
    ----------
    n_components : int, default=2
        The dimensions of the embedding.
    perplexity : float, default=30.0
        About how many neighbours a row has; less than there are rows. Three times as many are
        looked for.
    early_exaggeration : float, default=12.0
        What attraction is multiplied by at first. It falls to 1 over `n_exaggeration_iter` epochs.
    n_exaggeration_iter : int, default="auto"
        See `early_exaggeration`. "auto" is a tenth of the epochs.
    init : {"pca", "random"}, default="pca"
        Whether the encoder starts as the principal components, which takes dense hidden layers and
        an activation like "relu" or "gelu", or with random weights.
    metric : str or callable, default="euclidean"
        The distance of rows, as in :class:`sklearn.neighbors.NearestNeighbors`.
    degrees_of_freedom : float, default=None
        :math:`\alpha`, of Student's distribution in the embedding. None takes
        ``n_components - 1``, but at least 1.
    reconstruction_weight : float, default=0.0
        The weight of the reconstruction loss. Above 0 there is a decoder and with it
        ``inverse_transform``, ``reconstruct``, ``score`` and ``score_samples``.
    pretraining : {"autoencoder"}, default=None
        Whether the encoder, and the decoder where there is one, are trained as an
        :class:`Autoencoder` first, instead of `init`.
    pretrain_max_iter : int, default=20
        The largest number of epochs of that.
    hidden_layer_sizes : int or sequence of int, default="auto"
        The units of the hidden layers. "auto" is (512, 512, 512).
    activation : str, default="auto"
        "auto" is "gelu".
    learning_rate_init : float or callable, default="auto"
        "auto" rises to 0.003 and falls as a cosine to 0 at the last epoch.
    batch_size : int, default="auto"
        Rows of a step. "auto" is 512, and 1,024 from 20,000 rows.
    max_iter : int, default="auto"
        The number of epochs. "auto" makes 4,000 steps, with 20 to 300 epochs.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_samples, n_components)
        Where the rows of the training are.
    kl_divergence_ : float
        The divergence at the end.

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

    n_components: int | float | str | None = 2
    _: KW_ONLY
    perplexity: float = 30.0
    early_exaggeration: float = 12.0
    n_exaggeration_iter: int | str = "auto"
    init: str = "pca"
    metric: str | Callable[..., Any] = "euclidean"
    degrees_of_freedom: float | None = None
    reconstruction_weight: float = 0.0
    pretraining: str | None = None
    pretrain_max_iter: int = 20

    # Each row's place follows from its neighbours alone: there is nothing to be said of codes,
    # of corrupted rows or of rows held out, whose neighbours would be others.
    code_activation: str = _fixed("identity")
    linear_path: bool | str = _fixed(False)
    tied: bool = _fixed(False)
    emphasis: float = _fixed(0.5)
    penalty: str | Callable[[Any], Any] | None = _fixed(None)  # noqa: RUF009  (a field)
    penalty_weight: float | None = _fixed(None)
    sparsity: float | None = _fixed(None)
    shuffle: bool = _fixed(True)
    early_stopping: bool | str = _fixed(False)
    validation_fraction: float | str = _fixed(0.1)
    refit: bool | str = _fixed(False)

    partial_fit = _Absent("neighbours are looked for among all rows")
    from_keras = _Absent("it trains encoders that may have no decoder")
    inverse_transform = available_if(_decodes)(BaseAutoencoder.inverse_transform)
    reconstruct = available_if(_decodes)(BaseAutoencoder.reconstruct)
    score_samples = available_if(_decodes)(BaseAutoencoder.score_samples)
    score = available_if(_decodes)(BaseAutoencoder.score)

    def to_keras(self) -> Network:
        """Build the trained network as Keras models that work in the user's units.

        Returns
        -------
        encoder, decoder : keras.Model
            A named pair. ``encoder`` maps rows to places like :meth:`transform`; ``decoder`` maps
            places to rows, or is None if there is none.
        """
        network = super().to_keras()
        return network if _RECONSTRUCTED in self.history_ else network._replace(decoder=None)

    def _automatic(self, n_rows: int, n_features: int, anchored: bool) -> dict[str, Any]:
        chosen = super()._automatic(n_rows, n_features, anchored)
        batch_size = 512 if n_rows < _MANY_ROWS else 1024
        steps_per_epoch = -(-n_rows // batch_size)
        max_iter = int(np.clip(round(_N_STEPS / steps_per_epoch), 20, 300))
        epochs = max_iter if _is_auto(self.max_iter) else int(self.max_iter)
        rules = {
            "hidden_layer_sizes": (512, 512, 512),
            "activation": "gelu",
            "learning_rate_init": _LEARNING_RATE,
            "batch_size": batch_size,
            "max_iter": max_iter,
            "n_exaggeration_iter": max(1, epochs // 10),
            "n_iter_no_change": epochs,  # losses of batches are too noisy to stop by
        }
        mine = {name: value for name, value in rules.items() if _is_auto(getattr(self, name))}
        return {**chosen, **mine}

    @property
    def _anneals(self) -> bool:
        return True

    def _asked(self, X: Any) -> _AskedOfNeighbours:
        asked = read_parameters(self, X.shape[1])
        if self.perplexity >= X.shape[0]:
            raise ValueError(
                f"'perplexity' must be less than the number of rows, {X.shape[0]}. "
                f"Got {self.perplexity!r}."
            )
        decoded = self.reconstruction_weight > 0
        structure, loss = asked.structure, asked.objective.loss
        if not decoded:  # the smallest decoder that can be built, which nothing trains
            spec = replace(structure.spec, decoder_layer_sizes=())
            structure = replace(structure, spec=spec, output_activation="linear")
            loss = LOSSES.find("mse")
        freedom = self._degrees_of_freedom(structure.spec.n_components)
        objective = Divergence(
            loss,
            corrupted=asked.objective.corrupted,
            batch_size=self._batch_size(X.shape[0]),
            degrees_of_freedom=freedom,
            decoded=decoded,
        )
        affinities = Affinities.of_rows(X, float(self.perplexity), self.metric)
        numbers = {
            "exaggeration": 1.0,
            "constant": affinities.constant,
            "reconstruction_weight": float(self.reconstruction_weight),
        }
        named = {name: numbers[name] for name in objective.numbers}
        return _AskedOfNeighbours(structure, objective, named, asked.corruption, affinities)

    def _rows(
        self, asked: Asked, X: Any, shape: ChunkShape, index: Array | None, noise: Noise
    ) -> Batches:
        assert isinstance(asked, _AskedOfNeighbours)
        return Neighbourhoods(X, self._scaling, shape, asked.affinities, noise)

    def _numbers(self, asked: Asked, optimizer: Optimizer, program: Program) -> Numbers:
        return replace(
            super()._numbers(asked, optimizer, program),
            growing=program.plan.numbers.index("exaggeration"),
            start=self.early_exaggeration,
            warm_up=self._setting("n_exaggeration_iter"),
            epoch=self.n_iter_,
        )

    def _initialise(
        self,
        structure: Structure,
        program: Program,
        state: TrainingState,
        X: Any,
        train: Array | None,
    ) -> None:
        super()._initialise(structure, program, state, X, train)
        seed = int(state.weights_rng.integers(2**31))
        if self.pretraining is not None:
            self._pretrain(X, seed, program)
        elif self.init == "pca":
            self._start_at_components(X, seed)

    def _start_at_components(self, X: Any, seed: int) -> None:
        """Change the first weights so that the encoder gives the principal components."""
        found = principal_components(X, self._scaling, None, self.n_components_, seed)
        kernel = found.axes.T * (_SPREAD / (found.spread[0] or 1.0))
        bias = -found.mean @ kernel
        self.encoder_weights_ = linear_start(
            self._encoder.layers, self.encoder_weights_, kernel, bias
        )

    def _pretrain(self, X: Any, seed: int, program: Program) -> None:
        """Start from the weights of an autoencoder."""
        given = {name: getattr(self, name) for name in _OF_THE_PRETRAINING}
        shared = {name: self.settings_.get(name, value) for name, value in given.items()}
        shared["linear_path"] = False
        stage = Autoencoder(**shared, max_iter=self.pretrain_max_iter, random_state=seed)
        stage._within = True
        stage.fit(X)
        self.encoder_weights_ = stage.encoder_weights_
        if self.reconstruction_weight > 0:
            self.decoder_weights_ = stage.decoder_weights_

    def _describe(self, X: Any, train: Array | None, asked: Asked) -> None:
        assert isinstance(asked, _AskedOfNeighbours)
        self.embedding_ = np.empty((X.shape[0], self.n_components_), float_dtype(X))
        for block, rows in dense_blocks(X):
            self.embedding_[block] = self._coding.encode(rows, self.embedding_.dtype)
        freedom = self._degrees_of_freedom(self.n_components_)
        self.kl_divergence_ = asked.affinities.divergence(self.embedding_, freedom)

    def _degrees_of_freedom(self, n_components: int) -> float:
        given = self.degrees_of_freedom
        return float(max(n_components - 1, 1) if given is None else given)

    def _batch_size(self, n_rows: int) -> int:
        """Return a size that the rows can fill: a power of two, for each size is compiled."""
        return min(int(self._setting("batch_size")), 1 << (n_rows.bit_length() - 1))

    def _asked_penalty(self) -> tuple[Penalty, float]:
        return NO_PENALTY, 0.0


_PARAMETERS = [f.name for f in fields(ParametricTSNE) if f.init]
# What the autoencoder is given that the encoder starts from.
_OF_THE_PRETRAINING = sorted(
    {f.name for f in fields(Autoencoder)}.intersection(_PARAMETERS)
    - {"max_iter", "random_state", "callbacks", "warm_start"}
)
ParametricTSNE._parameter_constraints = {
    name: constraints
    for name, constraints in {
        **BaseAutoencoder._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "perplexity": [Interval(Real, 0, None, closed="neither")],
        "early_exaggeration": [Interval(Real, 1, None, closed="left")],
        "n_exaggeration_iter": [Interval(Integral, 0, None, closed="left"), StrOptions({"auto"})],
        "init": [StrOptions({"pca", "random"})],
        "metric": [StrOptions(_METRICS), callable],
        "degrees_of_freedom": [Interval(Real, 0, None, closed="neither"), None],
        "reconstruction_weight": [Interval(Real, 0, None, closed="left")],
        "pretraining": [StrOptions({"autoencoder"}), None],
        "pretrain_max_iter": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 2, None, closed="left"), StrOptions({"auto"})],
    }.items()
    if name in _PARAMETERS
}
