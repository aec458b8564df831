"""Signed notes and checkpoints, beside the note of the Go reference implementation (x/mod/sumdb/note)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oracles.ledger.errors import NoteInvalid
from oracles.ledger.note import LARGEST, Checkpoint, Signer, Verifier, open_checkpoint, open_note, split_note

GO_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
)
GO_NOTE = (
    GO_TEXT
    + "\n— PeterNeumann "
    + "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
GO_SKEY = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"

ORIGIN = "westworld/node/0x" + "ab" * 32
SIGNER = Signer(ORIGIN, bytes(range(32)), epoch=2)
CHECKPOINT = Checkpoint(ORIGIN, 7, bytes(range(32)), 2)


@pytest.mark.feature("C3.2")
def test_the_go_reference_note_opens_and_is_signed_alike() -> None:
    from base64 import b64decode

    verifier = Verifier.parse(GO_VKEY)
    assert verifier.vkey == GO_VKEY
    assert open_note(GO_NOTE, [verifier]).text == GO_TEXT
    assert Signer("PeterNeumann", b64decode(GO_SKEY)[1:]).sign(GO_TEXT) == GO_NOTE


def test_a_note_altered_anywhere_does_not_open() -> None:
    verifier = Verifier.parse(GO_VKEY)
    for at in range(len(GO_NOTE) - 1):
        altered = bytearray(GO_NOTE)
        altered[at] ^= 1
        with pytest.raises(NoteInvalid):
            open_note(bytes(altered), [verifier])


@pytest.mark.feature("C3.2")
def test_a_checkpoint_comes_back() -> None:
    note = SIGNER.sign(CHECKPOINT.text())
    assert open_checkpoint(note, [SIGNER.verifier]) == CHECKPOINT
    assert note.decode().startswith(
        f"{ORIGIN}\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nepoch 2\n\n— {ORIGIN} "
    )


def test_a_key_answers_only_for_its_epoch() -> None:
    note = SIGNER.sign(Checkpoint(ORIGIN, 7, bytes(32), 3).text())
    with pytest.raises(NoteInvalid, match=r"epoch 3: no signature by this origin's key of this epoch"):
        open_checkpoint(note, [SIGNER.verifier])
    with pytest.raises(NoteInvalid):
        open_checkpoint(note, [Signer(ORIGIN, bytes(32), 3).verifier, SIGNER.verifier])


def test_a_key_answers_only_for_its_own_origin() -> None:
    note = SIGNER.sign(Checkpoint("westworld/node/0xcd", 7, bytes(32), 2).text())
    with pytest.raises(NoteInvalid, match="no signature by this origin"):
        open_checkpoint(note, [SIGNER.verifier])


def test_cosignatures_of_strangers_are_passed_over() -> None:
    note = SIGNER.sign(CHECKPOINT.text())
    stranger = Signer("witness.example", bytes(32)).sign(CHECKPOINT.text())
    both = note + stranger[stranger.index("—".encode()) :]
    assert open_checkpoint(both, [SIGNER.verifier]) == CHECKPOINT
    with pytest.raises(NoteInvalid, match="signed by no known key"):
        open_note(stranger, [SIGNER.verifier])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no signature\n",
        b"text\n\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAAA",
        b"text\n\n- name AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 na+me AAAAAAAA\n",
        b"text\n\n\xe2\x80\x94 name AAAA\n",
        b"text\n\n\xe2\x80\x94 name !!!\n",
        b"te\x00xt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"te\xffxt\n\n\xe2\x80\x94 name AAAAAAAA\n",
        b"x" * 20_000 + b"\n\n\xe2\x80\x94 name AAAAAAAA\n",
    ],
)
def test_a_malformed_note_is_refused(raw: bytes) -> None:
    with pytest.raises(NoteInvalid):
        split_note(raw)


@pytest.mark.parametrize(
    "text",
    [
        "origin\n7\n",
        f"\n7\n{'A' * 43}=\n",
        f"origin\n07\n{'A' * 43}=\n",
        f"origin\n-7\n{'A' * 43}=\n",
        "origin\n7\nAAAA\n",
        f"origin\n7\n{'A' * 43}=",
        f"origin\n7\n{'A' * 43}=\nepoch x\n",
        f"origin\n7\n{'A' * 43}=\nepoch 1\nepoch 2\n",
        f"origin\n{2**63}\n{'A' * 43}=\n",
        f"origin\n7\n{'A' * 43}=\nepoch {2**63}\n",
        f"origin\n{10**400}\n{'A' * 43}=\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteInvalid):
        Checkpoint.parse(text)


def test_a_checkpoint_may_be_as_large_as_a_signed_64_bit_number() -> None:
    largest = Checkpoint(ORIGIN, LARGEST, bytes(32), LARGEST)
    assert Checkpoint.parse(largest.text()) == largest


def test_a_checkpoint_without_an_epoch_is_of_epoch_0_and_other_extensions_are_left_alone() -> None:
    assert Checkpoint.parse(f"origin\n7\n{'A' * 43}=\nsomething else\n") == Checkpoint(
        "origin", 7, bytes(32), 0
    )


@pytest.mark.parametrize(
    "vkey", ["", "name", "name+00000000+AAAA", GO_VKEY.replace("c74f", "c74e"), "a b" + GO_VKEY]
)
def test_a_malformed_verifier_key_is_refused(vkey: str) -> None:
    with pytest.raises(ValueError, match="key"):
        Verifier.parse(vkey)


@given(st.text())
def test_what_can_be_signed_can_be_opened(text: str) -> None:
    try:
        note = SIGNER.sign(text)
    except ValueError:
        return
    assert open_note(note, [SIGNER.verifier]).text == text


@given(st.binary(max_size=300))
def test_garbage_is_refused_and_nothing_else_happens(raw: bytes) -> None:
    with pytest.raises(NoteInvalid):
        open_checkpoint(raw, [SIGNER.verifier])
