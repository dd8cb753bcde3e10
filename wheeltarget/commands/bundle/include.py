"""The user's own files in a bundle: which of them are included, and which are left out.

A folder that developers work in has much that must not be deployed: version control, secrets,
environments, caches. Such files are left out by default, and so is what the user's own rules name.
Every file that is left out is reported.
"""

from __future__ import annotations

import codecs
import os
import shlex
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wheeltarget.commands.bundle.files import BundledFile
from wheeltarget.commands.bundle.ignore import Rule, read_rules
from wheeltarget.errors import BundleError, UsageError
from wheeltarget.utils.files import Limit, hash_file, read_regular

BY_DEFAULT = (
    # Version control.
    *(".git", ".gitattributes", ".gitignore", ".gitmodules", ".hg", ".hgignore", ".svn", ".bzr"),
    *(".jj", "CVS"),
    # Secrets, and settings of one machine.
    *(".env", ".env.*", ".envrc", ".netrc", ".pypirc", ".aws", ".ssh"),
    # Environments, and what is compiled for one interpreter.
    *(".venv", ".direnv", ".tox", ".nox", ".eggs", "__pycache__", "*.pyc", "*.pyo"),
    # What tools for deployment write.
    *(".aws-sam", ".serverless", ".terraform", "cdk.out"),
    # Caches and reports of tools.
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".ipynb_checkpoints", ".cache"),
    *(".coverage", ".coverage.*"),
    # Editors and file managers.
    *(".idea", ".vscode", ".DS_Store", "Thumbs.db"),
    # Our own.
    *(".wheeltargetignore", ".*.wheeltarget-" + "[0-9a-f]" * 16),
)
"""The files and folders that are left out by default, as lines of ``.gitignore``."""

_DEFAULT = "default"
_OWN, _GIT = ".wheeltargetignore", ".gitignore"
_RULES_FILE = Limit(1 << 20, "a file of rules")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file or a whole folder that is left out; the rule is its place, for the report."""

    path: str
    rule: str


@dataclass(frozen=True, slots=True)
class Included:
    """The files of one path that is included, and what is left out of it."""

    files: tuple[BundledFile, ...]
    left_out: tuple[LeftOut, ...]


def require_sources(texts: Iterable[str]) -> None:
    """Raise UsageError if one of the paths that are to be included is no file or folder."""
    for text in texts:
        path = Path(text)
        if not path.is_dir() and (_is_inner(text) or not path.is_file()):
            message = f"{text} does not exist, or is not a file or folder"
            raise UsageError(message, "correct the path of --include")


def include(
    text: str, site: str, excluded: Sequence[str], outputs: Iterable[Path | None]
) -> Included:
    """Return the files of a path that is to be included, which is as the user wrote it.

    A file or folder is placed beside the modules, under its own name; of a folder with a trailing
    slash, only its contents are. A file or folder that is named itself is never left out.

    :param text: has passed :func:`require_sources`.
    :param excluded: rules of the command line, which are about the contents of each folder.
    :param outputs: what this run writes, which must not be included by the next one.
    """
    path = Path(text)
    left_out: list[LeftOut] = []
    if path.is_dir():
        folder = path.resolve()
        base = folder if _is_inner(text) else folder.parent
        try:
            rules = _Rules(text, folder, excluded)
            found = list(_walk(folder, rules, left_out))
            _refuse_outputs(text, folder, rules, outputs)
        except ValueError as error:
            raise UsageError(str(error), f"write it otherwise, or use {_OWN} instead") from error
        if not found:
            why = "".join(f": {each.path} is left out by {each.rule}" for each in left_out[:1])
            raise UsageError(f"{text} contains no files to include{why}", "leave --include out")
    else:
        base, found = path.resolve().parent, [path.resolve()]
    return Included(tuple(_read(each, base, site, text) for each in found), tuple(left_out))


def unused_rules(excluded: Iterable[str], left_out: Iterable[LeftOut]) -> Iterator[str]:
    """Return a note for each rule of the command line that leaves nothing out."""
    used = {each.rule for each in left_out}
    for line in excluded:
        if not line.startswith("!") and _origin(line) not in used:
            yield f"{_origin(line)} leaves nothing out"


def _is_inner(text: str) -> bool:
    """Return whether what is in a folder is meant, without the folder itself."""
    return text.endswith(("/", os.sep))


def _origin(line: str) -> str:
    return f"--exclude-path {shlex.quote(line)}"


def _read(path: Path, base: Path, site: str, owner: str) -> BundledFile:
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            what = "a symbolic link" if stat.S_ISLNK(status.st_mode) else "not a regular file"
            hint = "a bundle has regular files only: replace it by a copy, or use --exclude-path"
            raise BundleError(f"{path} is {what}", hint)
        digest = hash_file(path).sha256
    except OSError as error:
        raise BundleError(f"cannot read {path}: {error.strerror}") from error
    name, executable = path.relative_to(base).as_posix(), bool(status.st_mode & stat.S_IXUSR)
    return BundledFile(site + name, path, owner, status.st_size, digest, executable)


class _Rules:
    """The rules for what is in a folder; those of folders below it are read when they matter."""

    def __init__(self, text: str, folder: Path, excluded: Sequence[str]) -> None:
        self._text, self._folder = text, folder
        tops = (each for each in (folder, *folder.parents) if os.path.lexists(each / ".git"))
        self._top = next(tops, folder)
        self._git: dict[Path, tuple[Rule, ...]] = {}
        self._replaces_git = (folder / _OWN).is_file()
        base = folder.parts
        self._defaults = tuple(read_rules(BY_DEFAULT, base, _DEFAULT))
        (self._environment,) = read_rules([".venv"], base, _DEFAULT)
        self._own = self._read(folder / _OWN)
        self._excluded = tuple(
            rule for line in excluded for rule in read_rules([line], base, _escaped(_origin(line)))
        )

    def find(self, path: Path, *, is_folder: bool) -> str:
        """Return the rule that leaves a path out, or an empty string; the last one decides.

        :param path: something in the folder; nothing between them is left out.
        """
        rules = (*self._defaults, self._environment, *self._own, *self._excluded)
        if not self._replaces_git:
            rules = (*self._git_rules(path.parent), *rules)
        is_environment = is_folder and os.path.lexists(path / "pyvenv.cfg")
        for rule in reversed(rules):
            named = is_environment and rule is self._environment
            if named or rule.fits(path.parts, is_folder=is_folder):
                return rule.origin if rule.leaves_out else ""
        return ""

    def shown(self, path: Path) -> str:
        """Return a path as the user would write it."""
        if path.is_relative_to(self._folder):
            return str(Path(self._text, path.relative_to(self._folder)))
        here = Path.cwd()
        return str(path.relative_to(here) if path.is_relative_to(here) else path)

    def _git_rules(self, folder: Path) -> tuple[Rule, ...]:
        """Return git's rules for what is in a folder; those of the folders above come first."""
        if folder not in self._git:
            above = () if folder == self._top else self._git_rules(folder.parent)
            self._git[folder] = (*above, *self._read(folder / _GIT))
        return self._git[folder]

    def _read(self, path: Path) -> tuple[Rule, ...]:
        if not path.is_file():
            return ()
        try:
            data = read_regular(path, _RULES_FILE)
        except OSError as error:
            raise BundleError(f"cannot read {self.shown(path)}: {error.strerror}") from error
        lines = os.fsdecode(data.removeprefix(codecs.BOM_UTF8)).split("\n")
        return tuple(read_rules(lines, path.parent.parts, f"{_escaped(self.shown(path))}:{{}}"))


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _walk(folder: Path, rules: _Rules, left_out: list[LeftOut]) -> Iterator[Path]:
    try:
        below = sorted(folder.iterdir())
    except OSError as error:
        raise BundleError(f"cannot read {folder}: {error.strerror}") from error
    for each in below:
        is_folder = each.is_dir() and not each.is_symlink()
        if rule := rules.find(each, is_folder=is_folder):
            left_out.append(LeftOut(rules.shown(each), rule))
        elif is_folder:
            yield from _walk(each, rules, left_out)
        else:
            yield each


def _refuse_outputs(text: str, folder: Path, rules: _Rules, outputs: Iterable[Path | None]) -> None:
    """Raise UsageError if an output is in a folder that is included, and not left out there."""
    for output in filter(None, outputs):
        path = output.resolve()
        if not path.is_relative_to(folder):
            continue
        above = [each for each in (path, *path.parents) if each.is_relative_to(folder)][:-1]
        if not any(rules.find(each, is_folder=each != path) for each in reversed(above)):
            message = f"{output} would be in {text}, so that the next bundle would include it"
            hint = "write it to another folder, or leave it out with --exclude-path"
            raise UsageError(message, hint)
