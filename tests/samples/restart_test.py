"""Restarts under load: listeners are handed from one server to the next fifty times, and no client notices.

Every client opens a connection for each request, as the hardest case for a restart: at any moment some
connections wait in the kernel's queue, some are accepted and their request is on its way, some are being
answered.
"""

import ctypes
import os
import select
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from harness import DEADLINE, ProgramTest, Server, eventually, program

RESTARTS = 50
CLIENTS = 8
PR_SET_CHILD_SUBREAPER = 36


class Load:
    """Clients that ask, one connection a question, until they are told to stop. Nothing may fail."""

    def __init__(self, address):
        self.address = address
        self.answers = {}  # by the process that gave them
        self.failures = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def _run(self, client):
        number = 0
        while not self._stop.is_set():
            number += 1
            question = f"question {number} of client {client}"
            try:
                pid = self._ask(question)
            except (OSError, ValueError) as error:
                self.failures.append(f"{question}: {error!r}")
                continue
            with self._lock:
                self.answers[pid] = self.answers.get(pid, 0) + 1

    def _ask(self, question):
        with socket.create_connection(self.address, DEADLINE) as connection:
            connection.settimeout(DEADLINE)
            connection.sendall(question.encode() + b"\n")
            data = b""
            while more := connection.recv(4096):
                data += more
        pid, _, answer = data.decode().partition(" ")
        if answer != question + "\n":
            raise ValueError(f"the answer was {data!r}")
        return int(pid)

    def processes(self):
        """Those that have answered so far."""
        with self._lock:
            return set(self.answers)

    def count(self, pid=None):
        """The answers of that process, or of all."""
        with self._lock:
            return self.answers.get(pid, 0) if pid else sum(self.answers.values())

    def goes_on(self):
        before = self.count()
        eventually(lambda: self.count() > before + 20, "further answers")

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


class RestartTest(ProgramTest):
    def load(self, address):
        load = Load(address)
        self.addCleanup(load.stop)
        return load

    def expect_no_failure(self, load):
        load.stop()
        self.assertEqual(load.failures, [])

    # ---- a server that starts its successor itself ----

    def status_of(self, pid):
        """Waits for the end of a process that has become our child."""

        def ended():
            found, status = os.waitpid(pid, os.WNOHANG)
            return (os.waitstatus_to_exitcode(status),) if found else None

        return eventually(ended, f"the end of process {pid}")[0]

    def test_a_server_hands_its_listener_to_its_successor(self):
        # Successors outlive whoever started them: they become our children, and leave us their status.
        self.assertEqual(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0)
        server = Server()
        self.addCleanup(server.kill)
        load = self.load(server.address)
        pid = server.process.pid
        for _ in range(RESTARTS):
            eventually(lambda pid=pid: load.count(pid) > 20, "answers of the server")
            known = load.processes()
            os.kill(pid, signal.SIGUSR2)
            successor, = eventually(lambda known=known: load.processes() - known, "answers of a successor")
            self.addCleanup(kill_if_alive, successor)
            if pid == server.process.pid:
                self.assertEqual(server.wait(), 0)
            else:
                self.assertEqual(self.status_of(pid), 0)
            pid = successor
        eventually(lambda: load.count(pid) > 20, "answers of the last server")
        self.expect_no_failure(load)
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(self.status_of(pid), 0)
        self.assertEqual(len(load.answers), RESTARTS + 1)
        self.assertFalse(server.accepts())

    def test_a_successor_that_fails_leaves_the_place_to_the_next(self):
        self.assertEqual(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        successor = os.path.join(directory.name, "successor")
        server = Server("--successor", successor)
        self.addCleanup(server.kill)
        server.terminate(signal.SIGUSR2)
        eventually(lambda: f"cannot start {successor}" in server.errors(), "a successor that is not there")
        make_script(successor, "exit 1")
        server.terminate(signal.SIGUSR2)
        eventually(lambda: "successor_failed" in server.errors(), "a successor that fails")
        make_script(successor, f"exec {program()}")
        load = self.load(server.address)
        eventually(lambda: load.count(server.process.pid) > 20, "answers of the server")
        server.terminate(signal.SIGUSR2)
        pid, = eventually(lambda: load.processes() - {server.process.pid}, "answers of a successor")
        self.addCleanup(kill_if_alive, pid)
        self.assertEqual(server.wait(), 0)
        self.expect_no_failure(load)
        os.kill(pid, signal.SIGTERM)
        self.assertEqual(self.status_of(pid), 0)

    # ---- a service manager that holds the listener ----

    def service_manager(self):
        """What a service manager has of a service: its listener, and the socket of sd_notify(3)."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.addCleanup(listener.close)
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(ready.close)
        ready.bind("")  # the kernel chooses an abstract name
        return listener, ready

    def start(self, listener, ready):
        """A server of two processes that has been given the listener as systemd would, and is ready."""
        log = tempfile.TemporaryFile()
        self.addCleanup(log.close)
        process = subprocess.Popen(
            ["sh", "-c", f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&{listener.fileno()}', "sh",
             program(), "--processes", "2"],
            env={**os.environ, "NOTIFY_SOCKET": "@" + ready.getsockname()[1:].decode()},
            pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        self.assertTrue(select.select([ready], [], [], DEADLINE)[0], "the server is not ready")
        self.assertEqual(ready.recv(100), b"READY=1")
        return process

    def end(self, process):
        process.terminate()
        self.assertEqual(process.wait(DEADLINE), 0)

    def test_a_service_manager_starts_the_next_server_before_it_stops_the_last(self):
        listener, ready = self.service_manager()
        server = self.start(listener, ready)
        load = self.load(listener.getsockname())
        for _ in range(RESTARTS):
            load.goes_on()
            following = self.start(listener, ready)
            self.end(server)
            server = following
        load.goes_on()
        self.expect_no_failure(load)
        self.end(server)
        self.assertGreater(len(load.answers), RESTARTS)

    def test_connections_wait_while_a_service_manager_restarts_the_only_server(self):
        listener, ready = self.service_manager()
        server = self.start(listener, ready)
        load = self.load(listener.getsockname())
        for _ in range(RESTARTS):
            load.goes_on()
            self.end(server)
            server = self.start(listener, ready)
        load.goes_on()
        self.expect_no_failure(load)
        self.end(server)


def make_script(path, command):
    with open(path + ".new", "w", encoding="utf-8") as script:
        script.write(f"#!/bin/sh\n{command}\n")
    os.chmod(path + ".new", 0o755)
    os.replace(path + ".new", path)


def kill_if_alive(pid):
    try:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    except (ProcessLookupError, ChildProcessError):
        pass


if __name__ == "__main__":
    unittest.main()
