"""A small CNN: two convolutional layers by convgrad, everything else written out in NumPy.

images (N, 1, 8, 8) - convolution 3x3, 16 - ReLU - convolution 3x3, 32 - ReLU - max pooling 2x2 - dense - softmax
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import convgrad

from .digits import Labels

Array = NDArray[Any]


class Convolution:
    """A convgrad layer with a stopwatch, which remembers the arrays of the last step."""

    def __init__(self, layer: convgrad.ConvLayer) -> None:
        self.layer = layer
        self.seconds = 0.0

    def forward(self, V: Array) -> Array:
        """Compute Z from V."""
        self.input = V
        start = time.perf_counter()
        self.output = self.layer.forward(V)
        self.seconds += time.perf_counter() - start
        return self.output

    def backward(self, G: Array) -> Array:
        """Compute dV from G; the layer keeps dK and db."""
        self.grad_output = G
        start = time.perf_counter()
        dV = self.layer.backward(G)
        self.seconds += time.perf_counter() - start
        return dV

    def update(self, learning_rate: float) -> None:
        """K <- K - learning_rate dK."""
        self.layer.update(learning_rate)


class ReLU:
    """max(0, x)."""

    def forward(self, x: Array) -> Array:
        """Keep what is positive."""
        self.positive = x > 0
        return x * self.positive

    def backward(self, gradient: Array) -> Array:
        """Pass the gradient where the input was positive."""
        return gradient * self.positive

    def update(self, learning_rate: float) -> None:
        """Nothing to learn."""


class MaxPooling:
    """The largest of every 2x2 pixels."""

    def forward(self, x: Array) -> Array:
        """(N, C, H, W) to (N, C, H / 2, W / 2)."""
        self.shape = x.shape
        blocks = _blocks(x)
        self.largest = blocks.argmax(axis=-1)[..., None]
        result: Array = np.take_along_axis(blocks, self.largest, axis=-1)[..., 0]
        return result

    def backward(self, gradient: Array) -> Array:
        """Give each gradient to the pixel that was the largest, and zero to the others."""
        batch, channels, height, width = gradient.shape
        blocks = np.zeros((*gradient.shape, 4), gradient.dtype)
        np.put_along_axis(blocks, self.largest, gradient[..., None], axis=-1)
        split = blocks.reshape(batch, channels, height, width, 2, 2)
        return split.transpose(0, 1, 2, 4, 3, 5).reshape(self.shape)

    def update(self, learning_rate: float) -> None:
        """Nothing to learn."""


class Dense:
    """x W + b on flattened x."""

    def __init__(self, weights: Array, bias: Array) -> None:
        self.weights = weights
        self.bias = bias

    def forward(self, x: Array) -> Array:
        """(N, ...) to (N, classes)."""
        self.shape = x.shape
        self.flat = x.reshape(len(x), -1)
        return self.flat @ self.weights + self.bias

    def backward(self, gradient: Array) -> Array:
        """Leave the gradients of weights and bias and return that of x."""
        self.grad_weights = self.flat.T @ gradient
        self.grad_bias = gradient.sum(axis=0)
        return (gradient @ self.weights.T).reshape(self.shape)

    def update(self, learning_rate: float) -> None:
        """One step of gradient descent."""
        self.weights -= learning_rate * self.grad_weights
        self.bias -= learning_rate * self.grad_bias


class Network:
    """The layers in order.

    Parameters
    ----------
    first, second : ConvLayer
        The two convolutional layers.
    dense : Dense
        From the pooled maps to ten classes.
    """

    def __init__(self, first: convgrad.ConvLayer, second: convgrad.ConvLayer, dense: Dense) -> None:
        self.first = Convolution(first)
        self.second = Convolution(second)
        self.relus = (ReLU(), ReLU())
        self.pooling = MaxPooling()
        self.dense = dense
        self.layers = (self.first, self.relus[0], self.second, self.relus[1], self.pooling, self.dense)

    @classmethod
    def initialize(cls, seed: int) -> Network:
        """Draw all weights at random, float32; the same seed gives the same network."""
        rng = np.random.default_rng(seed)
        first = convgrad.ConvLayer.initialize(1, 16, 3, padding="same", rng=rng)
        second = convgrad.ConvLayer.initialize(16, 32, 3, padding="same", rng=rng)
        pixels = 32 * 4 * 4
        weights = rng.standard_normal((pixels, 10), dtype=np.float32) / np.float32(np.sqrt(pixels))
        return cls(first, second, Dense(weights, np.zeros(10, np.float32)))

    def as_float64(self) -> Network:
        """Copy the network with the same parameters in double precision."""
        first, second = (
            convgrad.ConvLayer(layer.kernel.astype(np.float64), _bias(layer).astype(np.float64), padding="same")
            for layer in self.convolutional_layers
        )
        dense = Dense(self.dense.weights.astype(np.float64), self.dense.bias.astype(np.float64))
        return Network(first, second, dense)

    @property
    def convolutional_layers(self) -> tuple[convgrad.ConvLayer, convgrad.ConvLayer]:
        """The two layers themselves, without stopwatch."""
        return self.first.layer, self.second.layer

    @property
    def convolution_seconds(self) -> float:
        """Time spent in convgrad so far."""
        return self.first.seconds + self.second.seconds

    def logits(self, images: Array) -> Array:
        """Scores of the ten classes, (N, 10)."""
        for layer in self.layers:
            images = layer.forward(images)
        return images

    def loss(self, images: Array, labels: Labels) -> tuple[float, Array]:
        """Mean softmax cross-entropy, and the probabilities of the classes, (N, 10)."""
        logits = self.logits(images)
        shifted = logits - logits.max(axis=1, keepdims=True)
        logarithms = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return float(-logarithms[np.arange(len(labels)), labels].mean()), np.exp(logarithms)

    def backward(self, probabilities: Array, labels: Labels) -> Array:
        """Leave every parameter's gradient of the loss in its layer and return the gradient of the images."""
        gradient = probabilities.copy()
        gradient[np.arange(len(labels)), labels] -= 1
        gradient /= len(labels)
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient

    def update(self, learning_rate: float) -> None:
        """One step of gradient descent on every parameter."""
        for layer in self.layers:
            layer.update(learning_rate)

    def branches(self) -> tuple[Array, ...]:
        """Which side every ReLU and maximum was on in the last forward pass; inside one branch the loss is smooth."""
        return (*(relu.positive for relu in self.relus), self.pooling.largest)

    def clearance(self) -> float:
        """Return how far the last forward pass was from zero in any ReLU and from a tie in any maximum."""
        pre_activations = (self.first.output, self.second.output)
        ordered = np.sort(_blocks(np.maximum(self.second.output, 0)), axis=-1)
        ties = (ordered[..., -1] - ordered[..., -2])[ordered[..., -1] > 0]
        return float(min(ties.min(), *(np.abs(values).min() for values in pre_activations)))


def _bias(layer: convgrad.ConvLayer) -> Array:
    assert layer.bias is not None
    return layer.bias


def _blocks(x: Array) -> Array:
    """(N, C, H, W) as (N, C, H / 2, W / 2, 4)."""
    batch, channels, height, width = x.shape
    split = x.reshape(batch, channels, height // 2, 2, width // 2, 2)
    return split.transpose(0, 1, 2, 4, 3, 5).reshape(batch, channels, height // 2, width // 2, 4)
