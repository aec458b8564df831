"""Whether this machine can run the kernel tests; run as a script it prints the answer and exits 0 or 1.

The question is answered by loading a two-instruction program, not by reading names or versions: BPF can be
compiled in and still be refused (lockdown, seccomp, a missing capability).
"""

from __future__ import annotations

import ctypes
import errno
import importlib.util
import os
import platform
import sys
from functools import cache
from pathlib import Path

_SYSCALL = {"x86_64": 321, "aarch64": 280}
_BPF_PROG_LOAD = 5
_BPF_PROG_TYPE_CGROUP_SKB = 8
_BPF_CGROUP_INET_EGRESS = 1
# mov64 r0, 1 ; exit  -- lets everything through
_LET_THROUGH = bytes.fromhex("b7000000010000009500000000000000")


class _ProgLoad(ctypes.Structure):
    """The fields of `union bpf_attr` that BPF_PROG_LOAD reads (include/uapi/linux/bpf.h)."""

    _fields_ = (
        ("prog_type", ctypes.c_uint32),
        ("insn_cnt", ctypes.c_uint32),
        ("insns", ctypes.c_uint64),
        ("license", ctypes.c_uint64),
        ("log_level", ctypes.c_uint32),
        ("log_size", ctypes.c_uint32),
        ("log_buf", ctypes.c_uint64),
        ("kern_version", ctypes.c_uint32),
        ("prog_flags", ctypes.c_uint32),
        ("prog_name", ctypes.c_char * 16),
        ("prog_ifindex", ctypes.c_uint32),
        ("expected_attach_type", ctypes.c_uint32),
    )


def _load_error() -> str:
    """Loads a program that lets everything through, and closes it; returns "" or the kernel's refusal."""
    number = _SYSCALL.get(platform.machine())
    if number is None:
        return f"the bpf system call's number is not known for {platform.machine()}"
    instructions = ctypes.create_string_buffer(_LET_THROUGH, len(_LET_THROUGH))
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = _ProgLoad(
        prog_type=_BPF_PROG_TYPE_CGROUP_SKB,
        insn_cnt=len(_LET_THROUGH) // 8,
        insns=ctypes.addressof(instructions),
        license=ctypes.addressof(licence),
        expected_attach_type=_BPF_CGROUP_INET_EGRESS,
    )
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.syscall(number, _BPF_PROG_LOAD, ctypes.byref(attributes), ctypes.sizeof(attributes))
    if descriptor < 0:
        code = ctypes.get_errno()
        return f"the kernel refuses a cgroup BPF program ({errno.errorcode.get(code, code)})"
    os.close(descriptor)
    return ""


@cache
def kernel_refusal() -> str:
    """Why no cgroup BPF program can run here at all; "" if it can."""
    if sys.platform != "linux":
        return f"{sys.platform} is not Linux"
    if os.geteuid() != 0:
        return "not root"
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    if " - cgroup2 " not in mounts:
        return "cgroup2 is not mounted"
    return _load_error()


@cache
def compiler_refusal() -> str:
    """Why BCC cannot compile a program here; "" if it can (as far as its files tell)."""
    if importlib.util.find_spec("bcc") is None:
        return "BCC is not linked into the virtual environment; run scripts/setup as root"
    headers = Path("/lib/modules") / platform.release() / "build"
    if not headers.exists() and not Path("/sys/kernel/kheaders.tar.xz").exists():
        return f"no kernel headers at {headers}; run scripts/setup as root"
    return ""


def main() -> int:
    """Prints whether kernel tests could run here; 0 if so, 1 if not."""
    refusal = kernel_refusal()
    print(f"kernel tests cannot run here: {refusal}" if refusal else "kernel tests can run here")
    return 1 if refusal else 0


if __name__ == "__main__":
    sys.exit(main())
