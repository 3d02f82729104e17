"""Rehearses docs/DEPLOYING.md: runs its commands in their order, on a machine whose AWS and Entra are stand-ins.

The commands come from the document. SAM's guide asks in a pseudo-terminal, and the deployer answers what the document
says. A second run changes nothing.
"""

import copy
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor

HERE = pathlib.Path(__file__).parent
ROOT = pathlib.Path(os.environ.get("REHEARSED", HERE.parents[1]))
# Seconds without any output.
SILENCE = 60

WEBEX_ID = "C5fd7a4c3b2a1908f7e6d5c4b3a29180f"
WEBEX_SECRET = "0f9e8d7c6b5a4938271605f4e3d2c1b0"
GRAPH = "00000003-0000-0000-c000-000000000000"
DOMAIN = "groups.example.org"
# The question whose answer is not shown.
HIDDEN = "Client secret of the Webex integration: "

# Each choice occurs with both values of each other one.
CHOICES = [
    {"CREDENTIAL": "federated", "FOLDERS": "yes", "DOMAIN": DOMAIN, "ARCHITECTURE": "arm64"},
    {"CREDENTIAL": "federated", "FOLDERS": "no", "DOMAIN": "", "ARCHITECTURE": "x86_64"},
    {"CREDENTIAL": "secret", "FOLDERS": "yes", "DOMAIN": "", "ARCHITECTURE": "arm64"},
    {"CREDENTIAL": "secret", "FOLDERS": "no", "DOMAIN": DOMAIN, "ARCHITECTURE": "x86_64"},
    {"CREDENTIAL": "secret", "FOLDERS": "yes", "DOMAIN": DOMAIN, "ARCHITECTURE": "x86_64"},
    {"CREDENTIAL": "federated", "FOLDERS": "yes", "DOMAIN": "", "ARCHITECTURE": "x86_64"},
]


def blocks(document: str) -> dict[str, list[str]]:
    """Returns the commands below each heading."""
    found: dict[str, list[str]] = {}
    heading, code = "", None
    for line in document.splitlines():
        if code is not None:
            if line == "```":
                found.setdefault(heading, []).append("\n".join(code) + "\n")
                code = None
            else:
                code.append(line)
        elif line == "```sh":
            code = []
        elif line.startswith("#"):
            heading = line.lstrip("#").strip()
    return found


class Machine:
    """The deployer, their clone, and the account that they use."""

    def __init__(self, choices: dict):
        self.choices = choices
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rehearsal-"))
        clone, programs = self.folder / "clone", self.folder / "bin"
        clone.mkdir()
        programs.mkdir()
        for name in ("template.yaml", "samconfig.toml"):
            shutil.copy(ROOT / name, clone / name)
        config = clone / "samconfig.toml"
        config.write_text(config.read_text().replace('arm64', choices["ARCHITECTURE"]))
        self.state_file = self.folder / "state.json"
        self.state_file.write_text(json.dumps({"stacks": {}, "resources": {}, "calls": [], "count": 0, "apps": [], "webex": None}))
        for name in ("aws", "az", "curl", "pip", "python3", "rustup"):
            self.program(programs / name, f'exec "{sys.executable}" "{HERE}/stand_in.py" {name} "$@"')
        self.program(programs / "sam", f'exec "{sys.executable}" "{HERE}/sam.py" "$@"')
        self.environment = {
            "PATH": f"{programs}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "STATE": str(self.state_file),
            "SAM_CLI_TELEMETRY": "0",
            "__SAM_CLI_APP_DIR": str(self.folder),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            # A call that is not stood in for fails at once.
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "TERM": "dumb",
        }
        # An app of someone else whose name begins like ours, and an issuer that may be there before.
        with self.state() as state:
            state["apps"].append({"displayName": "Webex teams and groups of old", "appId": "other", "federated": {}, "passwords": []})
            if choices["DOMAIN"]:
                state["federation"] = "https://11111111.tokens.sts.global.api.aws"

    @staticmethod
    def program(path: pathlib.Path, line: str) -> None:
        path.write_text(f"#!/bin/bash\n{line}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def state(self):
        os.environ["STATE"] = str(self.state_file)
        sys.path.insert(0, str(HERE))
        import stand_in

        stand_in.STATE = self.state_file
        return stand_in.account()

    def read(self) -> dict:
        with self.state() as state:
            return copy.deepcopy(state)

    def run(self, commands: str) -> str:
        """Runs commands in a terminal, and answers as the document says."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder / "clone")
            os.execve("/bin/bash", ["bash", "-c", f"set -euo pipefail\n{commands}"], self.environment)
        said, answered, silent = "", 0, 0
        while True:
            ready, _, _ = select.select([terminal], [], [], 1)
            silent = 0 if ready else silent + 1
            if silent > SILENCE:
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise AssertionError(f"it waits for ever:\n{said[-1500:]}")
            if not ready:
                # Bash drops what was typed before it hid the input.
                answered = self.answer(said, answered, terminal)
                continue
            try:
                data = os.read(terminal, 65536)
            except OSError:
                data = b""
            if not data:
                break
            said += data.decode(errors="replace").replace("\r", "")
            if HIDDEN not in said[answered:]:
                answered = self.answer(said, answered, terminal)
            assert len(said) < 1_000_000, f"it asks for ever:\n{said[-1500:]}"
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == 0, f"a command fails:\n{said[-3000:]}"
        return said

    def answer(self, said: str, answered: int, terminal: int) -> int:
        """Does what the output asks for, from `answered` on; returns where to go on."""
        new = said[answered:]
        # Every question of the guide shows its default in brackets.
        question = re.search(rf"(?:^|\n)([^\n]*\]: |{HIDDEN})$", new)
        for name, target in re.findall(r"DNS record: (\S+) CNAME (\S+)\n", new) + re.findall(r"(_c\.\S+)\.\tCNAME\t(\S+)\n", new):
            with self.state() as state:
                state.setdefault("dns", {})[name] = target
        for address in re.findall(r"Redirect URI of the Webex integration: (\S+)\n", new):
            with self.state() as state:
                state["webex"] = address
        if not question:
            return answered
        os.write(terminal, (self.reply(said, question[1]) + "\n").encode())
        return len(said)

    def reply(self, said: str, question: str) -> str:
        if HIDDEN in question:
            return WEBEX_SECRET
        if "Deploy this changeset" in question:
            return "y"
        asked = re.search(r"(?:Parameter )?(Stack Name|\w+)(?: \[.*\])?: $", re.sub(r"\x1b\[\d*m", "", question))
        name = asked[1] if asked else ""
        printed = re.findall(rf"(?:^|\n){name}: (.+)\n", said)
        known = {"WebexClientId": WEBEX_ID, "AllowedOrganizations": "*", "AlarmEmail": "operator@example.org"}
        return known.get(name) or (printed[-1] if printed and name != "" else "")


def choose(block: str, choices: dict) -> str:
    """Edits the first commands, as the document asks."""
    for name in ("DOMAIN", "FOLDERS", "CREDENTIAL"):
        block, count = re.subn(rf"(?m)^{name}=.*$", f"{name}={choices[name]}", block)
        assert count == 1, f"the document does not let {name} be chosen"
    return block


def check(machine: Machine) -> None:
    """Asserts the state at the end of the deployment."""
    state, choices = machine.read(), machine.choices
    (stack,) = state["stacks"].values()
    outputs, parameters, prefix = stack["outputs"], stack["parameters"], "webex-m365-groups"
    apps = {app["displayName"]: app for app in state["apps"]}
    app, files = apps["Webex teams and groups"], apps.get("Webex teams and groups: folders")
    assert (files is not None) == (choices["FOLDERS"] == "yes")
    assert apps["Webex teams and groups of old"] == {"displayName": "Webex teams and groups of old", "appId": "other", "federated": {}, "passwords": []}
    expected = {
        "WebexClientId": WEBEX_ID,
        "MicrosoftClientId": app["appId"],
        "MicrosoftCredential": choices["CREDENTIAL"],
        "FilesClientId": files["appId"] if files else "",
        "DomainName": choices["DOMAIN"],
        "AllowedOrganizations": "*",
        "AlarmEmail": "operator@example.org",
        "Architecture": choices["ARCHITECTURE"],
    }
    assert expected.items() <= parameters.items(), (expected, parameters)
    assert state["runs"] == [choices["ARCHITECTURE"]] * 2, f"built for {state['runs'][0]}, deployed for {state['runs'][1]}"
    assert bool(parameters["CertificateArn"]) == bool(choices["DOMAIN"])

    address = f"https://{choices['DOMAIN']}" if choices["DOMAIN"] else outputs["Address"]
    assert outputs["Address"] == address
    assert state["webex"] == f"{address}/oauth/webex/callback" == outputs["WebexRedirect"]
    assert app["--web-redirect-uris"] == outputs["MicrosoftRedirects"].split()
    if choices["DOMAIN"]:
        assert state["dns"][choices["DOMAIN"]] == outputs["DomainTarget"] and outputs["RegionalHostedZoneId"]

    import stand_in

    def roles(*names: str) -> list:
        return [{"id": stand_in.PERMISSIONS[name], "type": "Role"} for name in names]

    scope = {"id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "type": "Scope"}
    groups = [scope, *roles("Group.ReadWrite.All", "User.Read.All", "GroupSettings.Read.All")]
    assert app["access"] == [{"resourceAppId": GRAPH, "resourceAccess": groups}], app["access"]
    assert (app["set"]["groupMembershipClaims"], json.loads(app["--optional-claims"])["idToken"][0]["name"]) == ("DirectoryRole", "auth_time")
    if files:
        assert files["access"] == [{"resourceAppId": GRAPH, "resourceAccess": roles("Files.ReadWrite.All")}]
        assert files["--web-redirect-uris"] == [f"{address}/oauth/microsoft/consent"]
    for one in filter(None, [app, files]):
        assert one["set"]["servicePrincipalLockConfiguration"] == {"isEnabled": True, "allProperties": True}, one
        check_credential(state, choices, one, f"{prefix}/{'files' if one is files else 'microsoft'}-app")

    secret = json.loads(state["resources"][f"eu-central-1 AWS::SecretsManager::Secret {prefix}/webex-app"]["value"])
    assert secret == {"client_id": WEBEX_ID, "client_secret": WEBEX_SECRET}
    assert state["resources"][f"eu-central-1 AWS::DynamoDB::Table {outputs['TableName']}"]["properties"]["DeletionProtectionEnabled"]


def check_credential(state: dict, choices: dict, app: dict, name: str) -> None:
    (stack,) = state["stacks"].values()
    secret = json.loads(state["resources"][f"eu-central-1 AWS::SecretsManager::Secret {name}"]["value"])
    if choices["CREDENTIAL"] == "federated":
        subjects = sorted(one["subject"] for one in app["federated"].values())
        assert subjects == sorted(stack["outputs"]["FederatedSubjects"].split()) and len(subjects) == 3
        assert all(one["issuer"] == state["federation"] for one in app["federated"].values())
        assert all(one["audiences"] == ["api://AzureADTokenExchange"] for one in app["federated"].values())
        assert secret == {"client_id": app["appId"]} and app["passwords"] == []
    else:
        assert [secret["client_secret"]] == app["passwords"] and secret["client_id"] == app["appId"]
        assert re.fullmatch(r"20\d\d-.*Z", secret["ends_at"])


def durable(state: dict) -> dict:
    """Returns what a repetition must not change."""
    return {key: value for key, value in state.items() if key not in ("calls", "changed", "described")}


def rehearse(choices: dict) -> str:
    document = (ROOT / "docs" / "DEPLOYING.md").read_text()
    chapters, by_heading = re.split(r"(?m)^## ", document), blocks(document)
    deployment = [block for chapter in chapters[1:8] for of in blocks("# x\n" + chapter).values() for block in of]
    deployment[0] = choose(deployment[0], choices)
    script = "".join(deployment)
    machine = Machine(choices)
    try:
        machine.run(script)
        check(machine)
        before = machine.read()
        machine.run(script)
        check(machine)
        after = machine.read()
        assert durable(before) == durable(after), "a second run changes something"
        assert after["changed"][-1] == [], after["changed"]
        # Later commands use the functions of earlier ones.
        functions = deployment[0] + "".join(re.findall(r"(?ms)^\w+\(\) \{\n.*?^\}\n", script))
        functions += f'APP={after["apps"][0]["appId"]} FILES=\n'
        if choices in CHOICES[:2]:
            live(machine, functions, by_heading)
    finally:
        shutil.rmtree(machine.folder, ignore_errors=True)
    return ", ".join(filter(None, choices.values()))


def live(machine: Machine, functions: str, by_heading: dict) -> None:
    """Runs the commands of a deployment's life."""

    def command(heading: str) -> None:
        (block,) = [block for title, of in by_heading.items() if heading in title for block in of]
        machine.run(functions + block)

    command("Upgrade")
    assert machine.read()["changed"][-1] == [], "an upgrade to the same version changes something"
    command("Rotate secrets")
    key = json.loads(machine.read()["resources"]["eu-central-1 AWS::SecretsManager::Secret webex-m365-groups/webhooks"]["value"])
    assert set(key) == {"current", key["current"]}
    command("Restore the table")
    command("Upgrade")
    (stack,) = machine.read()["stacks"].values()
    restored = stack["outputs"]["TableName"]
    assert restored == "webex-m365-groups-restored", f"an upgrade abandons the restored table for {restored}"
    with machine.state() as state:
        state["resources"]["eu-central-1 AWS::SecretsManager::Secret webex-m365-groups/tenant/1"] = {"properties": {}, "value": "{}"}
    command("Remove the deployment")
    state = machine.read()
    assert state["stacks"] == {}
    left = {key.split()[1] for key in state["resources"]}
    assert left == {"AWS::DynamoDB::Table"}, left


if __name__ == "__main__":
    wrong = []
    with ProcessPoolExecutor(2) as pool:
        for choices, future in [(choices, pool.submit(rehearse, choices)) for choices in CHOICES]:
            try:
                print("rehearsed:", future.result(), flush=True)
            except AssertionError as error:
                wrong.append(f"{choices}: {error}")
    print("\n".join(wrong) or f"rehearsal: docs/DEPLOYING.md works, {len(CHOICES)} choices, each twice, and what follows")
    sys.exit(bool(wrong))
