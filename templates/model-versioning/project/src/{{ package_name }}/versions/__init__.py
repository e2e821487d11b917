"""The command `versions`: one view over Git (the code), DVC (the data) and MLflow (the models).

A version is an annotated git tag. Its message is the manifest, so whoever has the repository has
all that is known of every version; the bytes are in DVC's remote, under the names that `dvc.lock`
and the `.dvc` files of the tagged commit give them.
"""
