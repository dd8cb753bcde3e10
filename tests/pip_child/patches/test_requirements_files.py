"""pip reads requirements files as they are for the target."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.child import (
    LINUX,
    Job,
    Workshop,
    online,
    wheels_fetched,
)
from tests.support.cli import names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.pip_protocol import JobReport

pytestmark = pytest.mark.seams


def test_files_say_what_the_job_file_says(shop: Workshop, index: LocalIndex, shelf: Path) -> None:
    make_wheel(shelf, "app", "1")
    make_wheel(shelf, "app", "2")
    make_wheel(shelf, "lib")
    home = shop.destination.parent
    (home / "reqs.txt").write_text("on-disk ; tags=cp39-cp39-win_amd64\n")
    nested = home / "more" / "nested.txt"
    files = {
        "reqs.txt": "\n\napp \\\n  >=1\n-r more/nested.txt\n",
        str(nested): "# nothing\nlib\n",
        "limits.txt": "\napp < 2\n",
    }
    arguments = online(index, "-r", "reqs.txt", "-c", "limits.txt")
    run = shop.run(Job(arguments, files=files), Job(arguments, files={**files, "limits.txt": ""}))
    assert run.names(0) == ["app-1-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
    assert run.names(1) == ["app-2-py3-none-any.whl", "lib-1.0-py3-none-any.whl"]
    said = " ".join(run.stdout.split())
    assert "Collecting app>=1 (from -r reqs.txt (line 3))" in said
    assert f"Collecting lib (from -r {nested} (line 2))" in said


def test_complaints_are_those_of_the_original_file(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "lib")
    wrong = {
        "\n\nlib\nnot a requirement\n": "(from line 4 of reqs.txt)",
        "lib\n\n-r more.txt\n": f"'{shop.destination.parent / 'more.txt'}'",
        "\nlib\n--no-such\n": "no such option: --no-such",
    }
    arguments = online(index, "-r", "reqs.txt")
    run = shop.run(*(Job(arguments, files={"reqs.txt": content}) for content in wrong))
    assert run.results == (JobReport(1, "all"),) * 3
    said = " ".join(run.stderr.split())
    assert [complaint for complaint in wrong.values() if complaint not in said] == []


@pytest.mark.parametrize("plain", [False, True], ids=["seen", "plain"])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        pytest.param("\napp ; tags=cp39-cp39-win_amd64\n", 2, id="clause"),
        pytest.param("app\n# target=host\n", 2, id="default"),
    ],
)
def test_clause_in_a_file_that_pip_fetches_is_refused(
    shop: Workshop, index: LocalIndex, shelf: Path, plain: bool, content: str, line: int
) -> None:
    make_wheel(shelf, "app")
    url = index.add_file("reqs.txt", content.encode()).replace("://", "://me:secret@")
    run = shop.run(Job(online(index, "-r", url), None if plain else LINUX), plain=plain)
    assert f"ERROR: line {line} of {url.replace('me:secret', 'me:****')} " in run.stderr
    assert run.exit_code == (1 if plain else 0)
    assert names(shop.destination) == []
    assert wheels_fetched(index) == []


def test_file_that_pip_fetches_and_that_has_no_clause_is_read(
    shop: Workshop, index: LocalIndex, shelf: Path
) -> None:
    make_wheel(shelf, "target-tags")
    url = index.add_file("reqs.txt", b"# tags and target are words\ntarget-tags\n")
    run = shop.run(Job(online(index, "-r", url)))
    assert run.names(0) == ["target_tags-1.0-py3-none-any.whl"]
