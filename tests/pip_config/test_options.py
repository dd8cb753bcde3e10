"""The options of pip: the tables, held against pip itself, and its configuration files."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import download, environment, names
from tests.support.index import LocalIndex
from tests.support.wheels import make_wheel
from wheeltarget.errors import UsageError
from wheeltarget.pip_config.options import (
    ENVIRONMENT_OPTIONS,
    FILE_WITH_VALUE,
    FILE_WITHOUT_VALUE,
    FOR_FETCHING,
    WITH_VALUE,
    WITHOUT_VALUE,
    CommandLine,
    GivenOption,
    base_name,
    configuration_files,
    is_foreign_lock,
    is_lock,
    is_own,
    is_quiet,
    is_remote,
    project_names,
    read_configuration,
    read_connections,
    settings_as_options,
    split_command_line,
    split_extras,
    split_file_options,
    standard_lock_name,
)

Table = tuple[tuple[str, ...], ...]

ASK_PIP = """
import json, sys
sys.path.insert(0, sys.argv[1])
from pip._internal.commands import create_command
from pip._internal.req.req_file import build_parser
def options(parser):
    groups = [parser, *parser.option_groups]
    return [
        [[*option._short_opts, *option._long_opts], option.nargs if option.takes_value() else 0]
        for group in groups
        for option in group.option_list
    ]
download = create_command("download").parser
print(json.dumps({"download": options(download), "file": options(build_parser())}))
"""

VERSION_DEPENDENT = frozenset(
    {
        *("--all-releases", "--only-final", "--uploaded-prior-to", "--requirements-from-script"),
        *("--no-require-hashes", "--only-deps", "--only-dependencies", "--refresh-package"),
        *("--no-proxy-env", "-V", "--version"),
    }
)  # fmt: skip
"""What one supported pip has and another has not."""


@pytest.fixture(scope="module")
def pips_options() -> dict[str, list[tuple[list[str], int]]]:
    """Ask the installed pip, in a process of its own, which options it has."""
    spec = importlib.util.find_spec("pip")
    assert spec is not None
    assert spec.origin is not None
    command = [sys.executable, "-c", ASK_PIP, str(Path(spec.origin).parent.parent)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, list[tuple[list[str], int]]] = json.loads(done.stdout)
    return found


TABLES = pytest.mark.parametrize(
    ("where", "with_value", "without_value"),
    [
        pytest.param("download", WITH_VALUE, WITHOUT_VALUE, id="download"),
        pytest.param("file", FILE_WITH_VALUE, FILE_WITHOUT_VALUE, id="requirements file"),
    ],
)


@pytest.mark.seams
@TABLES
def test_every_option_of_pip_is_known(
    pips_options: dict[str, list[tuple[list[str], int]]],
    where: str,
    with_value: Table,
    without_value: Table,
) -> None:
    assert len(pips_options[where]) > 15
    for spellings, values in pips_options[where]:
        table = {0: without_value, 1: with_value}[values]
        known = [row for row in table if set(row) & set(spellings)]
        assert len(known) == 1, spellings
        assert set(spellings) <= set(known[0])
        # The option is handed on by its first long spelling, so pip has to know that one.
        assert next(each for each in known[0] if each.startswith("--")) in spellings


@pytest.mark.seams
@TABLES
def test_what_the_installed_pip_lacks_is_version_dependent(
    pips_options: dict[str, list[tuple[list[str], int]]],
    where: str,
    with_value: Table,
    without_value: Table,
) -> None:
    has = {each for spellings, _ in pips_options[where] for each in spellings}
    known = {each for row in (*with_value, *without_value) for each in row}
    assert known - has <= VERSION_DEPENDENT


def test_what_is_version_dependent_is_known() -> None:
    assert {each for row in (*WITH_VALUE, *WITHOUT_VALUE) for each in row} >= VERSION_DEPENDENT


@TABLES
def test_no_spelling_stands_twice(where: str, with_value: Table, without_value: Table) -> None:
    spellings = [each for row in (*with_value, *without_value) for each in row]
    assert len(spellings) == len(set(spellings)), where


def test_foreign_options_take_a_value() -> None:
    assert {row[0] for row in WITH_VALUE} >= ENVIRONMENT_OPTIONS


# Telling words apart


@pytest.mark.parametrize(
    ("line", "options", "requirements"),
    [
        pytest.param("", "", "", id="nothing"),
        pytest.param("a b", "", "a b", id="requirements alone"),
        pytest.param("-d x a", "--dest=x", "a", id="short"),
        pytest.param("-dx a", "--dest=x", "a", id="short, joined"),
        pytest.param("--dest x a", "--dest=x", "a", id="long"),
        pytest.param("--dest=x a", "--dest=x", "a", id="long, joined"),
        pytest.param("--destination-dir x", "--dest=x", "", id="another spelling"),
        pytest.param("--dest= a", "--dest=", "a", id="empty value"),
        pytest.param("--dest=x=y", "--dest=x=y", "", id="= in the value"),
        pytest.param("-qd x a", "--quiet --dest=x", "a", id="cluster"),
        pytest.param("-qvdx a", "--quiet --verbose --dest=x", "a", id="cluster, joined"),
        pytest.param("-vvv", "--verbose --verbose --verbose", "", id="the same thrice"),
        pytest.param("a --pre b -i u c", "--pre --index-url=u", "a b c", id="mixed"),
        pytest.param("-r a -r b", "--requirement=a --requirement=b", "", id="in order"),
        pytest.param("--platfo x", "--platform=x", "", id="short for"),
        pytest.param("--prefer a", "--prefer-binary", "a", id="short for, no value"),
        pytest.param("--pre a", "--pre", "a", id="whole and short for"),
        pytest.param("-d -x a", "--dest=-x", "a", id="a value with a dash"),
        pytest.param("--pre -- -d x", "--pre", "-d x", id="behind --"),
        pytest.param("a - b", "", "a - b", id="a dash alone"),
        pytest.param("--pypi-url u", "--index-url=u", "", id="hidden spelling"),
        pytest.param("--no-dependencies", "--no-deps", "", id="second spelling"),
    ],
)
def test_split_command_line(line: str, options: str, requirements: str) -> None:
    split = split_command_line(line.split())
    assert [word for option in split.options for word in option.arguments] == options.split()
    assert list(split.requirements) == requirements.split()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("--frobnicate", "no such option: --frobnicate", id="unknown"),
        pytest.param("-Z", "no such option: -Z", id="unknown, short"),
        pytest.param("-qZ", "no such option: -Z", id="unknown in a cluster"),
        pytest.param("a -d", "-d option requires 1 argument", id="no value"),
        pytest.param("--dest", "--dest option requires 1 argument", id="no value, long"),
        pytest.param("--pre=x", "--pre option does not take a value", id="a value too many"),
        pytest.param(
            "--no-c",
            "ambiguous option: --no-c (--no-cache-dir, --no-clean, --no-color?)",
            id="ambiguous",
        ),
        pytest.param("-e .", "no such option: -e", id="editable"),
        pytest.param("--hash=x", "no such option: --hash", id="only in files"),
    ],
)
def test_refused_on_the_command_line(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        split_command_line(line.split())
    assert caught.value.message == message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("-r x.txt", ["--requirement=x.txt"], id="apart"),
        pytest.param("-rx.txt", ["--requirement=x.txt"], id="joined"),
        pytest.param("-r 'a b.txt'", ["--requirement=a b.txt"], id="quoted"),
        pytest.param("-r a\\ b.txt", ["--requirement=a b.txt"], id="escaped"),
        pytest.param('--requirement="a b"', ["--requirement=a b"], id="quoted behind ="),
        pytest.param("--const c.txt", ["--constraint=c.txt"], id="short for"),
        pytest.param("--pre --no-index", ["--pre", "--no-index"], id="several"),
        pytest.param("--pre x -f y z", ["--pre", "--find-links=y"], id="words passed over"),
        pytest.param("-e 'a b' -C x=y", ["--editable=a b", "--config-settings=x=y"], id="editable"),
        pytest.param(
            "--hash=sha256:aa --hash sha256:bb",
            ["--hash=sha256:aa", "--hash=sha256:bb"],
            id="hashes",
        ),
    ],
)
def test_split_file_options(text: str, arguments: list[str]) -> None:
    assert [word for option in split_file_options(text) for word in option.arguments] == arguments


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("--platform=x", "no such option: --platform", id="only on the command line"),
        pytest.param("-d x", "no such option: -d", id="only on the command line, short"),
        pytest.param("-r", "-r option requires 1 argument", id="no value"),
        pytest.param("-r 'x", "could not split options: No closing quotation", id="quote"),
        pytest.param("-r x\\", "could not split options: No escaped character", id="backslash"),
        pytest.param(
            "--re x", "ambiguous option: --re (--require-hashes, --requirement?)", id="ambiguous"
        ),
    ],
)
def test_refused_in_files(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        split_file_options(text)
    assert caught.value.message == message


def test_asking_for_options() -> None:
    line = CommandLine(
        (GivenOption("--pre"), GivenOption("--dest", "x"), GivenOption("--dest", "")), ()
    )
    assert line.values("--dest") == ("x", "")
    assert line.values("--pre") == line.values("--log") == ()
    assert line.has("--pre")
    assert line.has("--dest")
    assert not line.has("--log")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ((), set()),
        (("a, B.c_d--e", "f"), {"a", "b-c-d-e", "f"}),
        (("9",), {"9"}),
    ],
)
def test_project_names(values: tuple[str, ...], found: set[str]) -> None:
    assert project_names("--allow-sdist", values) == found


@pytest.mark.parametrize("value", ["", "a,", "-a", "a-", "a b", "a==1", "\u212a", "a\u017f"])
def test_what_is_not_the_name_of_a_project(value: str) -> None:
    with pytest.raises(UsageError, match=r"^--allow-sdist takes the name of a project, not '"):
        project_names("--allow-sdist", (value,))


# Configuration

TARGET = "cp39-cp39-manylinux2014_x86_64"


def test_later_places_override(tmp_path: Path) -> None:
    user, named = tmp_path / "config" / "pip", tmp_path / "named.conf"
    user.mkdir(parents=True)
    (user / "pip.conf").write_text(
        "[download]\ndest = user-download\nrequirement = a.txt\n  b.txt\n[global]\ndest = user\n"
    )
    base = {"HOME": str(tmp_path)}
    read = read_configuration(base).options
    assert read == (
        GivenOption("--dest", "user-download"),
        GivenOption("--requirement", "a.txt"),
        GivenOption("--requirement", "b.txt"),
    )
    named.write_text("[global]\nDestination_Dir = named\nconstraint = c.txt\n")
    read = read_configuration({**base, "PIP_CONFIG_FILE": str(named)}).options
    # A file that is named takes the place of the user's own.
    assert read == (GivenOption("--dest", "named"), GivenOption("--constraint", "c.txt"))
    variables = {"PIP_CONFIG_FILE": str(named), "PIP_DEST": "variable", "PIP_CONSTRAINT": ""}
    assert GivenOption("--dest", "variable") in read_configuration({**base, **variables}).options
    assert GivenOption("--constraint", "c.txt") in read_configuration({**base, **variables}).options
    assert read_configuration({**base, **variables}, isolated=True).options == read


@pytest.mark.parametrize("content", ["no section", "[global]\nx", "[global]\ndest = \xff"])
def test_broken_file_is_left_to_pip(tmp_path: Path, content: str) -> None:
    (tmp_path / "pip.conf").write_text(content, "latin-1")
    assert read_configuration({"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}).options == ()


@pytest.mark.seams
@pytest.mark.parametrize("named", [None, "", "missing.conf", "there.conf", os.devnull])
@pytest.mark.parametrize("isolated", [False, True], ids=["", "isolated"])
def test_files_are_those_of_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None, isolated: bool
) -> None:
    (tmp_path / "there.conf").write_text("[global]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PIP_CONFIG_FILE")
    if named is not None:
        monkeypatch.setenv("PIP_CONFIG_FILE", named)
    script = (
        "from pip._internal.configuration import Configuration\n"
        f"files = dict(Configuration({isolated}).iter_config_files())\n"
        "print(*[f for kind in ('global', 'user', 'site', 'env') for f in files.get(kind, [])],"
        " sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = [] if named == os.devnull else [line for line in done.stdout.splitlines() if line]
    assert [str(f) for f in configuration_files(os.environ, isolated=isolated)] == theirs


def test_a_run_follows_the_configuration(tmp_path: Path, index: LocalIndex) -> None:
    make_wheel(tmp_path / "index", "one")
    (tmp_path / "needed.txt").write_text(f"one # tags={TARGET}\n")
    (tmp_path / "pip.conf").write_text(
        "[download]\nrequirement = needed.txt\ndest = from-configuration\nplatform = made_up\n"
    )
    result = download(
        index,
        cwd=tmp_path,
        destination="",
        variables={"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")},
    )
    assert result.exit_code == 0, result.stderr
    assert f"For {TARGET}:" in result.stdout
    assert names(tmp_path / "from-configuration") == ["one-1.0-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [
        pytest.param({"PIP_REQUIREMENT": " a.txt\tb.txt\n"}, ["a.txt", "b.txt"], id="a list"),
        pytest.param({"PIP_DEST": "a b"}, ["a b"], id="a folder with a blank"),
        pytest.param({"PIP_DESTINATION_DIR": "x"}, ["x"], id="another spelling"),
        pytest.param({"PIP_requirement": "a.txt"}, ["a.txt"], id="lower case"),
        pytest.param({"PIP_REQUIREMENT": "", "PIP_DEST": ""}, [], id="empty"),
        pytest.param({"pip_requirement": "a.txt", "REQUIREMENT": "b"}, [], id="not pip's"),
        pytest.param({"PIP_INDEX_URL": "u", "PIP_R": "a.txt"}, [], id="not ours to read"),
    ],
)
def test_variables(variables: dict[str, str], arguments: list[str]) -> None:
    found = read_configuration({"PIP_CONFIG_FILE": os.devnull, **variables}).options
    assert [option.value for option in found] == arguments


@pytest.mark.parametrize(("value", "count"), [(None, 32), ("", 32), ("1", 1), ("256", 256)])
def test_number_of_connections(value: str | None, count: int) -> None:
    environment = {} if value is None else {"WHEELTARGET_CONNECTIONS": value}
    assert read_connections(environment) == count


@pytest.mark.parametrize("value", ["0", "257", "-1", "many", "9" * 5000, "²"])
def test_number_of_connections_that_is_not_allowed(value: str) -> None:
    with pytest.raises(UsageError, match=f"not a number of connections: '{value}'"):
        read_connections({"WHEELTARGET_CONNECTIONS": value})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("https://h/r.txt", True, id="https"),
        pytest.param("http://h/r.txt", True, id="http"),
        pytest.param("file:///r.txt", True, id="file"),
        pytest.param("HTTPS://h/r.txt", True, id="capitals"),
        pytest.param("http://[h/r.txt", True, id="broken"),
        pytest.param("./r.txt", False, id="path"),
        pytest.param("//[h/r.txt", False, id="network path"),
        pytest.param("ftp://h/r.txt", False, id="another scheme"),
        pytest.param("C:\\r.txt", False, id="drive letter"),
        pytest.param("https/h:r.txt", False, id="colon"),
    ],
)
def test_is_remote(name: str, expected: bool) -> None:
    assert is_remote(name) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("pylock.toml", True, id="plain"),
        pytest.param("pylock.dev.toml", True, id="named"),
        pytest.param("sub/pylock.toml", True, id="in a folder"),
        pytest.param("sub\\pylock.x.toml", True, id="backslash"),
        pytest.param("https://h/pylock.toml", True, id="remote"),
        pytest.param("pylock.toml[a,b]", True, id="extras"),
        pytest.param("x[1]/pylock.toml", True, id="a bracket before"),
        pytest.param("pylock.a.b.toml", True, id="two dots, which only wheeltarget takes"),
        pytest.param("pylock..toml", False, id="no name"),
        pytest.param("mypylock.toml", False, id="another name"),
        pytest.param("pylock.toml.txt", False, id="another ending"),
        pytest.param("pylock.toml/r.txt", False, id="a file in a folder of that name"),
    ],
)
def test_is_lock(name: str, expected: bool) -> None:
    assert is_lock(name) is expected


@pytest.mark.parametrize(
    ("name", "path", "extras"),
    [
        ("pylock.toml", "pylock.toml", ()),
        ("a/pylock.toml[b, c]", "a/pylock.toml", ("b", "c")),
        ("x[1]/pylock.toml[,]", "x[1]/pylock.toml", ()),
    ],
)
def test_split_extras(name: str, path: str, extras: tuple[str, ...]) -> None:
    assert split_extras(name) == (path, extras)


def test_locks_of_other_tools_have_fixed_names() -> None:
    assert base_name("a\\b/uv.lock") == "uv.lock"
    assert [is_foreign_lock(name) for name in ("a/uv.lock", "uv.lock/a", "my.uv.lock")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    "text",
    [
        'lock-version = "1.0"\ncreated-by = "wheeltarget"\n',
        "lock-version = '1.0'\r\n\tcreated-by='wheeltarget 1'\r\n",
        "[tool.wheeltarget]\nschema = 1",
        'x = 1\n [ tool . "wheeltarget" ]\n',
    ],
)
def test_own_lock(text: str) -> None:
    assert is_own(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        'created-by = "wheeltargets"',
        'created-by = "another"  # created-by = "wheeltarget"',
        'x = "[tool.wheeltarget]"',
        "[[tool.wheeltarget]]",
        "[tool.other]",
    ],
)
def test_other_lock(text: str) -> None:
    assert not is_own(text.encode())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pylock.toml", "pylock.toml"),
        ("pylock.a_b.toml", "pylock.a_b.toml"),
        ("pylock.aws-lambda-python3.12-arm64.toml", "pylock.aws-lambda-python3_12-arm64.toml"),
        ("a.b/pylock.x.y.z.toml[dev]", "a.b/pylock.x_y_z.toml[dev]"),
        ("a.b\\pylock.x.y.toml", "a.b\\pylock.x_y.toml"),
        ("more.requirements.txt", "more.requirements.txt"),
    ],
)
def test_standard_lock_name(name: str, expected: str) -> None:
    assert standard_lock_name(name) == expected


@pytest.mark.parametrize("value", ["²", "9" * 5000, "maybe"])
def test_count_that_python_does_not_read(value: str) -> None:
    assert not is_quiet(split_command_line([]), {"quiet": value})


def test_settings_as_options() -> None:
    """A setting with several values is split as pip does it, and a flag may be a number."""
    settings = {
        "pypi-url": "https://i.example/simple",
        "extra-index-url": "https://a.example\n  https://b.example",
        "find-links": "wheels more",
        "cert": "my certificate.pem",
        "no-index": "yes",
        "no-cache-dir": "false",
        "verbose": "2",
        "constraint": "limits.txt",
        "no-deps": "true",
        "unknown": "1",
    }
    options = settings_as_options(settings, FOR_FETCHING)
    assert [argument for option in options for argument in option.arguments] == [
        "--index-url=https://i.example/simple",
        "--extra-index-url=https://a.example",
        "--extra-index-url=https://b.example",
        "--find-links=wheels",
        "--find-links=more",
        "--cert=my certificate.pem",
        "--no-index",
        "--verbose",
        "--verbose",
    ]


def test_an_option_of_the_download_alone_is_explained() -> None:
    with pytest.raises(UsageError, match="no such option: --with-pip") as caught:
        split_command_line(["--with-pip"])
    assert caught.value.hint == "only wheeltarget download takes it, also with -r pylock.toml"
