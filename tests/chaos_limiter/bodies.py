"""The task of the limiter's chaos run: a call that holds a token of the limiter while it runs."""

import anyio
from chaos.calls import answer, wait_s
from chaos.witness import here

from chaos_limiter.plan import API, bound_file, slots_of
from lionherd_dist import task

LONGER = 4  # than the turns of code, so that workers die with calls in hand


def _slots() -> tuple[str, int]:
    return slots_of(API), int(bound_file(here().directory, API).read_text())


@task
async def fetch(label: str, index: int) -> str:
    with here().body(label, index, _slots):
        await anyio.sleep(LONGER * wait_s(label, index))
        return answer(label, index)
