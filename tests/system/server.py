"""What the doubles of a server have in common: a socket on loopback, a thread
for each connection, and events that a test waits to release.
"""

import contextlib
import socket
import threading


class Over(Exception):
    """The connection is closed, and that was the plan."""


class Server:
    """Serves from when it is made, so that it is to be made last of all."""

    def __init__(self, port=0):
        self._lock = threading.Condition()
        self._released = set()
        self._connections = set()
        self._connected = 0
        self._is_over = False
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self):
        """Close everything, at once."""
        with self._lock:
            self._is_over = True
            self._lock.notify_all()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        self._thread.join()

    def hang_up(self):
        """End each connection that there is now."""
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def release(self, event):
        """Let all that waits for EVENT go on, now and later."""
        with self._lock:
            self._released.add(event)
            self._lock.notify_all()

    def connections(self):
        """How many connections were accepted so far."""
        with self._lock:
            return self._connected

    # For the double.

    def _open(self, connection):
        """CONNECTION as it is talked by: with TLS, say."""
        return connection

    def _talk(self, connection, number):
        """Serve the NUMBER-th connection until it ends; Over ends it."""
        raise NotImplementedError

    def _wait(self, event):
        """Until EVENT (None: nothing) is released."""
        with self._lock:
            self._lock.wait_for(lambda: event is None or
                                event in self._released or self._is_over)
            if self._is_over:
                raise Over

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._connected += 1
                number = self._connected
            threading.Thread(target=self._serve, args=(connection, number),
                             daemon=True).start()

    def _serve(self, connection, number):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain = connection
        try:
            connection = self._open(connection)
            with self._lock:
                if self._is_over:
                    return
                self._connections.add(connection)
            self._talk(connection, number)
        except (Over, OSError):
            pass
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()
            plain.close()
