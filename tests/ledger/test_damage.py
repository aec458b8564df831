"""What a ledger says when its files were cut or altered, and what a torn write leaves."""

import shutil
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oracles.ledger.audit import audit
from oracles.ledger.errors import LedgerCorrupt, LedgerError
from oracles.ledger.files import LedgerFiles, Mark
from oracles.ledger.frames import HEADER, encode, frame_bytes
from oracles.ledger.ledger import Ledger
from oracles.ledger.merkle import Frontier, leaf_hash, position
from oracles.ledger.note import Signer

SEGMENT = 128 * 1024
SIGNER = Signer("westworld/node/0x01", bytes(32), 1)
COUNT = 400
ENTRIES = [b'{"number":%d,"filler":"%s"}' % (number, b"x" * (number * 7 % 900)) for number in range(COUNT)]


@pytest.fixture(scope="module")
def sound(memory: Path) -> Path:
    """A ledger over several segments with a signed checkpoint, closed in good order."""
    path = memory / "sound"
    with Ledger.open(path, SIGNER, segment_bytes=SEGMENT, mark_every=100) as ledger:
        for entry in ENTRIES:
            ledger.append(entry)
        ledger.checkpoint()
    return path


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "ledger"))


def places(path: Path) -> list[tuple[Path, int]]:
    files = LedgerFiles.at(path)
    return [files.place(place) for place in files.offsets(0, COUNT)]


def flip(file: Path, offset: int, bit: int = 1) -> None:
    content = bytearray(file.read_bytes())
    content[offset] ^= bit
    file.write_bytes(content)


@pytest.mark.feature("C3.3")
def test_a_sound_ledger_has_no_fault(sound: Path) -> None:
    found = audit(sound, [SIGNER.verifier])
    assert (found.size, found.signed, found.signature, found.torn, found.fault) == (
        COUNT,
        COUNT,
        True,
        None,
        None,
    )
    assert audit(sound).signature is None


@pytest.mark.feature("C3.3")
@settings(max_examples=40)
@given(index=st.integers(0, COUNT - 1), data=st.data())
def test_an_altered_entry_is_named(sound: Path, memory: Path, index: int, data: st.DataObject) -> None:
    copy = Path(shutil.copytree(sound, mkdtemp(dir=memory), dirs_exist_ok=True))
    file, offset = places(copy)[index]
    within = data.draw(st.integers(0, frame_bytes(len(ENTRIES[index])) - 1))
    flip(file, offset + within, data.draw(st.sampled_from([1, 2, 64, 128])))
    fault = audit(copy, [SIGNER.verifier]).fault
    assert fault is not None
    assert (fault.index, fault.file, fault.offset) == (index, file, offset)
    shutil.rmtree(copy)


@pytest.mark.feature("C3.3")
@settings(max_examples=30)
@given(cut=st.integers(0, COUNT - 1), within=st.integers(0, 15))
def test_a_cut_names_the_first_missing_entry_and_stops_the_opening(
    sound: Path, memory: Path, cut: int, within: int
) -> None:
    copy = Path(shutil.copytree(sound, mkdtemp(dir=memory), dirs_exist_ok=True))
    file, offset = places(copy)[cut]
    with file.open("r+b") as segment:
        segment.truncate(offset + within)
    fault = audit(copy).fault
    assert fault is not None
    assert fault.index == cut
    with pytest.raises(LedgerCorrupt):
        Ledger.open(copy)
    shutil.rmtree(copy)


def test_a_forged_entry_with_a_right_checksum_is_named(copy: Path) -> None:
    file, offset = places(copy)[123]
    content = bytearray(file.read_bytes())
    _, _, durable = HEADER.unpack_from(content, offset)
    forged = ENTRIES[123].replace(b"123", b"321")
    content[offset : offset + frame_bytes(len(forged))] = encode(forged, durable)
    file.write_bytes(content)
    fault = audit(copy).fault
    assert fault is not None
    assert (fault.index, fault.file, fault.offset) == (123, file, offset)
    assert "hash is not the one in the tree" in str(fault)


def test_an_altered_tree_is_told_from_an_altered_entry(copy: Path) -> None:
    nodes = copy / "nodes"
    flip(nodes, position(0, 55) * 32 + 5)
    fault = audit(copy).fault
    assert fault is not None
    assert (fault.index, fault.file, fault.offset) == (55, nodes, position(0, 55) * 32)


def test_a_cut_tree_or_offset_file_is_named_and_made_again(copy: Path) -> None:
    for name in ("nodes", "offsets"):
        file = copy / name
        whole = file.read_bytes()
        file.write_bytes(whole[:1000])
        fault = audit(copy).fault
        assert fault is not None
        assert fault.file == file
        with Ledger.open(copy) as ledger:
            assert ledger.recovery.replayed == COUNT
            assert ledger.entries(0, COUNT) == ENTRIES
        assert file.read_bytes() == whole
        assert audit(copy).fault is None


def test_an_altered_offset_is_named(copy: Path) -> None:
    flip(copy / "offsets", 8 * 77)
    fault = audit(copy).fault
    assert fault is not None
    assert (fault.index, fault.file, fault.offset) == (77, copy / "offsets", 8 * 77)


def test_a_rewritten_history_does_not_pass_the_checkpoint(copy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with Ledger.open(other, segment_bytes=SEGMENT) as ledger:
        for entry in ENTRIES:
            ledger.append(entry.replace(b"200", b"201"))
    shutil.copy(copy / "checkpoint", other / "checkpoint")
    fault = audit(other, [SIGNER.verifier]).fault
    assert fault is not None
    assert "not those that were signed" in fault.reason
    with pytest.raises(LedgerCorrupt, match="not those that were signed"):
        Ledger.open(other)


def test_a_ledger_set_back_behind_its_checkpoint_is_not_written_on(copy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with Ledger.open(other, segment_bytes=SEGMENT) as ledger:
        for entry in ENTRIES[:-1]:
            ledger.append(entry)
    shutil.copy(copy / "checkpoint", other / "checkpoint")
    with pytest.raises(LedgerCorrupt, match="a checkpoint over 400 entries was signed"):
        Ledger.open(other)
    fault = audit(other).fault
    assert fault is not None
    assert fault.index == COUNT - 1


def test_a_checkpoint_of_another_key_or_none_at_all_is_a_fault(copy: Path) -> None:
    assert audit(copy, [Signer("westworld/node/0x02", bytes(32), 1).verifier]).signature is False
    (copy / "checkpoint").write_bytes(b"nonsense")
    fault = audit(copy).fault
    assert fault is not None
    assert fault.file == copy / "checkpoint"
    with pytest.raises(LedgerCorrupt, match="a note is a text"):
        Ledger.open(copy)


@pytest.mark.parametrize("number", [0, 1])
def test_a_missing_segment_is_named(copy: Path, number: int) -> None:
    segment = copy / "segments" / f"{number:06d}"
    first = next(i for i, (file, _) in enumerate(places(copy)) if file == segment)
    segment.unlink()
    with pytest.raises(LedgerCorrupt, match="missing or cut") as raised:
        Ledger.open(copy)
    assert raised.value.index == first
    fault = audit(copy).fault
    assert fault is not None
    assert fault.index == first


def test_what_is_no_ledger_is_said(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="holds no ledger"):
        audit(tmp_path)
    (tmp_path / "ledger.json").write_text("{")
    with pytest.raises(LedgerError, match="cannot be read"):
        audit(tmp_path)
    (tmp_path / "ledger.json").write_text('{"format": 9, "segment_bytes": 131072}')
    with pytest.raises(LedgerError, match="format 9 is not known"):
        Ledger.open(tmp_path)
    with pytest.raises(ValueError, match="a segment has at least"):
        Ledger.open(tmp_path / "new", segment_bytes=4096)


@pytest.mark.parametrize("size", ["0", "-1", "1", "65552", "131073", "1e999", "131072.0", '"131072"', "true"])
def test_a_segment_size_that_no_ledger_has_is_named(copy: Path, size: str) -> None:
    (copy / "ledger.json").write_text(f'{{"format": 1, "segment_bytes": {size}}}')
    for use in (audit, Ledger.open):
        with pytest.raises(LedgerCorrupt, match="a segment has at least") as raised:
            use(copy)
        assert raised.value.file == copy / "ledger.json"


def test_a_segment_is_bounded_above(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at most"):
        Ledger.open(tmp_path, segment_bytes=1 << 31)
    (tmp_path / "ledger.json").write_text(f'{{"format": 1, "segment_bytes": {1 << 31}}}')
    with pytest.raises(LedgerCorrupt, match="at most"):
        audit(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b'{"size": -5, "end": 0, "root": ""}',
        b'{"size": 1e999, "end": 0, "root": ""}',
        b'{"size": 1, "end": -100, "root": ""}',
        b'{"size": 1.0, "end": 100, "root": ""}',
        b'{"size": true, "end": 100, "root": ""}',
        b'{"size": 1, "end": 100, "root": null}',
        b'{"size": 1, "end": 100}',
        b"[]",
        b"[" * 1_000,
        b"[" * 100_000,
        b"\xff\xfe\xff",
        b"",
    ],
    ids=lambda content: repr(content[:40]),
)
def test_what_is_no_mark_is_named(copy: Path, content: bytes) -> None:
    (copy / "trusted.json").write_bytes(content)
    fault = audit(copy, [SIGNER.verifier]).fault
    assert fault is not None
    assert fault.file == copy / "trusted.json"
    with pytest.raises(LedgerCorrupt) as raised:
        Ledger.open(copy)
    assert raised.value.file == copy / "trusted.json"


def mark_at(path: Path, size: int) -> Mark:
    """The mark that a ledger of these entries has after so many of them."""
    frontier = Frontier()
    for entry in ENTRIES[:size]:
        frontier.append(leaf_hash(entry), [])
    end = LedgerFiles.at(path).offsets(size - 1, size)[0] + frame_bytes(len(ENTRIES[size - 1])) if size else 0
    return Mark(size, end, frontier.root().hex())


@pytest.mark.parametrize("size", [0, 1, 123, COUNT])
def test_any_mark_that_was_once_right_is_still(copy: Path, size: int) -> None:
    LedgerFiles.at(copy).save_mark(mark_at(copy, size))
    assert audit(copy, [SIGNER.verifier]).fault is None
    with Ledger.open(copy) as ledger:
        assert ledger.recovery.replayed == COUNT - size


@pytest.mark.parametrize("size", [0, 1, 123, COUNT])
@pytest.mark.parametrize("changed", ["end + 16", "end - 16", "end - frame", "end * 1000", "root"])
def test_a_mark_that_is_wrong_is_named_and_nothing_is_cut_off(copy: Path, size: int, changed: str) -> None:
    mark = mark_at(copy, size)
    end = {
        "end + 16": mark.end + 16,
        "end - 16": mark.end - 16,
        "end - frame": mark.end - frame_bytes(len(ENTRIES[size - 1])),
        "end * 1000": mark.end * 1000 + SEGMENT,
        "root": mark.end,
    }[changed]
    LedgerFiles.at(copy).save_mark(Mark(size, end, "00" * 32 if changed == "root" else mark.root))
    before = [segment.read_bytes() for segment in sorted((copy / "segments").iterdir())]
    fault = audit(copy, [SIGNER.verifier]).fault
    assert fault is not None
    assert fault.file == copy / "trusted.json"
    with pytest.raises(LedgerCorrupt):
        Ledger.open(copy)
    assert [segment.read_bytes() for segment in sorted((copy / "segments").iterdir())] == before


def test_an_altered_last_offset_is_made_again(copy: Path) -> None:
    for byte in range(8):
        flip(copy / "offsets", 8 * (COUNT - 1) + byte)
        with Ledger.open(copy) as ledger:
            assert ledger.recovery.replayed == COUNT
            assert ledger.read(COUNT - 1) == ENTRIES[-1]


def crashed(path: Path, batches: list[list[bytes]]) -> list[list[int]]:
    """A ledger as a crash leaves it: no mark, derived files behind; gives each frame's place by batch."""
    with Ledger.open(path, segment_bytes=SEGMENT):
        pass
    (path / "trusted.json").unlink()
    content = bytearray((path / "segments" / "000000").read_bytes())
    count = at = 0
    offsets: list[list[int]] = []
    for batch in batches:
        offsets.append([])
        durable = count
        for entry in batch:
            frame = encode(entry, durable)
            content[at : at + len(frame)] = frame
            offsets[-1].append(at)
            at, count = at + len(frame), count + 1
    (path / "segments" / "000000").write_bytes(content)
    return offsets


batches_of_entries = st.lists(
    st.lists(st.binary(max_size=80), min_size=1, max_size=6), min_size=2, max_size=5
)


@pytest.mark.feature("C3.5")
@given(batches=batches_of_entries, data=st.data())
def test_a_torn_last_batch_is_cut_to_whole_entries_and_what_was_acknowledged_stays(
    memory: Path, batches: list[list[bytes]], data: st.DataObject
) -> None:
    path = Path(mkdtemp(dir=memory))
    offsets = crashed(path, batches)
    acknowledged = [entry for batch in batches[:-1] for entry in batch]
    torn = data.draw(st.integers(0, len(batches[-1]) - 1))
    segment = path / "segments" / "000000"
    start, length = offsets[-1][torn], frame_bytes(len(batches[-1][torn]))
    content = bytearray(segment.read_bytes())
    content[start : start + length] = bytes(length)
    if data.draw(st.booleans()):
        content[start : start + 4] = b"torn"
    segment.write_bytes(content)

    assert audit(path).fault is None
    with Ledger.open(path) as ledger:
        assert ledger.entries(0, ledger.size) == acknowledged + batches[-1][:torn]
        assert ledger.append(b"after") == len(acknowledged) + torn
    with Ledger.open(path) as ledger:
        assert ledger.read(len(acknowledged) + torn) == b"after"
        assert ledger.leaf(0) == leaf_hash(ledger.read(0))
    assert (audit(path).fault, audit(path).torn) == (None, None)
    shutil.rmtree(path)


def test_a_torn_tail_is_said(tmp_path: Path) -> None:
    offsets = crashed(tmp_path / "ledger", [[b"kept"], [b"torn"]])
    flip(tmp_path / "ledger" / "segments" / "000000", offsets[1][0] + 20)
    found = audit(tmp_path / "ledger")
    assert found.torn is not None
    assert found.torn.index == 1
    with Ledger.open(tmp_path / "ledger") as ledger:
        assert ledger.recovery.torn is not None
        assert (ledger.recovery.torn.index, ledger.recovery.torn.offset) == (1, offsets[1][0])
        assert ledger.size == 1


@given(batches=batches_of_entries, data=st.data())
def test_damage_in_an_acknowledged_batch_is_not_taken_for_a_torn_write(
    memory: Path, batches: list[list[bytes]], data: st.DataObject
) -> None:
    path = Path(mkdtemp(dir=memory))
    offsets = crashed(path, batches)
    which = data.draw(st.integers(0, len(batches) - 2))
    entry = data.draw(st.integers(0, len(batches[which]) - 1))
    flip(path / "segments" / "000000", offsets[which][entry] + 4)
    index = sum(len(batch) for batch in batches[:which]) + entry
    with pytest.raises(LedgerCorrupt) as raised:
        Ledger.open(path)
    assert (raised.value.index, raised.value.offset) == (index, offsets[which][entry])
    fault = audit(path).fault
    assert fault is not None
    assert (fault.index, fault.offset) == (index, offsets[which][entry])
    shutil.rmtree(path)
