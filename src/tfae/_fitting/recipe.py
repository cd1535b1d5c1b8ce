"""What an estimator's parameters ask for: a network's structure, an objective and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from tfae._networks.activations import get_activation
from tfae._networks.architectures.registry import ARCHITECTURES
from tfae._networks.codes import PLAIN
from tfae._networks.initial_weights import check_initializer
from tfae._networks.spec import Spec
from tfae._networks.structure import Structure, hashable_params
from tfae._objective.corruptions import CORRUPTIONS, Corruption
from tfae._objective.losses import LOSSES, Loss
from tfae._objective.objective import Objective
from tfae._objective.penalties import NESTED, Penalty

_NEUTRAL_EMPHASIS = 0.5


@dataclass(frozen=True)
class Asked:
    """What is to be built and minimised."""

    structure: Structure
    objective: Objective
    numbers: dict[str, float]  # of the objective
    corruption: Corruption | None


def read_parameters(model: Any, n_features: int) -> Asked:
    """Read the parameters of an autoencoder for data with so many features.

    Raises
    ------
    ValueError
        If parameters are wrong, or do not go together.
    """
    loss = LOSSES.find(model.loss)
    penalty, weight = model._asked_penalty()
    _check_use(model, penalty)
    sparsity = _sparsity(model, penalty)
    n_components = code_length(model._setting("n_components"), n_features)
    code = PLAIN if penalty.code is None else penalty.code(n_components, sparsity)
    corruption = _corruption(model)
    emphasised = _emphasised(model, corruption)
    objective = Objective(loss, code, penalty, corruption is not None, emphasised)
    numbers = {"penalty_weight": weight, "sparsity": sparsity, "emphasis": model.emphasis}
    return Asked(
        Structure(
            ARCHITECTURES.find(model.architecture),
            hashable_params(model._architecture_params()),
            _spec(model, n_features, n_components, penalty),
            _output_activation(model, loss),
            code,
            bool(model.tied),
            _linear_path(model),
            model.settings_.get("linear_correction", False),
        ),
        objective,
        {name: float(numbers[name]) for name in objective.numbers},
        corruption,
    )


def code_length(n_components: int | None, n_features: int) -> int:
    """Return the length of the code; None takes half of the features, but at most 32."""
    return n_components or min(32, -(-n_features // 2))


def layer_sizes(sizes: int | Sequence[int], name: str) -> tuple[int, ...]:
    """Return layer sizes as a tuple of int."""
    listed = [sizes] if isinstance(sizes, Integral) else list(sizes)  # type: ignore[arg-type]
    for size in listed:
        if not isinstance(size, Integral) or size < 1:
            raise ValueError(f"The sizes in {name!r} must be integers of at least 1. Got {size!r}.")
    return tuple(map(int, listed))


def _spec(model: Any, n_features: int, n_components: int, penalty: Penalty) -> Spec:
    hidden = layer_sizes(model._setting("hidden_layer_sizes"), "hidden_layer_sizes")
    decoder = model.decoder_layer_sizes
    return Spec(
        n_features=n_features,
        n_components=n_components,
        hidden_layer_sizes=hidden,
        decoder_layer_sizes=(
            hidden[::-1] if decoder is None else layer_sizes(decoder, "decoder_layer_sizes")
        ),
        activation=get_activation(model._setting("activation"), "activation").keras_name,
        code_activation=_code_activation(model, penalty),
        kernel_initializer=check_initializer(model.kernel_initializer),
        dropout=float(model.dropout),
        batch_normalization=bool(model.batch_normalization),
    )


def _corruption(model: Any) -> Corruption | None:
    if model.corruption is None:
        return None
    corruption = CORRUPTIONS.find(model.corruption)
    is_fraction = corruption.partial and not corruption.in_users_units
    if is_fraction and model.corruption_level > 1:
        raise ValueError(
            f"With corruption={model.corruption!r}, 'corruption_level' must be a fraction of the "
            f"entries, from 0 to 1. Got {model.corruption_level!r}."
        )
    return corruption


def _check_use(model: Any, penalty: Penalty) -> None:
    """Raise if a number is given that the penalty does not have."""
    if penalty is NESTED:  # which takes the place of another for one training
        return
    for name, used in [
        ("penalty_weight", penalty.cost is not None),
        ("sparsity", penalty.sparsity is not None),
    ]:
        value = getattr(model, name)
        if value is not None and not used:
            raise ValueError(
                f"With penalty={model.penalty!r}, which makes no use of it, {name!r} must be None. "
                f"Got {value!r}."
            )


def _sparsity(model: Any, penalty: Penalty) -> Any:
    """Return the sparsity that holds: a fraction, or for "top_k" also a number of units."""
    if model.sparsity is None or penalty.sparsity is None:
        return penalty.sparsity
    a_count = model.penalty == "top_k" and isinstance(model.sparsity, Integral)
    if not (a_count or 0 < model.sparsity < 1):
        or_count = ", or a number of units" if model.penalty == "top_k" else ""
        raise ValueError(
            f"With penalty={model.penalty!r}, 'sparsity' must be a fraction above 0 and below 1"
            f"{or_count}. "
            f"Got {model.sparsity!r}."
        )
    return model.sparsity


def _code_activation(model: Any, penalty: Penalty) -> str:
    if model.code_activation == "auto":
        return penalty.activation
    activation = get_activation(model.code_activation, "code_activation")
    if penalty.in_unit_interval and not (activation.low >= 0 and activation.high <= 1):
        raise ValueError(
            f"penalty={model.penalty!r} compares the mean of every unit with a fraction, so "
            "'code_activation' must give values in [0, 1]: 'logistic', 'softmax' or 'auto'. Got "
            f"{model.code_activation!r}."
        )
    return activation.keras_name


def _emphasised(model: Any, corruption: Corruption | None) -> bool:
    if model.emphasis == _NEUTRAL_EMPHASIS:
        return False
    if corruption is None or not corruption.partial:
        raise ValueError(
            "'emphasis' must be 0.5 unless the corruption leaves some entries as they are, like "
            f"'masking'. Got emphasis={model.emphasis!r} with corruption={model.corruption!r}."
        )
    return True


def _linear_path(model: Any) -> bool:
    if model._setting("linear_path") and model.tied:
        raise ValueError("linear_path=True needs tied=False. Got tied=True.")
    return bool(model._setting("linear_path"))


def _output_activation(model: Any, loss: Loss) -> str:
    if model.output_activation == "auto":
        return "sigmoid" if loss.from_logits else "linear"
    activation = get_activation(model.output_activation, "output_activation")
    if loss.from_logits and activation.keras_name != "sigmoid":
        raise ValueError(
            f"With loss={model.loss!r}, 'output_activation' must be 'auto' or 'sigmoid'. "
            f"Got {model.output_activation!r}."
        )
    return activation.keras_name
