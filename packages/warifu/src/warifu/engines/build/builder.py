"""Building a program in a sandbox, from rendered files and nothing else."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from warifu.engines.build import sandbox
from warifu.engines.build.workfolder import collect, spread
from warifu.model.ground import ground
from warifu.model.ports_source import Rendered, Tools
from warifu.model.recipe import Recipe
from warifu.model.tree import File, Tree
from warifu_wire.digest import of_file
from warifu_wire.errors import Refusal

STEP_SECONDS = 600


class SandboxBuilder:
    """The port `Builder`: each build has a sandbox and a folder of its own, and leaves nothing.

    `id` names the builder in its provenance; `settings` are environment variables inside, which
    must not change what is built.
    """

    def __init__(self, id: str, settings: Mapping[str, str] | None = None) -> None:
        self._settings = dict(settings or {})
        self._tools = Tools(
            id,
            f"{platform.python_implementation()} {platform.python_version()}",
            of_file(Path(sys.executable).resolve()),
        )

    @property
    def tools(self) -> Tools:
        """What it builds with."""
        return self._tools

    @ground("the build folder")
    def build(self, source: Rendered, recipe: Recipe) -> Tree:
        """The program's tree; raises `Refusal` for a step that fails."""
        made: Mapping[str, File] = source.files
        if recipe.steps:
            with TemporaryDirectory() as scratch:
                work = Path(scratch)
                spread(source.files, work, source.epoch)
                self._steps(source, recipe, work)
                made = collect(work)
        return {
            place: one for path, one in made.items() if (place := recipe.takes(path)) is not None
        }

    def _steps(self, source: Rendered, recipe: Recipe, work: Path) -> None:
        epoch = str(source.epoch)
        settings = {"SOURCE_DATE_EPOCH": epoch, **self._settings}
        for step in recipe.steps:
            ran = sandbox.run(
                sandbox.filled(step.run, epoch=epoch),
                work,
                seconds=STEP_SECONDS,
                settings=settings,
            )
            if ran.code:
                raise Refusal(
                    "step-failed", needed="a step that ends well", step=step.name, log=ran.log
                )
