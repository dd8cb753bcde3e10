"""``sam build`` as docs/deploy/sam.md has it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.deploy.artifacts import MACHINES, call, machines, own_files, projects
from tests.support.recipes import read_recipe
from tests.support.tools import python_tool, tool_environment, write_command

pytestmark = [pytest.mark.network, pytest.mark.interpreters]
