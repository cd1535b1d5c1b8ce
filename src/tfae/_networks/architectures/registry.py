"""The table of architectures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tfae._networks.spec import Builder
from tfae._support.registry import Registry

ARCHITECTURES: Registry[Builder] = Registry("architecture", group="tfae.architectures")
# A builder keeps its own sizes in this attribute, so that they go wherever it goes.
_OWN_SIZES = "auto_hidden_layer_sizes"


def register_architecture(
    name: str, *, hidden_layer_sizes: Sequence[int] | None = None
) -> Callable[[Builder], Builder]:
    """Make a builder available as ``Autoencoder(architecture=name)``.

    Parameters
    ----------
    name : str
        The name to register the decorated function under.
    hidden_layer_sizes : sequence of int, default=None
        The sizes that ``hidden_layer_sizes="auto"`` stands for with this architecture. They are
        kept as the attribute ``auto_hidden_layer_sizes`` of the function. None means the sizes for
        dense layers, which are too many for layers that count filters, for example.

    Returns
    -------
    callable
        A decorator that returns the function. The function takes a :class:`tfae.Spec` and, as
        keywords, its own parameters (``architecture_params``). It returns the pair ``(encoder,
        decoder)`` of Keras models. The decoder ends before the output activation, which the library
        applies.

    Raises
    ------
    ValueError
        If another function is registered under that name.

    Examples
    --------
    >>> import keras, tfae
    >>> @tfae.register_architecture("bowtie")
    ... def bowtie(spec, *, width=64):
    ...     '''One wide layer on each side of the code.'''
    ...     encoder = [keras.layers.Dense(width, "tanh"), keras.layers.Dense(spec.n_components)]
    ...     decoder = [keras.layers.Dense(width, "tanh"), keras.layers.Dense(spec.n_outputs)]
    ...     return keras.Sequential(encoder), keras.Sequential(decoder)
    >>> tfae.architectures()["bowtie"]
    'One wide layer on each side of the code.'
    """
    register = ARCHITECTURES.register_function(name)

    def decorate(builder: Builder) -> Builder:
        if hidden_layer_sizes is not None:
            setattr(builder, _OWN_SIZES, tuple(hidden_layer_sizes))
        return register(builder)

    return decorate


def own_sizes(architecture: str | Builder) -> tuple[int, ...] | None:
    """Return what ``hidden_layer_sizes="auto"`` means for an architecture; None for dense ones."""
    return getattr(ARCHITECTURES.find(architecture), _OWN_SIZES, None)


def architectures() -> dict[str, str]:
    """Return the registered architectures: each name with one line that describes it.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> import tfae
    >>> tfae.architectures()["dense"]
    'Fully connected layers, narrowing to the code and widening again.'
    """
    return ARCHITECTURES.describe()
