"""Sends a tally's intents from processes that are killed at random moments, until one gets to the end.

Run as a script: RPC URL, tally's address, its ABI's file, state folder, seed, how many to kill. The
processes are forked, so that starting one costs no imports.
"""

import json
import os
import random
import signal
import sys
import time
import urllib.request
from pathlib import Path

import anyio
from eth_account import Account

from oracles.chain.block import Block, Call
from oracles.chain.codec import Abi
from oracles.chain.outbox import Intent
from oracles.chain.rpc import Rpc
from oracles.chain.sender import Sender
from oracles.daemon.outbox import OUTBOX_SCHEMA, StoredOutbox
from oracles.daemon.store import Store

NAMES = [f"n{number}" for number in range(6)]
KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"


async def send(url: str, address: str, abi: Abi, folder: Path, progress: int) -> None:
    """Wants every name counted once, and ticks until all rows are closed; a byte of progress at each tick."""

    async def never(intent: Intent, at: Block) -> bool:
        return False

    async with (
        Rpc.connect([url], 31337, request_seconds=60) as rpc,
        Store.open(folder / "state.db", schema=OUTBOX_SCHEMA) as store,
    ):
        outbox = StoredOutbox(store)
        sender = Sender(rpc, outbox, Account.from_key(KEY))
        sender.settles("count", never)
        for name in NAMES:
            call = Call(address, abi.encode("count", name.encode().ljust(32, b"\0")))
            await outbox.enqueue(Intent(name, "count", call), 0)
        while await sender.tick():
            os.write(progress, b".")
            await anyio.sleep(0.02)


def main() -> None:
    """Kill so many, reorganise now and then, and let the last one finish."""
    url, address, abi_file, folder, seed, kills = sys.argv[1:]
    abi = Abi("Tally", json.loads(Path(abi_file).read_text()))
    chance = random.Random(int(seed))
    for round_ in range(int(kills) + 1):
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            anyio.run(send, url, address, abi, Path(folder), theirs)
            os._exit(0)
        os.close(theirs)
        if round_ < int(kills):
            for _ in range(chance.randint(0, 2)):
                os.read(ours, 1)
            time.sleep(chance.uniform(0, 0.05))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(ours)
        if os.WIFEXITED(status):
            print(f"finished in round {round_} with {os.WEXITSTATUS(status)}")
            return
        if chance.random() < 0.3:
            body = {"jsonrpc": "2.0", "id": 1, "method": "anvil_reorg", "params": [chance.randint(1, 3), []]}
            headers = {"Content-Type": "application/json"}
            urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)).close()


if __name__ == "__main__":
    main()
