"""Checks recorded traffic against the services' published descriptions: specs.py TRAFFIC FOLDER."""

import collections
import json
import pathlib
import sys
from urllib.parse import parse_qs, urlsplit

import yaml
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

# Known mistakes of the descriptions.
WRONG = [
    # Required only for spaces of two people; without it the call works.
    ("PUT /v1/memberships/{} 200", "'isRoomHidden' is a required property"),
    # An answer of 204 has no body, although a media type is listed for it.
    ("DELETE /v1/memberships/{} 204", "Missing response data"),
    # The schema of an attachment's content knows linked files only; a separate guide describes cards.
    ("POST /v1/messages 200", "attachments/0/content: 'fileId' is a required property"),
    ("GET /v1/messages/{} 200", "attachments/0/content: 'fileId' is a required property"),
]

HOSTS = {"webexapis.com": "webex.json", "graph.microsoft.com": "graph.yaml"}


def encoded(body):
    return b"" if body == "" else json.dumps(body).encode()


def checked(description, exchange):
    asked, answered = exchange["request"], exchange["answer"]
    url = urlsplit(asked["url"])
    request = MockRequest(
        f"{url.scheme}://{url.netloc}",
        asked["method"].lower(),
        url.path,
        args={name: values[0] for name, values in parse_qs(url.query, keep_blank_values=True).items()},
        headers={"Authorization": "Bearer x"},
        data=encoded(asked["body"]),
        content_type=asked["kind"].split(";")[0] or "application/json",
    )
    response = MockResponse(
        encoded(answered["body"]), answered["status"], content_type=answered["kind"].split(";")[0] or "application/json"
    )
    # A refused request may be wrong: only the answer has to be as described.
    if answered["status"] < 400:
        yield "request", lambda: description.validate_request(request)
    yield "answer", lambda: description.validate_response(request, response)


def reason(error):
    found = [getattr(error, "message", None) or str(error)]
    for inner in getattr(error.__cause__, "schema_errors", None) or []:
        found.append(f"{'/'.join(map(str, inner.absolute_path))}: {inner.message}"[:300])
    if error.__cause__ is not None and len(found) == 1:
        found.append(str(error.__cause__)[:300])
    return "; ".join(found)


def main(traffic, folder):
    described = {}
    for host, name in HOSTS.items():
        described[host] = OpenAPI.from_dict(yaml.safe_load((pathlib.Path(folder) / name).read_text()))
    faults, count = collections.Counter(), collections.Counter()
    for line in pathlib.Path(traffic).read_text().splitlines():
        exchange = json.loads(line)
        url = urlsplit(exchange["request"]["url"])
        if url.hostname not in described:
            continue
        count[url.hostname] += 1
        for what, validate in checked(described[url.hostname], exchange):
            try:
                validate()
            except OpenAPIError as error:
                path = "/".join("{}" if len(part) > 30 else part for part in url.path.split("/"))
                place = f"{exchange['request']['method']} {path} {exchange['answer']['status']}"
                why = reason(error)
                if not any(place == where and what_is_said in why for where, what_is_said in WRONG):
                    faults[f"{what} {place}: {why}"] += 1
    for fault, times in faults.most_common():
        print(f"{times} x {fault}")
    print(f"checked against their descriptions: {dict(count)}, of which {sum(faults.values())} differ")
    return 1 if faults or not count else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
