"""Convolutions in a form that is fast in XLA on the CPU, on the weights of Keras layers.

XLA hands forward convolutions and matrix products to Eigen. The gradients that TensorFlow derives
are convolutions of stretched images, or have the batch as a channel. For these XLA has a plain loop
that takes ten to twenty times as long. So both gradients are written here: the image's gradient as
products that are added where they overlap, the kernel's gradient as a forward convolution.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from tfae._networks.spec import Network
from tfae._support.keras_graphs import flat_layers, is_graph, with_stand_ins
from tfae._support.tensorflow import keras, private_keras, tf

_FEW_CHANNELS = 8

Pair = tuple[int, int]  # a height and a width


@dataclass(frozen=True)
class Convolution:
    """The geometry of a strided convolution with padding "same", from large images to small ones.

    Kernels have the shape [*kernel, channels of the large images, channels of the small ones].
    """

    kernel: Pair
    strides: Pair
    large: Pair

    @property
    def small(self) -> Pair:
        """The size of the small images."""
        return _pair(-(-n // stride) for n, stride in zip(self.large, self.strides, strict=True))

    def convolve(self, x: Any, kernel: Any) -> Any:
        """Return the small images of large ones."""

        def with_gradient(x: Any, kernel: Any) -> Any:
            def gradient(dy: Any) -> tuple[Any, Any]:
                return self.transposed(dy, kernel), self._kernel_gradient(x, dy)

            return self._convolve(x, kernel), gradient

        return tf.custom_gradient(with_gradient)(x, kernel)

    def transposed(self, y: Any, kernel: Any) -> Any:
        """Return large images of small ones: the gradient of :meth:`convolve`."""

        def with_gradient(y: Any, kernel: Any) -> Any:
            def gradient(dx: Any) -> tuple[Any, Any]:
                return self.convolve(dx, kernel), self._kernel_gradient(dx, y)

            return self._transposed(y, kernel), gradient

        return tf.custom_gradient(with_gradient)(y, kernel)

    def _convolve(self, x: Any, kernel: Any) -> Any:
        """Leave it to Eigen, or multiply patches if there are few channels: there Eigen is slow."""
        if x.shape[-1] >= _FEW_CHANNELS:
            return tf.nn.conv2d(x, kernel, self.strides, self._padding)
        (s, t), (rows, columns), padded = self.strides, self.small, tf.pad(x, self._padding)
        taps = [
            padded[:, i : i + (rows - 1) * s + 1 : s, j : j + (columns - 1) * t + 1 : t]
            for i in range(self.kernel[0])
            for j in range(self.kernel[1])
        ]
        return _times(tf.concat(taps, axis=-1), tf.reshape(kernel, [-1, kernel.shape[3]]))

    def _transposed(self, y: Any, kernel: Any) -> Any:
        """Multiply every pixel by the whole kernel, and add where the results overlap.

        Entry ``s a + r`` of the kernel, times pixel ``m - a`` of the small image, belongs to pixel
        ``s m + r`` of the large one.
        """
        (s, t), (height, width), n_in = self.strides, self.kernel, kernel.shape[2]
        rows, columns = self.small
        products = _times(y, tf.reshape(kernel, [-1, kernel.shape[3]]), transpose_b=True)
        products = tf.reshape(products, [-1, rows, columns, height, width, n_in])
        over, across = (height - 1) // s, (width - 1) // t

        def phase(r: int, q: int) -> Any:
            parts = [
                tf.pad(
                    products[:, :, :, i, j],
                    [[0, 0], [i // s, over - i // s], [j // t, across - j // t], [0, 0]],
                )
                for i in range(r, height, s)
                for j in range(q, width, t)
            ]
            shape = [tf.shape(y)[0], rows + over, columns + across, n_in]
            return tf.add_n(parts) if parts else tf.zeros(shape, y.dtype)

        lines = [tf.stack([phase(r, q) for q in range(t)], axis=3) for r in range(s)]
        large = tf.reshape(
            tf.stack(lines, axis=2), [-1, (rows + over) * s, (columns + across) * t, n_in]
        )
        (top, left), (height, width) = self._before, self.large
        return large[:, top : top + height, left : left + width]

    def _kernel_gradient(self, x: Any, dy: Any) -> Any:
        """Convolve the images, with channels as the batch, with the stretched images of `dy`."""
        # The last pixels of an image are left out if no kernel reaches them.
        height, width = (n + min(m, 0) for n, m in zip(self.large, self._missing, strict=True))
        images = tf.transpose(x[:, :height, :width], [3, 1, 2, 0])
        filters = tf.transpose(dy, [1, 2, 0, 3])
        gradient = tf.nn.conv2d(images, filters, 1, self._padding, dilations=self.strides)
        return tf.transpose(gradient, [1, 2, 0, 3])

    @property
    def _missing(self) -> Pair:
        """How many pixels kernels need beyond the image; negative if they leave some out."""
        sizes = zip(self.small, self.strides, self.kernel, self.large, strict=True)
        return _pair((n - 1) * stride + k - size for n, stride, k, size in sizes)

    @property
    def _before(self) -> Pair:
        return _pair(max(total, 0) // 2 for total in self._missing)

    @property
    def _padding(self) -> list[list[int]]:
        """The padding of a batch of large images."""
        sizes = zip(self._before, self._missing, strict=True)
        return [[0, 0], *([before, max(total, 0) - before] for before, total in sizes), [0, 0]]


def _times(images: Any, matrix: Any, transpose_b: bool = False) -> Any:
    """Multiply the channels of every pixel by a matrix."""
    flat = tf.reshape(images, [-1, images.shape[-1]])
    product = tf.matmul(flat, matrix, transpose_b=transpose_b)
    return tf.reshape(product, [-1, *images.shape[1:-1], product.shape[-1]])


def _pair(sizes: Any) -> Pair:
    first, second = sizes
    return first, second


def for_xla(network: Network, precision: str) -> Network:
    """Return a network on the same weights with convolutions that are fast in XLA on the CPU."""
    clonable = all(map(is_graph, network))
    if not (convolutions(network) and clonable) or tf.config.list_logical_devices("GPU"):
        return network
    with private_keras(precision):
        encoder, decoder = (with_stand_ins(model, _stand_in) for model in network)
    return Network(encoder, decoder)


def convolutions(network: Network) -> list[Any]:
    """Return the convolution layers of both sides."""
    return [layer for model in network for layer in flat_layers(model) if _convolves(layer)]


def _convolves(layer: Any) -> bool:
    return type(layer) in (keras.layers.Conv2D, keras.layers.Conv2DTranspose)


def has_stand_in(layer: Any) -> bool:
    """Whether a convolution has a stand-in for XLA; only the usual ones have one."""
    return (
        _convolves(layer)
        and layer.padding == "same"
        and layer.data_format == "channels_last"
        and tuple(layer.dilation_rate) == (1, 1)
        and layer.activity_regularizer is None
        and getattr(layer, "groups", 1) == 1
        and getattr(layer, "output_padding", None) is None
        and None not in layer.input.shape[1:]
    )


def _stand_in(layer: Any) -> Any:
    if not has_stand_in(layer):
        return layer
    return _layer_class()(layer, name=layer.name, dtype=layer.dtype_policy)


@cache
def _layer_class() -> Any:
    class StandIn(keras.layers.Layer):
        """A convolution layer on the weights of another."""

        def __init__(self, layer: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.layer = layer

        def build(self, shape: Any) -> None:
            """Do nothing, because the layer has been built."""

        def call(self, inputs: Any) -> Any:
            layer, size = self.layer, inputs.shape[1:3]
            kernel, strides = tf.convert_to_tensor(layer.kernel), layer.strides
            if isinstance(layer, keras.layers.Conv2DTranspose):
                large = _pair(n * stride for n, stride in zip(size, strides, strict=True))
                output = Convolution(layer.kernel_size, strides, large).transposed(inputs, kernel)
            else:
                image = Convolution(layer.kernel_size, strides, _pair(size))
                output = image.convolve(inputs, kernel)
            return layer.activation(output if layer.bias is None else output + layer.bias)

    return StandIn
