"""The command `versions`: one interface to Git (code), DVC (data) and MLflow (models).

A version is an annotated git tag. Its message is the manifest, so every clone of the repository has
the complete metadata of every version. The bytes are in DVC's remote, under the hashes in
`dvc.lock` and the `.dvc` files of the tagged commit.
"""
