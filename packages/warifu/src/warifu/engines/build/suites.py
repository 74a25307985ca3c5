"""Verification suites, run in a sandbox beside the unpacked artifact: these bytes and no others."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from lxml import etree

from warifu.engines.build import sandbox
from warifu.engines.build.workfolder import spread
from warifu.model import archive
from warifu.model.ground import ground
from warifu.model.ports_source import Outcome
from warifu.model.recipe import Suite
from warifu_wire.errors import Refusal

_REPORT = "junit.xml"
_REPORT_LIMIT = 16 << 20


class SandboxSuites:
    """The port `Suites`."""

    @ground("the suites' folder")
    def run(self, artifact: bytes, suite: Suite) -> Outcome:
        """Unpack the artifact strictly, run the suite over it, read its JUnit report."""
        with TemporaryDirectory() as scratch:
            work = Path(scratch)
            (work / "tree").mkdir()
            spread(archive.read(artifact), work / "tree")
            command = sandbox.filled(
                suite.run,
                tree=str(sandbox.WORK / "tree"),
                junit=str(sandbox.WORK / _REPORT),
            )
            ran = sandbox.run(command, work, seconds=suite.seconds, settings={}, loopback=True)
            report = work / _REPORT
            if report.is_symlink() or not report.is_file():
                raise Refusal(
                    "no-result", needed="a suite that writes {junit}", suite=suite.name, log=ran.log
                )
            if report.stat().st_size > _REPORT_LIMIT:
                raise Refusal("no-result", needed="a report of at most 16 MiB", suite=suite.name)
            return outcome(suite.name, report.read_bytes(), ran.code, ran.log)


def outcome(suite: str, report: bytes, code: int, log: str) -> Outcome:
    """The result of a JUnit report; a command that ended badly fails whatever the report says."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
    try:
        root = etree.fromstring(report, parser)
    except etree.XMLSyntaxError as error:
        raise Refusal("no-result", needed="a JUnit report", suite=suite, why=error) from error
    verdicts: dict[str, list[str]] = {"passed": [], "failed": [], "skipped": []}
    for case in root.iter("testcase"):
        name = "::".join(one for one in (case.get("classname"), case.get("name")) if one)
        verdicts[_verdict(case)].append(name)
    if code:
        verdicts["failed"].append(f"exit code {code}")
    passed, failed, skipped = (tuple(sorted(verdicts[one])) for one in verdicts)
    return Outcome(suite, passed, failed, skipped, log)


def _verdict(case: etree._Element) -> str:
    tags = {str(one.tag) for one in case}
    if tags & {"failure", "error"}:
        return "failed"
    return "skipped" if "skipped" in tags else "passed"
