"""Prove that a recipe is what its page says, and no more."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import recipes
from tests.support.recipes import read_recipe

PAGE = """\
# A tool

Run it like this: `tool`:

    not a block

## First

Two files. `Makefile`:

```make
# First
all:
	true
```

`src/app.py`:

```python
print("arm64")
```

Then `run it`:

```sh
cat src/app.py
```

### Below

```yaml
shown: only
```

```sh
false
cat Makefile
```

## Second

Change `Makefile`:

```make
# Second
```

```sh
ls
```
"""


@pytest.fixture(autouse=True)
def _page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipes, "ROOT", tmp_path)
    (tmp_path / "docs" / "deploy").mkdir(parents=True)
    (tmp_path / "docs" / "deploy" / "tool.md").write_text(PAGE)


def test_a_section_has_its_files_and_commands() -> None:
    recipe = read_recipe("tool.md", "First")
    assert recipe.files == {
        "Makefile": "# First\nall:\n\ttrue\n",
        "src/app.py": 'print("arm64")\n',
    }
    assert recipe.commands == ("cat src/app.py\n", "false\ncat Makefile\n")


def test_a_later_section_replaces_files_and_commands() -> None:
    both = read_recipe("tool.md", "First", "Second")
    assert both.files["Makefile"] == "# Second\n"
    assert both.files["src/app.py"] == 'print("arm64")\n'
    assert both.commands == ("ls\n",)
    page = read_recipe("tool.md")
    assert page.files == both.files
    assert page.commands == ("cat src/app.py\n", "false\ncat Makefile\n", "ls\n")


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(LookupError, match="there is no heading 'Third'"):
        read_recipe("tool.md", "Third")
    with pytest.raises(LookupError, match="no files in Below"):
        read_recipe("tool.md", "Below")
    with pytest.raises(ValueError, match="nothing in the recipe has 'x86_64'"):
        read_recipe("tool.md").changed("x86_64", "arm64")


def test_commands_run_up_to_the_first_that_fails(tmp_path: Path) -> None:
    project = tmp_path / "my project"
    recipe = read_recipe("tool.md", "First").changed("arm64", "x86_64")
    recipe.write(project)
    done = recipe.run(project, os.environ)
    assert done.returncode == 1
    assert done.stdout == 'print("x86_64")\n'
