"""The stacked autoencoder: one layer after the other is trained, then all of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from tfae._estimators.attributes import Fact
from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.parameters import AT_LEAST_0, defaults, parameter
from tfae._fitting.pretraining import layer_by_layer
from tfae._fitting.recipe import Recipe
from tfae._inference.fitted import Fitted
from tfae._networks.activations import get_activation
from tfae._support.registry import nearest_name
from tfae._support.typing import History

# What a stage is given by its place in the stack.
_OF_THE_STACK = (
    "n_components",
    "hidden_layer_sizes",
    "decoder_layer_sizes",
    "activation",
    "code_activation",
    "output_activation",
    "architecture",
    "architecture_params",
    "linear_path",
    "tied",
    "dropout",
    "batch_normalization",
    "scaling",
    "precision",
    "random_state",
    "warm_start",
    "callbacks",
    "early_stopping",
    "validation_fraction",
    "refit",
)
_OF_A_STAGE = tuple(f.name for f in fields(Autoencoder) if f.name not in _OF_THE_STACK)


@dataclass(eq=False, repr=False)
class StackedAutoencoder(Autoencoder):
    r"""Autoencoder whose layers are trained one after the other before all are trained together.

    Stage :math:`k` is an autoencoder of one layer, :math:`h_k = s(W_k h_{k-1} + b_k)` with
    :math:`h_0` the rows, that learns to rebuild what the stage before gives [1]_ [2]_. The encoders
    of all stages, and their decoders in reverse, are the network that is then trained end to end.

    Every stage has this estimator's own parameters, so that ``corruption="masking"`` makes it a
    stacked denoising autoencoder [3]_ and ``penalty="kl"`` a stacked sparse one; `pretraining` says
    what is different.

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    pretraining : dict or sequence of dict, default=None
        Parameters of :class:`Autoencoder` for every stage, or for each: one dict for every hidden
        layer and one for the code. Those that shape the network are not among them.
    pretrain_max_iter : int, default=20
        The largest number of epochs of a stage. 0 trains no stages.
    fine_tune : bool, default=True
        Whether `fit` trains the whole network after the stages.

    Attributes
    ----------
    stage_histories_ : list of dict
        The ``history_`` of every stage, from the input to the code.

    See Also
    --------
    Autoencoder : All other parameters, and the attributes.

    Notes
    -----
    The loss of the first stage is `loss`. Later stages rebuild activations: with cross-entropy if
    those are logistic, otherwise with the squared error, unless `pretraining` names another.
    ``partial_fit`` trains the stages at its first call, on the rows of that call.

    References
    ----------
    .. [1] Hinton, G. E. and Salakhutdinov, R. R. (2006). Reducing the dimensionality of data with
       neural networks. Science 313, 504-507.
    .. [2] Bengio, Y., Lamblin, P., Popovici, D. and Larochelle, H. (2007). Greedy layer-wise
       training of deep networks. NeurIPS.
    .. [3] Vincent, P. et al. (2010). Stacked denoising autoencoders. JMLR 11, 3371-3408.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from tfae import StackedAutoencoder
    >>> X = load_digits().data
    >>> model = StackedAutoencoder(
    ...     16,
    ...     hidden_layer_sizes=(64, 32),
    ...     pretraining={"corruption": "masking"},
    ...     max_iter=20,
    ...     random_state=0,
    ... ).fit(X)
    >>> len(model.stage_histories_)
    3
    >>> model.score(X) > 0.5
    True
    """

    linear_path: bool | str = False
    pretraining: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = parameter(
        None, Mapping, "array-like", None
    )
    pretrain_max_iter: int = parameter(20, AT_LEAST_0)
    fine_tune: bool = parameter(True, "boolean")

    stage_histories_ = Fact[list[History]]("stage_histories")

    def _recipe(self, X: Any, start: Fitted | None, **how: Any) -> Recipe:
        recipe = super()._recipe(X, start, **how)
        if start is None:
            stages = self._stages(recipe) if self.pretrain_max_iter else []
            then = "All stages together" if self.fine_tune else None
            first_weights = partial(layer_by_layer, stages, then)
            recipe = replace(recipe, first_weights=first_weights, pretrains=bool(stages))
        if not self.fine_tune:
            recipe = replace(recipe, stopping=replace(recipe.stopping, max_iter=0))
        return recipe

    def _stages(self, recipe: Recipe) -> list[dict[str, Any]]:
        """Return all parameters of an autoencoder for every layer of the encoder."""
        self._check_stackable()
        spec, activation = recipe.structure.spec, recipe.settings.get("activation", self.activation)
        units = *spec.hidden_layer_sizes, spec.n_components
        shared = {name: getattr(self, name) for name in _OF_A_STAGE}
        shared |= {"linear_path": False, "tied": self.tied, "precision": self.precision}
        shared |= {"max_iter": self.pretrain_max_iter, "hidden_layer_sizes": ()}
        stages = []
        for number, params in enumerate(self._stage_params(len(units)), start=1):
            own = {
                "n_components": units[number - 1],
                "code_activation": self.code_activation if number == len(units) else activation,
                "output_activation": self.output_activation,
                "scaling": self.scaling,
            }
            if number > 1:
                own |= _of_activations(activation)
            if "penalty" in params:  # whose numbers are not those of the estimator's own
                own |= {"penalty_weight": None, "sparsity": None}
            stage = {**defaults(Autoencoder), **shared, **own, **params}
            _check_stage(stage, number)
            stages.append(stage)
        return stages

    def _stage_params(self, n_stages: int) -> list[Mapping[str, Any]]:
        """Return what `pretraining` says for each stage."""
        given = {} if self.pretraining is None else self.pretraining
        listed = [given] * n_stages if isinstance(given, Mapping) else list(given)
        if len(listed) != n_stages or not all(isinstance(stage, Mapping) for stage in listed):
            raise ValueError(
                f"The 'pretraining' parameter must be one dict, or a sequence of {n_stages} dicts: "
                f"one for every hidden layer and one for the code. Got {self.pretraining!r}."
            )
        for name in {name for stage in listed for name in stage} - set(_OF_A_STAGE):
            raise ValueError(
                f"The names in 'pretraining' must be among {list(_OF_A_STAGE)}. "
                f"Got {name!r}.{nearest_name(str(name), _OF_A_STAGE)}"
            )
        return listed

    def _check_stackable(self) -> None:
        """Refuse what cannot be built layer by layer."""
        for name, required, reason in [
            ("architecture", "dense", "stages are dense layers"),
            ("linear_path", False, "stages are all there is"),
            ("decoder_layer_sizes", None, "each stage gives a layer to both sides"),
            ("batch_normalization", False, "a stage knows no moments of the whole network"),
        ]:
            value = getattr(self, name)
            if value != required:
                raise ValueError(
                    f"{name!r} of a StackedAutoencoder must be {required!r}, for {reason}. "
                    f"Got {value!r}."
                )


def _of_activations(activation: str) -> dict[str, Any]:
    """Return what a stage needs that rebuilds the activations of another."""
    logistic = get_activation(activation).keras_name == "sigmoid"
    return {
        "loss": "binary_crossentropy" if logistic else "mse",
        "output_activation": activation,
        "scaling": None,
    }


def _check_stage(params: Mapping[str, Any], number: int) -> None:
    try:
        Autoencoder(**params)._validate_params()
    except ValueError as error:
        raise ValueError(f"Stage {number} of the pretraining: {error}") from error
