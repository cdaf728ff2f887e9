"""A day at the shop of the stack, through its public port. Usage: journey.py BASE

Somebody logs in, makes a product with a picture, orders it, follows the order until it is delivered, pages and filters,
and logs out. Each step says what it saw; the first that is not as it should be ends it.
"""

import base64
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid

BASE = sys.argv[1]
# Of one pixel.
PICTURE = base64.b64decode("R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def data(self):
        return self.json()["data"]


def call(method, path, token=None, document=None, headers=(), body=None):
    """One request; whatever the status, its answer."""
    given = dict(headers)
    if token:
        given["Authorization"] = f"Bearer {token}"
    if document is not None:
        body, given["Content-Type"] = json.dumps(document).encode(), "application/json"
    request = urllib.request.Request(BASE + path, body, given, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return Answer(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, error.headers, error.read())


def step(title, answer, status):
    if answer.status != status:
        sys.exit(f"  FAILS   {title}: {answer.status} instead of {status}: {answer.body[:500]!r}")
    print(f"  {status}     {title}")
    return answer


def same(title, seen, wanted):
    if seen != wanted:
        sys.exit(f"  FAILS   {title}: {seen} instead of {wanted}")
    print(f"  as due  {title}")


def log_in():
    who = {"tenant": "acme", "email": "admin@acme.example", "password": "olympus-demo-1"}
    return step("log in", call("POST", "/api/v1/auth/login", document=who), 200).data()["access_token"]


def make_product(token, mark):
    price = {"amount": "12.30", "currency": "EUR"}
    document = {"sku": mark, "name": f"Lamp {mark}", "price": price, "stock": 9, "status": "active"}
    path = step("make a product", call("POST", "/api/v1/products", token, document), 201).headers["Location"]
    picture = call("PUT", f"{path}/image", token, headers={"Content-Type": "image/gif"}, body=PICTURE)
    step("give it a picture", picture, 200)
    shown = step("look at the picture", call("GET", f"{path}/image", token), 200)
    same("it is the one that was sent", (shown.body, shown.headers["X-Content-Type-Options"]), (PICTURE, "nosniff"))
    return path.rsplit("/", 1)[1]


def place_order(token, product, quantity):
    document = {"items": [{"product_id": product, "quantity": quantity}], "note": "by the window"}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first = step(f"order {quantity} of it", call("POST", "/api/v1/orders", token, document, key), 201)
    again = step("send that again with its key", call("POST", "/api/v1/orders", token, document, key), 201)
    same("it is one order", again.data()["id"], first.data()["id"])
    return first.headers["Location"]


def follow(token, order):
    refused = step("deliver it before it was sent", move(token, order, "delivered"), 409)
    same("the move is illegal", refused.json()["code"], "illegal_transition")
    for status in ("confirmed", "paid", "shipped", "delivered"):
        step(f"it is {status}", move(token, order, status), 200)
    seen = step("look at it", call("GET", f"{order}?include=items", token), 200).data()
    same("it is delivered, with an exact total", (seen["status"], seen["total"]["amount"]), ("delivered", "24.60"))


def move(token, order, status):
    now = call("GET", order, token)
    tag = {"If-Match": now.headers["ETag"]}
    return call("PATCH", f"{order}/status", token, {"status": status}, tag)


def look_through(token, orders):
    ids = [order.rsplit("/", 1)[1] for order in orders]
    mine = f"/api/v1/orders?{urllib.parse.urlencode({'id[in]': ','.join(ids), 'sort': 'created_at', 'limit': 2})}"
    first = step("list the orders", call("GET", mine, token), 200)
    rest = call("GET", f"{mine}&after={first.json()['meta']['page']['next']}", token)
    rest = step("turn the page", rest, 200)
    same("each is there once", [it["id"] for it in first.data() + rest.data()], ids)
    sent = step("filter by status", call("GET", f"{mine}&status=delivered", token), 200)
    same("the delivered one is found", [it["id"] for it in sent.data()], ids[:1])


def main():
    token = log_in()
    product = make_product(token, f"J-{uuid.uuid4().hex[:12]}")
    orders = [place_order(token, product, quantity) for quantity in (2, 1, 3)]
    follow(token, orders[0])
    look_through(token, orders)
    for order in orders[1:]:
        step("cancel another", move(token, order, "cancelled"), 200)
    step("log out", call("POST", "/api/v1/auth/logout", token), 204)
    step("call once more", call("GET", orders[0], token), 401)


main()
