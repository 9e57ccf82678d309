"""The multiprocess_echo sample: every process serves, crashes are mended, and nobody is left behind."""

import os
import pty
import re
import select
import signal
import unittest

from harness import Client, ProgramTest, Server, eventually, program


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return [int(child) for child in children.read().split()]


def is_alive(pid):
    """False for a process that has ended, even when nobody has asked for its status yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


class MultiprocessEchoTest(ProgramTest):
    def start(self, processes=3):
        server = self.serve("--processes", str(processes))
        children = children_of(server.process.pid)
        self.assertEqual(len(children), processes)
        return server, children

    def served_by(self, server):
        """A connection, and (id, pid) of the process that took it."""
        client = self.connect(server)
        said = re.fullmatch(r"process (\d+), pid (\d+)", client.line())
        return client, int(said[1]), int(said[2])

    def served_only_by(self, server, child, children):
        """The same, while the other processes are stopped and take nothing."""
        others = [other for other in children if other != child]
        for other in others:
            os.kill(other, signal.SIGSTOP)
        try:
            # One that was on its way when it was stopped may still have been taken by another.
            return eventually(lambda: self.served_by_or_none(server, child), "a connection to that process")
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)

    def served_by_or_none(self, server, child):
        client = self.connect(server)
        if not select.select([client.socket], [], [], 1)[0]:
            return None  # a process that is stopped has it
        said = re.fullmatch(r"process (\d+), pid (\d+)", client.line())
        return (client, int(said[1])) if int(said[2]) == child else None

    def replaced(self, server, child, processes):
        """Waits until that process has a successor, and returns all."""

        def successor():
            now = children_of(server.process.pid)
            return now if len(now) == processes and child not in now else None

        return eventually(successor, "a successor")

    def test_every_process_serves(self):
        server, children = self.start()
        ids = set()
        for child in children:
            client, process_id = self.served_only_by(server, child, children)
            client.send(b"hello")
            self.assertEqual(client.receive(5), b"hello")
            ids.add(process_id)
        self.assertEqual(ids, {0, 1, 2})

    def test_says_once_where_it_listens(self):
        server, children = self.start()
        os.kill(children[0], signal.SIGKILL)
        self.replaced(server, children[0], 3)
        server.stop()
        self.assertEqual(server.process.stdout.read(), b"")

    def test_a_process_that_is_killed_is_replaced_and_the_others_go_on(self):
        server, children = self.start()
        kept = [self.served_only_by(server, child, children) for child in children]
        lost, lost_id = kept.pop(0)
        os.kill(children[0], signal.SIGKILL)
        self.assertTrue(lost.ends())
        for client, _ in kept:
            client.send(b"still there?")
            self.assertEqual(client.receive(12), b"still there?")

        now = self.replaced(server, children[0], 3)
        child = (set(now) - set(children)).pop()
        client, process_id = self.served_only_by(server, child, now)
        self.assertEqual(process_id, lost_id)
        client.send(b"welcome")
        self.assertEqual(client.receive(7), b"welcome")

    def test_new_connections_are_served_while_one_is_being_replaced(self):
        server, children = self.start(2)
        for _ in range(3):
            os.kill(children[0], signal.SIGKILL)
            client, _, _ = self.served_by(server)
            client.send(b"hello")
            self.assertEqual(client.receive(5), b"hello")
            children = self.replaced(server, children[0], 2)

    def test_sigterm_ends_all_and_leaves_the_port(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                server, children = self.start()
                client, _, _ = self.served_by(server)
                server.terminate(number)
                self.assertEqual(client.rest(), b"")
                client.close()
                server.stop()
                self.assertEqual([child for child in children if is_alive(child)], [])
                self.assertFalse(server.accepts())
                again = self.serve("--processes", "2", port=server.port)
                self.assertEqual(again.port, server.port)

    def test_ctrl_c_reaches_every_process_twice_and_drains_once(self):
        # A terminal signals all, and the parent passes its signal on.
        parent, terminal = pty.fork()
        if parent == 0:
            os.execv(program(), [program(), "--port", "0", "--processes", "2"])
        self.addCleanup(os.close, terminal)
        said = b""

        def hears(text):
            nonlocal said
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    said += os.read(terminal, 4096)
                except OSError:  # the last process has gone
                    return True
            return text in said

        eventually(lambda: hears(b"listening on"), "an address")
        port = int(re.search(rb"listening on 127.0.0.1:(\d+)", said)[1])
        client = Client(("127.0.0.1", port))
        self.addCleanup(client.close)
        self.assertIn("process", client.line())
        os.write(terminal, b"\x03")
        self.assertEqual(client.rest(), b"")  # a FIN, which an abort would not send
        client.close()
        eventually(lambda: hears(b"(the end)"), "the end")
        self.assertEqual(os.waitpid(parent, 0)[1], 0)
        self.assertIn(b"event=stopping signal=2", said)
        self.assertNotIn(b"aborting", said)

    def test_nobody_is_left_when_the_parent_is_killed(self):
        server = Server("--processes", "3")
        self.addCleanup(server.kill)
        children = children_of(server.process.pid)
        client, _, _ = self.served_by(server)
        server.process.kill()
        self.assertEqual(server.wait(), -signal.SIGKILL)
        eventually(lambda: not any(is_alive(child) for child in children), "the end of the children")
        self.assertTrue(client.ends())
        # A process whose first thread has ended is a zombie already, but keeps its descriptors while
        # another thread of it (the thread sanitizer starts one) is on its way out.
        eventually(lambda: not server.accepts(), "the end of the port")

    def test_a_port_that_is_taken_is_named(self):
        server, _ = self.start(1)
        status, said = self.refuses("--port", str(server.port))
        self.assertEqual(status, 1)
        self.assertIn(f"127.0.0.1:{server.port}", said)


if __name__ == "__main__":
    unittest.main()
