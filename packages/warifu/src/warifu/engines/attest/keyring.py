"""The keyring in a folder: signers by name, opened by URI, checked after every signature."""

from __future__ import annotations

import fcntl
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from securesystemslib.exceptions import UnsupportedLibraryError
from securesystemslib.signer._key import Key, SSlibKey
from securesystemslib.signer._signer import Signer as Store

from warifu.engines.attest import entries, hsm, kms, sealed
from warifu.engines.attest.entries import FORMER, TRIAL, Entry, Kind, State
from warifu.model.ports import Signer
from warifu_wire import atomic
from warifu_wire.errors import Fault, Refusal
from warifu_wire.keys import PublicKey, public_key

FILE = "keyring.json"
TRIED = b"warifu: does this key open?"
ONWARD = {
    State.ACTIVE: {State.RETIRED, State.COMPROMISED},
    State.RETIRED: {State.COMPROMISED},
    State.COMPROMISED: set[State](),
}

SEALED = f"{sealed.SCHEME}:"

Ask = Callable[[str], str]
"""Given a key's name, returns its passphrase or PIN; raises `Refusal` when nobody can say."""


def nobody(name: str) -> str:
    """Where no person and no descriptor can be asked."""
    raise Refusal("passphrase-needed", needed="the passphrase of this key", name=name)


@dataclass(frozen=True, slots=True)
class CheckedSigner:
    """A key that signs; a signature that its public half does not verify never leaves here."""

    public: PublicKey
    _store: Store = field(repr=False)
    _forget: Callable[[], object] = field(repr=False)

    def sign(self, data: bytes) -> bytes:
        """The raw signature over `data`; raises `Fault` when the key store fails.

        After a failure the keyring opens the key anew, so that it says at once whether it can.
        """
        try:
            return self._signed(data)
        except Fault:
            self._forget()
            raise

    def _signed(self, data: bytes) -> bytes:
        try:
            raw = bytes.fromhex(self._store.sign(data).signature)
        except (Fault, Refusal):
            raise
        except Exception as error:  # each key store raises what it likes; all of it is its failure
            raise Fault(
                f"the key store of {self.public.keyid} failed: {type(error).__name__} {error}",
                needed="the key store",
            ) from error
        if not self.public.verifies(raw, data):
            raise Fault(
                f"the key store signed with another key than {self.public.keyid}",
                needed="the key store's own key under this name",
            )
        return raw


class FolderKeyring:
    """`ports.Keyring` from `keyring.json` in a folder; `ask` is for keys without a secret file."""

    def __init__(self, folder: Path, *, ask: Ask = nobody) -> None:
        self.folder = folder
        self._ask = ask
        self._opened: dict[str, CheckedSigner] = {}
        self._read: tuple[bytes, dict[str, Entry]] | None = None

    def signer(self, name: str) -> Signer:
        """The signer of an active key, which has signed a trial text here.

        Raises `Refusal` when unknown, retired or not opened, `Fault` when its store fails.
        """
        entry = self.entry(name)
        if entry.state is not State.ACTIVE:
            raise Refusal(f"key-{entry.state}", needed="an active key", name=name)
        keyid = entry.public.keyid
        opened = self._opened.get(keyid)
        if opened is None:
            opened = self._open(entry)
            opened.sign(TRIED)
            self._opened[keyid] = opened
        return opened

    def public(self, name: str) -> PublicKey:
        """The public half of a named key, whatever became of it."""
        return self.entry(name).public

    def names(self) -> tuple[str, ...]:
        """The names of all keys, in order."""
        return tuple(sorted(self.entries()))

    def entries(self) -> dict[str, Entry]:
        """Every key of the file by name; an absent file has none. Raises `Fault`, `Malformed`."""
        try:
            data = (self.folder / FILE).read_bytes()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise Fault(f"cannot read the keyring: {error}", needed="the keyring file") from error
        if self._read is None or data != self._read[0]:
            self._read = (data, entries.read(data))  # decoding all keys costs more than the file
        return dict(self._read[1])

    def entry(self, name: str) -> Entry:
        """One key; raises `Refusal` when unknown."""
        found = self.entries().get(name)
        if found is None:
            raise Refusal("no-such-key", needed="a key of this keyring", name=name)
        return found

    def create(
        self, name: str, *, now: datetime, kind: Kind = Kind.ASKED, scheme: str = "ed25519"
    ) -> Entry:
        """Make a key in a sealed file; raises `Refusal`, `Fault`."""
        with self._editing() as kept:
            return self._made(kept, entries.named(name), now, scheme, kind)

    def add(self, name: str, uri: str, public: PublicKey, *, now: datetime) -> Entry:
        """Enter a key that a token or a KMS holds; raises `Refusal` when the name is taken."""
        with self._editing() as kept:
            return _new(kept, Entry(entries.named(name), uri, public, now))

    def create_in_token(self, name: str, where: hsm.Slot, *, now: datetime) -> Entry:
        """Make a key in a token; its PIN is asked for under the key's name."""
        entries.named(name)
        return self.add(name, where.uri, hsm.generate(where, self._ask(name)), now=now)

    def enter(self, name: str, place: str, *, now: datetime) -> Entry:
        """Enter a key that a cloud key store has made; it must sign before it counts."""
        entries.named(name)
        uri, public = kms.public(place)
        self._open(Entry(name, uri, public, now)).sign(TRIED)
        return self.add(name, uri, public, now=now)

    def become(self, name: str, state: State) -> Entry:
        """Retire a key or call it compromised; neither is ever taken back. Raises `Refusal`."""
        with self._editing() as kept:
            known = self.entry(name)
            if state not in ONWARD[known.state]:
                raise Refusal("key-stays", needed="a new key", name=name, state=known.state)
            kept[name] = replace(known, state=state)
            return kept[name]

    def rotate(self, name: str, *, now: datetime, to: str = "") -> tuple[Entry, Entry]:
        """(former, new): a new key under the name; the former one gets a name of its own and still
        signs, because a new root needs its signature too. Retire it afterwards.

        `to` is where the new one lives: "" like the former, a `Kind` of file, a `hsm:` URI, or the
        URI of a new key that a cloud key store has made.
        """
        known = self.entry(name)
        if kms.holds(to or known.uri):
            return self._replaced_in_kms(known, to, now)
        with self._editing() as kept:
            former = replace(known, name=_aside(kept, name))
            kept[former.name] = former
            del kept[name]
            place = to or known.uri
            if place.startswith(f"{hsm.SCHEME}:"):
                where = hsm.slot(place) if to else _next(kept, hsm.slot(place))
                made = _new(kept, Entry(name, where.uri, hsm.generate(where, self._ask(name)), now))
            else:
                kind = file_kind(to) if to else known.kind
                made = self._made(kept, name, now, known.public.scheme, kind)
            return former, made

    def _replaced_in_kms(self, known: Entry, to: str, now: datetime) -> tuple[Entry, Entry]:
        """The rotation to a key that a cloud key store has made."""
        if not to:
            needed = f"a new key made there, and --to {known.uri.partition(':')[0]}:…"
            raise Refusal("kms-makes-keys", needed=needed, name=known.name)
        uri, public = kms.public(to)
        made = Entry(known.name, uri, public, now)
        self._open(made).sign(TRIED)
        with self._editing() as kept:
            former = replace(known, name=_aside(kept, known.name))
            kept[former.name] = former
            del kept[known.name]
            return former, _new(kept, made)

    def _made(
        self, kept: dict[str, Entry], name: str, now: datetime, scheme: str, kind: Kind
    ) -> Entry:
        """A new sealed file, its passphrase beside it or asked for."""
        private = _private(scheme)
        key = SSlibKey.from_crypto(private.public_key())
        keyid = f"{TRIAL}{key.keyid}" if kind is Kind.TRIAL else key.keyid
        public = public_key(keyid, key.to_dict())
        file, secret = f"{public.keyid}.p8", "" if kind is Kind.ASKED else f"{public.keyid}.pass"
        entry = _new(kept, Entry(name, f"{SEALED}{file}", public, now, secret=secret))
        if kind is Kind.ASKED:
            passphrase, cost = self._ask(name), sealed.SAID
        else:
            passphrase, cost = secrets.token_urlsafe(32), sealed.RANDOM
            atomic.write(self.folder / secret, passphrase.encode(), mode=0o600)
        atomic.write(self.folder / file, sealed.seal(private, passphrase, cost), mode=0o600)
        return entry

    def _open(self, entry: Entry) -> CheckedSigner:
        uri = entry.uri
        if uri.startswith(f"{sealed.SCHEME}:"):
            path = self.folder.absolute() / uri.removeprefix(f"{sealed.SCHEME}:")
            uri = f"{sealed.SCHEME}:{quote(str(path))}"
        key = Key.from_dict(entry.public.keyid, dict(entry.public.to_json()))
        kms.loaded(uri.partition(":")[0])
        try:
            store = Store.from_priv_key_uri(uri, key, lambda _: self._secret(entry))
        except UnsupportedLibraryError as error:
            raise Fault(f"{uri} needs a library: {error}", needed="that library") from error
        except (Fault, Refusal):
            raise
        except Exception as error:  # each key store raises what it likes; all of it is its failure
            raise Fault(f"cannot open {uri}: {error}", needed="the key store") from error
        keyid = entry.public.keyid
        return CheckedSigner(entry.public, store, lambda: self._opened.pop(keyid, None))

    def _secret(self, entry: Entry) -> str:
        if not entry.secret:
            return self._ask(entry.name)
        path = self.folder / entry.secret
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise Refusal("secret-exposed", needed="mode 600 on that file", file=entry.secret)
            return path.read_text().strip()
        except OSError as error:
            raise Fault(f"cannot read {path}: {error}", needed="the secret file") from error

    @contextmanager
    def _editing(self) -> Iterator[dict[str, Entry]]:
        """The entries to change, written back whole; two editors take turns."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / f"{FILE}.lock").open("ab") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            kept = self.entries()
            yield kept
            atomic.write(self.folder / FILE, entries.spell(kept), mode=0o600)


def _new(kept: dict[str, Entry], entry: Entry) -> Entry:
    """Enter a key under a name and with numbers that no other key here has."""
    if entry.name in kept:
        raise Refusal("key-exists", needed="another name, or rotate", name=entry.name)
    for other in kept.values():
        if other.public.numbers == entry.public.numbers:
            raise Refusal("same-key", needed="a key of its own", name=entry.name, other=other.name)
    kept[entry.name] = entry
    return entry


def _aside(kept: dict[str, Entry], name: str) -> str:
    """The name a former key of `name` gets: the first that is free."""
    number = 1
    while f"{name}{FORMER}{number}" in kept:
        number += 1
    return entries.named(f"{name}{FORMER}{number}")


def _next(kept: dict[str, Entry], place: hsm.Slot) -> hsm.Slot:
    """The place after all that this keyring has in the same token."""
    slots = (hsm.slot(one.uri) for one in kept.values() if one.uri.startswith(f"{hsm.SCHEME}:"))
    taken = {one.number for one in slots if replace(one, number=0) == replace(place, number=0)}
    return replace(place, number=max(taken) + 1)


def file_kind(said: str) -> Kind:
    """How a new key file is to be opened; raises `Refusal`: there is no way back to trial."""
    if said in set(Kind) - {Kind.TRIAL}:
        return Kind(said)
    raise Refusal(
        "bad-place",
        needed="asked, kept, hsm:… or a cloud key's URI; never back to trial",
        found=said,
    )


def _private(scheme: str) -> PrivateKeyTypes:
    match scheme:
        case "ed25519":
            return Ed25519PrivateKey.generate()
        case "ecdsa-sha2-nistp256":
            return new_ec(SECP256R1())
    raise Refusal("bad-scheme", needed="ed25519 or ecdsa-sha2-nistp256", found=scheme)
