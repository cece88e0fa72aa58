"""What compiled code prints is not among what we print, and what we print is."""

import ctypes
import sys

from gpusim.policies.silence import silence


def test_compiled_code_is_not_heard(capfd):
    c = ctypes.CDLL(None)
    print("before")
    with silence():
        c.puts(b"from C")
    print("after")
    c.puts(b"heard")
    c.fflush(None)
    sys.stdout.flush()
    assert sorted(capfd.readouterr().out.split()) == ["after", "before", "heard"]


def test_without_a_standard_output(monkeypatch):
    """A service without a terminal may have closed it."""
    monkeypatch.setattr("os.dup", lambda _fd: (_ for _ in ()).throw(OSError("bad file descriptor")))
    with silence():
        found = 1
    assert found == 1
