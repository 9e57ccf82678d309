"""The calculator sample, by the client in Python and by its own."""

import subprocess
import threading
import unittest

from harness import DEADLINE, ProgramTest, program
from rpc_harness import Numbers, connect_client, failure, rpc

SERVICE = "calculator.Calculator/"


class CalculatorTest(ProgramTest):
    def client(self):
        return connect_client(self, self.serve())

    def ask(self, client, method, *operands, **options):
        return client.call(SERVICE + method, Numbers(operands), Numbers, timeout=DEADLINE, **options)

    def test_answers_at_once_and_by_number_the_second_time(self):
        client = self.client()
        self.assertEqual(self.ask(client, "Add", 2, 3), (5,))
        self.assertEqual(self.ask(client, "Add", 40, 2), (42,))
        self.assertEqual(client.numbers, {SERVICE + "Add": 1})

    def test_answers_later_and_others_meanwhile(self):
        client = self.client()
        late = client.open(SERVICE + "Power", Numbers, Numbers.of(2, 10), DEADLINE, one_reply=True)
        self.assertEqual(self.ask(client, "Add", 1, 1), (2,))
        self.assertEqual(list(late), [(1024,)])

    def test_says_what_is_wrong(self):
        client = self.client()
        error = failure(self, self.ask, client, "Divide", 1)
        self.assertEqual((error.code, error.text, error.details), (rpc.INVALID_ARGUMENT, "division by zero", b""))
        error = failure(self, self.ask, client, "Root", 1)
        self.assertEqual((error.code, error.text), (rpc.UNIMPLEMENTED, "there is no such method"))

    def test_is_in_the_metrics_that_all_threads_add_up_to(self):
        server = self.serve("--threads", "2", "--admin", "127.0.0.1:0")
        for client in [connect_client(self, server) for _ in range(6)]:
            self.assertEqual(self.ask(client, "Add", 2, 3), (5,))
        failure(self, self.ask, client, "Divide", 1)
        failure(self, self.ask, client, "Root", 1)
        metrics = self.admin_page(server)
        self.assertIn('rpc_calls_total{code="OK",method="calculator.Calculator/Add"} 6\n', metrics)
        self.assertIn('rpc_calls_total{code="INVALID_ARGUMENT",method="calculator.Calculator/Divide"} 1\n', metrics)
        self.assertIn('rpc_calls_refused_total{cause="unknown_method"} 1\n', metrics)

    def test_asks_its_caller(self):
        client = self.client()
        asked = []

        def power(context, request):
            asked.append((request, 0 < context.time_left() <= DEADLINE))
            return Numbers.of(request[0] ** request[1])

        client.on(SERVICE + "Power", Numbers, power)
        self.assertEqual(self.ask(client, "Squares", 3, 4), (25,))
        self.assertEqual(asked, [((3, 2), True), ((4, 2), True)], "the deadline is inherited")
        self.assertEqual(client.names, {1: SERVICE + "Power"}, "named once")

    def test_passes_on_what_its_caller_answers(self):
        client = self.client()
        error = failure(self, self.ask, client, "Squares", 3, 4)
        self.assertEqual(error.code, rpc.UNIMPLEMENTED)

        def refuse(_context, _request):
            raise rpc.RpcError(rpc.OUT_OF_RANGE, "too long a side")

        client.on(SERVICE + "Power", Numbers, refuse)
        error = failure(self, self.ask, client, "Squares", 3, 4)
        self.assertEqual((error.code, error.text), (rpc.OUT_OF_RANGE, "too long a side"))

    def test_a_cancelled_call_cancels_what_it_asks(self):
        client = self.client()
        begun, cancelled = threading.Event(), threading.Event()

        def never(context, _request):
            begun.set()
            context.wait_for_cancel()
            cancelled.set()
            raise rpc.RpcError(rpc.CANCELLED)

        client.on(SERVICE + "Power", Numbers, never)
        call = client.open(SERVICE + "Squares", Numbers, Numbers.of(3, 4), one_reply=True)
        self.assertTrue(begun.wait(DEADLINE))
        call.cancel()
        self.assertTrue(cancelled.wait(DEADLINE))
        self.assertEqual(self.ask(client, "Add", 1, 2), (3,))

    def test_a_deadline_ends_a_call_on_both_sides(self):
        client = self.client()
        begun, cancelled = threading.Event(), threading.Event()

        def never(context, _request):
            begun.set()
            context.wait_for_cancel()
            cancelled.set()
            return Numbers()

        client.on(SERVICE + "Power", Numbers, never)
        error = failure(self, client.call, SERVICE + "Squares", Numbers.of(3, 4), Numbers, timeout=0.05)
        self.assertEqual(error.code, rpc.DEADLINE_EXCEEDED)
        # On a machine that is busy the deadline may have passed before the server heard of the call.
        self.assertTrue(cancelled.wait(DEADLINE) if begun.is_set() else True)

    def test_does_not_answer_a_notice(self):
        client = self.client()
        client.notify(SERVICE + "Add", Numbers.of(1, 1))
        self.assertEqual(self.ask(client, "Add", 1, 2), (3,))
        self.assertEqual(client.passed_over, 0)

    def test_answers_pings(self):
        self.assertGreater(self.client().ping(DEADLINE), 0)

    def test_says_goodbye_to_its_callers(self):
        server = self.serve()
        client = connect_client(self, server)
        self.assertEqual(self.ask(client, "Add", 1, 2), (3,))
        server.terminate()
        client.serve()
        error = failure(self, self.ask, client, "Add", 1, 2)
        self.assertEqual((error.code, error.retryable), (rpc.UNAVAILABLE, True))

    def test_closes_for_other_protocols(self):
        client = self.connect(self.serve())
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        said = client.rest()
        self.assertTrue(said.startswith(rpc.MAGIC), said)
        self.assertIn(b"another protocol", said)

    def test_is_its_own_client(self):
        server = self.serve()
        for arguments, said, status in ((("add", "2", "3"), "5\n", 0), (("squares", "3", "4"), "25\n", 0),
                                        (("divide", "1", "0"), "INVALID_ARGUMENT: division by zero\n", 1)):
            done = subprocess.run([program(), *arguments, f"127.0.0.1:{server.port}"], timeout=DEADLINE,
                                  capture_output=True, text=True, check=False)
            self.assertEqual((done.stdout, done.returncode), (said, status), done.stderr)


if __name__ == "__main__":
    unittest.main()
