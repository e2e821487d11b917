"""States of a repository in which other tools were seen to lose work, revert it, or break off.

A: git has no copy of what is lost. B: silently reverted in the work tree. C: broken off half-way.
Every case ends with nothing lost, and with the template's change in place or a clear refusal.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from mlops_scaffold.errors import ScaffoldError
from tests.upgrade.support import Files, World, git, index, make_world, read, write

if TYPE_CHECKING:
    from pathlib import Path

LINES = "".join(f"line {n}\n" for n in range(20))
CHANGED = LINES.replace("line 3\n", "line 3 of the template\n")
BASE: Files = {
    "app.py": LINES,
    "lib/util.py": LINES,
    "logo.bin": b"\0base",
    ".gitignore": ".env\n*.rej\n*.local\n",
}


def world(root: Path, extra: Files | None = None, *, change: Files | None = None) -> World:
    """A template whose next version changes `app.py`, and what else is given."""
    return make_world(root, {**BASE, **(extra or {})}, {"app.py": CHANGED, **(change or {})})


def refused(case: World, *named: str) -> None:
    """The upgrade refuses, names what is in the way, and touches nothing."""
    before, staged = read(case.repo), index(case.repo)
    with pytest.raises(ScaffoldError) as refusal:
        case.upgrade()
    for name in named:
        assert name in refusal.value.message
    assert refusal.value.hint
    assert (read(case.repo), index(case.repo)) == (before, staged)
    assert not (case.repo / ".git" / "mlops-scaffold").exists()


def upgraded(case: World) -> dict[str, str]:
    """The upgrade goes through without a conflict; the template's change is there."""
    plan = case.upgrade()
    assert plan.conflicts == ()
    assert (case.project / "app.py").read_text() == CHANGED
    return case.verdicts(plan)


class TestNotInGit:
    def test_a1_ignored_file_that_the_template_renders(self, tmp_path: Path) -> None:
        case = world(tmp_path, {".env": "KEY=default\n"}, change={".env": "KEY=default\nNEW=1\n"})
        write(case.project, {".env": "KEY=my secret\n"})
        assert upgraded(case)[".env"] == "kept"
        assert (case.project / ".env").read_text() == "KEY=my secret\n"

    def test_a1_unedited_ignored_file_follows(self, tmp_path: Path) -> None:
        case = world(tmp_path, {".env": "KEY=default\n"}, change={".env": "KEY=default\nNEW=1\n"})
        assert upgraded(case)[".env"] == "updated"
        assert (case.project / ".env").read_text() == "KEY=default\nNEW=1\n"
        assert b".env" not in git(case.repo, "ls-files")

    def test_a2_ignored_file_where_the_template_adds_one(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"settings.local": "template\n"})
        write(case.project, {"settings.local": "mine\n"})
        refused(case, "settings.local")

    @pytest.mark.parametrize("edited", [False, True])
    def test_a3_template_file_no_longer_tracked(self, tmp_path: Path, edited: bool) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED})
        git(case.repo, "rm", "-q", "--cached", "lib/util.py")
        write(case.project, {".gitignore": "lib/\n"})
        if edited:
            write(case.project, {"lib/util.py": "mine\n"})
        git(case.repo, "commit", "-qam", "Stop tracking")
        assert upgraded(case)["lib/util.py"] == ("kept" if edited else "updated")
        assert (case.project / "lib/util.py").read_text() == ("mine\n" if edited else CHANGED)

    def test_a4_the_same_where_the_template_drops_it(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": None})
        git(case.repo, "rm", "-q", "--cached", "lib/util.py")
        write(case.project, {".gitignore": "lib/\n", "lib/util.py": "mine\n"})
        git(case.repo, "commit", "-qam", "Stop tracking")
        assert upgraded(case)["lib/util.py"] == "kept"
        assert (case.project / "lib/util.py").read_text() == "mine\n"

    def test_a5_untracked_file_that_status_does_not_show(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"new.py": "template\n"})
        git(case.repo, "config", "status.showUntrackedFiles", "no")
        write(case.project, {"new.py": "mine\n"})
        refused(case, "new.py")

    @pytest.mark.parametrize("flag", ["assume-unchanged", "skip-worktree"], ids=["a6", "a7"])
    def test_a6_a7_edits_that_git_was_told_not_to_see(self, tmp_path: Path, flag: str) -> None:
        case = world(tmp_path)
        git(case.repo, "update-index", f"--{flag}", "app.py")
        write(case.project, {"app.py": "mine\n"})
        refused(case, "app.py")

    def test_a8_uncommitted_work_elsewhere_in_a_monorepo(self, tmp_path: Path) -> None:
        case = make_world(tmp_path, BASE, {"app.py": CHANGED}, prefix="services/one/")
        write(case.repo, {"other.txt": "committed\n"})
        case.commit()
        write(case.repo, {"other.txt": "uncommitted\n", "other.txt.rej": "a note\n"})
        outside = read(case.repo)
        upgraded(case)
        for path in ("other.txt", "other.txt.rej"):
            assert read(case.repo)[path] == outside[path]

    def test_a9_ignored_rej_file_beside_a_tracked_one(self, tmp_path: Path) -> None:
        case = world(tmp_path)
        case.own({"lib/util.py": "mine\n"})
        write(case.project, {"lib/util.py.rej": "a note\n"})
        upgraded(case)
        assert (case.project / "lib/util.py.rej").read_text() == "a note\n"


class TestReverted:
    def test_b1_binary_edited_by_its_owner(self, tmp_path: Path) -> None:
        case = world(tmp_path)
        case.own({"logo.bin": b"\0mine"})
        upgraded(case)
        assert (case.project / "logo.bin").read_bytes() == b"\0mine"

    def test_b1_binary_edited_by_both(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"logo.bin": b"\0template"})
        case.own({"logo.bin": b"\0mine"})
        plan = case.upgrade()
        assert plan.conflicts == ("logo.bin",)
        stages = {n: git(case.repo, "show", f":{n}:logo.bin") for n in (1, 2, 3)}
        assert stages == {1: b"\0base", 2: b"\0mine", 3: b"\0template"}
        assert (case.project / "logo.bin").read_bytes() == b"\0mine"

    def test_b2_bytes_that_are_not_utf8(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED})
        mine = LINES.encode() + b"caf\xe9\n"
        case.own({"lib/util.py": mine, "README": b"caf\xe9\n"})
        assert upgraded(case)["lib/util.py"] == "merged"
        assert (case.project / "lib/util.py").read_bytes() == CHANGED.encode() + b"caf\xe9\n"
        assert (case.project / "README").read_bytes() == b"caf\xe9\n"

    @pytest.mark.parametrize("setting", ["error", "fix"])
    def test_b3_apply_whitespace(self, tmp_path: Path, setting: str) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED})
        git(case.repo, "config", "apply.whitespace", setting)
        case.own({"lib/util.py": LINES + "mine  \t \n"})
        upgraded(case)
        assert (case.project / "lib/util.py").read_text() == CHANGED + "mine  \t \n"

    def test_b4_template_deletes_an_edited_file(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": None})
        case.own({"lib/util.py": LINES + "mine\n"})
        assert case.upgrade().conflicts == ("lib/util.py",)
        assert (case.project / "lib/util.py").read_text() == LINES + "mine\n"

    def test_b5_template_renames_an_edited_file(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": None, "lib/tools.py": CHANGED})
        case.own({"lib/util.py": LINES + "mine\n"})
        assert upgraded(case)["lib/tools.py"] == "merged"
        assert (case.project / "lib/tools.py").read_text() == CHANGED + "mine\n"
        assert not (case.project / "lib/util.py").exists()

    def test_b6_ignored_file_that_was_added_by_force(self, tmp_path: Path) -> None:
        case = world(tmp_path, {".env": "A=1\nB=2\nC=3\n"}, change={".env": "A=0\nB=2\nC=3\n"})
        write(case.project, {".env": "A=1\nB=2\nC=mine\n"})
        git(case.repo, "add", "-f", ".env")
        git(case.repo, "commit", "-qm", "Force")
        case.upgrade()
        assert "C=mine" in (case.project / ".env").read_text()
        assert b"C=mine" in git(case.repo, "show", ":2:.env", check=False) + git(
            case.repo, "show", ":.env", check=False
        )

    def test_b7_folder_moved_behind_a_link(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED, "lib/more.py": "template\n"})
        (case.project / "lib").rename(case.project / "real")
        write(case.project, {"real/util.py": LINES + "mine\n", "lib": "-> real"})
        case.commit()
        assert upgraded(case)["lib"] == "kept"
        assert (case.project / "real/util.py").read_text() == CHANGED + "mine\n"
        assert (case.project / "lib").is_symlink()

    def test_b8_both_add_a_file_and_the_owners_is_binary(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"new.bin": "template\n"})
        case.own({"new.bin": b"\0mine"})
        assert case.upgrade().conflicts == ("new.bin",)
        assert (case.project / "new.bin").read_bytes() == b"\0mine"

    def test_b9_folder_turned_into_a_submodule(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED, "lib/more.py": "template\n"})
        other = tmp_path / "other"
        other.mkdir()
        git(other, "init", "-q")
        write(other, {"theirs.py": "theirs\n"})
        git(other, "add", "-A")
        git(other, "commit", "-qm", "Other")
        git(case.repo, "rm", "-rq", "lib")
        add = ("submodule", "add", "-q", str(other), "lib")
        git(case.repo, "-c", "protocol.file.allow=always", *add)
        case.commit()
        assert upgraded(case)["lib"] == "kept"
        inside = {path for path in read(case.repo) if path.startswith("lib/")}
        assert inside == {"lib/.git", "lib/theirs.py"}

    def test_b10_conflict_while_status_hides_untracked_files(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED})
        git(case.repo, "config", "status.showUntrackedFiles", "no")
        case.own({"lib/util.py": LINES.replace("line 3\n", "line 3 of mine\n")})
        assert case.upgrade().conflicts == ("lib/util.py",)
        merged = (case.project / "lib/util.py").read_text()
        assert "<<<<<<< yours\nline 3 of mine\n||||||| template v1.0.0\nline 3\n" in merged
        assert "=======\nline 3 of the template\n>>>>>>> template v1.1.0\n" in merged
        assert not list(case.repo.rglob("*.rej"))

    def test_b11_monorepo_with_deletions_and_a_sparse_checkout(self, tmp_path: Path) -> None:
        case = make_world(tmp_path, BASE, {"app.py": CHANGED}, prefix="one/")
        write(case.repo, {"two/gone.txt": "x\n", "three/sparse.txt": "x\n"})
        case.commit()
        git(case.repo, "sparse-checkout", "set", "--cone", "one", "two")
        (case.repo / "two/gone.txt").unlink()
        staged = index(case.repo)
        upgraded(case)
        assert not (case.repo / "two/gone.txt").exists()
        assert not (case.repo / "three").exists()
        outside = [row for row in index(case.repo).split(b"\0") if b"\tone/" not in row]
        assert outside == [row for row in staged.split(b"\0") if b"\tone/" not in row]

    def test_b11_sparse_file_of_the_project(self, tmp_path: Path) -> None:
        case = make_world(tmp_path, BASE, {"lib/util.py": CHANGED}, prefix="one/")
        git(case.repo, "sparse-checkout", "set", "--no-cone", "/*", "!/one/lib/")
        refused(case, "one/lib/util.py")


class TestBrokenOff:
    def test_c1_template_file_turned_into_a_folder(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED})
        case.own({"lib/util.py": None, "lib/util.py/__init__.py": "mine\n"})
        case.upgrade()
        assert (case.project / "lib/util.py/__init__.py").read_text() == "mine\n"
        assert (case.project / "app.py").read_text() == CHANGED

    def test_c1_folder_where_the_template_adds_a_file(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"new": "template\n"})
        case.own({"new/mine.py": "mine\n"})
        assert case.upgrade().conflicts == ("new~template-v1.1.0",)
        assert (case.project / "new/mine.py").read_text() == "mine\n"
        assert (case.project / "new~template-v1.1.0").read_text() == "template\n"

    def test_c1_untracked_folder_where_the_template_adds_a_file(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"new": "template\n"})
        write(case.project, {"new/mine.py": "mine\n"})
        refused(case, "new/mine.py")

    def test_c2_both_add_a_file_with_a_name_that_is_not_ascii(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"docs/naïve 更新.md": "template\n"})
        case.own({"docs/naïve 更新.md": "mine\n"})
        assert case.upgrade().conflicts == ("docs/naïve 更新.md",)
        merged = (case.project / "docs/naïve 更新.md").read_text()
        assert "mine\n" in merged
        assert "template\n" in merged

    def test_c3_paths_that_git_does_not_quote(self, tmp_path: Path) -> None:
        case = world(tmp_path, {"é.txt": LINES}, change={"é.txt": CHANGED, "ü.txt": "new\n"})
        git(case.repo, "config", "core.quotePath", "false")
        assert upgraded(case) == {"app.py": "updated", "é.txt": "updated", "ü.txt": "added"}

    @pytest.mark.parametrize("name", ["notes.rej", "lib/deep/other.rej", "app.py.rej"])
    def test_c4_rej_files_lying_about(self, tmp_path: Path, name: str) -> None:
        case = world(tmp_path)
        write(case.project, {name: "a note\n"})
        upgraded(case)
        assert (case.project / name).read_text() == "a note\n"

    def test_c6_git_variables_of_the_caller(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        case = world(tmp_path)
        other = make_world(tmp_path / "other", {"x": "1\n"}, {})
        before = index(other.repo)
        monkeypatch.setenv("GIT_DIR", str(other.repo / ".git"))
        monkeypatch.setenv("GIT_WORK_TREE", str(other.repo))
        monkeypatch.setenv("GIT_INDEX_FILE", str(other.repo / ".git/index"))
        monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(other.repo / ".git/objects"))
        upgraded(case)
        assert index(other.repo) == before
        assert git(case.repo, "status", "--porcelain", "-z").split(b"\0")[1] == b"M  app.py"

    def test_c7_hooks_that_fail(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        hooks = tmp_path / "hooks"
        for hook in ("pre-commit", "prepare-commit-msg", "post-checkout", "post-index-change"):
            script = f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n"
            write(hooks, {f"{hook}!": script})
        config = tmp_path / "gitconfig"
        config.write_text(
            f"[core]\n hooksPath = {hooks}\n[commit]\n gpgSign = true\n[init]\n"
            f" templateDir = {hooks}\n[gpg]\n program = /bin/false\n"
        )
        case = world(tmp_path)
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
        upgraded(case)
        assert not (tmp_path / "ran").exists()


class TestOtherConfigurations:
    @pytest.mark.parametrize(
        "setting",
        [
            *("core.autocrlf=true", "core.autocrlf=input", "merge.conflictStyle=merge"),
            *("merge.renames=false", "diff.renames=false", "core.fileMode=false"),
            *("diff.noprefix=true", "core.abbrev=4", "color.ui=always", "index.version=4"),
            *("core.splitIndex=true", "merge.directoryRenames=false", "core.fsmonitor=false"),
            *("core.untrackedCache=true", "diff.external=/bin/false", "core.safecrlf=true"),
        ],
    )
    def test_settings_change_nothing(self, tmp_path: Path, setting: str) -> None:
        case = world(tmp_path, change={"lib/util.py": None, "lib/tools.py": CHANGED})
        git(case.repo, "config", *setting.split("="))
        case.own({"lib/util.py": LINES + "mine\n"})
        plan = case.upgrade()
        assert plan.conflicts == ()
        merged = (case.project / "lib/tools.py").read_bytes().replace(b"\r\n", b"\n")
        assert merged == (CHANGED + "mine\n").encode()
        assert git(case.repo, "diff", "--no-ext-diff", "--name-only") == b""

    @pytest.mark.parametrize("rule", ["* text=auto", "*.py eol=crlf", "*.py text eol=lf"])
    def test_end_of_line_rules(self, tmp_path: Path, rule: str) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED})
        case.own({".gitattributes": f"{rule}\n", "lib/util.py": LINES + "mine\n"})
        plan = case.upgrade()
        assert plan.conflicts == ()
        assert git(case.repo, "show", ":lib/util.py") == (CHANGED + "mine\n").encode()

    @pytest.mark.parametrize("auto", ["true", "false"])
    def test_file_turned_to_crlf(self, tmp_path: Path, auto: str) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED})
        case.own({"lib/util.py": (LINES + "mine\n").replace("\n", "\r\n").encode()})
        git(case.repo, "config", "core.autocrlf", auto)
        plan = case.upgrade()
        assert plan.conflicts == ()
        expected = (CHANGED + "mine\n").replace("\n", "\r\n").encode()
        assert (case.project / "lib/util.py").read_bytes() == expected

    def test_clean_and_smudge_filter(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED})
        git(case.repo, "config", "filter.shout.clean", "tr A-Z a-z")
        git(case.repo, "config", "filter.shout.smudge", "tr a-z A-Z")
        case.own({".gitattributes": "*.py filter=shout\n"})
        git(case.repo, "rm", "-q", "--cached", "-r", ".")
        git(case.repo, "add", "-A")
        git(case.repo, "commit", "-qm", "Filter", "--allow-empty")
        assert case.upgrade().conflicts == ()
        assert (case.project / "lib/util.py").read_text() == CHANGED.upper()
        assert git(case.repo, "show", ":lib/util.py") == CHANGED.encode()

    def test_linked_work_tree(self, tmp_path: Path) -> None:
        case = world(tmp_path)
        git(case.repo, "worktree", "add", "-q", str(tmp_path / "linked"))
        main = read(case.repo)
        linked = World(tmp_path, case.base, case.new, tmp_path / "linked", tmp_path / "linked")
        upgraded(linked)
        assert read(case.repo) == main

    def test_the_hint_for_a_repository_of_another_user_helps(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can give files away")
        case = make_world(tmp_path / "it's here", BASE, {"app.py": CHANGED}, prefix="one/")
        for path in [case.repo, *case.repo.rglob("*")]:
            os.chown(path, 12345, 12345, follow_symlinks=False)
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
        monkeypatch.setenv("LANGUAGE", "de")  # the messages of git stay those that are matched
        with pytest.raises(ScaffoldError, match="belongs to another user") as refusal:
            case.upgrade()
        command = refusal.value.hint.partition(": ")[2]
        subprocess.run(command, shell=True, check=True)  # noqa: S602
        upgraded(case)

    def test_git_that_is_too_old(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        case = world(tmp_path)
        write(tmp_path / "bin", {"git!": "#!/bin/sh\necho git version 2.37.9\n"})
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
        with pytest.raises(ScaffoldError, match=r"need git 2\.38"):
            case.upgrade()

    def test_sha256_repository(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": CHANGED})
        for path in sorted((case.repo / ".git").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        git(case.repo, "init", "-q", "--object-format=sha256")
        case.own({"lib/util.py": LINES + "mine\n"})
        assert upgraded(case) == {"app.py": "updated", "lib/util.py": "merged"}

    def test_folder_renamed_by_its_owner(self, tmp_path: Path) -> None:
        more = {f"lib/{n}.py": LINES.replace("line", n) for n in "abc"}
        case = world(tmp_path, more, change={"lib/util.py": CHANGED, "lib/new.py": "template\n"})
        (case.project / "lib").rename(case.project / "core")
        case.own({"core/util.py": LINES + "mine\n"})
        upgraded(case)
        assert (case.project / "core/util.py").read_text() == CHANGED + "mine\n"
        assert (case.project / "core/new.py").read_text() == "template\n"
        assert not (case.project / "lib").exists()

    def test_deleted_stays_deleted_though_the_template_renames_it(self, tmp_path: Path) -> None:
        case = world(tmp_path, change={"lib/util.py": None, "lib/tools.py": CHANGED})
        case.own({"lib/util.py": None})
        assert upgraded(case)["lib/tools.py"] == "kept deleted"
        assert not (case.project / "lib/tools.py").exists()

    def test_generated_files_are_taken_whole(self, tmp_path: Path) -> None:
        old, new = "a==1\nb==1\nc==1\n", "a==2\nb==2\nc==1\n"
        case = world(tmp_path, {"constraints.txt": old}, change={"constraints.txt": new})
        case.own({"constraints.txt": "a==1\nb==1\nc==1\nmine==1\n"})
        plan = case.upgrade()
        change = next(c for c in plan.changes if c.path == "constraints.txt")
        assert "generated" in change.note
        assert (case.project / "constraints.txt").read_text() == new
