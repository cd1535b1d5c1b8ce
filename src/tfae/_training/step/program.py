"""Compiled programs: a network, its optimizer's slots, and the functions that train and test it.

A program depends on its key alone (:class:`ProgramKey`). It is kept when a fit ends and leased to
the next fit with an equal key, which writes its own weights into it. So nothing is traced or
compiled twice, and two fits never share a program at the same time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from tfae._networks.codes import n_counted
from tfae._networks.spec import Network
from tfae._networks.structure import Structure, tied_kernels
from tfae._objective.objective import Batch, Objective
from tfae._support.pool import Pool
from tfae._support.tensorflow import as_arrays, keras, private_keras, read, tf, write
from tfae._support.typing import Array, Weights
from tfae._training.step.chunk import Chunk, ChunkShape, aligned
from tfae._training.step.convolution import for_xla
from tfae._training.step.dropout import given_dropout
from tfae._training.step.optimizers import Rule
from tfae._training.step.plain_stack import as_stacks
from tfae._training.step.side_by_side import side_by_side
from tfae._training.step.xla_or_executor import (
    by_rule,
    chosen,
    fastest,
    forced,
    of_testing,
    of_training,
    remember,
)

# A dense network is tested on many rows at once: its widest layer then has this many entries (1 MB;
# the executor holds dozens of such arrays). A convolutional network is tested batch by batch.
_TESTED_AT_ONCE = 1 << 18

_n_traces = 0


def trace_count() -> int:
    """Return how many functions this process has traced, for tests and benchmarks."""
    return _n_traces


@dataclass(frozen=True)
class ProgramKey:
    """Everything that a program depends on."""

    structure: Structure
    objective: Objective
    rule: Rule
    shape: ChunkShape
    precision: str  # of the layers, as the name of a Keras dtype policy
    # Networks that are trained side by side, each on its own part of every batch.
    n_members: int = 1

    @property
    def scalars(self) -> tuple[str, ...]:
        """The names of the scalars that the compiled functions take, in their order."""
        relative = ("loss_scale",) if self.structure.linear_path else ()
        return (*self.rule.scalars, *self.objective.scalars, *relative)

    @property
    def taken(self) -> ChunkShape:
        """The shape of the chunks that the compiled functions take."""
        return self.shape

    def program(self) -> Program:
        """Make the program of this key."""
        return Program(self)


class Program:
    """A network with an optimizer, and its two compiled functions."""

    def __init__(self, key: ProgramKey) -> None:
        self.key, self.shape, self.terms = key, key.taken, key.objective.terms
        shape, structure = key.shape, key.structure
        self.network = structure.build(key.precision)
        self._rule = by_rule(self.network)
        self._dropout = given_dropout(self.network, shape, key.precision) if self._rule else None
        live = self.network
        if key.n_members > 1:
            with private_keras(key.precision):
                live = side_by_side(self.network, shape.dtype, key.n_members)
        self._in_executor = live if self._dropout is None else self._dropout.network
        encoder, decoder = (model.weights for model in live)
        self._ties = [
            (encoder[tie.encoder], decoder[tie.decoder], tie.transposed)
            for tie in tied_kernels(structure, self.network)
        ]
        tied = {id(kernel) for _, kernel, _ in self._ties}
        trained = _once(v for model in live for v in model.trainable_variables)
        self._trained = [v for v in trained if id(v) not in tied]
        with private_keras(key.precision):
            decayed = [self._rank(variable) > 1 for variable in self._trained]
            self._update = key.rule.build(self._trained, decayed)
        weights = [*encoder, *decoder]
        self._variables = [variable.value for variable in weights]
        # Variables that are not weights are the states of layers that draw random numbers.
        known = {id(variable) for variable in weights}
        variables = _once(v for model in live for v in model.variables)
        self._seeds = [v.value for v in variables if id(v) not in known]
        self._activation = output_activation(
            "linear" if key.objective.loss.from_logits else structure.output_activation
        )
        self._train: Callable[..., Any] | None = None

    def _rank(self, variable: Any) -> int:
        """Return the rank of a variable, of one member."""
        return len(variable.shape) - (self.key.n_members > 1)

    @cached_property
    def model(self) -> Any:
        """The network as one Keras model for scaled data, on the live weights."""
        shape, structure = self.shape, self.key.structure
        with private_keras(self.key.precision):
            x = keras.Input((structure.spec.n_inputs,), dtype=shape.dtype)
            activation = keras.layers.Activation(
                structure.output_activation, name="reconstruction", dtype=shape.dtype
            )
            code = structure.code.in_keras(self.network.encoder(x))
            return keras.Model(x, activation(self.network.decoder(code)), name="autoencoder")

    def load(self, weights: Weights, slots: Weights | None, rng: np.random.Generator) -> None:
        """Start from these weights and optimizer slots (None: new ones) and from new seeds."""
        write(self._variables, weights)
        self._update.load(slots)
        write(self._seeds, [rng.integers(2**31, size=seed.shape) for seed in self._seeds])
        if self._dropout is not None:
            self._dropout.load(rng)

    def weights(self) -> Weights:
        """Return the encoder's and then the decoder's weights as NumPy arrays."""
        return as_arrays(self.snapshot())

    def snapshot(self) -> list[Any]:
        """Return the weights as tensors, which costs no copy until the next step changes them."""
        return read(self._variables)

    def slots(self) -> Weights:
        """Return the optimizer's state as NumPy arrays."""
        return self._update.state()

    def state(self) -> dict[str, Any]:
        """Return all that steps change, as arrays, and how the functions run."""
        return {
            "weights": self.weights(),
            "slots": self.slots(),
            "seeds": as_arrays(read(self._seeds)),
            "dropout": None if self._dropout is None else self._dropout.state,
            "execution": self.execution,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from a :meth:`state`, in this or another process."""
        write(self._variables, state["weights"])
        self._update.load(state["slots"])
        write(self._seeds, state["seeds"])
        if self._dropout is not None:
            self._dropout.state = state["dropout"]
        self.run_as(state["execution"])

    @property
    def execution(self) -> dict[str, bool | None]:
        """Whether the training and the test run in XLA; None if that is not decided yet."""
        training = self._xla_by_rule
        return {
            "training": chosen(self.key) if training is None else training,
            "testing": vars(self).get("_tests_in_xla"),
        }

    def run_as(self, execution: Mapping[str, bool | None]) -> None:
        """Run as a program of another process did, without a measurement: the bits depend on it."""
        training, testing = execution["training"], execution["testing"]
        now = self.execution
        if self._xla_by_rule is None and training not in (None, now["training"]):
            remember(self.key, bool(training))
            self._train = None
        if testing not in (None, now["testing"]):
            self._tests_in_xla = bool(testing)
            vars(self).pop("_test", None)

    def finish(self) -> None:
        """Let the optimizer write its final values, if it keeps averages of the weights."""
        self._update.finish()
        self._write_ties()

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the optimizer's final values into the weights for the length of a ``with`` block."""
        if not self._update.averages:
            yield
            return
        weights = self.snapshot()
        self.finish()
        try:
            yield
        finally:
            write(self._variables, weights)

    @contextmanager
    def undone_by_interrupt(self) -> Iterator[None]:
        """Put weights and slots back if a ``with`` block is interrupted."""
        weights, slots = self.snapshot(), self._update.snapshot()
        try:
            yield
        except KeyboardInterrupt:
            write(self._variables, weights)
            self._update.load(slots)
            raise

    def train(self, chunk: Chunk, rates: Array, scalars: Array) -> tuple[Array, list[Any]]:
        """Take a step for every batch of a chunk, at the given rates.

        Return the sums of the terms over the rows of every step, of shape [n_steps, n_terms], and
        the weights from before the first step as tensors. A separate read of these weights would
        cost a small network some per cent of its epoch.
        """
        rates_ = aligned((self.shape.steps,), self.shape.dtype)
        rates_[: chunk.n_steps] = rates
        inputs = *self._tensors(chunk, scalars), _tensor(rates_), *self._drawn(chunk)
        if self._train is None:
            self._train = self._fastest_training(inputs)
        sums, *before = self._train(*inputs)
        return np.asarray(sums, np.float64)[: chunk.n_steps], before

    def test(self, chunk: Chunk, scalars: Array) -> Array:
        """Return the sums of the objective's terms over the rows of a chunk."""
        sums = np.asarray(self._test(*self._tensors(chunk, scalars)), np.float64)
        return np.asarray(sums.sum(axis=0))

    @cached_property
    def _signature(self) -> dict[str, Any]:
        """The inputs of the compiled functions, by name; training takes the rates after them."""
        steps, batch, features, dtype = self.shape
        objective = self.key.objective
        width = objective.noise_width(self.key.structure.spec.n_components)
        signature = {
            "x": tf.TensorSpec((steps * batch, features), dtype),
            "weight": tf.TensorSpec((steps, batch), dtype),
            "n_steps": tf.TensorSpec((), tf.int32),
            "scalars": tf.TensorSpec((len(self.key.scalars),), dtype),
        }
        if objective.corrupted:
            n_inputs = self.key.structure.spec.n_inputs
            signature["corrupted"] = tf.TensorSpec((steps * batch, n_inputs), dtype)
        if width:
            signature["noise"] = tf.TensorSpec((steps * batch, width), dtype)
        if objective.masked:
            signature["entry_weight"] = signature["x"]
        if objective.has_offset:
            signature["offset"] = signature["x"]
        return signature

    def _tensors(self, chunk: Chunk, scalars: Array) -> tuple[Any, ...]:
        """Hand a chunk over without copying it."""
        inputs = _tensor(chunk.x), _tensor(chunk.weight), _copied(chunk.n_steps, np.int32)
        others = chunk.corrupted, chunk.noise, chunk.entry_weight, chunk.offset
        others_ = (_tensor(array) for array in others if array is not None)
        return *inputs, _copied(scalars, self.shape.dtype), *others_

    def _drawn(self, chunk: Chunk) -> list[Any]:
        """Return the random numbers of a chunk's steps, if there is dropout."""
        if self._dropout is None:
            return []
        return [_tensor(self._dropout.draw(chunk.n_steps, chunk.n_epochs))]

    @property
    def _signature_of_draws(self) -> Any:
        assert self._dropout is not None
        return self._dropout.signature

    def _fastest_training(self, inputs: tuple[Any, ...]) -> Callable[..., Any]:
        """Compile the training; compile both ways if only a measurement can tell the better one."""
        if self._xla_by_rule is not None:
            return self._compiled(self._train_steps, self._xla_by_rule)
        weights, slots, seeds = self.snapshot(), self.slots(), read(self._seeds)
        place = list(self._signature).index("n_steps")
        training = fastest(
            self.key,
            lambda xla: self._compiled(self._train_steps, xla),
            (*inputs[:place], tf.minimum(inputs[place], 2), *inputs[place + 1 :]),
        )
        write(self._variables, weights)
        self._update.load(slots)
        write(self._seeds, seeds)
        return training

    @cached_property
    def _xla_by_rule(self) -> bool | None:
        """Whether the program runs in XLA; None if only a measurement can tell."""
        mixed = self.key.precision != self.shape.dtype
        return of_training(self._rule, self.key.structure.code.sorts, mixed)

    @cached_property
    def _in_xla(self) -> Network:
        """The network for XLA, made only if something runs there."""
        network, dtype = self._in_executor, self.shape.dtype
        if self.key.n_members > 1:
            return network
        return as_stacks(network, dtype) or for_xla(network, self.key.precision)

    @cached_property
    def _tests_in_xla(self) -> bool:
        return of_testing(self.key, self._xla_by_rule, self._tests_groups)

    @cached_property
    def _test(self) -> Any:
        return self._compiled(self._test_steps, self._tests_in_xla)

    @property
    def _tests_groups(self) -> bool:
        """Whether a test may take several batches as one."""
        return bool(self._xla_by_rule and self.key.objective.of_single_rows)

    @property
    def _group(self) -> int:
        """How many steps of a test are taken at once."""
        convolves = any(self._rank(variable) > 2 for variable in self._trained)
        # The batches of several steps would mix the parts of the members.
        if convolves or self.key.n_members > 1 or not self._tests_groups:
            return 1
        widest = max(self.shape.features, *(variable.shape[-1] for variable in self._trained))
        return max(1, _TESTED_AT_ONCE // (widest * self.shape.batch))

    def _compiled(self, function: Callable[..., Any], xla: bool) -> Callable[..., Any]:
        """Compile a function of a chunk; the concrete function saves 1 ms of checks per call."""
        signature = list(self._signature.values())
        if function == self._train_steps:
            signature.append(tf.TensorSpec((self.shape.steps,), self.shape.dtype))
            signature += [] if self._dropout is None else [self._signature_of_draws]
        compiled: Callable[..., Any] = tf.function(
            partial(function, self._in_xla if xla else self._in_executor),
            input_signature=signature,
            jit_compile=xla,
            autograph=False,
        ).get_concrete_function()
        return compiled

    def _train_steps(self, network: Network, *inputs: Any) -> Any:
        named = dict(zip(self._signature, inputs, strict=False))
        rates, *drawn = inputs[len(named) :]
        scalars = self._named_scalars(named)
        before = [tf.identity(variable) for variable in self._variables]

        def step(i: Any) -> Any:
            draws = drawn[0][i] if drawn else None
            sums, gradients = self._gradients_of_step(network, named, i, draws, scalars)
            self._update.apply(gradients, rates[i], scalars)
            return sums

        sums = self._of_steps(step, named["n_steps"], self.shape.steps)
        with tf.control_dependencies([sums]):
            self._write_ties()
        return [sums, *before]

    def _gradients_of_step(
        self, network: Network, named: dict[str, Any], i: Any, draws: Any, scalars: dict[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Return the sums of the terms over the rows of a step, and the gradients."""
        batch = batch_of(named, i)
        return self._gradients(network, batch, batch.weight, draws, scalars)

    def _gradients(
        self, network: Network, batch: Batch, counted: Any, draws: Any, scalars: dict[str, Any]
    ) -> tuple[Any, list[Any]]:
        """Return the sums of the terms over some rows, and the gradients of what they add.

        `counted` are the weights of all rows of the step; `draws` are the numbers of dropout.
        """
        variables = [variable.value for variable in self._trained]
        with tf.GradientTape() as tape:
            with self._dropout.drawing_from(draws) if self._dropout else nullcontext():
                sums = self._sums(network, batch, scalars, training=True)
            # The layers' own penalties: regularizers of weights and of activities.
            penalties = [*network.encoder.losses, *network.decoder.losses]
            # Divided by the number of rows, not by the sum of their weights: that would weigh
            # a row by the luck of its batch. Over all rows the mean of the weights is 1.
            mean = sums[0] / n_counted(counted) * scalars.get("loss_scale", 1)
            if self.key.n_members > 1:  # the sum of the members' own means
                mean *= self.key.n_members
            objective = tf.add_n([mean, *(tf.cast(p, mean.dtype) for p in penalties)])
        gradients = tape.gradient(
            objective, variables, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        return sums, gradients

    def _test_steps(self, network: Network, *inputs: Any) -> Any:
        named = dict(zip(self._signature, inputs, strict=True))
        scalars = self._named_scalars(named)
        group, n_steps = self._group, named["n_steps"]

        def steps(i: Any) -> Any:
            return i if group == 1 else slice(i * group, tf.minimum((i + 1) * group, n_steps))

        return self._of_steps(
            lambda i: self._sums(network, batch_of(named, steps(i)), scalars, training=False),
            -(-n_steps // group),
            -(-self.shape.steps // group),
        )

    def _named_scalars(self, named: dict[str, Any]) -> dict[str, Any]:
        names = self.key.scalars
        return dict(zip(names, tf.unstack(named["scalars"], len(names)), strict=True))

    def _sums(self, network: Network, batch: Batch, scalars: dict[str, Any], training: bool) -> Any:
        def decode(code: Any) -> Any:
            output = self._decode(network.decoder, code, training)
            return self._activation(tf.cast(output, self.shape.dtype))

        return self.key.objective.sums(batch, network.encoder, decode, scalars, training)

    def _decode(self, decoder: Any, code: Any, training: bool) -> Any:
        """Run the decoder with the encoder's kernels for its tied ones, so that gradients flow."""
        if not self._ties:
            return decoder(code, training=training)
        kernels = [(target, _mirrored(source, flip)) for source, target, flip in self._ties]
        with keras.StatelessScope(state_mapping=kernels) as scope:
            output = decoder(code, training=training)
        # The scope only sets aside a layer's own updates, such as those of moving averages.
        for variable in decoder.non_trainable_variables:
            new = scope.get_current_value(variable)
            if new is not None:
                variable.assign(new)
        return output

    def _write_ties(self) -> None:
        for source, target, transposed in self._ties:
            target.assign(_mirrored(source, transposed))

    def _of_steps(self, step: Callable[[Any], Any], n_steps: Any, most: int) -> Any:
        """Run `step` for 0, 1, … in the program; a loss that is not finite ends the loop at once.

        Return the results of `step`, of shape [most, terms]; 0 for steps that are not taken.
        """
        global _n_traces
        _n_traces += 1

        def more(i: Any, sums: Any) -> Any:
            last = sums.read(tf.maximum(i - 1, 0))[0]
            # The same as tf.math.is_finite, which takes longer to compile: see plain_stack.py.
            finite = tf.logical_and(last > -np.inf, last < np.inf)
            return tf.logical_and(i < n_steps, finite)

        def body(i: Any, sums: Any) -> Any:
            return i + 1, sums.write(i, step(i))

        none = tf.zeros((most, len(self.terms)), self.shape.dtype)
        sums = tf.TensorArray(none.dtype, most).unstack(none)
        start = tf.constant(0), sums
        return tf.while_loop(more, body, start, parallel_iterations=1)[1].stack()


def output_activation(name: str) -> Callable[[Any], Any]:
    """Return the activation of the output, by its Keras name."""
    return _clipped if name == "hard_tanh" else keras.activations.get(name)


def _clipped(x: Any) -> Any:
    """Clip to [-1, 1] with the gradient of the identity (Bengio et al., 2013).

    With its own, an entry that starts beyond the range in every row would never be learned.
    """
    return tf.grad_pass_through(lambda x: tf.clip_by_value(x, -1.0, 1.0))(x)


def _once(variables: Iterable[Any]) -> list[Any]:
    """Return every variable once, because the two sides may share layers."""
    return list({id(variable): variable for variable in variables}.values())


def batch_of(named: dict[str, Any], steps: Any) -> Batch:
    """Return the rows of one step, or of a slice of them.

    They are cut out of matrices, because XLA takes 15 µs longer to cut them out of a cube.
    """
    n_rows, weight = named["weight"].shape[1], tf.reshape(named["weight"][steps], [-1])
    grouped = isinstance(steps, slice)
    first, count = (steps.start * n_rows, tf.size(weight)) if grouped else (steps * n_rows, n_rows)

    def of_steps(name: str, otherwise: Any = None) -> Any:
        if name not in named:
            return otherwise
        rows = named[name]
        return tf.slice(rows, [first, 0], [count, rows.shape[1]])

    target = of_steps("x")
    encoder_input = of_steps("corrupted", target)
    others = (of_steps(name) for name in ("noise", "entry_weight", "offset"))
    return Batch(target, encoder_input, weight, *others)


def _mirrored(kernel: Any, transposed: bool) -> Any:
    return tf.transpose(kernel.value) if transposed else tf.identity(kernel.value)


def _tensor(array: Array) -> Any:
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def _copied(numbers: Any, dtype: Any) -> Any:
    """Hand over a few numbers; ``tf.constant`` takes ten times as long."""
    array = aligned(np.shape(numbers), dtype)
    array[...] = numbers
    return _tensor(array)


PROGRAMS: Pool[ProgramKey, Program] = Pool(lambda key: key.program(), capacity=24)


@contextmanager
def new_programs(xla: bool | None = None) -> Iterator[None]:
    """Have fits in a ``with`` block make their own programs, which run as told; for tests.

    See :func:`.xla_or_executor.forced`.
    """
    with forced(xla), PROGRAMS.emptied():
        yield
