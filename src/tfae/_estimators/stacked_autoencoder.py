"""The stacked autoencoder: one layer after the other is trained, then all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, ClassVar

import numpy as np

from tfae._estimators.autoencoder import Autoencoder
from tfae._fitting.recipe import layer_sizes
from tfae._networks.activations import get_activation
from tfae._networks.structure import Structure
from tfae._support.registry import nearest_name
from tfae._support.sklearn import Interval
from tfae._support.typing import Array
from tfae._training.state import TrainingState
from tfae._training.step.program import Program

# What a stage is given by its place in the stack.
_OF_THE_STACK = (
    *("n_components", "hidden_layer_sizes", "decoder_layer_sizes", "activation"),
    *("code_activation", "output_activation", "architecture", "architecture_params"),
    *(
        "linear_path",
        "tied",
        "dropout",
        "batch_normalization",
        "scaling",
        "precision",
        "random_state",
    ),
    *("warm_start", "callbacks", "early_stopping", "validation_fraction", "refit"),
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
    pretraining: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None
    pretrain_max_iter: int = 20
    fine_tune: bool = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Autoencoder._parameter_constraints,
        "pretraining": [Mapping, "array-like", None],
        "pretrain_max_iter": [Interval(Integral, 0, None, closed="left")],
        "fine_tune": ["boolean"],
    }

    def _max_iter(self) -> int:
        return super()._max_iter() if self.fine_tune else 0

    def _initialise(
        self,
        structure: Structure,
        program: Program,
        state: TrainingState,
        X: Any,
        train: Array | None,
    ) -> None:
        super()._initialise(structure, program, state, X, train)
        self.stage_histories_: list[dict[str, list[float]]] = []
        stages = list(self._stages())
        if self.pretrain_max_iter == 0:
            return
        rows = X if train is None else X[train]
        encoder: list[Array] = []
        decoder: list[Array] = []
        for number, stage in enumerate(stages, start=1):
            stage.random_state = int(state.weights_rng.integers(2**31))
            stage._within = True
            if self.verbose:
                print(f"Stage {number}/{len(stages)}")
            rows = self._pretrain(stage, number, rows, last=number == len(stages))
            encoder = [*encoder, *stage.encoder_weights_]
            decoder = [*stage.decoder_weights_, *decoder]
        if self.verbose and self.fine_tune:
            print("All stages together")
        self._set_weights([*encoder, *decoder], program.network)

    def _trains_before(self) -> bool:
        return self.pretrain_max_iter > 0 or super()._trains_before()

    def _pretrain(self, stage: Autoencoder, number: int, rows: Any, last: bool) -> Any:
        """Train a stage and return what the next one is trained on."""
        try:
            stage.fit(rows)
        except ValueError as error:
            raise ValueError(f"Stage {number} of the pretraining: {error}") from error
        if number == 1 and not np.allclose(stage.scale_, self.scale_):
            raise ValueError(
                "The loss of the first stage must have the same scaling of the data as that of the "
                f"whole. Got {stage.loss!r} in 'pretraining' and loss={self.loss!r}; say which "
                "'scaling' serves both."
            )
        self.stage_histories_.append(stage.history_)
        return None if last else stage.transform(rows)

    def _stages(self) -> Iterator[Autoencoder]:
        """Yield an untrained autoencoder for every layer of the encoder."""
        self._check_stackable()
        hidden = layer_sizes(self._setting("hidden_layer_sizes"), "hidden_layer_sizes")
        asked = self._stage_params(len(hidden) + 1)
        shared = {name: getattr(self, name) for name in _OF_A_STAGE}
        shared |= {"linear_path": False, "tied": self.tied, "precision": self.precision}
        shared["max_iter"] = self.pretrain_max_iter
        for number, params in enumerate(asked):
            at_end = number == len(hidden)
            own = {
                "n_components": self.n_components_ if at_end else hidden[number],
                "hidden_layer_sizes": (),
                "code_activation": self.code_activation if at_end else self._setting("activation"),
                "output_activation": self.output_activation,
                "scaling": self.scaling,
            }
            if number > 0:
                own |= self._of_activations()
            if "penalty" in params:  # whose numbers are not those of the estimator's own
                own |= {"penalty_weight": None, "sparsity": None}
            yield Autoencoder(**{**shared, **own, **params})

    def _of_activations(self) -> dict[str, Any]:
        """Return what a stage needs that rebuilds the activations of another."""
        logistic = get_activation(self._setting("activation")).keras_name == "sigmoid"
        return {
            "loss": "binary_crossentropy" if logistic else "mse",
            "output_activation": self._setting("activation"),
            "scaling": None,
        }

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
