"""The stacked autoencoder: layers are trained one after another, then all together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from tfae._estimators.attributes import Fact
from tfae._estimators.autoencoder import Autoencoder
from tfae._estimators.parameters import AT_LEAST_0, defaults, parameter
from tfae._fitting.from_parameters import scaling_for
from tfae._fitting.pretraining import layer_by_layer
from tfae._fitting.recipe import Recipe
from tfae._inference.fitted import Fitted
from tfae._networks.activations import get_activation
from tfae._objective.losses import LOSSES
from tfae._support.registry import nearest_name
from tfae._support.typing import History

# Parameters that follow from the place of a stage in the stack.
_OF_THE_STACK = (
    "n_components",
    "hidden_layer_sizes",
    "decoder_layer_sizes",
    "activation",
    "code_activation",
    "output_activation",
    "output_range",
    "architecture",
    "architecture_params",
    "linear_path",
    "tied",
    "dropout",
    "batch_normalization",
    "scaling",
    "columns",
    "precision",
    "random_state",
    "warm_start",
    "callbacks",
    "checkpoint",
    "strategy",
    "early_stopping",
    "validation_fraction",
    "refit",
)
_OF_A_STAGE = tuple(f.name for f in fields(Autoencoder) if f.name not in _OF_THE_STACK)


@dataclass(eq=False, repr=False, kw_only=True)
class StackedAutoencoder(Autoencoder):
    r"""Autoencoder that trains its layers one after another before it trains all together.

    Stage :math:`k` is an autoencoder of one layer, :math:`h_k = s(W_k h_{k-1} + b_k)` with
    :math:`h_0` the rows. It learns to rebuild the codes of the stage before [1]_ [2]_. The encoders
    of all stages, and their decoders in reverse order, form the network. The network is then
    trained end to end.

    Every stage takes the parameters of this estimator. So ``corruption="masking"`` makes it a
    stacked denoising autoencoder [3]_, and ``penalty="kl"`` a stacked sparse one. `pretraining`
    changes parameters of stages.

    Parameters
    ----------
    n_components : int, default=None
        The length of the code. None takes half of the features, but at most 32.
    pretraining : dict or sequence of dict, default=None
        Parameters of :class:`Autoencoder` for the stages. One dict is for all of them; a sequence
        has one dict for every hidden layer and one for the code. Parameters that shape the network
        are not allowed.
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
    these are logistic, otherwise with the squared error. `pretraining` may name another loss.
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
    ...     hidden_layer_sizes=(32,),
    ...     pretraining={"corruption": "masking"},
    ...     max_iter=10,
    ...     random_state=0,
    ... ).fit(X)
    >>> len(model.stage_histories_)
    2
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

    def _recipe(self, X: Any, start: Fitted | None, **instead: Any) -> Recipe:
        recipe = super()._recipe(X, start, **instead)
        if start is None:
            stages = self._stages(recipe)
            then = "All stages together" if self.fine_tune else None
            first_weights = partial(layer_by_layer, stages, then)
            recipe = replace(recipe, first_weights=first_weights, pretrains=bool(stages))
        if not self.fine_tune:
            recipe = replace(recipe, stopping=replace(recipe.stopping, max_iter=0))
        return recipe

    def _stages(self, recipe: Recipe) -> list[dict[str, Any]]:
        """Return all parameters of the stage of every layer of the encoder; none without stages.

        Raises
        ------
        ValueError
            If a network like this cannot be trained layer by layer, with or without stages.
        """
        self._check_stackable()
        spec, activation = recipe.structure.spec, recipe.settings.get("activation", self.activation)
        units = *spec.hidden_layer_sizes, spec.n_components
        given = self._stage_params(len(units))
        if self.pretrain_max_iter == 0:
            return []
        shared = {name: getattr(self, name) for name in _OF_A_STAGE}
        shared |= {"linear_path": False, "tied": self.tied, "precision": self.precision}
        shared |= {"max_iter": self.pretrain_max_iter, "hidden_layer_sizes": ()}
        stages = []
        for number, params in enumerate(given, start=1):
            own = {
                "n_components": units[number - 1],
                "code_activation": self.code_activation if number == len(units) else activation,
                "output_activation": self.output_activation,
                "scaling": recipe.asked["scaling"],
                "output_range": recipe.output_range,
            }
            if number > 1:
                own |= _of_activations(activation)
            if "penalty" in params:  # the estimator's numbers are for its own penalty
                own |= {"penalty_weight": None, "sparsity": None}
            stage = {**defaults(Autoencoder), **shared, **own, **params}
            _check_stage(stage, number)
            stages.append(stage)
        _check_scaling(stages[0], recipe)
        return stages

    def _stage_params(self, n_stages: int) -> list[Mapping[str, Any]]:
        """Return the parameters in `pretraining` for each stage."""
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
        """Raise if a parameter does not allow training layer by layer."""
        for name, required, reason in [
            ("architecture", "dense", "stages are dense layers"),
            ("linear_path", False, "the stages make up the whole network"),
            ("decoder_layer_sizes", None, "each stage gives one layer to both sides"),
            ("batch_normalization", False, "a stage does not know the whole network's moments"),
        ]:
            value = getattr(self, name)
            if value != required:
                raise ValueError(
                    f"{name!r} of a StackedAutoencoder must be {required!r}, because {reason}. "
                    f"Got {value!r}."
                )


def _of_activations(activation: str) -> dict[str, Any]:
    """Return the parameters of a stage that rebuilds the activations of another."""
    logistic = get_activation(activation).keras_name == "sigmoid"
    return {
        "loss": "binary_crossentropy" if logistic else "mse",
        "output_activation": activation,
        "output_range": None,
        "scaling": None,
    }


def _check_stage(params: Mapping[str, Any], number: int) -> None:
    try:
        Autoencoder(**params)._validate_params()
        LOSSES.find(params["loss"])
    except ValueError as error:
        raise ValueError(f"Stage {number} of the pretraining: {error}") from error


def _check_scaling(first: Mapping[str, Any], recipe: Recipe) -> None:
    if scaling_for(LOSSES.find(first["loss"]), first["scaling"]) != recipe.scaling:
        raise ValueError(
            "The loss of the first stage must have the same scaling of the data as the loss of the "
            f"network. Got {first['loss']!r} in 'pretraining' and loss={recipe.asked['loss']!r}; "
            "set a 'scaling' that suits both."
        )
