"""Update rules for the compiled step.

The most common optimizers run as TensorFlow's fused kernels. Their scalars (decay rates, epsilon,
…) are arguments of the compiled program. All others run as the Keras optimizer itself, with its
configuration compiled in.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from tfae._support.registry import nearest_name
from tfae._support.tensorflow import as_arrays, excluded_from_weight_decay, keras, read, tf, write
from tfae._support.typed_records import made, values_of
from tfae._support.typing import Array, Weights

_CLASSES = (
    "Adam",
    "AdamW",
    "SGD",
    "RMSprop",
    "Nadam",
    "Adamax",
    "Adagrad",
    "Adadelta",
    "Adafactor",
    "Ftrl",
    "Lion",
)
_NAMES = {name.lower(): name for name in _CLASSES}


class Kernel(NamedTuple):
    """A fused update: the scalars that it takes and the number of slots per variable."""

    scalars: tuple[str, ...]
    n_slots: int
    apply: Callable[..., None]
    powers: tuple[str, ...] = ()  # the scalars that it also takes to the power of the step


def _adam(var: Any, slots: Any, grad: Any, rate: Any, n: Mapping[str, Any]) -> None:
    tf.raw_ops.ResourceApplyAdam(
        var=var.handle,
        m=slots[0].handle,
        v=slots[1].handle,
        beta1_power=n["beta_1_power"],
        beta2_power=n["beta_2_power"],
        lr=rate,
        beta1=n["beta_1"],
        beta2=n["beta_2"],
        epsilon=n["epsilon"],
        grad=grad,
    )


def _sgd(var: Any, slots: Any, grad: Any, rate: Any, n: Mapping[str, Any]) -> None:
    tf.raw_ops.ResourceApplyGradientDescent(var=var.handle, alpha=rate, delta=grad)


def _momentum(
    var: Any, slots: Any, grad: Any, rate: Any, n: Mapping[str, Any], nesterov: bool = False
) -> None:
    tf.raw_ops.ResourceApplyKerasMomentum(
        var=var.handle,
        accum=slots[0].handle,
        lr=rate,
        grad=grad,
        momentum=n["momentum"],
        use_nesterov=nesterov,
    )


def _nesterov(var: Any, slots: Any, grad: Any, rate: Any, n: Mapping[str, Any]) -> None:
    _momentum(var, slots, grad, rate, n, nesterov=True)


def _rmsprop(var: Any, slots: Any, grad: Any, rate: Any, n: Mapping[str, Any]) -> None:
    tf.raw_ops.ResourceApplyRMSProp(
        var=var.handle,
        ms=slots[0].handle,
        mom=slots[1].handle,
        lr=rate,
        rho=n["rho"],
        momentum=n["momentum"],
        epsilon=n["epsilon"],
        grad=grad,
    )


_KERNELS = {
    "adam": Kernel(("beta_1", "beta_2", "epsilon"), 2, _adam, powers=("beta_1", "beta_2")),
    "sgd": Kernel((), 0, _sgd),
    "momentum": Kernel(("momentum",), 1, _momentum),
    "nesterov": Kernel(("momentum",), 1, _nesterov),
    "rmsprop": Kernel(("rho", "momentum", "epsilon"), 2, _rmsprop),
}
# A fused kernel equals the Keras optimizer only with these values in the configuration.
_PLAIN: dict[str, Any] = {
    **{"clipnorm": None, "clipvalue": None, "global_clipnorm": None, "use_ema": False},
    **{"loss_scale_factor": None, "gradient_accumulation_steps": None},
    **{"amsgrad": False, "centered": False},
}


@runtime_checkable
class Rule(Protocol):
    """An optimizer as a part of a program's key: hashable; equal rules share a program."""

    @property
    def scalars(self) -> tuple[str, ...]:
        """The names of the scalars that :meth:`Update.apply` takes."""

    def build(self, variables: list[Any], decayed: list[bool]) -> Update:
        """Make the slots for some Keras variables; `alpha` weighs the squares of `decayed` ones."""


@dataclass(frozen=True)
class Optimizer:
    """The optimizer of a fit: a rule, its scalars, a learning rate."""

    rule: Rule
    scalars: dict[str, float]
    learning_rate: float | Callable[[Any], Any]


def get_optimizer(
    optimizer: Any, learning_rate: float | Callable[[Any], Any], alpha: float = 0.0
) -> Optimizer:
    """Read an optimizer from its name or from a configured Keras optimizer, which is not changed.

    Parameters
    ----------
    optimizer : str or keras.optimizers.Optimizer
    learning_rate : float or callable
        Used with a name; a configured optimizer brings its own.
    alpha : float
        Weight of the L2 penalty, whose gradient the rule adds.
    """
    undecayed = None
    if isinstance(optimizer, str):
        kind, config = _default_config(optimizer)
    else:
        kind, config = type(optimizer), _config(optimizer)
        undecayed = _undecayed(optimizer)
        learning_rate = _learning_rate(config["learning_rate"])
    config = {k: v for k, v in config.items() if k not in ("name", "learning_rate")}
    kernel = _fused_kernel(kind, config)
    scalars = {"alpha": alpha} if alpha else {}
    if kernel is None:
        rule: Rule = KerasRule(kind, config, tuple(scalars), undecayed)
    else:
        scalars |= {name: float(config[name]) for name in _KERNELS[kernel].scalars}
        decay = config.get("weight_decay")
        if decay is not None:
            scalars["weight_decay"] = float(decay)
        rule = FusedRule(kernel, tuple(scalars), undecayed)
    return Optimizer(rule, scalars, learning_rate)


@cache
def _default_config(name: str) -> tuple[type, dict[str, Any]]:
    if name.lower() not in _NAMES:
        raise ValueError(
            f"The 'optimizer' parameter must be one of {sorted(_NAMES)} or a Keras optimizer. "
            f"Got {name!r}.{nearest_name(name, _NAMES)}"
        )
    kind = getattr(keras.optimizers, _NAMES[name.lower()])
    # An instance has the same, but makes variables, which takes 10 ms of a process's first fit.
    parameters = inspect.signature(kind).parameters.values()
    config = {p.name: p.default for p in parameters if p.default is not p.empty}
    if name.lower() == "sgd":  # as scikit-learn's "sgd"; Keras's default hardly trains a network
        config |= {"momentum": 0.9, "nesterov": True}
    return kind, config


def _config(optimizer: Any) -> dict[str, Any]:
    if not isinstance(optimizer, type):
        config = dict(optimizer.get_config())
        if "learning_rate" in config:
            return config
    raise ValueError(
        "The 'optimizer' parameter must be a name or an instance of a Keras optimizer with a "
        f"learning rate. Got {optimizer!r}."
    )


def _undecayed(optimizer: Any) -> str | None:
    """Return the names that weight decay leaves out, which the configuration does not hold."""
    variables, names = excluded_from_weight_decay(optimizer)
    if variables:
        raise ValueError(
            "exclude_from_weight_decay of the 'optimizer' must be given 'var_names', such as "
            "['bias'], because every fit makes new variables. Got 'var_list'."
        )
    return names


def _learning_rate(config: Any) -> float | Callable[[Any], Any]:
    if not isinstance(config, dict):
        return float(config)
    try:
        schedule: Callable[[Any], Any] = keras.optimizers.schedules.deserialize(config)
    except TypeError as error:
        raise ValueError(
            "The schedule of the 'optimizer' must be one of Keras's own or registered with "
            f"register_keras_serializable. Got a {config['class_name']}; pass your own schedule as "
            "'learning_rate_init'."
        ) from error
    return schedule


def _fused_kernel(kind: type, config: Mapping[str, Any]) -> str | None:
    """Return the name of the kernel that equals a Keras optimizer so configured, or None."""
    if any(config.get(key, plain) != plain for key, plain in _PLAIN.items()):
        return None
    optimizers = keras.optimizers
    if kind in (optimizers.Adam, optimizers.AdamW):
        return "adam"
    if kind is optimizers.SGD:
        if not config["momentum"]:
            return "sgd"
        return "nesterov" if config["nesterov"] else "momentum"
    return "rmsprop" if kind is optimizers.RMSprop else None


def learning_rates(
    rate: float | Callable[[Any], Any], first_step: int, n_steps: int, dtype: str
) -> Array:
    """Return the learning rates of `n_steps` steps; a schedule is called outside the program."""
    if not callable(rate):
        return np.full(n_steps, rate, dtype)
    steps = np.arange(first_step, first_step + n_steps)
    rates = _all_at_once(rate, steps)
    if rates is None:
        rates = np.array([_one_rate(rate, int(step)) for step in steps])
    wrong = np.flatnonzero(~np.isfinite(rates) | (rates < 0))
    if len(wrong):
        raise ValueError(
            "'learning_rate_init' must give finite numbers of at least 0. Got "
            f"{rates[wrong[0]]} for step {steps[wrong[0]]}."
        )
    return rates.astype(dtype)


def _one_rate(schedule: Callable[[Any], Any], step: int) -> float:
    rate = schedule(step)
    try:
        return float(rate)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"'learning_rate_init' must give a number for a step. Got {rate!r} for step {step}."
        ) from error


def _all_at_once(schedule: Callable[[Any], Any], steps: Array) -> Array | None:
    """Call a schedule once for all steps, which most Keras schedules answer rightly."""
    try:
        rates = np.asarray(schedule(steps))
    except Exception:  # a schedule need only take single steps, and may fail in any way here
        return None
    ends = [0, -1]
    right = rates.shape == steps.shape and np.allclose(
        rates[ends], [float(schedule(int(steps[end]))) for end in ends], rtol=1e-6, atol=0
    )
    return rates if right else None


@dataclass(frozen=True)
class FusedRule:
    """A fused kernel and the names of the scalars that it takes; hashable, makes an `Update`."""

    kernel: str
    scalars: tuple[str, ...]
    undecayed: str | None = None  # a regular expression of names

    def build(self, variables: list[Any], decayed: list[bool]) -> Update:
        return FusedUpdate(self, variables, decayed)


@dataclass(frozen=True)
class KerasRule:
    """A Keras optimizer with its configuration; hashable, makes an `Update`."""

    kind: type
    config: dict[str, Any] = field(hash=False)
    scalars: tuple[str, ...]
    undecayed: str | None = None  # a regular expression of names

    def build(self, variables: list[Any], decayed: list[bool]) -> Update:
        return KerasUpdate(self, variables, decayed)


def values_of_rule(rule: Rule) -> dict[str, Any]:
    """Return a rule as plain values.

    Raises
    ------
    ValueError
        If the optimizer is not one of Keras's own.
    """
    values = values_of(rule)
    if "kind" in values:
        values["kind"] = values["kind"].__name__
    if rule_of(values) != rule:
        raise ValueError(f"The optimizer must be one of Keras's own. Got {rule!r}.")
    return values


def rule_of(values: Mapping[str, Any]) -> Rule:
    """Return the rule of :func:`values_of_rule`, or raise ValueError."""
    if "kind" not in values:
        rule = made(FusedRule, values)
        if rule.kernel not in _KERNELS:
            raise ValueError(f"A kernel must be one of {list(_KERNELS)}. Got {rule.kernel!r}")
        return rule
    if values["kind"] not in _CLASSES:
        raise ValueError(f"An optimizer must be one of {_CLASSES}. Got {values['kind']!r}")
    return made(KerasRule, {**values, "kind": getattr(keras.optimizers, values["kind"])})


class Update:
    """One optimizer's slots for the variables of one program, and the step on them."""

    # Whether it keeps averages of the variables, which are their final values.
    averages = False

    def __init__(self, variables: list[Any], decayed: list[bool], slots: list[Any]) -> None:
        self.variables = variables
        self.decayed = decayed
        self._slots = slots
        self._fresh = read(self._slots)

    def load(self, state: list[Any] | None) -> None:
        """Set the slots; None resets them."""
        write(self._slots, self._fresh if state is None else state)

    def state(self) -> Weights:
        """Return the slots as NumPy arrays."""
        return as_arrays(self.snapshot())

    def snapshot(self) -> list[Any]:
        """Return the slots as tensors."""
        return read(self._slots)

    def apply(self, gradients: list[Any], rate: Any, scalars: Mapping[str, Any]) -> None:
        """Take one step."""
        raise NotImplementedError

    def finish(self) -> None:
        """Write final values into the variables, if the optimizer keeps averages of them."""

    def _penalised(self, gradients: list[Any], scalars: Mapping[str, Any]) -> list[Any]:
        """Add the gradient of ``alpha / 2 * sum(kernel**2)``."""
        if "alpha" not in scalars:
            return gradients
        return [
            gradient + scalars["alpha"] * variable if decayed else gradient
            for gradient, variable, decayed in zip(
                gradients, self.variables, self.decayed, strict=True
            )
        ]


class FusedUpdate(Update):
    """Runs a fused kernel for every variable."""

    def __init__(self, rule: FusedRule, variables: list[Any], decayed: list[bool]) -> None:
        self._kernel = _KERNELS[rule.kernel]
        self._of_variable = [
            [_zeros(variable) for _ in range(self._kernel.n_slots)] for variable in variables
        ]
        excluded = rule.undecayed
        self._shrinks = [excluded is None or not re.search(excluded, v.name) for v in variables]
        self._iterations = tf.Variable(0, dtype=tf.int64)
        slots = [slot for slots in self._of_variable for slot in slots]
        super().__init__(variables, decayed, [self._iterations, *slots])

    def apply(self, gradients: list[Any], rate: Any, scalars: Mapping[str, Any]) -> None:
        t = tf.cast(self._iterations.assign_add(1), rate.dtype)
        powers = {f"{name}_power": tf.pow(scalars[name], t) for name in self._kernel.powers}
        scalars = {**scalars, **powers}
        gradients = self._penalised(gradients, scalars)
        for variable, slots, gradient, shrinks in zip(
            self.variables, self._of_variable, gradients, self._shrinks, strict=True
        ):
            if "weight_decay" in scalars and shrinks:
                variable.assign_sub(variable * scalars["weight_decay"] * rate)
            self._kernel.apply(variable.value, slots, gradient, rate, scalars)
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))


def _zeros(variable: Any) -> Any:
    dtype = tf.as_dtype(variable.dtype)
    return tf.Variable(np.zeros(variable.shape, dtype.as_numpy_dtype), dtype=dtype)


class KerasUpdate(Update):
    """Runs its own Keras optimizer."""

    def __init__(self, rule: KerasRule, variables: list[Any], decayed: list[bool]) -> None:
        self._optimizer = rule.kind.from_config({**rule.config, "learning_rate": 0.001})  # type: ignore[attr-defined]
        if rule.undecayed is not None:
            self._optimizer.exclude_from_weight_decay(var_names=[rule.undecayed])
        self._optimizer.build(variables)
        self.averages = bool(self._optimizer.use_ema)
        super().__init__(variables, decayed, [slot.value for slot in self._optimizer.variables])

    def apply(self, gradients: list[Any], rate: Any, scalars: Mapping[str, Any]) -> None:
        self._optimizer.learning_rate.assign(rate)
        self._optimizer.apply(self._penalised(gradients, scalars), self.variables)

    def finish(self) -> None:
        self._optimizer.finalize_variable_values(self.variables)
