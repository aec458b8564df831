"""Writes our governance contracts to `build/reference/`, for a suite that was written for the reference.

    python scripts/export_reference.py

For each contract that `scripts/_reference/contracts.toml` describes there is one JSON file with ABI, bytecode
and the arguments of its constructor; `index.json` lists them, `README.md` says how they are deployed. The
contracts must be compiled (`scripts/setup` compiles them and then runs this).
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from typing import Any

from scripts.export_abis import COMPILED, ROOT, Entry, ExportFault, exported, signature

REFERENCE = ROOT / "build" / "reference"
DESCRIBED = ROOT / "scripts" / "_reference" / "contracts.toml"
PREFACE = ROOT / "scripts" / "_reference" / "README.md"
NAMED = re.compile(r"@(\w+)")


def meanings(source: str) -> dict[str, str]:
    """What a contract's NatSpec says of each argument of its constructor, by name."""
    documented = re.search(r'\ndef __init__\(.*?"""(.*?)"""', source, re.DOTALL)
    if documented is None:
        return {}
    found = re.findall(r"@param (\w+) (.*?)(?=\n\s*@|\Z)", documented[1].rstrip(), re.DOTALL)
    return {name: " ".join(text.split()) for name, text in found}


def constructor(name: str, abi: list[Entry], source: str) -> list[Entry]:
    """The arguments of a constructor with their meanings. Raises `ExportFault` if one has none."""
    inputs: list[Entry] = next((entry["inputs"] for entry in abi if entry["type"] == "constructor"), [])
    said = meanings(source)
    for argument in inputs:
        if argument["name"] not in said:
            raise ExportFault(f"{name}: nothing says what the constructor's {argument['name']!r} means")
    return [argument | {"meaning": said[argument["name"]]} for argument in inputs]


def named_like(abi: list[Entry], model: list[Entry]) -> list[Entry]:
    """A harness's `abi` with the custom errors of `model`, and its entries where both have one."""
    known = {(entry["type"], signature(entry)): entry for entry in model if entry["type"] != "constructor"}
    own = [known.get((entry["type"], signature(entry)), entry) for entry in abi]
    errors = [entry for entry in model if entry["type"] == "error"]
    return sorted([*own, *errors], key=lambda entry: (entry["type"], signature(entry)))


def needs(example: Any) -> Iterator[str]:
    """The contracts that an example names."""
    if isinstance(example, list):
        for part in example:
            yield from needs(part)
    elif isinstance(example, str) and (match := NAMED.fullmatch(example)) and match[1] != "deployer":
        yield match[1]


def described() -> tuple[str, dict[str, Entry]]:
    """The reference's version, and the description of each contract in the order of deployment."""
    content = tomllib.loads(DESCRIBED.read_text(encoding="utf-8"))
    return str(content.pop("reference")), content


def artifacts(manifest: Entry, contracts: dict[str, Entry]) -> dict[str, Entry]:
    """The content of each contract's file. Raises `ExportFault` where a description fits no contract."""
    types = manifest["contractTypes"]
    merged = {
        path.stem: json.loads(text)
        for path, text in exported({name: made["abi"] for name, made in types.items()}).items()
    }
    made: dict[str, Entry] = {}
    for name, description in contracts.items():
        if name not in types:
            raise ExportFault(f"{DESCRIBED.name} describes {name}, which is no contract")
        abi = merged.get(name, types[name]["abi"])
        if "like" in description:
            abi = named_like(abi, merged[description["like"]])
        arguments = constructor(name, abi, (ROOT / types[name]["sourceId"]).read_text(encoding="utf-8"))
        if len(arguments) != len(description["example"]):
            raise ExportFault(f"{name} takes {len(arguments)} arguments, its example has another number")
        before = sorted(set(needs(description["example"])))
        if missing := [other for other in before if other not in made]:
            raise ExportFault(f"{name}: its example names {', '.join(missing)}, which is not deployed before")
        made[name] = {
            "contract": name,
            "source": types[name]["sourceId"],
            "interface": description["interface"],
            "abi": abi,
            "bytecode": types[name]["deploymentBytecode"]["bytecode"],
            "deployedBytecode": types[name]["runtimeBytecode"]["bytecode"],
            "constructor": arguments,
            "example": description["example"],
            "needs": before,
        }
    return made


def index(reference: str, made: dict[str, Entry]) -> Entry:
    """What `index.json` holds."""
    listed = ("contract", "interface", "needs")
    return {
        "reference": reference,
        "contracts": [
            {"file": f"{name}.json"} | {key: content[key] for key in listed} for name, content in made.items()
        ],
    }


def readme(reference: str, made: dict[str, Entry]) -> str:
    """What `README.md` holds: the preface, with each contract's constructor and example in their order."""
    parts = []
    for name, content in made.items():
        whose = ", ".join(content["interface"]) or "no contract of the reference: another one here needs it"
        lines = [f"### {name}", "", f"For {whose}.", ""]
        lines += ["| Argument | Type | Example | Meaning |", "| --- | --- | --- | --- |"]
        for argument, value in zip(content["constructor"], content["example"], strict=True):
            kind = argument["type"]
            if fields := argument.get("components"):
                kind += " of " + ", ".join(f"{field['type']} {field['name']}" for field in fields)
            example, meaning = json.dumps(value), argument["meaning"].replace("|", "\\|")
            lines.append(f"| `{argument['name']}` | {kind} | `{example}` | {meaning} |")
        parts.append("\n".join(lines))
    preface = PREFACE.read_text(encoding="utf-8")
    return preface.replace("{reference}", f"`{reference}`").replace("{contracts}", "\n\n".join(parts))


def texts(manifest: Entry) -> dict[str, str]:
    """The text of each file by its name. Raises `ExportFault`."""
    reference, contracts = described()
    made = artifacts(manifest, contracts)
    contents = {f"{name}.json": content for name, content in made.items()}
    contents["index.json"] = index(reference, made)
    written = {name: json.dumps(content, indent=1) + "\n" for name, content in contents.items()}
    return written | {"README.md": readme(reference, made)}


def main() -> int:
    """Exports; the exit code says whether all is well."""
    try:
        written = texts(json.loads(COMPILED.read_text(encoding="utf-8")))
    except (OSError, ExportFault) as fault:
        print(fault, file=sys.stderr)
        return 1
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for stale in set(REFERENCE.iterdir()) - {REFERENCE / name for name in written}:
        stale.unlink()
    for name, text in written.items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
