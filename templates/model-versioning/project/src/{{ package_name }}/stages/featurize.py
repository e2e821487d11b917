"""Second stage: fit the feature transformation on the training rows, and apply it."""

import sys

from threadpoolctl import threadpool_limits

from ..errors import DataError
from . import files, onnx_export, params, recipe


def run() -> str:
    """Run the stage.

    Raises:
        DataError: The parameters ask for more components than the data allows.
    """
    settings = params.load().featurize
    train, test = (files.read_table(files.PREPARED / f"{name}.npz") for name in files.SUBSETS)
    if settings.components > min(train.values.shape):
        raise DataError(
            f"featurize.components is {settings.components}, but the data has only "
            f"{train.values.shape[0]} rows of {train.values.shape[1]} numbers"
        )
    with threadpool_limits(1):  # a fixed summation order on any number of cores
        fitted = recipe.featurizer(settings).fit(train.values)
    content = onnx_export.featurizer(fitted, len(train.columns))
    files.FEATURES.mkdir(parents=True, exist_ok=True)
    files.FEATURIZER_FILE.write_bytes(content)
    features = onnx_export.featurize(content, train.values)
    files.write_features(files.FEATURES / "train.npy", features)
    files.write_features(files.FEATURES / "test.npy", onnx_export.featurize(content, test.values))
    return f"{features.shape[1]} features from {len(train.columns)} numbers"


if __name__ == "__main__":
    sys.exit(files.main("featurize", run))
