"""Clients behind a balancer: they keep connections and connect anew after `Connection: close`, to an instance that is ready.

    polite.py SECONDS CLIENTS ADDRESS=READINESS...

Each instance is an address, `HOST:PORT`, and where `/readyz` is asked five times a second, as balancers do; one that is
not ready or refuses a connection gets no new ones. Prints what was served and what failed: a request that was sent and
got no whole answer, or another status than 200. Ends with 1 if something failed.
"""

import http.client
import sys
import threading
import time

PATH = "/api/commerce/products/p-0001"


def open_to(address):
    host, port = address.rsplit(":", 1)
    return http.client.HTTPConnection(host, int(port), timeout=10)


class Balancer(threading.Thread):
    """Knows which instances are ready."""

    def __init__(self, instances, until):
        super().__init__(daemon=True)
        self.instances, self.until = [instance.split("=") for instance in instances], until
        self.ready = [address for address, _ in self.instances]

    def run(self):
        while time.monotonic() < self.until:
            self.ready = [address for address, readiness in self.instances if self.is_ready(readiness)] or self.ready
            time.sleep(0.2)

    @staticmethod
    def is_ready(readiness):
        try:
            connection = open_to(readiness)
            connection.request("GET", "/readyz", headers={"Connection": "close"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


class Client(threading.Thread):
    """One client with one connection at a time."""

    def __init__(self, balancer, until):
        super().__init__(daemon=True)
        self.balancer, self.until = balancer, until
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
        """A connection to the first ready instance that takes one."""
        while True:
            for address in self.balancer.ready:
                connection = open_to(address)
                try:
                    connection.connect()
                    return connection
                except ConnectionRefusedError:
                    continue
            time.sleep(0.01)


def main():
    seconds, clients, instances = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    until = time.monotonic() + seconds
    balancer = Balancer(instances, until)
    balancer.start()
    crowd = [Client(balancer, until) for _ in range(clients)]
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
