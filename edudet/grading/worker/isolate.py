"""How the kernel keeps a process in its place: namespaces, mounts, seccomp, Landlock, limits.

Everything here goes through the C library, because Python has no words for it before 3.12, and
because this file runs inside the sandbox, where there is nothing but the standard library.
"""

import ctypes
import errno
import os
import platform
import resource
import struct
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x20000, 0x4000000, 0x8000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = (
    1, 2, 4, 32, 4096, 16384, 1 << 18,
)
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> None:
    _check(_libc.prctl(option, value, 0, 0, 0), f"prctl({option})")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def mount(source: str, target: Path | str, kind: str, flags: int = 0, data: str = "") -> None:
    words = [str(word).encode() for word in (source, target, kind)]
    _check(
        _libc.mount(*words, ctypes.c_ulong(flags), data.encode() or None),
        f"mount {source} on {target}",
    )


def enter_user_namespace(flags: int) -> None:
    """Become root of a new user namespace (and of the others in `flags`), nobody outside of it."""
    user, group = os.geteuid(), os.getegid()
    unshare(CLONE_NEWUSER | flags)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def bind(source: Path, target: Path, writable: bool = False) -> None:
    """Show `source` at `target`, read-only, and without set-uid programs and devices."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    mount(str(source), target, "", MS_BIND | MS_REC)
    flags = MS_REMOUNT | MS_BIND | MS_NOSUID | (0 if writable else MS_RDONLY)
    # Flags that the host has set on this mount are locked in a user namespace: they must stay.
    flags |= os.statvfs(source).f_flag & (MS_NODEV | 8 | 1024 | 2048 | MS_RDONLY)
    mount("none", target, "", flags)


def change_root(new_root: Path) -> None:
    """Make `new_root` the root of this mount namespace, and let go of the old one."""
    old = new_root / "old"
    old.mkdir()
    _check(
        _libc.syscall(155 if platform.machine() == "x86_64" else 41,
                      str(new_root).encode(), str(old).encode()),
        "pivot_root",
    )
    os.chdir("/")
    _check(_libc.umount2(b"/old", MNT_DETACH), "umount")
    os.rmdir("/old")


def drop_capabilities() -> None:
    header = struct.pack("II", 0x20080522, 0)
    _check(_libc.capset(header, bytes(24)), "capset")


def limit(kind: int, value: int) -> None:
    """Lower a resource limit; a limit that is lower already stays."""
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def address_space() -> int:
    """Bytes of address space that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


# System calls that a solution never needs, as (x86-64, ARM64) numbers.
FORBIDDEN = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430),
    "mount_setattr": (442, 442), "unshare": (272, 97), "setns": (308, 268),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "socket": (41, 198),
    "open_by_handle_at": (304, 265), "init_module": (175, 105), "finit_module": (313, 273),
    "kexec_load": (246, 104), "acct": (163, 89), "reboot": (169, 142), "swapon": (167, 224),
    "memfd_create": (319, 279), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
}  # fmt: skip
PROCESSES = {"fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281)}
SIGNALS = {
    "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "pidfd_send_signal": (424, 424), "setpriority": (141, 140),
    "sched_setaffinity": (203, 122), "prlimit64": (302, 261),
}  # fmt: skip
CLONE, CLONE3 = (56, 220), (435, 435)
ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
CLONE_THREAD = 0x10000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000


def filter_system_calls(processes: bool, signals: bool = True) -> None:
    """Let the kernel refuse what a solution never needs; new processes too, unless `processes`,
    and, where no namespace hides the others, what reaches other processes, unless `signals`.

    Threads are allowed. Raises OSError where the kernel or the machine cannot do it.
    """
    if platform.machine() not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"seccomp: not known on {platform.machine()}")
    column, audit = ARCHITECTURES[platform.machine()]
    forbidden = [numbers[column] for numbers in FORBIDDEN.values()]
    if not processes:
        forbidden += [n for n in (pair[column] for pair in PROCESSES.values()) if n is not None]
    if not signals:
        forbidden += [numbers[column] for numbers in SIGNALS.values()]
    program = [
        (_LOAD, 0, 0, 4),                              # the architecture of the call
        (_EQUAL, 1, 0, audit),
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_LOAD, 0, 0, 0),                              # its number
        (_AT_LEAST, 0, 1, 0x40000000),                 # x32 gives other numbers to the same calls
        (_RETURN, 0, 0, _ERROR | errno.EPERM),
        (_EQUAL, 0, 1, CLONE3[column]),                # its flags lie in memory: take clone instead
        (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
    ]  # fmt: skip
    for number in forbidden:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ERROR | errno.EPERM)]
    if not processes:
        program += [
            (_EQUAL, 0, 3, CLONE[column]),
            (_LOAD, 0, 0, 16),                         # its first argument: the flags
            (_ANY_BIT, 1, 0, CLONE_THREAD),
            (_RETURN, 0, 0, _ERROR | errno.EPERM),
        ]  # fmt: skip
    program.append((_RETURN, 0, 0, _ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    pointer = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _check(_libc.prctl(PR_SET_SECCOMP, 2, pointer, 0, 0), "seccomp")


_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_READ = 1 | 4 | 8  # execute, read files, list folders
_OF_FILES = 1 | 2 | 4 | 1 << 14  # the rights that mean something for a file: the last is truncate


def _all_rights() -> int:
    """What this kernel's Landlock knows to forbid about files and folders."""
    version = _check(_libc.syscall(_CREATE_RULESET, None, 0, 1), "landlock")
    known = 13 + (version >= 2) + (version >= 3)
    return (1 << known) - 1


def restrict_files(readable: list[Path], writable: list[Path]) -> None:
    """Landlock: from now on this process sees only these files and folders."""
    every = _all_rights()
    handled = struct.pack("Q", every)
    ruleset = _check(_libc.syscall(_CREATE_RULESET, handled, len(handled), 0), "landlock")
    for paths, rights in ((readable, _READ), (writable, every)):
        for path in paths:
            if not path.exists():
                continue
            place = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed = rights if path.is_dir() else rights & _OF_FILES & every
            rule = struct.pack("=Qi", allowed, place)
            _check(_libc.syscall(_ADD_RULE, ruleset, 1, rule, 0), f"landlock: {path}")
            os.close(place)
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    _check(_libc.syscall(_RESTRICT_SELF, ruleset, 0), "landlock")
    os.close(ruleset)
