"""Clients as balancers and browsers are: they keep connections, and connect anew after `Connection: close`.

    polite.py SECONDS CLIENTS HOST:PORT...

Asks the first address; where that refuses a connection, the next one from then on. Prints what was served and what
failed: a request that was sent and got no whole answer, or another status than 200. Ends with 1 if something failed.
"""

import http.client
import sys
import threading
import time

PATH = "/api/commerce/products/p-0001"


class Client(threading.Thread):
    """One client with one connection at a time."""

    def __init__(self, addresses, until):
        super().__init__(daemon=True)
        self.addresses, self.until = list(addresses), until
        self.served, self.moved, self.failures = 0, 0, []

    def run(self):
        connection = None
        while time.monotonic() < self.until:
            connection = connection or self.connect()
            try:
                connection.request("GET", PATH)
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                connection = None
                continue
            if answer.status == 200:
                self.served += 1
            else:
                self.failures.append(f"status {answer.status}")
            if answer.will_close:
                self.moved += 1
                connection.close()
                connection = None

    def connect(self):
        """A connection to the first address that takes one; one that refuses is not asked again."""
        while True:
            host, port = self.addresses[0].rsplit(":", 1)
            connection = http.client.HTTPConnection(host, int(port), timeout=10)
            try:
                connection.connect()
                return connection
            except ConnectionRefusedError:
                if len(self.addresses) == 1:
                    raise
                self.addresses.pop(0)


def main():
    seconds, clients, addresses = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    until = time.monotonic() + seconds
    crowd = [Client(addresses, until) for _ in range(clients)]
    for client in crowd:
        client.start()
    for client in crowd:
        client.join(seconds + 15)
    failures = [failure for client in crowd for failure in client.failures]
    stuck = sum(client.is_alive() for client in crowd)
    served, moved = sum(client.served for client in crowd), sum(client.moved for client in crowd)
    print(f"{served} served, {moved} connections given up when asked to, {len(failures)} failed, {stuck} stuck")
    for failure in failures[:5]:
        print(f"  {failure}")
    sys.exit(bool(failures or stuck or not served))


if __name__ == "__main__":
    main()
