import signal
import subprocess
import sys
import threading

import pytest

from arraymill.cluster.session.imports import uninterrupted


def test_an_interrupt_waits_for_the_end():
    done = []

    def import_slowly():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append(1)

    with pytest.raises(KeyboardInterrupt):
        import_slowly()
    assert done == [1]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_without_an_interrupt_nothing_happens():
    before = signal.getsignal(signal.SIGINT)
    with uninterrupted():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_are_left_alone():
    found = []

    def work():
        with uninterrupted():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]


PROGRAM = """
import signal, sys
from arraymill.cluster import open_cluster

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "distributed.core":
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
if __name__ == "__main__":
    try:
        open_cluster("local").__enter__()
    except KeyboardInterrupt:
        print("interrupted")
    with open_cluster("local") as cluster:
        print(cluster.submit(sum, [1, 2], key="sum").result())
"""


def test_a_cluster_opens_after_ctrl_c_cut_the_first_import_short(tmp_path):
    script = tmp_path / "notebook.py"
    script.write_text(PROGRAM)
    ran = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=200, check=False)
    assert ran.stdout.splitlines() == ["interrupted", "3"], ran.stderr
