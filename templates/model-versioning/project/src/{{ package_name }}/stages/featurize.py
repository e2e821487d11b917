"""Second stage: learn from the rows how to make features, and make them."""

import sys

from threadpoolctl import threadpool_limits

from ..errors import DataError
from . import files, onnx_export, params, recipe


def run() -> str:
    """Do it.

    Raises:
        DataError: The parameters ask for more than the data has.
    """
    chosen = params.load().featurize
    train, test = (files.read_table(files.PREPARED / f"{part}.npz") for part in files.PARTS)
    if chosen.components > min(train.values.shape):
        raise DataError(
            f"featurize.components is {chosen.components}, the data has {train.values.shape[0]} "
            f"rows of {train.values.shape[1]} numbers"
        )
    with threadpool_limits(1):  # sums in the same order, whatever the number of cores
        fitted = recipe.featurizer(chosen).fit(train.values)
    content = onnx_export.featurizer(fitted, len(train.columns))
    files.FEATURES.mkdir(parents=True, exist_ok=True)
    files.FEATURIZER_FILE.write_bytes(content)
    features = onnx_export.featurize(content, train.values)
    files.write_features(files.FEATURES / "train.npy", features)
    files.write_features(files.FEATURES / "test.npy", onnx_export.featurize(content, test.values))
    return f"{features.shape[1]} features from {len(train.columns)} numbers"


if __name__ == "__main__":
    sys.exit(files.main("featurize", run))
