"""The box on a real tree over HTTP: it installs with the real updater, and finds what is wrong."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.targets.house import PRODUCT, House, Release
from tests.web.running import serving
from warifu.engines.probe import usual
from warifu.engines.probe.box import MachineBox
from warifu.engines.probe.machines import Machines
from warifu.engines.probe.origin import PublicOrigin
from warifu.engines.probe.recipe import Step
from warifu.engines.probe.steps import take
from warifu.model.probe import Done, Run
from warifu_wire.digest import Digest, of_bytes, of_tree
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.plan import circle
from warifu_wire.routes import Known, Route

pytestmark = pytest.mark.programs_repeat

WHY = {"en": "It fits.", "ja": "合っています。"}
USE = Step("use", ("{python}", "{machine}/current/app/run.py"), says="one")


@dataclass
class Site:
    """A served house, and the box's machines enrolled in its own circle."""

    house: House
    address: str
    machines: Machines

    @property
    def origin(self) -> PublicOrigin:
        """The public address with the first root."""
        return PublicOrigin(self.address, self.root)

    @property
    def root(self) -> bytes:
        """The first root."""
        return (self.house.folder / "metadata" / "1.root.json").read_bytes()

    def publish(self, *releases: Release, ways: tuple[Route, ...], **more: object) -> None:
        """Offer releases to nobody but our own machines."""
        installation = (self.machines.folder / "installation").read_text()
        offers = []
        for one in releases:
            offer = one.offer()
            own = circle("own", [installation], ())
            offers.append(replace(offer, plan=replace(offer.plan, own=own)))
        self.house.publish(*releases, offers=tuple(offers), routes=ways, **more)

    def box(self, *steps: Step) -> MachineBox:
        """The box with the usual installing and these steps."""
        return MachineBox(self.origin, self.machines, (*usual.install(), *steps), {})


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A house that began a moment ago, served, with an enrolled box; publications add up."""
    folder = tmp_path_factory.mktemp("site")
    house = House(folder / "public", now=datetime.now(UTC) - timedelta(seconds=100)).found()
    machines = Machines(folder / "box")
    machines.enrol(lambda key: of_bytes(json.dumps(key).encode())[:32])
    with serving(folder) as address:
        yield Site(house, address, machines)


def fresh(release: Release) -> Route:
    """Whoever has anything else gets this."""
    return Route(None, None, None, release.id, WHY)


def names(run: Run) -> list[str]:
    """The steps that were taken."""
    return [one.name for one in run.steps]


def test_the_usual_road(site: Site) -> None:
    """Install from nothing, then update the machine that came of it: each step with its digest."""
    assert "no-routes" in site.box().run(PRODUCT, of_bytes(b"any")).failure
    first = site.house.release("print('one')", kind=Kind.INSTALL)
    site.publish(first, ways=(fresh(first),))
    assert "not-offered" in site.box().run(PRODUCT, of_bytes(b"any")).failure
    run = site.box(USE).run(PRODUCT, first.id)
    assert run.failure == ""
    assert names(run) == ["fetch", "set-up", "install", "look", "use"]
    assert (run.fetched, run.routes_seq) == (first.named, 1)
    assert run.steps[-1].output == of_bytes(b"one\n")
    assert run.passed
    second = site.house.release("print('one and two')", 2)
    ways = (Route(first.id, None, None, second.id, WHY), fresh(first))
    site.publish(first, second, ways=ways)
    run = site.box(USE).run(PRODUCT, second.id)
    assert run.failure == ""
    assert names(run) == ["fetch", "install", "look", "use"]
    assert {one.name for one in site.machines.kept.iterdir()} == {first.id, second.id}
    assert not list(site.machines.kept.glob("*/key.pem"))


def test_an_update_for_what_was_installed_by_hand(site: Site, tmp_path: Path) -> None:
    """A tree from before this road, known by its digest alone: the update takes it over."""
    program = tmp_path / "program"
    program.mkdir()
    (program / "run.py").write_bytes(b"print('by hand')")
    (program / "run.py").chmod(0o644)
    tree = of_tree([("run.py", "file", of_bytes(b"print('by hand')"))])
    before = Known(of_bytes(b"by hand"), 1, "Ver1.00")
    release = site.house.release("print('one, after all')", 5)
    ways = (Route(before.id, None, None, release.id, WHY), Route(None, None, None, None, WHY))
    site.publish(release, ways=ways, known=(before,), known_trees={tree: before.id})
    for _ in range(2):
        site.machines.by_hand(site.origin, PRODUCT, "", before.id, program)
    run = site.box(USE).run(PRODUCT, release.id)
    assert run.failure == ""
    assert names(run) == ["fetch", "install", "look", "use"]


def test_a_machine_that_cannot_be_made(site: Site, tmp_path: Path) -> None:
    """What the updater does not take is refused with its reason; a full disk is a fault."""
    with pytest.raises(Refusal) as refused:
        site.machines.by_hand(site.origin, "No Product", "", of_bytes(b"none"), tmp_path)
    assert refused.value.reason == "machine-not-made"
    with pytest.raises(Fault):
        site.machines.set_up(tmp_path / "not there" / "machine", None)


def test_an_update_for_nobody_fails(site: Site) -> None:
    """No machine of ours has what it updates: that is no passed probe."""
    release = site.house.release("print('one')")
    none = Route(None, None, None, None, WHY)
    ways = (Route(of_bytes(b"what nobody has"), None, None, release.id, WHY), none)
    site.publish(release, ways=ways)
    run = site.box(USE).run(PRODUCT, release.id)
    assert not run.passed
    assert "nobody-is-offered" in run.failure


def test_a_program_that_does_not_start(site: Site) -> None:
    """The updater itself undoes it; the probe says at which step, and nothing is kept."""
    release = site.house.release("raise SystemExit(3)", kind=Kind.INSTALL)
    site.publish(release, ways=(fresh(release),))
    run = site.box(USE).run(PRODUCT, release.id)
    assert not run.passed
    assert names(run)[-1] == "install"
    assert not (site.machines.kept / release.id).exists()


def test_a_program_that_starts_and_does_not_work(site: Site) -> None:
    """Installed and intact, but the usual work fails: the step names itself."""
    release = site.house.release("print('three')", kind=Kind.INSTALL)
    site.publish(release, ways=(fresh(release),))
    run = site.box(USE).run(PRODUCT, release.id)
    assert run.failure == "use: did not say: one"


def test_swapped_bytes_on_the_server(site: Site) -> None:
    """A served file that is not the signed one: the first step refuses it."""
    release = site.house.release("print('one')", kind=Kind.INSTALL)
    site.publish(release, ways=(fresh(release),))
    for path in (site.house.folder / "targets").rglob("*.zip"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    run = site.box(USE).run(PRODUCT, release.id)
    assert not run.passed
    assert names(run) == ["fetch"]
    assert run.fetched == {}
    assert "origin-differs" in run.failure


def test_nobody_answers(tmp_path: Path, site: Site) -> None:
    """A dead address is a failed step with its reason, and a `Fault` for who asks the origin."""
    origin = PublicOrigin("http://127.0.0.1:9", site.root)
    box = MachineBox(origin, site.machines, (), {})
    assert "cannot reach the origin" in box.run(PRODUCT, Digest("0" * 64)).failure
    with pytest.raises(Fault):
        origin.read("gates/x.json")


def test_a_box_that_was_never_enrolled(tmp_path: Path) -> None:
    """Without an identity of its own the box is nobody's machine."""
    with pytest.raises(Refusal) as refused:
        Machines(tmp_path).set_up(tmp_path / "machine", None)
    assert refused.value.reason == "box-not-enrolled"


def step(folder: Path, code: str, **more: object) -> tuple[Done, dict[str, str]]:
    """One step that runs some Python; what became of it, and what is known then."""
    known = {"python": sys.executable, "folder": str(folder)}
    one = Step("it", ("{python}", "-c", code), **more)  # type: ignore[arg-type]
    return take(one, known, folder), known


def test_steps_learn_and_expect(tmp_path: Path) -> None:
    """Fields of the printed object are known to later steps; an unexpected one fails the step."""
    code = 'print(\'noise\'); print(\'{"n": 1, "t": "あ", "b": true}\')'
    done, known = step(tmp_path, code, expects={"n": "1", "b": "true"})
    assert done.ok
    assert (known["it.n"], known["it.t"]) == ("1", "あ")
    done, _ = step(tmp_path, code, expects={"n": "2"})
    assert done.failure == "n is 1, not 2"
    done, _ = step(tmp_path, "print('[')", expects={"n": "2"})
    assert done.failure == "n is nothing, not 2"


def test_steps_prove(tmp_path: Path) -> None:
    """A file that must be left behind is hashed, or missed."""
    done, known = step(tmp_path, "open('a','w').write('x')", proves=("{folder}/a",))
    assert (done.ok, known["it.sha256"]) == (True, of_bytes(b"x"))
    done, _ = step(tmp_path, "pass", proves=("{folder}/b",))
    assert done.failure == "left no b"


def test_secrets_travel_on_descriptors(tmp_path: Path) -> None:
    """Two secrets, two descriptors, no word of either on the command line."""
    code = "import os; print(os.read({secret.a}, 99), os.read({secret.b}, 99))"
    one = Step(
        "it", ("{python}", "-c", code), secrets={"a": "apple", "b": "{folder}"}, says="apple"
    )
    known = {"python": sys.executable, "folder": str(tmp_path)}
    assert take(one, known, tmp_path).ok
    assert "apple" not in " ".join(one.run)


def test_steps_end(tmp_path: Path) -> None:
    """Too long, with a child that would go on; a crash; a program that is not there."""
    mark = tmp_path / "mark"
    child = f"import time; time.sleep(3); open({str(mark)!r}, 'w')"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    done, _ = step(tmp_path, code, seconds=1)
    assert done.failure == "took longer than 1 s"
    done, _ = step(tmp_path, "raise SystemExit('plugin-not-loaded')")
    assert done.failure == "exit 1: plugin-not-loaded"
    done_ = take(Step("it", ("/nowhere/program",)), {}, tmp_path)
    assert "cannot run /nowhere/program" in done_.failure
    unknown = take(Step("it", ("{nothing}",)), {}, tmp_path)
    assert "unknown-place" in unknown.failure
    time.sleep(3)
    assert not mark.exists()


def test_the_environment_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the house's environment reaches a step, but what the step names."""
    monkeypatch.setenv("WARIFU_SECRET", "leak")
    code = "import os; print(sorted(os.environ.get(n, '-') for n in ('WARIFU_SECRET', 'HERE')))"
    done, _ = step(tmp_path, code, environment={"HERE": "{folder}"}, says=f"['-', '{tmp_path}']")
    assert done.ok


def test_the_identity_is_made_once(tmp_path: Path) -> None:
    """The same key each time; a key that is no key is refused."""
    machines = Machines(tmp_path / "box")
    asked: list[object] = []

    def ask(key: object) -> str:
        asked.append(key)
        return "id"

    assert machines.enrol(ask) == machines.enrol(ask) == "id"
    assert asked[0] == asked[1]
    other = X25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    (tmp_path / "box" / "key.pem").write_bytes(other)
    with pytest.raises(Malformed):
        machines.enrol(ask)
