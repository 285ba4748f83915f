"""``lionherd-dist doctor``: what is wrong with a server and a namespace, and what to do."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict

import click

from lionherd_dist.cli import options
from lionherd_dist.cli.asking import Asker, as_json, ask, say_json
from lionherd_dist.cli.complaints import STATUS_FAILED
from lionherd_dist.cli.finding import Finding
from lionherd_dist.cli.server_diagnosis import server_findings
from lionherd_dist.cli.space_diagnosis import space_findings
from lionherd_dist.printable import printable
from lionherd_dist.store.scripts import ALL
from lionherd_dist.store.server_facts import server_facts
from lionherd_dist.store.space_facts import space_facts

INDENT = 24  # columns before the text of a finding
_COLOURS = {"ok": "green", "advice": "yellow", "act": "red", "unknown": "cyan"}


@click.command()
@options.redis
@options.namespace
@as_json
@options.debug
def doctor(redis: str | None, namespace: str, *, as_json: bool) -> int:
    """Look for what is wrong with the server and the namespace; say what to do about it.

    Reads only, and a bounded part of what there is. What the user may not ask (INFO, CONFIG) is
    said to be unknown. The exit status is 0, or 1 if something needs action.

    \b
    ok         as it should be
    advice     it works, and could be better
    act        something is wrong, and the exit status is 1
    unknown    could not be looked at

    \b
    Examples:
      lionherd-dist doctor --redis redis://host:6379/0
      lionherd-dist doctor --json | jq '.findings[] | select(.verdict == "act")'
    """  # noqa: D301 (\b keeps click from filling a block)
    findings = ask(redis, namespace, _examine)
    acts = sum(finding.verdict == "act" for finding in findings)
    if as_json:
        rows = [asdict(finding) for finding in findings]
        say_json({"namespace": namespace, "healthy": not acts, "findings": rows})
    else:
        _show(findings, acts)
    return STATUS_FAILED if acts else 0


async def _examine(asker: Asker) -> list[Finding]:
    server = await server_facts(asker.connection, ALL)
    space = await space_facts(asker.connection, asker.keys)
    return [*server_findings(server), *space_findings(space)]


def _wrapped(text: str, width: int) -> str:
    """*text* in lines that stand below each other beside the findings, if *width* has room."""
    if width < 2 * INDENT:
        return text
    return f"\n{'':<{INDENT}}".join(textwrap.wrap(text, width - INDENT - 3, break_long_words=False))


def _show(findings: Sequence[Finding], acts: int) -> None:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    for finding in findings:
        mark = click.style(f"{finding.verdict:<8}", fg=_COLOURS[finding.verdict])
        about = f"{finding.about + ':':<14}"
        click.echo(f"{mark} {about} {_wrapped(printable(finding.text), width)}")
        if finding.verdict != "ok":
            click.echo(f"{'':<{INDENT - 1}} -> {_wrapped(printable(finding.remedy), width)}")
    things = "1 thing needs" if acts == 1 else f"{acts} things need"
    click.echo(f"\n{things} action." if acts else "\nNothing needs action.")
