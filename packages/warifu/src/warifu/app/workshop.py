"""The workshop's engines: loaded only where something is built, so that a stop does not wait."""

from __future__ import annotations

from warifu.app.config import Config
from warifu.engines.build.builder import SandboxBuilder
from warifu.engines.build.difference import difference
from warifu.engines.build.suites import SandboxSuites
from warifu.engines.sources.repository import GitSources
from warifu.model.ports import Depot
from warifu.model.ports_source import Workshop


def workshop(config: Config, depot: Depot) -> Workshop:
    """Sources, two builders and suites of a product."""
    return Workshop(
        GitSources(config.root, config.service.state / "history.sqlite", depot.get),
        SandboxBuilder("urn:warifu:builder:build"),
        SandboxBuilder("urn:warifu:builder:rebuild"),
        SandboxSuites(),
        difference,
    )
