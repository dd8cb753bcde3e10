"""Command lines without a target: the same files, exit code and words as from pip."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from pip._internal.commands import create_command

from tests.support.parity import HOST_FILE, Bench, Case, ParityIndex
from wheeltarget import api
from wheeltarget.api import PlainRun
from wheeltarget.commands.download.request import DownloadRequest
from wheeltarget.resolver import pip_runner
from wheeltarget.resolver.plan import Job

pytestmark = pytest.mark.parity

FILES = {
    "good.txt": "app\nlib<2\n",
    "more.txt": "Some.Name\n",
    "limits.txt": "lib<1\n",
    "a b.txt": "lib\n",
    "blank.txt": "\n# nothing\n",
    "lost.txt": "lib\n-r none.txt\n",
    "hashed.txt": "lib==1.0 --hash=sha256:<sha256>\n",
    "badly hashed.txt": f"lib==1.0 --hash=sha256:{'0' * 64}\n",
    "kept.txt": "lib==1.0\n",
    "script.py": '# /// script\n# dependencies = ["lib"]\n# ///\n',
    "pyproject.toml": '[dependency-groups]\ndev = ["lib", {include-group = "x"}]\nx = ["app"]\n',
    "other/pyproject.toml": '[dependency-groups]\ndev = ["Some.Name"]\n',
    "pip.conf": "[global]\nindex-url = <index>\n[download]\nno-deps = yes\ndest = from-file\n",
}

NEW = (26, 0)
REQUIREMENTS = [
    Case(1, ""),
    Case(0, "app", left="app-1.0-py3-none-any.whl lib-1.0-py3-none-any.whl"),
    Case(0, "'lib<1'", left="lib-0.9-py3-none-any.whl"),
    Case(0, "'lib >=0.9, <2' 'app[fast]'"),
    Case(0, "'lib (==0.9)'"),
    Case(0, "some_name SOME-NAME"),
    Case(0, "lib lib 'lib<2'"),
    Case(0, "'lib==2.0b1'"),
    Case(0, "\"lib ; python_version > '3'\""),
    Case(0, "\"lib ; python_version < '3'\"", left=""),
    Case(0, "\"lib ; extra == 'a;b'\""),
    Case(0, "<base>/files/lib-1.0-py3-none-any.whl"),
    Case(0, "'lib @ <base>/files/lib-1.0-py3-none-any.whl ; python_version > \"3\"'"),
    Case(0, "'<base>/files/lib-1.0-py3-none-any.whl#sha256=<sha256>'"),
    Case(1, f"'<base>/files/lib-1.0-py3-none-any.whl#sha256={'0' * 64}'"),
    Case(1, "<base>/files/none-1.0-py3-none-any.whl"),
    Case(0, "kept/lib-1.0-py3-none-any.whl"),
    Case(0, "'./with space/lib-1.0-py3-none-any.whl[x]'"),
    Case(0, "file://<links>/lib-1.0-py3-none-any.whl"),
    Case(0, "'./a tree/'", left="lib-1.0-py3-none-any.whl"),
    Case(1, "./a tree"),
    Case(0, "'tame @ <git>@v1' --no-deps", left="tame-1.0.zip"),
    Case(0, "'<git>@main#egg=tame' --no-deps", left="tame-1.0.zip"),
    Case(1, "'tame @ <git>@nowhere'"),
    Case(0, "-- app"),
    Case(0, "--no-deps app --", left="app-1.0-py3-none-any.whl"),
    Case(1, "-- --no-deps"),
    Case(1, "none"),
    Case(1, "'lib==9'"),
    Case(1, "app picky"),
    Case(1, "'lib==1.0' 'lib==0.9'"),
    Case(1, "old"),
    Case(0, "yanked==1.0"),
    Case(1, "yanked"),
    Case(0, "native"),
    Case(1, "lib=1"),
    Case(1, "'lib=='"),
    Case(1, "'lib['"),
    Case(1, "./nowhere"),
    Case(1, "-"),
    Case(1, "good.txt"),
    Case(1, "'lib # a comment'"),
    Case(1, "'lib --hash=sha256:00'"),
]

DESTINATIONS = [
    Case(0, "-d house lib"),
    Case(0, "-dhouse lib"),
    Case(0, "lib -d house"),
    Case(0, "--dest 'a house' lib"),
    Case(0, "--dest=deep/house lib"),
    Case(0, "--dest= lib"),
    Case(0, "'--dest=~/house' lib"),
    Case(0, "--destination-dir=house lib"),
    Case(0, "--destination-directory house lib"),
    Case(0, "--destination-dire house lib"),
    Case(2, "--destination-d house lib"),
    Case(0, "-d one -d two lib"),
    Case(0, "-d kept lib", left=""),
    Case(0, "-d kept -r hashed.txt", left=""),
    Case(1, "-d kept -r 'badly hashed.txt'"),
    Case(0, "-qd house lib"),
    Case(2, "lib -d"),
    Case(2, "-d good.txt lib"),
]

FILES_AND_GROUPS = [
    Case(0, "-r good.txt"),
    Case(0, "-rgood.txt"),
    Case(0, "--requirement good.txt"),
    Case(0, "--requirement='a b.txt'"),
    Case(0, "--requirement=good.txt -r more.txt lib"),
    Case(0, "lib -r more.txt Some.Name"),
    Case(0, "-r good.txt -r good.txt"),
    Case(0, "-r blank.txt"),
    Case(0, "-r ./kept/../more.txt"),
    Case(0, "-r file://<links>/../more.txt -r <base>/base.txt"),
    Case(0, "-r /dev/stdin", stdin="lib\n"),
    Case(1, "-r none.txt"),
    Case(1, "-r lost.txt"),
    Case(1, "-r kept"),
    Case(1, "-r ''"),
    Case(2, "-r"),
    Case(0, "lib -c limits.txt", left="lib-0.9-py3-none-any.whl"),
    Case(0, "lib -climits.txt --constraint limits.txt --const=blank.txt"),
    Case(1, "app -c limits.txt"),
    Case(1, "lib -c none.txt"),
    Case(1, "-c limits.txt"),
    Case(0, "'./a tree/' --build-constraint limits.txt", since=(25, 3)),
    Case(0, "--group dev"),
    Case(0, "--group=other/pyproject.toml:dev lib"),
    Case(1, "--group none"),
    Case(1, "--group none/pyproject.toml:dev"),
    Case(2, "--group other/else.toml:dev"),
    Case(0, "--requirements-from-script script.py", since=NEW),
    Case(2, "--requirements-from-script none.py", since=NEW),
    Case(0, "--require-hashes -r hashed.txt"),
    Case(1, "--require-hashes lib"),
    Case(1, "-r hashed.txt app"),
    Case(1, "-r 'badly hashed.txt'"),
]

CHOICE = [
    Case(0, "--no-deps app", left="app-1.0-py3-none-any.whl"),
    Case(0, "--no-dependencies app"),
    Case(0, "app --no-depe"),
    Case(0, "--only-deps app", since=(26, 2), left="lib-1.0-py3-none-any.whl"),
    Case(0, "--only-dependencies app", since=(26, 2)),
    Case(1, "--only-deps --no-deps app", since=(26, 2)),
    Case(0, "--pre lib", left="lib-2.0b1-py3-none-any.whl"),
    Case(0, "lib --pre --pre"),
    Case(2, "--pre=yes lib"),
    Case(2, "--pr lib"),
    Case(0, "--prefer-binary lib"),
    Case(0, "--prefer lib"),
    Case(0, "--only-binary=:all: app"),
    Case(0, "--only-binary lib,app app"),
    Case(0, "--no-binary :all: --no-binary :none: lib"),
    Case(1, "--no-binary lib lib"),
    Case(2, "--only-binary"),
    Case(0, "--all-releases lib lib", since=NEW, left="lib-2.0b1-py3-none-any.whl"),
    Case(0, "--only-final :all: lib", since=NEW),
    Case(1, "--all-releases lib --pre lib", since=NEW),
    Case(1, "--uploaded-prior-to 2020-01-01T00:00:00Z lib", since=NEW),
    Case(2, "--uploaded-prior-to yesterday lib"),
    Case(0, "--ignore-requires-python old"),
    Case(0, "--platform win_amd64 --python-version 39 --only-binary=:all: native"),
    Case(0, "--platfo=win_amd64 --python-version=3.9 --no-deps native"),
    Case(
        0,
        "--platform manylinux1_x86_64 --platform win_amd64 --python-version 3.9.1 --abi cp39"
        " --abi abi3 --implementation cp --only-binary :all: native",
    ),
    Case(0, "--python-version 27 --only-binary=:all: --impl py old-two"),
    Case(1, "--platform win_amd64 native"),
    Case(1, "--platform win_amd64 --only-binary=:all: --no-binary lib lib"),
    Case(1, "--platform linux_s390x --only-binary=:all: native"),
    Case(2, "--python-version 3.x.1 --no-deps lib"),
    Case(2, "--abi"),
]

PLACES = [
    Case(0, "-i <index> lib", variables={"PIP_INDEX_URL": ""}),
    Case(0, "-i<index> lib --isolated"),
    Case(0, "--index-url=http://127.0.0.1:9/ --pypi-url <index> lib"),
    Case(0, "--index-u <index> --trusted-host 127.0.0.1 lib"),
    Case(0, "--no-index --extra-index-url <index> -f <links> lib"),
    Case(0, "--extra-index-url=<index> --trusted-h=127.0.0.1 lib"),
    Case(1, "--no-index lib"),
    Case(0, "--no-index -f <links> app"),
    Case(0, "--no-index -f<links> -fkept app"),
    Case(0, "--no-ind --find-links=kept lib"),
    Case(0, "--no-index --find-links file://<links> lib"),
    Case(0, "--no-index -f <base>/page.html lib"),
    Case(1, "--no-index -f none lib"),
    Case(1, "-i http://127.0.0.1:9/ --retries 0 lib"),
    Case(1, "--proxy http://127.0.0.1:9 --retries=0 lib"),
    Case(1, "-i <base>/none/ lib"),
]

GENERAL = [
    Case(0, "-q lib"),
    Case(0, "-qqq lib"),
    Case(1, "-qq none"),
    Case(1, "-qqq none"),
    Case(0, "-v --no-deps app"),
    Case(0, "--quiet --verbose lib -v -q"),
    Case(0, "--verb lib"),
    Case(0, "--log pip.log -q lib"),
    Case(0, "--log-file=pip.log --local-log other.log lib"),
    Case(0, "--timeout 5 --default-timeout=6 --retries 1 lib"),
    Case(2, "--timeout x lib"),
    Case(2, "--retries=x lib"),
    Case(0, "--exists-action w --exists-action=i lib"),
    Case(2, "--exists-action maybe lib"),
    Case(0, "--cert good.txt lib"),
    Case(2, "--client-cert none.pem -i https://127.0.0.1:9/ --retries 0 lib"),
    Case(0, "--cache-dir cache --no-cache-dir lib"),
    Case(0, "--use-feature fast-deps app"),
    Case(2, "--use-feature bogus lib"),
    Case(0, "--use-deprecated legacy-certs lib"),
    Case(2, "--use-deprecated=bogus lib"),
    Case(0, "--no-input --no-color lib"),
    Case(0, "--isolated -i <index> lib", variables={"PIP_DEST": "house"}),
    Case(0, "--disable-pip-version-check --no-python-version-warning lib"),
    Case(0, "--keyring-provider disabled lib"),
    Case(2, "--keyring-provider bogus lib"),
    Case(0, "--progress-bar off lib"),
    Case(0, "--progress raw lib"),
    Case(2, "--progress-bar bogus lib"),
    Case(0, "--resume-retries 1 lib"),
    Case(0, "--src sources --no-clean --no-build-isolation --use-pep517 lib"),
    Case(0, "'./a tree/' --check-build-dependencies --no-build-isolation --no-deps"),
    Case(1, "--python none lib"),
    Case(1, "--debug lib==9"),
    Case(2, "--bogus lib"),
    Case(2, "lib --bogus=x"),
    Case(2, "-Z lib"),
    Case(2, "-qZ lib"),
    Case(2, "--no-c lib"),
    Case(2, "-e ."),
    Case(2, "--hash=sha256:00 lib"),
]

SETTINGS = [
    Case(0, "lib", variables={"PIP_DEST": "a house"}),
    Case(0, "lib -d house", variables={"PIP_DEST": "a house"}),
    Case(0, "", variables={"PIP_REQUIREMENT": "good.txt more.txt"}),
    Case(0, "lib", variables={"PIP_CONSTRAINT": "limits.txt"}),
    Case(0, "app", variables={"PIP_NO_DEPS": "1"}),
    Case(0, "app", variables={"PIP_NO_DEPS": "off"}),
    Case(2, "app", variables={"PIP_NO_DEPS": "maybe"}),
    Case(0, "lib", variables={"PIP_QUIET": "1"}),
    Case(0, "lib", variables={"PIP_VERBOSE": "1", "PIP_NO_COLOR": "1"}),
    Case(3, "lib", variables={"PIP_TIMEOUT": "x"}),
    Case(0, "lib", variables={"PIP_FIND_LINKS": "kept <links>", "PIP_NO_INDEX": "1"}),
    Case(1, "lib", variables={"PIP_NO_INDEX": "yes"}),
    Case(0, "lib", variables={"PIP_PRE": "true"}),
    Case(0, "lib", variables={"PIP_LOG": "pip.log"}),
    Case(
        0,
        "native",
        variables={
            "PIP_PLATFORM": "win_amd64",
            "PIP_PYTHON_VERSION": "39",
            "PIP_ONLY_BINARY": ":all:",
        },
    ),
    Case(3, "lib", variables={"PIP_EXISTS_ACTION": "maybe"}),
    Case(0, "app", variables={"PIP_CONFIG_FILE": "pip.conf", "PIP_INDEX_URL": ""}),
    Case(
        0,
        "app",
        variables={"PIP_CONFIG_FILE": ""},
        files={"config/pip/pip.conf": "[install]\nno-deps = x\n[download]\nno-deps = yes\n"},
    ),
    Case(
        0,
        "app --isolated -i <index>",
        variables={"PIP_CONFIG_FILE": ""},
        files={"config/pip/pip.conf": "[download]\nno-deps = yes\n"},
    ),
    Case(
        0,
        "lib",
        variables={"PIP_CONFIG_FILE": "own.conf", "PIP_DEST": "house"},
        files={"own.conf": "[download]\ndest = other\nconstraint =\n  limits.txt\n  blank.txt\n"},
    ),
    Case(
        3,
        "lib",
        variables={"PIP_CONFIG_FILE": "own.conf"},
        files={"own.conf": "[global]\ntimeout = soon\n"},
    ),
    Case(
        2,
        "lib",
        variables={"PIP_CONFIG_FILE": "own.conf"},
        files={"own.conf": "no section\n"},
    ),
]

READ_TO_PIP = [
    Case(exit_code, line, read_to_pip=True)
    for exit_code, line in (
        (0, "-r good.txt -r more.txt 'app[fast]' -d house -c blank.txt"),
        (0, "'./with space/lib-1.0-py3-none-any.whl' --no-deps 'tame @ <git>@v1'"),
        (0, "--platform win_amd64 --python-version 39 --only-binary=:all: native"),
        (0, "-r file://<links>/../more.txt -r <base>/base.txt -r /dev/null"),
        (0, "-d kept -r hashed.txt"),
        (0, "--group dev --no-index -f <links> -qq"),
        (0, "--isolated -i <index> -c limits.txt -- lib"),
        (1, "app picky"),
        (1, "-r lost.txt"),
        (1, "-r 'badly hashed.txt'"),
        (1, "lib -c none.txt"),
        (2, "--bogus lib"),
        (2, "--timeout x lib"),
        (2, "--python-version 3.x.1 --no-deps lib"),
    )
]

CASES = [
    *(*REQUIREMENTS, *DESTINATIONS, *FILES_AND_GROUPS),
    *(*CHOICE, *PLACES, *GENERAL, *SETTINGS, *READ_TO_PIP),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_as_pip_does_it(parity_index: ParityIndex, tmp_path: Path, case: Case) -> None:
    """Without a clause all that is said counts, too."""
    Bench(parity_index, tmp_path, FILES).compare(case)


def test_words_read_to_pip_mean_the_same(
    parity_index: ParityIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where wheeltarget has to give pip the files' content, it says the words in its own way."""
    bench = Bench(parity_index, tmp_path, FILES)
    bench.lay_out({})
    monkeypatch.chdir(bench.project)
    jobs: list[Job] = []

    def run_plain(job: Job, *, observed: bool) -> tuple[int, None]:
        assert isinstance(observed, bool)
        jobs.append(job)
        return 0, None

    monkeypatch.setattr(pip_runner, "run_plain", run_plain)
    for case in CASES:
        arguments = ["-r", HOST_FILE, *shlex.split(bench.fill(case.line))]
        parser = create_command("download").parser
        try:
            expected, given = parser.parse_args(arguments)
        except SystemExit:
            continue
        assert api.download(DownloadRequest(tuple(arguments))) == PlainRun(0)
        options, requirements = create_command("download").parser.parse_args([*jobs[-1].arguments])
        assert (vars(options), requirements) == (vars(expected), given), arguments
    assert len(jobs) > 120
