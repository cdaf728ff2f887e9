"""How long after a logout at one instance another still takes the access token: `revoked.py ONE OTHER TIMES`."""

import json
import sys
import time
import urllib.error
import urllib.request

LOGIN = {"tenant": "acme", "email": "member@acme.example", "password": "olympus-demo-1"}


def call(method, url, token=None, document=None):
    body = None if document is None else json.dumps(document).encode()
    request = urllib.request.Request(url, data=body, method=method)
    if body:
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def log_in(base):
    while True:
        status, body = call("POST", f"{base}/api/v1/auth/login", document=LOGIN)
        if status == 200:
            return json.loads(body)["data"]["access_token"]
        if status != 429:
            sys.exit(f"login: {status} {body!r}")
        time.sleep(1)  # the account may log in ten times a minute


def measure(one, other):
    token = log_in(one)
    assert call("GET", f"{other}/api/v1/auth/me", token)[0] == 200
    assert call("POST", f"{one}/api/v1/auth/logout", token)[0] == 204
    began = time.monotonic()
    while call("GET", f"{other}/api/v1/auth/me", token)[0] != 401:
        if time.monotonic() - began > 10:
            sys.exit("the other instance still takes it after 10 s")
    return 1000 * (time.monotonic() - began)


one, other, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
took = sorted(measure(one, other) for _ in range(times))
print(f"milliseconds: median {took[len(took) // 2]:.1f}, most {took[-1]:.1f}")
