"""The kernel room's plain parts; these run anywhere."""

from __future__ import annotations

import re
import struct
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kernel import bpf, cgroups, headers, image
from agent.kernel.compile import references
from agent.kernel.drops import DropEvent
from agent.kernel.hooks import Scope
from agent.kernel.reasons import Reason
from agent.kernel.rules import RULE_SIZE, Destination, KernelRule, MetricType, Verdict, slot_of
from agent.kernel.self_check import SelfCheck

VIOLATIONS = {
    "metric_not_allowed",
    "metric_over_collection_rate",
    "metric_value_out_of_bounds",
    "datagram_malformed",
    "destination_not_allowed",
}


def enumerators(text: str, name: str) -> list[str]:
    found = re.search(rf"enum {name} {{(.*?)}}", text, re.DOTALL)
    assert found
    return [one.split("=")[0].strip() for one in found[1].split(",") if one.strip()]


def test_reasons_are_numbered_as_in_the_source() -> None:
    source = (image.SOURCE / "reasons.h").read_text()
    assert enumerators(source, "reason") == ["PASS", *(f"DROP_{reason.name}" for reason in Reason)]
    assert [reason.value for reason in Reason] == list(range(1, len(Reason) + 1))


def test_types_are_numbered_as_in_the_source() -> None:
    source = (image.SOURCE / "maps.h").read_text()
    assert enumerators(source, "type") == [kind.name for kind in MetricType]
    assert len(enumerators(source, "verdict")) == len(Verdict)


def test_every_reason_is_a_violation_or_none() -> None:
    silent = {reason for reason in Reason if reason.violation is None}
    assert silent == {Reason.NO_POLICY, Reason.SUSPENDED}
    assert {reason.violation for reason in Reason} - {None} == VIOLATIONS


def test_a_rule_in_the_charters_units() -> None:
    rule = KernelRule.allowing(
        "cpu", minimum=Decimal("-1.005"), maximum=Decimal("99.999"), rate_hz=Decimal("0.3")
    )
    assert (rule.minimum, rule.maximum) == (-100, 9999)
    assert rule.interval_ns == 3_333_333_334
    assert rule.verdict is Verdict.ALLOWED
    assert KernelRule.forbidding(b"user_location").verdict is Verdict.FORBIDDEN


@given(st.integers(0, 65535), st.integers(-(2**62), 2**62), st.integers(0, 2**62))
def test_a_packed_rule_is_as_wide_as_the_table_and_keeps_its_slot(slot: int, low: int, width: int) -> None:
    packed = KernelRule(b"m", MetricType.SET, low, min(low + width, 2**63 - 1)).packed(slot)
    assert len(packed) == RULE_SIZE == 40
    assert slot_of(packed) == slot
    assert struct.unpack_from("=q", packed)[0] == low


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"name": b""}, "a name is 1 to 64 bytes"),
        ({"name": b"x" * 65}, "a name is 1 to 64 bytes"),
        ({"name": b"a b"}, "a name is 1 to 64 bytes"),
        ({"name": b"a\n"}, "a name is 1 to 64 bytes"),
        ({"name": b"1a"}, "a name is 1 to 64 bytes"),
        ({"decimals": 10}, "metric m: decimals 10"),
        ({"minimum": 2, "maximum": 1}, "must ascend"),
        ({"maximum": 2**63}, "must ascend within 64 bits"),
        ({"burst": 0}, "burst 0"),
        ({"interval_ns": -1}, "too rare"),
        ({"interval_ns": 2**53}, "too rare"),
    ],
)
def test_a_rule_that_the_table_cannot_hold_is_refused(arguments: dict[str, object], said: str) -> None:
    given_ = {"name": b"m", **arguments}
    with pytest.raises(ValueError, match=said):
        KernelRule(**given_)  # type: ignore[arg-type]


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="metric m: rate_hz 0 must be more than 0"):
        KernelRule.allowing("m", rate_hz=0)


def test_destinations_are_read_and_written() -> None:
    four, six = Destination.parse("192.0.2.1:8125"), Destination.parse("[2001:db8::1]:8125")
    assert (four.address, six.address) == (IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1"))
    assert (str(four), str(six)) == ("192.0.2.1:8125", "[2001:db8::1]:8125")
    assert four.packed() == bytes(10) + b"\xff\xff\xc0\x00\x02\x01" + b"\x1f\xbd" + bytes(6)
    assert len(six.packed()) == 24


@pytest.mark.parametrize(
    "text", ["", "192.0.2.1", "192.0.2.1:", ":8125", "192.0.2.1:0", "192.0.2.1:65536", "host:1"]
)
def test_other_destinations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"destination|address"):
        Destination.parse(text)


def test_cgroup2_is_found_on_a_hybrid_mount(tmp_path: Path) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw shared:9 - cgroup2 cgroup2 rw\n"
    )
    assert cgroups.cgroup2_root(mountinfo) == Path("/sys/fs/cgroup/uni fied")
    mountinfo.write_text("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n")
    with pytest.raises(cgroups.CgroupUnavailable, match="no cgroup2 is mounted"):
        cgroups.cgroup2_root(mountinfo)


def test_a_cgroup_that_cannot_be_made_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert cgroups.telemetry_cgroup("c", tmp_path) == tmp_path / "c"
    assert cgroups.telemetry_cgroup("c", tmp_path) == tmp_path / "c"
    with pytest.raises(cgroups.CgroupUnavailable, match="run the agent as root"):
        cgroups.telemetry_cgroup("c", tmp_path / "file")


def test_kernel_headers_are_linked_once(tmp_path: Path) -> None:
    modules, sources = tmp_path / "modules", tmp_path / "src"
    with pytest.raises(headers.HeadersMissing, match="apt-get install"):
        headers.link_headers("6.9", modules, sources)
    (sources / "linux-headers-6.1.0-1-amd64" / "include").mkdir(parents=True)
    (sources / "linux-headers-6.1.0-1-common").mkdir()
    build = headers.link_headers("6.9", modules, sources)
    assert (build / "include").is_dir()
    assert (modules / "6.9" / "source").resolve() == sources / "linux-headers-6.1.0-1-common"
    assert headers.link_headers("6.9", modules, sources) == build


def test_headers_that_cannot_be_linked_say_why(tmp_path: Path) -> None:
    (tmp_path / "src" / "linux-headers-6.1.0-1-amd64" / "include").mkdir(parents=True)
    (tmp_path / "src" / "linux-headers-6.1.0-1-common").mkdir()
    (tmp_path / "modules").touch()
    with pytest.raises(headers.HeadersMissing, match=r"run as root: python -m agent\.kernel\.headers"):
        headers.link_headers("6.9", tmp_path / "modules", tmp_path / "src")


def test_instructions_that_load_maps_are_found() -> None:
    load_map = struct.pack("=BBhi", 0x18, 0x11, 0, 7) + bytes(8)
    load_number = struct.pack("=BBhi", 0x18, 0x01, 0, 7) + bytes(8)
    assert references(load_number + load_map, {7: "short_0"}) == {2: "short_0"}


def test_only_a_private_cache_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / f"{image.source_digest()}.json"
    known = image.Image(digest=image.source_digest(), maps=(), programs=())
    kept.write_text(known.model_dump_json())
    tmp_path.chmod(0o700)
    kept.chmod(0o600)
    assert image.compiled(tmp_path) == known

    monkeypatch.setattr("sys.executable", "/bin/false")
    kept.chmod(0o666)
    with pytest.raises(image.CompilationFailed, match="ended with 1"):
        image.compiled(tmp_path)
    kept.chmod(0o600)
    kept.write_text('{"digest": ')
    with pytest.raises(image.CompilationFailed):
        image.compiled(tmp_path)


def test_an_unknown_machine_has_no_bpf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "pdp11")
    with pytest.raises(OSError, match="has no known number on pdp11"):
        bpf.call(bpf.Command.OBJ_GET, b"")


def test_enforcing_is_said_without_faults_only() -> None:
    assert SelfCheck((Scope.DATAGRAM,), (), ()).enforcing
    assert not SelfCheck((Scope.DATAGRAM,), (), ("something got out",)).enforcing
    assert not SelfCheck((), (), ()).enforcing


def test_events_compare_by_value() -> None:
    event = DropEvent(Reason.RATE, b"m", 1, 1000, 7, None, True)
    assert event == DropEvent(Reason.RATE, b"m", 1, 1000, 7, None, True)
