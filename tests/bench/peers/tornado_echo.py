"""An echo server on Tornado."""
import asyncio

from tornado.iostream import StreamClosedError
from tornado.tcpserver import TCPServer


class Echo(TCPServer):
    async def handle_stream(self, stream, address):
        stream.set_nodelay(True)
        try:
            while True:
                await stream.write(await stream.read_bytes(65536, partial=True))
        except StreamClosedError:
            pass


async def main():
    server = Echo()
    server.listen(0, "127.0.0.1")
    for listener in server._sockets.values():
        print("listening on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
