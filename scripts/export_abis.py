"""Writes the ABI of every deployable contract to `oracles/chain/abi/<Name>.json`, where the daemons read it.

    python scripts/export_abis.py            write what changed
    python scripts/export_abis.py --check    write nothing; exit 1 if a file is stale, missing or left over

Deployable are the `CamelCase.vy` files under `contracts/`, harnesses under `contracts/testing` excepted. What
the compiler cannot know stands in `abi.toml` beside a contract: custom errors, names of arguments that Vyper
reserves but the reference uses, answers that are returned ready encoded, and the contract whose code answers
the calls that this one hands on (that one's ABI becomes part of this one's).
"""

import argparse
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
ABIS = ROOT / "oracles" / "chain" / "abi"
COMPILED = ROOT / ".build" / "__local__.json"  # ape's own manifest
DEPLOYABLE = re.compile(r"[A-Z][A-Za-z0-9]*\.vy")

Entry = dict[str, Any]


class ExportFault(Exception):
    """A contract that does not compile, or an `abi.toml` that does not fit its contract."""


def deployables() -> list[Path]:
    """The sources of all deployable contracts, by path."""
    return sorted(
        path
        for path in CONTRACTS.rglob("*.vy")
        if DEPLOYABLE.fullmatch(path.name) and "testing" not in path.relative_to(CONTRACTS).parts
    )


def compiled() -> dict[str, list[Entry]]:
    """The ABI of every contract as setup has ape compile it, by name; what is compiled stays as it is.

    Raises `ExportFault` with the compiler's message.
    """
    done = subprocess.run([ROOT / "scripts" / "setup"], capture_output=True, text=True, cwd=ROOT)
    if done.returncode != 0:
        raise ExportFault(f"the contracts do not compile:\n{done.stderr.strip()}")
    manifest = json.loads(COMPILED.read_text(encoding="utf-8"))
    return {name: contract["abi"] for name, contract in manifest["contractTypes"].items()}


def parse_error(declaration: str) -> Entry:
    """An ABI entry from `Name(type name, ...)`. Raises `ExportFault` on anything else."""
    match = re.fullmatch(r"(\w+)\((.*)\)", declaration)
    if match is None:
        raise ExportFault(f"not a custom error: {declaration!r}; write 'Name(type name, ...)'")
    return {"type": "error", "name": match[1], "inputs": parse_arguments(match[2])}


def parse_arguments(text: str) -> list[Entry]:
    """Arguments from `type name, ...`."""
    parts = (argument.partition(" ") for argument in filter(None, text.split(", ")))
    return [{"name": name, "type": kind} for kind, _, name in parts]


def signature(entry: Entry) -> str:
    """`name(type,...)`, as selectors and topics are made of (tuples written out)."""
    return f"{entry.get('name', '')}({','.join(map(_kind, entry.get('inputs', [])))})"


def _kind(argument: Entry) -> str:
    if not argument["type"].startswith("tuple"):
        return str(argument["type"])
    inner = ",".join(map(_kind, argument["components"]))
    return f"({inner}){argument['type'].removeprefix('tuple')}"


def merged_abi(abi: list[Entry], notes: Entry) -> list[Entry]:
    """`abi` with the errors, names and answers of `notes`, sorted.

    Raises `ExportFault` if one of them fits no entry.
    """
    abi = [*abi, *map(parse_error, notes.get("errors", []))]
    by_signature = {signature(entry): entry for entry in abi}
    for wanted, names in notes.get("names", {}).items():
        entry = by_signature.get(wanted)
        if entry is None or len(entry["inputs"]) != len(names):
            raise ExportFault(f"abi.toml names the arguments of {wanted!r}, which the contract does not have")
        for argument, name in zip(entry["inputs"], names, strict=True):
            argument["name"] = name
    for answered, answer in notes.get("answers", {}).items():
        if answered not in by_signature:
            raise ExportFault(f"abi.toml has the answer of {answered!r}, which the contract does not have")
        by_signature[answered]["outputs"] = parse_arguments(answer)
    return sorted(abi, key=lambda entry: (entry["type"], signature(entry)))


def notes_on(source: Path) -> Entry:
    """What `abi.toml` says of a contract."""
    notes_file = source.with_name("abi.toml")
    notes = tomllib.loads(notes_file.read_text(encoding="utf-8")) if notes_file.exists() else {}
    return dict(notes.get(source.stem, {}))


def whole_abi(abi: list[Entry], other: list[Entry]) -> list[Entry]:
    """`abi`, and what a contract does not have of its own but hands on to `other`."""
    own = {(entry["type"], signature(entry)) for entry in abi}
    others = (entry for entry in other if entry["type"] not in ("constructor", "fallback", "receive"))
    return abi + [entry for entry in others if (entry["type"], signature(entry)) not in own]


def exported(abis: dict[str, list[Entry]]) -> dict[Path, str]:
    """The text of each ABI file. A contract that only lends its code to another has none.

    Raises `ExportFault`.
    """
    notes = {source.stem: notes_on(source) for source in deployables()}
    lenders = {note["rest"] for note in notes.values() if "rest" in note}
    texts = {}
    for name in notes.keys() - lenders:
        rest = notes[name].get("rest", name)
        if rest not in abis:
            raise ExportFault(f"abi.toml has {name} hand its calls on to {rest!r}, which is no contract")
        abi = whole_abi(abis[name], abis[rest])
        text = json.dumps(merged_abi(abi, notes[name]), indent=1, sort_keys=True) + "\n"
        texts[ABIS / f"{name}.json"] = text
    return texts


def stale_files(texts: dict[Path, str]) -> list[Path]:
    """The files that differ from `texts`, are missing, or belong to no contract any more."""
    changed = [path for path, text in texts.items() if not path.exists() or path.read_text() != text]
    return changed + sorted(set(ABIS.glob("*.json")) - texts.keys())


def main() -> int:
    """Exports, or checks; the exit code says whether all is well."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is stale")
    check = parser.parse_args().check
    try:
        texts = exported(compiled())
    except ExportFault as fault:
        print(fault, file=sys.stderr)
        return 1

    stale = stale_files(texts)
    for path in stale:
        if check:
            print(f"stale: {path.relative_to(ROOT)}; run scripts/export_abis.py", file=sys.stderr)
        elif path in texts:
            ABIS.mkdir(parents=True, exist_ok=True)
            path.write_text(texts[path])
            print(f"wrote {path.relative_to(ROOT)}")
        else:
            path.unlink()
            print(f"removed {path.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
