"""Read what ``wheeltarget download`` prints."""

from __future__ import annotations


def files_by_target(stdout: str) -> dict[str, list[str]]:
    """Read which files a run named for which target.

    :param stdout: what the run wrote to standard output.
    :returns: the bare names of the files, by what the target is called.
    :raises ValueError: if there is a line of any other form, such as one of pip's chatter.
    """
    found: dict[str, list[str]] = {}
    files: list[str] = []
    for line in stdout.splitlines():
        if line.startswith("For ") and line.endswith(":"):
            files = found.setdefault(line.removeprefix("For ").removesuffix(":"), [])
        elif line.startswith(("Saved ", "Already there ")):
            files.append(line.rpartition("/")[2])
        elif not line.startswith("Successfully downloaded ") and line != "Nothing to download":
            raise ValueError(f"unexpected on standard output: {line}")
    return found


def projects_by_target(stdout: str) -> dict[str, list[str]]:
    """Read which projects a run named for which target, each as NAME-VERSION.

    :param stdout: what the run wrote to standard output.
    :returns: name and version as they stand in the file names, by what the target is called.
    """
    return {
        label: ["-".join(file.split("-")[:2]) for file in files]
        for label, files in files_by_target(stdout).items()
    }
