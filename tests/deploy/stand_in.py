"""Stand-ins for the commands that docs/DEPLOYING.md runs. Each gives the documented answers and changes one account.

Usage: stand_in.py COMMAND ARGUMENTS..., with STATE the file of the account. What the real command refuses is refused here,
and so is every command and option that the guide does not need.
"""

import fcntl
import json
import os
import pathlib
import re
import sys
import time
from contextlib import contextmanager

STATE = pathlib.Path(os.environ["STATE"])

# Application permissions of Microsoft Graph, by name.
PERMISSIONS = {
    "Group.ReadWrite.All": "62a82d76-70ea-41e2-9197-370581804d09",
    "User.Read.All": "df021288-bdef-4463-88db-98f22de89214",
    "GroupSettings.Read.All": "00000000-0000-4000-8000-00000000c0de",
    "Files.ReadWrite.All": "75359482-378d-4052-8f01-80520e7db3cd",
    "Sites.FullControl.All": "a82116e5-55eb-4c41-a434-62fe8a61c773",
}


@contextmanager
def account():
    """Opens the account for one change."""
    with STATE.open("r+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        state = json.load(file)
        yield state
        file.seek(0)
        file.truncate()
        json.dump(state, file)


def fail(text: str, code: int = 254) -> None:
    print(text, file=sys.stderr)
    sys.exit(code)


def options(arguments: list[str], known: str) -> dict:
    """Reads options. `known` names all; a name with = takes a value, with + several, with neither none."""
    kinds = {re.sub(r"[=+]$", "", one): one[-1] for one in known.split()}
    found: dict = {}
    rest = list(arguments)
    while rest:
        name = rest.pop(0)
        if name not in kinds:
            fail(f"unrecognized arguments: {name}", 252)
        if kinds[name] not in "=+":
            found[name] = True
            continue
        values = []
        while rest and (rest[0] not in kinds) and not (kinds[name] == "=" and values):
            values.append(rest.pop(0))
        if not values or (values == [""] and kinds[name] == "="):
            fail(f"argument {name}: expected a value", 252)
        found[name] = values if kinds[name] == "+" else values[0]
    return found


def show(answer, given: dict) -> None:
    """Prints an answer as --query and --output say."""
    import jmespath

    if "--query" in given:
        answer = jmespath.search(given["--query"], answer)
    if given.get("--output") in ("text", "tsv"):
        rows = answer if isinstance(answer, list) else [answer]
        for row in rows if any(isinstance(row, list) for row in rows) else [rows] if given["--output"] == "text" else rows:
            print("\t".join("None" if one is None else str(one) for one in (row if isinstance(row, list) else [row])))
    elif answer is not None:
        print(json.dumps(answer, indent=2))


def from_file(value):
    is_file = isinstance(value, str) and value.startswith("file://")
    return pathlib.Path(value.removeprefix("file://")).read_text() if is_file else value


# ---- AWS ----------------------------------------------------------------------------------------------------------------


def region() -> str:
    return os.environ.get("AWS_REGION") or fail("You must specify a region.", 253)


def secret_of(state: dict, name: str) -> dict:
    return state["resources"].get(f"{region()} AWS::SecretsManager::Secret {name}") or fail("ResourceNotFoundException: Secrets Manager can't find it")


def table_of(state: dict, name: str) -> dict:
    return state["resources"].get(f"{region()} AWS::DynamoDB::Table {name}") or fail(f"ResourceNotFoundException: Table: {name} not found")


def describe_stacks(state: dict, given: dict):
    stack = state["stacks"].get(f"{region()} {given['--stack-name']}") or fail("ValidationError: Stack does not exist")
    return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in stack["outputs"].items()]}]}


def describe_stack_resources(state: dict, given: dict):
    stack = state["stacks"].get(f"{region()} {given['--stack-name']}") or fail("ValidationError: Stack does not exist")
    kinds = {logical: of["Type"] for logical, of in stack["template"]["Resources"].items()}
    return {
        "StackResources": [
            {"LogicalResourceId": logical, "PhysicalResourceId": physical, "ResourceType": kinds[logical]}
            for logical, physical in stack["physical"].items()
        ]
    }


def delete_log_group(state: dict, given: dict):
    key = f"{region()} AWS::Logs::LogGroup {given['--log-group-name']}"
    state["resources"].pop(key, None) or fail("ResourceNotFoundException: The specified log group does not exist.")


def get_secret_value(state: dict, given: dict):
    return {"SecretString": secret_of(state, given["--secret-id"])["value"]}


def put_secret_value(state: dict, given: dict):
    json.loads(given["--secret-string"])
    secret_of(state, given["--secret-id"])["value"] = given["--secret-string"].strip()
    return {"Name": given["--secret-id"]}


def list_secrets(state: dict, given: dict):
    (_, prefix) = given["--filters"].removeprefix("Key=name,").split("=")
    names = [key.split(" ", 2)[2] for key in state["resources"] if f"{region()} AWS::SecretsManager" in key]
    return {"SecretList": [{"Name": name} for name in names if name.startswith(prefix)]}


def delete_secret(state: dict, given: dict):
    secret_of(state, given["--secret-id"])
    del state["resources"][f"{region()} AWS::SecretsManager::Secret {given['--secret-id']}"]
    return {}


def list_certificates(state: dict, given: dict):
    certificates = state.setdefault("certificates", {})
    return {"CertificateSummaryList": [{"CertificateArn": arn, "DomainName": name} for arn, name in certificates.items()]}


def request_certificate(state: dict, given: dict):
    certificates = state.setdefault("certificates", {})
    arn = f"arn:aws:acm:{region()}:123456789012:certificate/11111111-0000-0000-0000-{len(certificates):012d}"
    certificates[arn] = given["--domain-name"]
    return {"CertificateArn": arn}


def describe_certificate(state: dict, given: dict):
    domain = state["certificates"][given["--certificate-arn"]]
    validation = {"DomainName": domain}
    # The record is not there in the first seconds.
    if state.setdefault("described", []):
        validation["ResourceRecord"] = {"Name": f"_c.{domain}.", "Type": "CNAME", "Value": "_v.acm-validations.aws."}
    state["described"].append(domain)
    return {"Certificate": {"DomainValidationOptions": [validation]}}


def enable_federation(state: dict, given: dict):
    if state.get("federation"):
        fail("An error occurred (FeatureEnabled) when calling the EnableOutboundWebIdentityFederation operation")
    state["federation"] = "https://11111111.tokens.sts.global.api.aws"
    return {"IssuerIdentifier": state["federation"]}


def federation_info(state: dict, given: dict):
    return {"IssuerIdentifier": state.get("federation") or fail("FeatureDisabled"), "JwtVendingEnabled": True}


def update_table(state: dict, given: dict):
    of = table_of(state, given["--table-name"])["properties"]
    of["DeletionProtectionEnabled"] = "--deletion-protection-enabled" in given
    return {"TableDescription": {"TableName": given["--table-name"]}}


def restore_table(state: dict, given: dict):
    table_of(state, given["--source-table-name"])
    key = f"{region()} AWS::DynamoDB::Table {given['--target-table-name']}"
    state["resources"][key] = {"stack": None, "properties": {}}
    return {}


def set_on_table(name: str):
    def apply(state: dict, given: dict):
        table_of(state, given["--table-name"])["properties"][name] = True
        return {}

    return apply


def delete_table(state: dict, given: dict):
    if table_of(state, given["--table-name"])["properties"].get("DeletionProtectionEnabled"):
        fail("ValidationException: Resource cannot be deleted as it is currently protected against deletion")
    del state["resources"][f"{region()} AWS::DynamoDB::Table {given['--table-name']}"]
    return {}


def check_table(state: dict, given: dict):
    table_of(state, given["--table-name"])


def validated(given: dict) -> None:
    for _ in range(100):
        with account() as state:
            if state.get("dns", {}).get(f"_c.{state['certificates'][given['--certificate-arn']]}"):
                return
        time.sleep(0.1)
    fail("Waiter CertificateValidated failed: Max attempts exceeded", 255)


AWS = {
    "cloudformation describe-stacks": (describe_stacks, "--stack-name="),
    "cloudformation describe-stack-resources": (describe_stack_resources, "--stack-name="),
    "logs delete-log-group": (delete_log_group, "--log-group-name="),
    "secretsmanager get-secret-value": (get_secret_value, "--secret-id="),
    "secretsmanager put-secret-value": (put_secret_value, "--secret-id= --secret-string="),
    "secretsmanager list-secrets": (list_secrets, "--filters="),
    "secretsmanager delete-secret": (delete_secret, "--secret-id= --force-delete-without-recovery"),
    "acm list-certificates": (list_certificates, ""),
    "acm request-certificate": (request_certificate, "--domain-name= --validation-method="),
    "acm describe-certificate": (describe_certificate, "--certificate-arn="),
    "iam enable-outbound-web-identity-federation": (enable_federation, ""),
    "iam get-outbound-web-identity-federation-info": (federation_info, ""),
    "dynamodb update-table": (update_table, "--table-name= --deletion-protection-enabled --no-deletion-protection-enabled"),
    "dynamodb restore-table-to-point-in-time": (restore_table, "--source-table-name= --target-table-name= --restore-date-time="),
    "dynamodb update-time-to-live": (set_on_table("TimeToLive"), "--table-name= --time-to-live-specification="),
    "dynamodb update-continuous-backups": (set_on_table("Backups"), "--table-name= --point-in-time-recovery-specification="),
    "dynamodb delete-table": (delete_table, "--table-name="),
    "dynamodb wait table-exists": (check_table, "--table-name="),
}


def aws(arguments: list[str]) -> None:
    if arguments[:3] == ["acm", "wait", "certificate-validated"]:
        return validated(options(arguments[3:], "--certificate-arn="))
    words = 3 if arguments[1] == "wait" else 2
    operation, known = AWS.get(" ".join(arguments[:words])) or fail(f"Invalid choice: {arguments[:2]}", 252)
    given = options(arguments[words:], known + " --query= --output=")
    # Read before the account is opened: the writer of a pipe may need it.
    given = {name: from_file(value) for name, value in given.items()}
    with account() as state:
        show(operation(state, given), given)


# ---- Entra --------------------------------------------------------------------------------------------------------------


def application(state: dict, given: dict) -> dict:
    apps = [app for app in state["apps"] if app["appId"] == given["--id"]]
    return apps[0] if apps else fail("Resource does not exist", 3)


def create_app(state: dict, given: dict):
    apps = [app for app in state["apps"] if app["displayName"] == given["--display-name"]]
    if not apps:
        number = len(state["apps"]) + 1
        apps = [{"displayName": given["--display-name"], "appId": f"{number:08d}-aaaa-bbbb-cccc-000000000000", "federated": {}, "passwords": []}]
        # The newest comes first in listings.
        state["apps"] = apps + state["apps"]
    apps[0]["audience"] = given["--sign-in-audience"]
    apps[0]["access"] = json.loads(given["--required-resource-accesses"])
    return apps[0]


def update_app(state: dict, given: dict):
    app = application(state, given)
    app.update({key: given[key] for key in ("--optional-claims", "--web-redirect-uris") if key in given})
    if "--set" in given:
        name, value = given["--set"].split("=", 1)
        # As the command reads it: JSON, or text.
        app.setdefault("set", {})[name] = json.loads(value) if value.startswith("{") else value


def delete_app(state: dict, given: dict):
    state["apps"].remove(application(state, given))


def service_principal(state: dict, given: dict):
    assert given["--id"] == "00000003-0000-0000-c000-000000000000"
    return {"appRoles": [{"value": name, "id": id_} for name, id_ in PERMISSIONS.items()]}


def show_credential(state: dict, given: dict):
    return application(state, given)["federated"].get(given["--federated-credential-id"]) or fail("Resource does not exist", 3)


def create_credential(state: dict, given: dict):
    of, app = json.loads(given["--parameters"]), application(state, given)
    if of["name"] in app["federated"]:
        fail("FederatedIdentityCredential with name already exists", 1)
    if not of["issuer"].startswith("https://"):
        fail("Property issuer is invalid", 1)
    app["federated"][of["name"]] = of
    return of


def reset_credential(state: dict, given: dict):
    app = application(state, given)
    if "--append" not in given:
        app["passwords"] = []
    app["passwords"].append(f"password-{len(app['passwords'])}-of-{app['appId']}")
    return {"password": app["passwords"][-1]}


AZ = {
    "account show": (lambda state, given: {"tenantId": "99999999-0000-0000-0000-000000000000"}, ""),
    "ad sp show": (service_principal, "--id="),
    "ad app create": (create_app, "--display-name= --sign-in-audience= --required-resource-accesses="),
    "ad app update": (update_app, "--id= --set= --optional-claims= --web-redirect-uris+"),
    "ad app delete": (delete_app, "--id="),
    "ad app federated-credential show": (show_credential, "--id= --federated-credential-id="),
    "ad app federated-credential create": (create_credential, "--id= --parameters="),
    "ad app credential reset": (reset_credential, "--id= --append --display-name= --end-date="),
}


def az(arguments: list[str]) -> None:
    name = max((name for name in AZ if " ".join(arguments).startswith(name)), key=len, default="") or fail(f"not a command: {arguments}", 2)
    operation, known = AZ[name]
    given = options(arguments[len(name.split()) :], known + " --query= --output=")
    with account() as state:
        show(operation(state, given), given)


# ---- The deployer's machine ---------------------------------------------------------------------------------------------


def python3(arguments: list[str]) -> None:
    """Makes a virtual environment; its pip may install, unlike the system's."""
    assert arguments[:2] == ["-m", "venv"], arguments
    folder = pathlib.Path(arguments[2], "bin")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "activate").write_text(f"export VIRTUAL_ENV={folder.parent}\n")


def pip(arguments: list[str]) -> None:
    if "VIRTUAL_ENV" not in os.environ:
        fail("error: externally-managed-environment", 1)


def curl(arguments: list[str]) -> None:
    url = arguments[-1]
    for _ in range(100):
        with account() as state:
            addresses = [stack["outputs"]["Address"] for stack in state["stacks"].values()]
            host = url.removeprefix("https://").split("/")[0]
            # An own host name answers once its record is there.
            reachable = host.endswith(".amazonaws.com") or host in state.get("dns", {})
        if any(url == f"{address}/healthz" for address in addresses) and reachable:
            return
        time.sleep(0.1)
    fail(f"curl: (6) Could not resolve host: {host}", 6)


COMMANDS = {"aws": aws, "az": az, "curl": curl, "pip": pip, "python3": python3, "rustup": lambda arguments: None}

if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    with account() as state:
        state["calls"].append([command, *arguments])
    COMMANDS[command](arguments)
