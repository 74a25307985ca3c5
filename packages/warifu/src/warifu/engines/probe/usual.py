"""The usual recipe: what a member does from installing to a signed document, for our own tool."""

from __future__ import annotations

from collections.abc import Mapping

from warifu.engines.probe.recipe import Step

UPDATER = ("{python}", "-m", "warifu_client.cli")
AT = ("--folder", "{machine}", "--json")
TREE = "{machine}/current"
CERTIFICATE = "{folder}/member.p12"
ROOT = "{folder}/ca-root.pem"
SIGNED_ID = "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"


def set_up(host: str, legacy: str = "") -> Step:
    """Make a folder the updater's; its reports are not a member's, so it sends none."""
    given = ("--address", "{address}", "--root", "{root}", "--product", "{product}")
    found = ("--host", host, "--legacy", legacy, "--no-report")
    return Step("set-up", (*UPDATER, "init", *given, *found, *AT), fresh=True)


def install(host: str = "") -> tuple[Step, ...]:
    """Set up, install what is offered, and look whether exactly this release is there, intact."""
    release = {"release": "{release}"}
    return (
        set_up(host),
        Step("install", (*UPDATER, "apply", *AT), 300, expects={"end": "installed", **release}),
        Step("look", (*UPDATER, "status", *AT), expects={"tree": "intact", **release}),
    )


def start() -> tuple[Step, ...]:
    """Start the host with the program in it: plug-in loaded, one document signed and verified."""
    run = ("{python}", "-m", "warifu_host", "check", "--program", TREE, "--json")
    seen = dict.fromkeys(("started", "plugin", "signed", "verified"), "true")
    return (Step("start-host", run, 120, expects=seen),)


def certificate(reference: str, pin: str, authority: str) -> tuple[Step, ...]:
    """Fetch a certificate with the installed download tool; the places name an earlier step's."""
    run = (
        *("{python}", "-m", "warifu_sign", "certificate", "fetch", "--ca", authority),
        *("--reference", reference, "--out", CERTIFICATE, "--json"),
        *("--pin-fd", "{secret.pin}", "--passphrase-fd", "{secret.password}"),
    )
    return (
        Step(
            "fetch-certificate",
            run,
            secrets={"pin": pin, "password": "{password}"},
            environment={"PYTHONPATH": TREE},
            proves=(CERTIFICATE,),
        ),
    )


def sign(documents: Mapping[str, str]) -> tuple[Step, ...]:
    """Sign each document (kind to path) through the host, with the fetched certificate."""
    host = ("{python}", "-m", "warifu_host", "sign", "--program", TREE, "--json")
    key = ("--p12", CERTIFICATE, "--passphrase-fd", "{secret.password}")
    return tuple(
        Step(
            f"sign-{kind}",
            (*host, *key, path, f"{{folder}}/signed.{kind}"),
            secrets={"password": "{password}"},
            proves=(f"{{folder}}/signed.{kind}",),
        )
        for kind, path in documents.items()
    )


def verify(root: str) -> tuple[Step, ...]:
    """Verify what was signed with programs that are not ours; `root` is the authority's, in PEM."""
    xmlsec1 = ("xmlsec1", "--verify", "--trusted-pem", root, "--id-attr:Id", SIGNED_ID)
    return (
        Step("verify-xml", (*xmlsec1, "{folder}/signed.xml")),
        Step("verify-pdf", ("pdfsig", "-nocert", "{folder}/signed.pdf"), says="Signature is Valid"),
    )
