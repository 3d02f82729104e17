"""Reduces the services' published descriptions to what the clients call.

reduce_specs.py SOURCE TARGET reads webex.json and graph.yaml from the folder SOURCE and writes them to TARGET.
Kept are the operations below, the schemas that they reach, and no prose.
"""

import json
import pathlib
import sys
from http import HTTPStatus

import yaml

# Calls of the Webex client. The token endpoint is not described.
WEBEX = """
GET    /events
GET    /memberships
POST   /memberships
PUT    /memberships/{membershipId}
DELETE /memberships/{membershipId}
POST   /messages
GET    /messages/{messageId}
GET    /attachment/actions/{id}
GET    /organizations/{orgId}
GET    /people/{personId}
GET    /people/me
GET    /rooms
GET    /rooms/{roomId}
GET    /room/linkedFolders
POST   /room/linkedFolders
PUT    /room/linkedFolders/{id}
DELETE /room/linkedFolders/{id}
GET    /teams/{teamId}
PUT    /teams/{teamId}
GET    /webhooks
POST   /webhooks
PUT    /webhooks/{webhookId}
DELETE /webhooks/{webhookId}
GET    /identity/scim/{orgId}/v2/Users
GET    /identity/scim/{orgId}/v2/Users/{userId}
PATCH  /identity/scim/{orgId}/v2/Users/{userId}
"""

# Calls of the Graph client. Neither memberOf nor checkMemberGroups of a user is described.
GRAPH = """
GET    /groups
GET    /groups/delta
GET    /groups/{group-id}
PATCH  /groups/{group-id}
DELETE /groups/{group-id}
GET    /groups(uniqueName='{uniqueName}')
PATCH  /groups(uniqueName='{uniqueName}')
GET    /groups/{group-id}/members
POST   /groups/{group-id}/members/$ref
DELETE /groups/{group-id}/members/{directoryObject-id}/$ref
GET    /groups/{group-id}/owners
POST   /groups/{group-id}/owners/$ref
DELETE /groups/{group-id}/owners/{directoryObject-id}/$ref
GET    /groups/{group-id}/drive
POST   /groups/{group-id}/renew
GET    /groupSettings
GET    /users
GET    /users/{user-id}
GET    /organization
GET    /directory/deletedItems/{directoryObject-id}
POST   /directory/deletedItems/{directoryObject-id}/restore
GET    /subscriptions
POST   /subscriptions
PATCH  /subscriptions/{subscription-id}
DELETE /subscriptions/{subscription-id}
GET    /drives/{drive-id}/root:/{item-path}
POST   /drives/{drive-id}/root/children
GET    /drives/{drive-id}/items/{driveItem-id}
PATCH  /drives/{drive-id}/items/{driveItem-id}
POST   /$batch
"""

# The calls of the services to us are not checked, either.
DROPPED = {"description", "summary", "title", "externalDocs", "example", "examples", "tags", "callbacks"}


def operations(listing):
    return [tuple(line.split()) for line in listing.split("\n") if line]


def without_prose(node, names=False):
    """Drops prose. The keys of an object's properties are names, whatever they say."""
    if isinstance(node, list):
        return [without_prose(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        is_dropped = key in DROPPED or str(key).startswith("x-")
        if names or not is_dropped:
            kept[key] = without_prose(value, key in ("properties", "schemas", "headers", "paths"))
    return kept


def references(node):
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            else:
                yield from references(value)


def reduce(whole, wanted):
    paths = {}
    for method, path in wanted:
        described = whole["paths"][path]
        kept = paths.setdefault(path, {"parameters": described["parameters"]} if "parameters" in described else {})
        kept[method.lower()] = described[method.lower()]
    reduced = {key: whole[key] for key in ("openapi", "servers", "security") if key in whole}
    reduced["info"] = {"version": whole["info"]["version"]}
    reduced["paths"] = without_prose(paths, names=True)
    reduced["components"] = {}
    if "securitySchemes" in whole.get("components", {}):
        reduced["components"]["securitySchemes"] = without_prose(whole["components"]["securitySchemes"], names=True)
    found, open_references = set(), list(references(reduced["paths"]))
    while open_references:
        reference = open_references.pop()
        if reference not in found:
            found.add(reference)
            _, _, kind, name = reference.split("/", 3)
            component = without_prose(whole["components"][kind][name])
            reduced["components"].setdefault(kind, {})[name] = component
            open_references += references(component)
    # Demanded by OpenAPI.
    reduced["info"]["title"] = whole["info"]["title"]
    responses = [answer for path in reduced["paths"].values() for call in path.values() if isinstance(call, dict)
                 for answer in call.get("responses", {}).items()]
    responses += reduced["components"].get("responses", {}).items()
    for status, answer in responses:
        if "$ref" not in answer:
            answer["description"] = HTTPStatus(int(status)).phrase if str(status).isdigit() else str(status)
    return reduced


def main(source, target):
    source, target = pathlib.Path(source), pathlib.Path(target)
    webex = reduce(json.loads((source / "webex.json").read_text()), operations(WEBEX))
    (target / "webex.json").write_text(json.dumps(webex, indent=1, sort_keys=True) + "\n")
    graph = reduce(yaml.safe_load((source / "graph.yaml").read_text()), operations(GRAPH))
    (target / "graph.yaml").write_text(yaml.safe_dump(graph, width=120))


if __name__ == "__main__":
    main(*sys.argv[1:])
