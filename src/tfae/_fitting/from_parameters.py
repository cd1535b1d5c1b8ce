"""From an estimator's parameters to a recipe: their meaning, and which of them go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any

from tfae._data.scaling import SCALINGS
from tfae._data.schema import Schema
from tfae._fitting.activity import describe_activity
from tfae._fitting.defaults import (
    has_only_noisy_rows,
    is_auto,
    least_rows,
    settings,
    usable_batch_size,
)
from tfae._fitting.first_weights import drawn
from tfae._fitting.noise_parameters import corrupter_of, range_of
from tfae._fitting.noisy_rows import views_of
from tfae._fitting.recipe import Recipe
from tfae._inference.fitted import Fitted
from tfae._networks.activations import get_activation
from tfae._networks.architectures.registry import ARCHITECTURES
from tfae._networks.initial_weights import check_initializer
from tfae._networks.spec import Spec
from tfae._networks.structure import Structure, hashable_params
from tfae._objective.column_losses import column_loss
from tfae._objective.corruptions import Corrupter, Pairs
from tfae._objective.losses import LOSSES, Loss
from tfae._objective.objective import Objective
from tfae._objective.penalties import Penalty, find_penalty
from tfae._objective.views import N_GROUPS, Views
from tfae._support.typing import Params
from tfae._training.holed_rows import batches_of
from tfae._training.loop import Stopping
from tfae._training.step.optimizers import get_optimizer

_NEUTRAL_EMPHASIS = 0.5
# The longest code by default: one to look at, or one to clean rows with, which keeps more of them.
_LONGEST, _LONGEST_OF_NOISY = 32, 128
_COUNTS = ("n_components", "batch_size", "max_iter", "n_iter_no_change")
# Parameters that messages quote, or that a later training must agree with.
_ASKED = ("n_components", "penalty", "loss", "output_activation")


def make_recipe(
    params: Params,
    shape: tuple[int, ...],
    *,
    linear_path: bool,
    start: Fitted | None = None,
    schema: Schema | None = None,
) -> Recipe:
    """Return the recipe for the parameters of an autoencoder and the shape of its rows.

    Parameters
    ----------
    params : mapping
        All parameters of :class:`tfae.Autoencoder`; others are ignored. ``penalty`` may also be a
        :class:`.penalties.Penalty`.
    shape : tuple of int
        (n_rows, n_features).
    linear_path : bool
        Whether there is one; ignored if training continues from `start`.
    start : Fitted or None
        The fitted value that training continues from.
    schema : Schema or None
        That of the frame that the rows come from, if its kinds are mixed.

    Raises
    ------
    ValueError
        If parameters are invalid, or do not go together.
    """
    n_rows, n_features = shape
    if start is not None:
        _check_agrees(params, start)
        linear_path = start.settings["linear_path"]
    auto = settings(params, n_rows, n_features, linear_path, mixed=schema is not None)
    if start is not None:
        auto = _decided_before(auto, params, start)
    length = _open_length(params["n_components"])
    if length is not None and not linear_path:
        raise ValueError(
            "'n_components' must be an integer or None where there is no linear path. Got "
            f"{length!r}."
        )
    if length is not None and start is not None:
        length, auto["n_components"] = None, start.settings["n_components"]
    known = {**params, **auto, **({} if length is None else {"n_components": 1})}
    if start is not None and known["n_components"] is None:
        known["n_components"] = start.structure.spec.n_components
    known |= {name: int(known[name]) for name in _COUNTS if known[name] is not None}
    if start is not None:
        _check_same_range(known, start)
    recipe = _recipe_of(params, known, auto, n_rows, n_features, length)
    return recipe if schema is None else _of_table(recipe, schema)


def _of_table(recipe: Recipe, schema: Schema) -> Recipe:
    """Return the recipe for the rows of a table.

    Raises
    ------
    ValueError
        If a parameter asks for what only numbers can have.
    """
    if recipe.output_range is not None:
        raise ValueError(
            "'output_range' must be None for a frame with columns of several kinds, which share no "
            f"range, or with 'columns'. Got {recipe.output_range!r}."
        )
    recipe = replace(recipe, schema=schema, layout=schema.layout)
    if not recipe.has_categories:
        return recipe
    if isinstance(recipe.corruption, Views):
        raise ValueError(
            "With training_rows='noisy' X must hold numbers only, because categories have no noise "
            "that could be known. Got a frame with columns of categories."
        )
    structure, loss = recipe.structure, column_loss(schema.layout, recipe.objective.loss)
    if structure.output_activation != "linear":
        raise ValueError(
            "'output_activation' must be 'auto' or 'identity' for a frame with columns of "
            f"categories. Got {recipe.asked['output_activation']!r}."
        )
    return replace(
        recipe,
        objective=replace(recipe.objective, loss=loss),
        structure=replace(structure, layout=schema.layout if structure.linear_path else None),
    )


def _recipe_of(
    params: Params,
    known: Params,
    auto: Params,
    n_rows: int,
    n_features: int,
    length: float | str | None,
) -> Recipe:
    _check_refit(params, known)
    _check_output_range(params, known)
    _check_keeps_neighbors(known)
    penalty = find_penalty(known["penalty"])
    _check_penalty_parameters(known, penalty)
    noise, sparsity = _noise(known, n_features), _sparsity(known, penalty)
    objective = _objective(known, n_features, penalty, noise, sparsity)
    optimizer, rate = known["optimizer"], known["learning_rate_init"]
    by_rule = isinstance(optimizer, str) and is_auto(params["learning_rate_init"])
    return Recipe(
        structure=_structure(known, n_features, objective),
        objective=objective,
        scalars=_scalars(known, penalty, sparsity),
        sparsity=sparsity,
        scaling=scaling_for(objective.loss, known["scaling"]),
        output_range=range_of(known, "output_range"),
        corruption=noise,
        optimizer=get_optimizer(optimizer, rate, float(known["alpha"])),
        anneal_over=known["max_iter"] if by_rule and known["linear_path"] else None,
        batch_size=usable_batch_size(known["batch_size"], n_rows),
        shuffle=known["shuffle"],
        stopping=Stopping(known["max_iter"], known["tol"], known["n_iter_no_change"]),
        early_stopping=bool(known["early_stopping"]),
        validation_fraction=known["validation_fraction"],
        refit=bool(known["refit"]),
        precision=known["precision"],
        random_state=known["random_state"],
        callbacks=() if known["callbacks"] is None else known["callbacks"],
        verbose=bool(known["verbose"]),
        settings=auto,
        asked={**{name: params[name] for name in _ASKED}, "scaling": known["scaling"]},
        batches=batches_of,
        first_weights=drawn,
        describe=describe_activity,
        length=length,
    )


def _objective(
    params: Params,
    n_features: int,
    penalty: Penalty,
    noise: Corrupter | Views | Pairs | None,
    sparsity: Any,
) -> Objective:
    return Objective(
        LOSSES.find(params["loss"]),
        penalty.code_of(code_length(params, n_features), sparsity),
        penalty,
        noise is not None,
        _emphasised(params, noise),
        N_GROUPS if isinstance(noise, Views) and noise.hides else 0.0,
    )


def _noise(params: Params, n_features: int) -> Corrupter | Views | Pairs | None:
    return views_of(params) if has_only_noisy_rows(params) else corrupter_of(params, n_features)


def _structure(params: Params, n_features: int, objective: Objective) -> Structure:
    return Structure(
        ARCHITECTURES.find(params["architecture"]),
        hashable_params(params["architecture_params"] or {}),
        _spec(params, n_features, objective.penalty),
        _output_activation(params, objective.loss),
        objective.code,
        bool(params["tied"]),
        _linear_path(params),
        params["linear_correction"],
        params["keep_neighbors"],
    )


def _scalars(params: Params, penalty: Penalty, sparsity: Any) -> dict[str, float]:
    """Return the scalars that the objective may ask for, by name."""
    weight = params["penalty_weight"]
    named = {
        "penalty_weight": penalty.weight if weight is None else weight,
        "sparsity": sparsity,
        "emphasis": params["emphasis"],
    }
    return {name: float(value) for name, value in named.items() if value is not None}


def code_length(params: Params, n_features: int) -> int:
    """Return the length of the code; None takes half of the features, but no more than a limit."""
    limit = _LONGEST if params["corruption"] is None else _LONGEST_OF_NOISY
    return params["n_components"] or min(limit, -(-n_features // 2))


def _open_length(n_components: Any) -> float | str | None:
    """Return the fraction or "auto" that decides the length of the code; None if it is given."""
    return None if n_components is None or isinstance(n_components, Integral) else n_components


def enough_for_linear_path(params: Params, shape: tuple[int, ...]) -> bool:
    """Whether the rows of the first of several calls are enough for a linear path.

    Raises
    ------
    ValueError
        If they are not, and ``linear_path=True`` asks for it.
    """
    if _open_length(params["n_components"]) is not None:
        return True  # the length found is no longer than the rows allow
    n_rows, n_features = shape
    least = least_rows(code_length(params, n_features), n_features)
    if n_rows < least and not is_auto(params["linear_path"]):
        raise ValueError(
            f"With linear_path=True the first call of partial_fit needs at least {least} rows. "
            f"Got {n_rows}; linear_path='auto' leaves the path out in this case."
        )
    return n_rows >= least


def layer_sizes(sizes: int | Sequence[int], name: str) -> tuple[int, ...]:
    """Return layer sizes as a tuple of int."""
    listed = [sizes] if isinstance(sizes, Integral) else list(sizes)  # type: ignore[arg-type]
    for size in listed:
        if not isinstance(size, Integral) or size < 1:
            raise ValueError(f"The sizes in {name!r} must be integers of at least 1. Got {size!r}.")
    return tuple(map(int, listed))


def scaling_for(loss: Loss, scaling: str | None) -> str | None:
    """Return the name of the scaling; cross-entropy and Poisson losses take values as they are.

    Raises
    ------
    ValueError
        If there is no scaling of that name.
    """
    if scaling is not None:
        SCALINGS.find(scaling)
    return None if loss.from_logits and scaling == "global" else scaling


def another_network(*names: str) -> ValueError:
    """Return the error for parameters that do not shape the network that was trained."""
    return ValueError(
        "Training can only go on with the network of the last fit. The parameters that shape it "
        f"must be the same. Got another {', '.join(map(repr, names))}; fit with warm_start=False "
        "to begin anew."
    )


def _check_agrees(params: Params, start: Fitted) -> None:
    """Raise if the scaling or the length that was learned first is now asked for differently."""
    scaling = params["scaling"]
    if not is_auto(scaling) and scaling != start.to_agree_with["scaling"]:
        raise ValueError(
            "Training goes on with the scaling that was learned, "
            f"{start.to_agree_with['scaling']!r}. Got scaling={scaling!r}; fit with "
            "warm_start=False to begin anew."
        )
    length = params["n_components"]
    if _open_length(length) is not None and length != start.to_agree_with["n_components"]:
        raise another_network("n_components")


def _decided_before(auto: Params, params: Params, start: Fitted) -> dict[str, Any]:
    """Return the values of "auto" parameters as an earlier training of the network had them."""
    decided = {**start.settings, "scaling": start.to_agree_with["scaling"]}
    auto = {n: decided.get(n, value) for n, value in auto.items() if n != "output_range"}
    if params["output_range"] is None and "output_range" in decided:
        auto["output_range"] = decided["output_range"]  # that of the first training's sensor
    return auto


def _check_same_range(known: Params, start: Fitted) -> None:
    """Raise if rebuilt rows are to lie in another range than before."""
    wanted, learned = range_of(known, "output_range"), start.to_agree_with.get("output_range")
    if wanted != (None if learned is None else tuple(learned)):
        raise ValueError(
            f"Training goes on with output_range={learned!r}, as it began. Got "
            f"output_range={wanted!r}; fit with warm_start=False to begin anew."
        )


def _check_output_range(params: Params, known: Params) -> None:
    """Raise if something else than the range decides what the output can be."""
    if known["output_range"] is None:
        return
    for name, allowed in {"scaling": ("auto", None), "output_activation": ("auto",)}.items():
        if params[name] not in allowed:
            raise ValueError(
                f"With 'output_range', which decides it, {name!r} must be "
                f"{' or '.join(map(repr, allowed))}. Got {params[name]!r}."
            )
    if LOSSES.find(params["loss"]).from_logits:
        raise ValueError(
            "'output_range' must be None for a loss that has an output activation of its own. Got "
            f"loss={params['loss']!r}."
        )
    if has_only_noisy_rows(params):
        raise ValueError(
            "'output_range' must be None with training_rows='noisy', because noisy rows go beyond "
            f"the range of clean ones. Got {known['output_range']!r}."
        )


def _check_refit(params: Params, known: Params) -> None:
    if params["refit"] not in ("auto", False) and not known["early_stopping"]:
        raise ValueError(
            "refit=True needs early_stopping=True, which finds the number of epochs to train for. "
            f"Got early_stopping={params['early_stopping']!r}."
        )


def _check_keeps_neighbors(params: Params) -> None:
    if params["keep_neighbors"] and not params["linear_path"]:
        raise ValueError(
            "keep_neighbors=True needs a linear path, because the code is then linear. Got "
            "parameters without one; see 'linear_path'."
        )


def _spec(params: Params, n_features: int, penalty: Penalty) -> Spec:
    hidden = layer_sizes(params["hidden_layer_sizes"], "hidden_layer_sizes")
    decoder = params["decoder_layer_sizes"]
    is_linear = params["keep_neighbors"]
    return Spec(
        n_features=n_features,
        n_components=code_length(params, n_features),
        hidden_layer_sizes=() if is_linear else hidden,
        decoder_layer_sizes=(
            hidden[::-1] if decoder is None else layer_sizes(decoder, "decoder_layer_sizes")
        ),
        activation=get_activation(params["activation"], "activation").keras_name,
        code_activation=_code_activation(params, penalty),
        kernel_initializer=check_initializer(params["kernel_initializer"]),
        dropout=float(params["dropout"]),
        batch_normalization=bool(params["batch_normalization"]),
    )


def _check_penalty_parameters(params: Params, penalty: Penalty) -> None:
    """Raise if a number is given that the penalty does not use."""
    for name, used in [
        ("penalty_weight", penalty.cost is not None),
        ("sparsity", penalty.sparsity is not None),
    ]:
        value = params[name]
        if value is not None and not used:
            raise ValueError(
                f"With penalty={params['penalty']!r}, which does not use it, {name!r} must be "
                f"None. Got {value!r}."
            )


def _sparsity(params: Params, penalty: Penalty) -> Any:
    """Return the sparsity to use: a fraction, or for "top_k" also a number of units."""
    sparsity, name = params["sparsity"], params["penalty"]
    if sparsity is None or penalty.sparsity is None:
        return penalty.sparsity
    a_count = name == "top_k" and isinstance(sparsity, Integral)
    if not (a_count or 0 < sparsity < 1):
        or_count = ", or a number of units" if name == "top_k" else ""
        raise ValueError(
            f"With penalty={name!r}, 'sparsity' must be a fraction above 0 and below 1"
            f"{or_count}. Got {sparsity!r}."
        )
    return sparsity


def _code_activation(params: Params, penalty: Penalty) -> str:
    if params["code_activation"] == "auto":
        return penalty.activation
    activation = get_activation(params["code_activation"], "code_activation")
    if penalty.in_unit_interval and not (activation.low >= 0 and activation.high <= 1):
        raise ValueError(
            f"penalty={params['penalty']!r} compares the mean of every unit with a fraction, so "
            "'code_activation' must give values in [0, 1]: 'logistic', 'softmax' or 'auto'. Got "
            f"{params['code_activation']!r}."
        )
    return activation.keras_name


def _emphasised(params: Params, noise: Corrupter | Views | Pairs | None) -> bool:
    emphasis = params["emphasis"]
    if emphasis == _NEUTRAL_EMPHASIS:
        return False
    if not (isinstance(noise, Corrupter) and noise.corruption.partial):
        given = f"corruption={params['corruption']!r}"
        raise ValueError(
            "'emphasis' must be 0.5 unless the corruption leaves some entries as they are, like "
            f"'masking', and training rows are clean. Got emphasis={emphasis!r} with "
            f"{'X_clean' if isinstance(noise, Pairs) else given}."
        )
    return True


def _linear_path(params: Params) -> bool:
    if params["linear_path"] and params["tied"]:
        raise ValueError("linear_path=True needs tied=False. Got tied=True.")
    return bool(params["linear_path"])


def _output_activation(params: Params, loss: Loss) -> str:
    if params["output_range"] is not None:
        return "hard_tanh"
    if params["output_activation"] == "auto":
        return loss.link or "linear"
    activation = get_activation(params["output_activation"], "output_activation")
    if loss.from_logits and activation.keras_name != loss.link:
        raise ValueError(
            f"With loss={params['loss']!r}, 'output_activation' must be 'auto' or {loss.link!r}. "
            f"Got {params['output_activation']!r}."
        )
    return activation.keras_name
