"""The table of architectures."""

from __future__ import annotations

from collections.abc import Callable

from tfae._networks.spec import Builder
from tfae._support.registry import Registry

ARCHITECTURES: Registry[Builder] = Registry("architecture", group="tfae.architectures")


def register_architecture(name: str) -> Callable[[Builder], Builder]:
    """Make a builder available as ``Autoencoder(architecture=name)``.

    Parameters
    ----------
    name : str
        The name to register the decorated function under.

    Returns
    -------
    callable
        A decorator that returns the function unchanged. The function takes a
        :class:`tfae.Spec` and, as keywords, its own parameters (``architecture_params``). It
        returns the pair ``(encoder, decoder)`` of Keras models. The decoder ends before the output
        activation, which the library applies.

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
    ...     decoder = [keras.layers.Dense(width, "tanh"), keras.layers.Dense(spec.n_features)]
    ...     return keras.Sequential(encoder), keras.Sequential(decoder)
    >>> tfae.architectures()["bowtie"]
    'One wide layer on each side of the code.'
    """
    return ARCHITECTURES.register_function(name)


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
