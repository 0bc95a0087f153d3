"""pymap with one mailbox in memory, as the program of a process of its own: a test's threads and
this server's loop have nothing in common, as on a desk."""

from __future__ import annotations

import asyncio
import multiprocessing
from argparse import Namespace
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from pymap.backend.dict import Config, DictBackend, Login
from pymap.imap import IMAPService
from pysasl.hashing import BuiltinHash

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

# Forked from a process without threads that has read this file already: 29 tests each want one.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])


def start(host: str, port: int, username: str, password: str) -> BaseProcess:
    """Start one with an empty mailbox; it ends with us."""
    process = _FORKS.Process(target=_run, args=(host, port, username, password), daemon=True)
    process.start()
    return process


def _run(host: str, port: int, username: str, password: str) -> None:
    arguments = Namespace(passlib_cfg=None, proxy_protocol=None, inherited_sockets=None)
    config = Config(
        arguments,
        host=host,
        port=port,
        tls_enabled=False,
        demo_data=False,
        demo_user=username,
        demo_password=password,
        max_append_len=60_000_000,
        hash_context=BuiltinHash(rounds=1),
    )
    config.apply_context()
    asyncio.run(_serve(config))


async def _serve(config: Config) -> None:
    login = Login(config)
    await DictBackend._add_demo_user(config, login)
    async with AsyncExitStack() as stack:
        await IMAPService(DictBackend(login, config), config).start(stack)
        await asyncio.Event().wait()
