"""The layers of the full list, each with the network that it comes from: those that convgrad itself knows, and more.

The worked example and other tiny layers, where the time of a call counts rather than its rate, are marked as such.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from convgrad._bench.layers import LAYERS as KNOWN
from convgrad._bench.layers import QUICK, Layer, square

Kind = Literal["dense", "pointwise", "grouped", "call"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class Entry:
    """A layer and the network in which it, or one of its size, is found."""

    layer: Layer
    network: str
    tiny: bool = False

    @property
    def name(self) -> str:
        """The layer's name, unique in the list."""
        return self.layer.name

    @property
    def kind(self) -> Kind:
        """What it is judged by: `call` for the time of one call, the others for their rate."""
        if self.tiny:
            return "call"
        if self.layer.groups > 1:
            return "grouped"
        return "pointwise" if max(self.layer.kernel_size) == 1 else "dense"


def straight(
    name: str,
    batch: int,
    in_channels: int,
    size: int,
    out_channels: int,
    kernel: int,
    *,
    stride: int = 1,
    dilation: int = 1,
) -> Layer:
    """Make a one-dimensional layer without padding: causal networks extend their input beforehand."""
    return Layer(name, batch, in_channels, (size,), out_channels, (kernel,), (stride,), (0,), (dilation,))


def solid(name: str, batch: int, in_channels: int, size: tuple[int, int, int], out_channels: int) -> Layer:
    """Make a three-dimensional 3x3x3 layer that keeps the size."""
    return Layer(name, batch, in_channels, size, out_channels, (3, 3, 3), (1, 1, 1), (1, 1, 1), (1, 1, 1))


def oblong(name: str, channels: int, size: int, kernel: tuple[int, int]) -> Layer:
    """Make a layer with a kernel of two different lengths that keeps the size, for four images."""
    padding = (kernel[0] // 2, kernel[1] // 2)
    return Layer(name, 4, channels, (size, size), channels, kernel, (1, 1), padding, (1, 1))


# Where the layers that `python -m convgrad bench` times come from.
_NETWORKS: dict[str, str] = {
    "mnist": "a first layer for MNIST",
    "cifar": "a second layer for CIFAR-10",
    "resnet-conv1": "ResNet, conv1",
    "resnet-56": "ResNet-18/34/50, conv2_x",
    "resnet-56-s2": "ResNet-50, conv3_1",
    "resnet-14": "ResNet-18/34/50, conv4_x",
    "resnet-7": "ResNet-18/34/50, conv5_x",
    "resnet-56-1x1": "ResNet-50, conv2_x, expansion",
    "resnet-14-1x1": "ResNet-50, conv4_x, reduction",
    "resnet-56-1x1-s2": "ResNet-50, conv3_1, shortcut",
    "vgg": "VGG-16, conv3_2",
    "inception": "Inception-v3, 35x35 module",
    "aspp": "DeepLab-v3, atrous pyramid",
    "mobilenet": "MobileNet-v2, block 3, depthwise",
    "convnext": "ConvNeXt-T, stage 1, depthwise",
    "resnext": "ResNeXt-50 32x4d, conv2_x",
    "large": "kernels as large as RepLKNet's, dense",
}

_MORE: tuple[Entry, ...] = (
    Entry(square("lenet-conv1", 32, 1, 32, 6, 5), "LeNet-5, C1"),
    Entry(square("lenet-conv2", 32, 6, 14, 16, 5), "LeNet-5, C3"),
    Entry(square("cifar-first", 32, 3, 32, 32, 3, padding=1), "a first layer for CIFAR-10"),
    Entry(square("cifar-resnet-32", 32, 16, 32, 16, 3, padding=1), "ResNet-20 for CIFAR-10, first stage"),
    Entry(square("cifar-resnet-8", 32, 64, 8, 64, 3, padding=1), "ResNet-20 for CIFAR-10, last stage"),
    Entry(square("alexnet-conv1", 4, 3, 224, 64, 11, stride=4, padding=2), "AlexNet, conv1"),
    Entry(square("alexnet-conv2", 4, 64, 27, 192, 5, padding=2), "AlexNet, conv2"),
    Entry(square("alexnet-conv3", 4, 192, 13, 384, 3, padding=1), "AlexNet, conv3"),
    Entry(square("vgg-conv1", 1, 3, 224, 64, 3, padding=1), "VGG-16, conv1_1"),
    Entry(square("vgg-conv2", 1, 64, 224, 64, 3, padding=1), "VGG-16, conv1_2"),
    Entry(square("vgg-conv5", 1, 512, 14, 512, 3, padding=1), "VGG-16, conv5_x"),
    Entry(square("googlenet-3a-3x3", 4, 96, 28, 128, 3, padding=1), "GoogLeNet, inception 3a"),
    Entry(square("googlenet-3a-5x5", 4, 16, 28, 32, 5, padding=2), "GoogLeNet, inception 3a"),
    Entry(square("googlenet-5b-1x1", 4, 832, 7, 384, 1), "GoogLeNet, inception 5b"),
    Entry(square("inception-s2", 4, 288, 35, 384, 3, stride=2), "Inception-v3, reduction"),
    Entry(oblong("inception-1x7", 192, 17, (1, 7)), "Inception-v3, 17x17 module"),
    Entry(oblong("inception-7x1", 192, 17, (7, 1)), "Inception-v3, 17x17 module"),
    Entry(square("densenet-1x1", 4, 512, 14, 128, 1), "DenseNet-121, bottleneck"),
    Entry(square("densenet-3x3", 4, 128, 28, 32, 3, padding=1), "DenseNet-121, growth"),
    Entry(square("resnet-7-1x1", 4, 512, 7, 2048, 1), "ResNet-50, conv5_x, expansion"),
    Entry(square("mobilenet-1x1", 4, 144, 56, 24, 1), "MobileNet-v2, block 3, projection"),
    Entry(square("efficientnet", 4, 240, 28, 240, 5, padding=2, groups=240), "EfficientNet-B0, depthwise"),
    Entry(square("vit-patches", 1, 3, 224, 768, 16, stride=16), "ViT-B/16, patches"),
    Entry(square("unet-first", 1, 1, 572, 64, 3), "U-Net, first layer"),
    Entry(square("unet-down", 1, 128, 280, 128, 3), "U-Net, second level"),
    Entry(square("unet-up", 1, 1024, 28, 512, 3), "U-Net, after the bottom, for a quarter of its image"),
    Entry(square("unet-last", 1, 64, 388, 2, 1), "U-Net, last layer"),
    Entry(square("srcnn-last", 1, 32, 256, 1, 5, padding=2), "SRCNN 9-5-5, last layer"),
    Entry(square("dcgan", 4, 128, 32, 256, 4, stride=2, padding=1), "DCGAN, discriminator, for 128x128 images"),
    Entry(square("yolo-stem", 1, 3, 640, 16, 3, stride=2, padding=1), "YOLOv8n, stem"),
    Entry(square("yolo-208", 1, 32, 416, 64, 3, stride=2, padding=1), "YOLOv3, Darknet-53, first reduction"),
    Entry(square("yolo-52-1x1", 1, 256, 52, 128, 1), "YOLOv3, Darknet-53, 52x52 block"),
    Entry(square("yolo-13", 1, 512, 13, 1024, 3, padding=1), "YOLOv3, last block"),
    Entry(square("image-filter", 1, 1, 512, 1, 9), "one filter over a gray image"),
    Entry(straight("signal-filter", 1, 1, 65536, 1, 127), "one filter over a signal"),
    Entry(straight("wavenet-d64", 1, 64, 16064, 128, 2, dilation=64), "WaveNet, gated layer, dilation 64"),
    Entry(straight("wav2vec-first", 1, 1, 80000, 512, 10, stride=5), "wav2vec 2.0, first layer"),
    Entry(
        straight("wav2vec-second", 1, 512, 4001, 512, 3, stride=2),
        "wav2vec 2.0, second layer, for a quarter of the signal",
    ),
    Entry(solid("c3d-conv1", 1, 3, (16, 112, 112), 64), "C3D, conv1a"),
    Entry(solid("c3d-conv3", 1, 128, (8, 28, 28), 256), "C3D, conv3a"),
    Entry(solid("c3d-conv5", 1, 512, (2, 7, 7), 512), "C3D, conv5a"),
    Entry(square("worked-example", 1, 1, 3, 1, 2), "the example of the README", tiny=True),
    Entry(square("mnist-1", 1, 1, 28, 8, 5), "one image of MNIST", tiny=True),
    Entry(square("cifar-1", 1, 3, 32, 16, 3), "one image of CIFAR-10", tiny=True),
    Entry(square("hidden-1", 1, 16, 8, 16, 3), "one image, a small hidden layer", tiny=True),
)

ENTRIES: tuple[Entry, ...] = (*(Entry(layer, _NETWORKS[layer.name]) for layer in KNOWN), *_MORE)

# Two minutes' worth: those of `python -m convgrad bench --quick`, a signal, a volume, and two where only calls count.
SHORT: tuple[str, ...] = (*QUICK, "alexnet-conv2", "wavenet-d64", "c3d-conv5", "worked-example", "mnist-1")

# Where the extra memory is measured unless others are asked for: large maps, where stored columns show.
MEMORY: tuple[str, ...] = ("resnet-conv1", "vgg-conv2", "yolo-208", "c3d-conv3", "large")


def choose(names: Iterable[str] = (), kinds: Iterable[Kind] = (), *, short: bool = False) -> list[Entry]:
    """Choose layers.

    Parameters
    ----------
    names : iterable of str, optional
        Keep layers with one of these texts in their name; all when empty.
    kinds : iterable of {"dense", "pointwise", "grouped", "call"}, optional
        Keep layers of these kinds; all when empty.
    short : bool, optional
        Keep those of the short list.

    Returns
    -------
    list of Entry
        In the order of `ENTRIES`.
    """
    texts, wanted = tuple(names), tuple(kinds)
    return [
        entry
        for entry in ENTRIES
        if (not texts or any(text in entry.name for text in texts))
        and (not wanted or entry.kind in wanted)
        and (not short or entry.name in SHORT)
    ]
