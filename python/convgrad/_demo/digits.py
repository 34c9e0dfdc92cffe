"""scikit-learn's handwritten digits, 1797 images of 8x8 pixels, a fifth of them held out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

Images = NDArray[np.float32]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Digits:
    """Images as (N, 1, 8, 8) and labels as (N,), for training and held out."""

    images: Images
    labels: Labels
    held_out_images: Images
    held_out_labels: Labels


def load(seed: int) -> Digits:
    """Load the digits, scaled to mean 0 and deviation 1 over the training images, and split at random.

    Parameters
    ----------
    seed : int
        The same seed gives the same split.

    Returns
    -------
    Digits
        Four fifths for training, one fifth held out.
    """
    bunch = load_digits()
    images = np.asarray(bunch.images, np.float32)[:, None]
    labels = np.asarray(bunch.target, np.int64)
    order = np.random.default_rng(seed).permutation(len(images))
    held_out, training = np.split(order, [len(images) // 5])
    images = (images - images[training].mean()) / images[training].std()
    return Digits(images[training], labels[training], images[held_out], labels[held_out])
