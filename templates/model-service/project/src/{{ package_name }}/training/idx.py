"""MNIST in its original format, IDX: a magic number, the sizes and the bytes, often gzipped."""

import gzip
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import fetch_openml

from .table import DataError

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
SIZE = (28, 28)
DIGITS = 10
TRAIN_ROWS = 60_000
_UNSIGNED_BYTE = 0x08

Images = tuple[NDArray[np.float64], NDArray[np.int64], int]
"""Pixels (rows, 784), digits (rows,), and how many of the first rows are for training."""


def read_mnist(folder: Path) -> Images | None:
    """Read the four files, each plain or `.gz`; return `None` if none of them exists.

    Raises:
        DataError: Some are missing or invalid.
    """
    paths = [_find(folder, name) for name in FILES]
    missing = [name for name, path in zip(FILES, paths, strict=True) if path is None]
    if len(missing) == len(FILES):
        return None
    if missing:
        raise DataError(f"{folder} has only part of MNIST; missing: {', '.join(missing)}")
    train_images, train_labels, test_images, test_labels = (read_idx(p) for p in paths if p)
    _check_pair(folder / FILES[0], train_images, train_labels)
    _check_pair(folder / FILES[2], test_images, test_labels)
    pixels = np.concatenate([train_images, test_images]).reshape(-1, SIZE[0] * SIZE[1])
    codes = np.concatenate([train_labels, test_labels])
    return pixels.astype(np.float64), codes.astype(np.int64), len(train_images)


def download_mnist(folder: Path) -> Images:
    """Download MNIST from openml.org and cache it in `folder`.

    Raises:
        DataError: openml.org cannot be reached or its response is damaged.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # about an empty cache, which it then fills
            bunch = fetch_openml(
                "mnist_784",
                version=1,
                as_frame=False,
                parser="liac-arff",
                data_home=folder,
                n_retries=1,
            )
    except (OSError, ValueError) as error:  # no network; a response that is not MNIST
        raise DataError(
            f"MNIST is not in {folder} and cannot be downloaded from openml.org ({error}). "
            f"Put these four files there, plain or with .gz: {', '.join(FILES)}"
        ) from error
    return bunch.data.astype(np.float64), bunch.target.astype(np.int64), TRAIN_ROWS


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes.

    Returns:
        An array of the shape that the file specifies.

    Raises:
        DataError: It is not such a file, or it is too short or too long.
    """
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    header = struct.calcsize(">HBB")
    if len(data) < header:
        raise DataError(f"{path} is not an IDX file: it ends within the header")
    zeros, kind, dimensions = struct.unpack_from(">HBB", data)
    if zeros != 0 or kind != _UNSIGNED_BYTE or dimensions == 0:
        raise DataError(f"{path} is not an IDX file of unsigned bytes")
    start = header + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{path} is not an IDX file: it ends within the header")
    shape = struct.unpack_from(f">{dimensions}I", data, header)
    expected = int(np.prod(shape, dtype=object))
    if len(data) - start != expected:
        raise DataError(f"{path} should hold {expected} values but holds {len(data) - start}")
    return np.frombuffer(data, dtype=np.uint8, offset=start).reshape(shape)


def _check_pair(path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    if labels.ndim != 1 or len(labels) == 0 or images.shape != (len(labels), *SIZE):
        raise DataError(
            f"{path} holds {images.shape} and its labels {labels.shape}: "
            f"expected (n, {SIZE[0]}, {SIZE[1]}) and (n,)"
        )
    if labels.max() >= DIGITS:
        raise DataError(f"the labels of {path} are not digits: there is a {labels.max()}")


def _find(folder: Path, name: str) -> Path | None:
    """Find a file by its published name, or with a dot before `idx`, as some tools unpack it."""
    names = [name, name.replace("-idx", ".idx")]
    candidates = [folder / (n + suffix) for n in names for suffix in ("", ".gz")]
    return next((path for path in candidates if path.is_file()), None)
