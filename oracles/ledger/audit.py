"""Reading a whole ledger over, trusting nothing it says about itself. Needs no lock, changes nothing."""

import os
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from oracles.ledger.errors import LedgerCorrupt, NoteInvalid
from oracles.ledger.files import OFFSET_BYTES, LedgerFiles, Mark
from oracles.ledger.frames import BadFrame, Frame, frame_bytes, walk
from oracles.ledger.merkle import HASH_BYTES, Frontier, leaf_hash, node_count
from oracles.ledger.note import Checkpoint, Verifier, open_checkpoint, split_note
from oracles.ledger.recovery import Torn, shown_durable_later


@dataclass(frozen=True)
class Fault:
    """The first bad entry: its index, and the place of the damage."""

    index: int
    file: Path
    offset: int
    reason: str

    def __str__(self) -> str:
        return f"entry {self.index} ({self.file} at byte {self.offset}): {self.reason}"


@dataclass(frozen=True)
class Audit:
    """What was found: `size` good entries with this root, the first fault if there is one.

    `signed` is how many of them a checkpoint vouches for, `signature` whether its key was known (None: no
    keys were given), `torn` an unfinished write that the next opening cuts off: no fault.
    """

    size: int
    root: bytes
    signed: int
    signature: bool | None
    torn: Torn | None
    fault: Fault | None


def audit(directory: Path, verifiers: Iterable[Verifier] | None = None) -> Audit:
    """Checks every entry against checksum, tree, offsets, mark and signed checkpoint.

    With `verifiers` the checkpoint's signature is checked too. Raises LedgerError when there is no ledger,
    or its `ledger.json` cannot be used.
    """
    files = LedgerFiles.at(directory)
    checkpoint, signature, unreadable = _checkpoint(files, verifiers)
    mark, no_mark = _mark(files)
    walker = _Walker(files, mark, checkpoint.size if checkpoint else 0)
    walker.run()
    fault = _verdict(files, walker, checkpoint) or no_mark or _wrong_mark(files, walker) or unreadable
    return Audit(
        fault.index if fault else walker.frontier.size,
        walker.frontier.root(),
        checkpoint.size if checkpoint else 0,
        signature,
        walker.torn,
        fault,
    )


def _verdict(files: LedgerFiles, walker: "_Walker", checkpoint: Checkpoint | None) -> Fault | None:
    """The first fault: the signature decides whether an entry or its stored hash is wrong."""
    size, signed = walker.frontier.size, checkpoint.size if checkpoint else 0
    altered, broken = walker.altered, walker.broken
    if broken is None and size < max(signed, walker.mark.size):
        whose = "the signed checkpoint" if signed > walker.mark.size else "the trusted mark"
        place = files.place(walker.end)
        broken = Fault(size, *place, f"missing: {whose} covers {max(signed, walker.mark.size)} entries")
    if checkpoint is not None and size >= signed:
        if walker.signed_root != checkpoint.root:
            reason = f"the first {signed} entries are not those that were signed"
            return altered or Fault(0, files.checkpoint_path, 0, reason)
        if altered is not None and altered.index < signed:
            return walker.stored
    if altered is not None and (broken is None or altered.index < broken.index):
        return altered
    return broken


def _mark(files: LedgerFiles) -> tuple[Mark, Fault | None]:
    try:
        return files.load_mark(), None
    except LedgerCorrupt as error:
        return Mark(), Fault(error.index, error.file, error.offset, error.reason)


def _wrong_mark(files: LedgerFiles, walker: "_Walker") -> Fault | None:
    """What a mark says of entries that are sound by all else."""
    mark, found = walker.mark, walker.marked
    if found.root != mark.root:
        return Fault(0, files.mark_path, 0, f"the first {mark.size} entries do not have the mark's root")
    if found.end != mark.end:
        reason = f"the first {mark.size} entries end at {found.end}, not at {mark.end}"
        return Fault(mark.size, files.mark_path, 0, reason)
    return None


def _checkpoint(
    files: LedgerFiles, verifiers: Iterable[Verifier] | None
) -> tuple[Checkpoint | None, bool | None, Fault | None]:
    note = files.load_checkpoint()
    if note is None:
        return None, None, None
    try:
        if verifiers is not None:
            return open_checkpoint(note, verifiers), True, None
        return Checkpoint.parse(split_note(note)[0]), None, None
    except NoteInvalid as error:
        return None, False, Fault(0, files.checkpoint_path, 0, str(error))


class _Walker:
    """Goes through the segments once, keeping the first fault of each kind."""

    def __init__(self, files: LedgerFiles, mark: Mark, signed: int) -> None:
        self._files = files
        self._signed = signed
        self.mark = mark
        self.frontier = Frontier()
        self.signed_root = self.frontier.root()
        self.end = 0
        self.marked = Mark()
        """What the mark would have to be, once as many entries were seen."""
        self.broken: Fault | None = None
        """The entry behind which nothing can be read."""
        self.torn: Torn | None = None
        self.altered: Fault | None = None
        """The first entry whose hash or place is not the one that is kept beside it …"""
        self.stored: Fault | None = None
        """… and where that is kept, in case it is this that was altered."""

    def run(self) -> None:
        number = 0
        while self.broken is None and self.torn is None and self._files.has_segment(number):
            segment = self._files.read_segment(number)
            nodes: list[bytes] = []
            places = array("Q")
            before = self.frontier.size
            try:
                for frame in walk(segment, 0):
                    self._take(number, frame, nodes, places)
                    if self.broken is not None:
                        break
            except BadFrame as bad:
                self._damage(number, segment, bad)
            self._compare(before, nodes, places)
            number += 1

    def _take(self, number: int, frame: Frame, nodes: list[bytes], places: "array[int]") -> None:
        index = self.frontier.size
        if frame.durable > index:
            place = self._files.place(self.end)
            self.broken = Fault(index, *place, f"missing: {frame.durable} entries were durable here")
            return
        places.append(number * self._files.segment_bytes + frame.offset)
        self.frontier.append(leaf_hash(frame.entry), nodes)
        self.end = places[-1] + frame_bytes(len(frame.entry))
        if index + 1 == self._signed:
            self.signed_root = self.frontier.root()
        if index + 1 == self.mark.size:
            self.marked = Mark(index + 1, self.end, self.frontier.root().hex())

    def _damage(self, number: int, segment: bytes, bad: BadFrame) -> None:
        index, file = self.frontier.size, self._files.segment(number)
        durable = max(self.mark.size, self._signed)
        if index < durable or shown_durable_later(self._files, number, segment, bad.offset, index):
            self.broken = Fault(index, file, bad.offset, bad.reason)
        else:
            self.torn = Torn(index, file, bad.offset)

    def _compare(self, before: int, nodes: list[bytes], places: "array[int]") -> None:
        """Holds what the entries give against the node and the offset file.

        Behind the mark these may end early: opening makes them again.
        """
        if self.altered is not None:
            return
        marked = min(self.mark.size, self.frontier.size)
        first, needed = node_count(before), node_count(marked) - node_count(before)
        wrong = _first_difference(self._files.nodes_path, first, nodes, needed)
        if wrong is not None:
            index = before
            while node_count(index + 1) <= first + wrong:
                index += 1
            place = self._files.place(places[index - before])
            self.altered = Fault(index, *place, "its hash is not the one in the tree")
            offset = (first + wrong) * HASH_BYTES
            self.stored = Fault(index, self._files.nodes_path, offset, "the stored hash is not the entry's")
            return
        kept = [place.to_bytes(OFFSET_BYTES, "little") for place in places]
        wrong = _first_difference(self._files.offsets_path, before, kept, marked - before)
        if wrong is not None:
            offset = (before + wrong) * OFFSET_BYTES
            reason = "the stored offset is not the entry's"
            self.altered = self.stored = Fault(before + wrong, self._files.offsets_path, offset, reason)


def _first_difference(path: Path, first: int, expected: list[bytes], needed: int) -> int | None:
    """Which of the equally long `expected` the file lacks from item `first` on; it may end after `needed`."""
    if not expected:
        return None
    width, whole = len(expected[0]), b"".join(expected)
    stored = b""
    if path.exists():
        fd = os.open(path, os.O_RDONLY)
        try:
            stored = os.pread(fd, len(whole), first * width)
        finally:
            os.close(fd)
    compared = max(len(stored) // width, needed) * width
    if stored[:compared] == whole[:compared]:
        return None
    for number, item in enumerate(expected):
        if stored[number * width : (number + 1) * width] != item:
            return number
    return None
