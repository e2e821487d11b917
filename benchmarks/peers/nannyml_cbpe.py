"""The errors of NannyML's CBPE on the data that `drift_quality.py` wrote to a folder, as JSON.

    python nannyml_cbpe.py FOLDER

Run it with the Python of an environment with nannyml and statsmodels.
"""

import json
import sys
from pathlib import Path

import nannyml
import numpy as np
import pandas as pd

COLUMNS = ["probability", "predicted", "truth"]


def error(reference: pd.DataFrame, window: pd.DataFrame) -> float:
    """|estimated - measured| accuracy of one window."""
    estimator = nannyml.CBPE(
        metrics=["accuracy"],
        y_pred_proba="probability",
        y_pred="predicted",
        y_true="truth",
        problem_type="classification_binary",
        chunk_number=1,
    )
    estimator.fit(reference)
    found = estimator.estimate(window.drop(columns="truth")).to_df()
    estimated = found[found["chunk", "period"] == "analysis"]["accuracy", "value"].item()
    return abs(estimated - float((window["predicted"] == window["truth"]).mean()))


def main(folder: str) -> None:
    errors: dict[str, list[float]] = {}
    for file in sorted(Path(folder).glob("*.npz")):
        with np.load(file) as stored:
            sides = {name: pd.DataFrame(stored[name].T, columns=COLUMNS) for name in stored.files}
        sides = {name: side.astype(dict.fromkeys(COLUMNS[1:], int)) for name, side in sides.items()}
        reference = sides.pop("reference")
        for kind, window in sides.items():
            errors.setdefault(kind, []).append(error(reference, window))
    json.dump(errors, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
