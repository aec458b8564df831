"""The reference in Solidity, compiled by solc-js from npm: peers that ours is compared with.

`compiled("ReferenceToken")` is the ABI and the creation code of a contract in `tests/governance/reference/`,
or of one that those import. All are compiled at once, the first time, into `build/reference-peers/`; what is
there is stamped with the sources, the compiler's settings and npm's lock file: nothing is compiled twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "tests" / "governance" / "reference"
NODE_MODULES = ROOT / "tests" / "node_modules"
LOCK = ROOT / "tests" / "package-lock.json"
BUILD = ROOT / "build" / "reference-peers"

SETTINGS: dict[str, Any] = {
    "optimizer": {"enabled": True, "runs": 200},
    "evmVersion": "cancun",
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
}
"""As the reference itself is built and deployed: 200 runs, without the intermediate representation."""

_COMPILE = """
const fs = require("fs"), path = require("path"), solc = require("solc");
const folder = process.argv[1];
const find = (name) => {
  try { return { contents: fs.readFileSync(path.join(folder, name), "utf8") }; }
  catch (fault) { return { error: fault.message }; }
};
process.stdout.write(solc.compile(fs.readFileSync(0, "utf8"), { import: find }));
"""


class SolidityFault(Exception):
    """Node, a package or a contract is missing, or a source does not compile; the message says what to do."""


class Compiled(NamedTuple):
    """A contract as it is deployed."""

    abi: list[dict[str, Any]]
    bytecode: str
    """The creation code, in hexadecimal digits."""


def compiled(name: str) -> Compiled:
    """A contract of the reference by its name. Raises `SolidityFault`."""
    try:
        return Compiled(*_contracts()[name])
    except KeyError:
        raise SolidityFault(f"no contract {name!r} in {SOURCES}, nor in what is imported there") from None


def versions() -> dict[str, str]:
    """The version of each npm package that the peers are made of or with, as the lock file has it."""
    packages = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    names = ("@openzeppelin/contracts", "@safe-global/safe-contracts", "solc")
    return {name: str(packages[f"node_modules/{name}"]["version"]) for name in names}


@cache
def _contracts() -> dict[str, Any]:
    """All compiled contracts by name, from the build folder where it is fresh."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.sol"))}
    made_from = json.dumps([sources, SETTINGS, _COMPILE, LOCK.read_text(encoding="utf-8")])
    file = BUILD / f"{hashlib.sha256(made_from.encode()).hexdigest()[:16]}.json"
    if not file.exists():
        contracts = _compile(sources)
        BUILD.mkdir(parents=True, exist_ok=True)
        for stale in BUILD.glob("*.json"):
            stale.unlink(missing_ok=True)
        # Put in place at once: tests that run beside each other never read half a file.
        part = BUILD / f"{file.name}.{os.getpid()}"
        part.write_text(json.dumps(contracts), encoding="utf-8")
        part.replace(file)
    contracts = json.loads(file.read_text(encoding="utf-8"))
    assert isinstance(contracts, dict)
    return contracts


def _compile(sources: dict[str, str]) -> dict[str, Any]:
    missing = [name for name in versions() if not (NODE_MODULES / name).is_dir()]
    if missing:
        raise SolidityFault(
            f"not installed under tests/node_modules: {', '.join(missing)}; run scripts/setup"
        )
    question = {
        "language": "Solidity",
        "sources": {name: {"content": text} for name, text in sources.items()},
        "settings": SETTINGS,
    }
    try:
        done = subprocess.run(
            ["node", "-e", _COMPILE, str(NODE_MODULES)],
            input=json.dumps(question),
            capture_output=True,
            text=True,
            env=os.environ | {"NODE_PATH": str(NODE_MODULES)},
        )
    except FileNotFoundError:
        raise SolidityFault("node is needed (Node 20) and was not found") from None
    if done.returncode != 0:
        raise SolidityFault(f"solc-js ended with {done.returncode}:\n{done.stderr.strip()}")
    answer = json.loads(done.stdout)
    faults = [fault for fault in answer.get("errors", []) if fault["severity"] == "error"]
    if faults:
        raise SolidityFault("\n".join(fault["formattedMessage"] for fault in faults))
    return {
        name: [contract["abi"], contract["evm"]["bytecode"]["object"]]
        for file in answer["contracts"].values()
        for name, contract in file.items()
    }
