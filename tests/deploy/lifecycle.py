"""Plays the life of a stack of template.yaml: creation, failure at each resource, update, deletion, and creation again."""

import copy
import pathlib
import sys

from cloudformation import Refused, create_stack, delete_stack, new_account, translate, update_stack

TEMPLATE = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "template.yaml")
REGION, NAME = "eu-central-1", "groups"
CERTIFICATE = f"arn:aws:acm:{REGION}:123456789012:certificate/11111111-2222"

# The smallest and the largest deployment.
LEAST = {"WebexClientId": "C5fd7a4c3b2a1908f7e6d5c4b3a29180f", "MicrosoftClientId": "11111111-2222-3333-4444-555555555555"}
MOST = {
    **LEAST,
    "FilesClientId": "66666666-7777-8888-9999-000000000000",
    "DomainName": "groups.example.com",
    "CertificateArn": CERTIFICATE,
    "AlarmEmail": "alarms@example.com",
    "KmsKeyArn": f"arn:aws:kms:{REGION}:123456789012:key/33333333",
    "PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundary",
    "MonthlyCostLimit": "50",
}

# What a parameter needs beside it.
DOMAIN = {name: MOST[name] for name in ("DomainName", "CertificateArn")}
NEEDED = {"DomainName": DOMAIN, "CertificateArn": DOMAIN, "MonthlyCostLimit": {"AlarmEmail": MOST["AlarmEmail"]}}

# What may stay when a stack was deleted.
OUTLIVES = {"AWS::DynamoDB::Table", "AWS::Logs::LogGroup"}


def kinds(account: dict) -> set[str]:
    return {key.split()[1] for key in account["resources"]}


def failed_creations_can_be_repeated(template: dict, parameters: dict) -> None:
    account = new_account()
    domain = {"DomainName": "other.example.com"} if "DomainName" in parameters else {}
    stack = create_stack(account, REGION, "other", template, {**parameters, **domain})
    others = copy.deepcopy(account["resources"])
    for logical in stack.order():
        try:
            create_stack(account, REGION, NAME, template, parameters, fails_at=logical)
        except Refused:
            pass
        assert account["resources"] == others, f"a failure of {logical} leaves {set(account['resources']) - set(others)}"
    create_stack(account, REGION, NAME, template, parameters)


def deleted_stack_can_be_created_again(template: dict, parameters: dict) -> None:
    account = new_account()
    stack = create_stack(account, REGION, NAME, template, parameters)
    table = stack.physical["Table"]
    account["resources"][stack.key("Table")]["properties"]["DeletionProtectionEnabled"] = True
    delete_stack(account, REGION, NAME)
    assert kinds(account) == OUTLIVES, f"{kinds(account)} outlive the stack"
    again = create_stack(account, REGION, NAME, template, {**parameters, "RestoredTable": table})
    assert again.outputs()["TableName"] == table


def updates_change_only_what_they_name(template: dict, parameters: dict) -> None:
    account = new_account()
    stack = create_stack(account, REGION, NAME, template, parameters)
    rotated = '{"client_id":"C","client_secret":"stored by hand"}'
    account["resources"][stack.key("WebexApp")]["value"] = rotated
    assert update_stack(account, REGION, NAME, template, parameters) == [], "an update without a change changes something"
    for key, value in {**MOST, "Paused": "true", "LogLevel": "warn", "SyncConcurrency": "20", "MicrosoftCredential": "secret"}.items():
        beside = NEEDED.get(key, {})
        update_stack(account, REGION, NAME, template, {**parameters, **beside, key: value})
        assert stack.physical["Table"] in " ".join(account["resources"]), f"{key} replaces the table"
        assert account["resources"][stack.key("WebexApp")]["value"] == rotated, f"{key} writes a secret again"
        update_stack(account, REGION, NAME, template, parameters)


def failed_update_changes_nothing(template: dict, parameters: dict) -> None:
    account = new_account()
    create_stack(account, REGION, NAME, template, parameters)
    before = copy.deepcopy(account)
    try:
        update_stack(account, REGION, NAME, template, {**parameters, "LogLevel": "all"})
        raise AssertionError("a bad value is taken")
    except Refused:
        assert account == before


def deployments_do_not_collide(template: dict, parameters: dict) -> None:
    account = new_account()
    for number, (region, name) in enumerate([(REGION, NAME), ("us-east-1", NAME), (REGION, "staging")]):
        domain = {"DomainName": f"groups{number}.example.com"} if "DomainName" in parameters else {}
        create_stack(account, region, name, template, {**parameters, **domain})
    for region, name in [(REGION, NAME), ("us-east-1", NAME), (REGION, "staging")]:
        delete_stack(account, region, name)


CHECKS = [
    failed_creations_can_be_repeated,
    deleted_stack_can_be_created_again,
    updates_change_only_what_they_name,
    failed_update_changes_nothing,
    deployments_do_not_collide,
]

# Faults that the rules have to find: what replaces which text of the template.
FAULTS = {
    "a stage before its routes": ("    DependsOn: [WebexRoute, GraphRoute]\n", ""),
    "a table that outlives a failed creation": ("DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Retain"),
    "a table that cannot be rolled back": ("BillingMode: PAY_PER_REQUEST", "BillingMode: PAY_PER_REQUEST\n      DeletionProtectionEnabled: true"),
    "a table that ends with its stack": ("DeletionPolicy: RetainExceptOnCreate", "DeletionPolicy: Delete"),
    "logs that end with their stack": ("LogGroup\n    DeletionPolicy: RetainExceptOnCreate", "LogGroup\n    DeletionPolicy: Delete"),
    "a secret that keeps its name": ("    DeletionPolicy: Delete\n    UpdateReplacePolicy: Delete\n    Properties:\n      Name: !Sub ${AWS::StackName}/webhooks",
                                     "    DeletionPolicy: Retain\n    UpdateReplacePolicy: Retain\n    Properties:\n      Name: !Sub ${AWS::StackName}/webhooks"),
    "a secret for all deployments": ("Name: !Sub ${AWS::StackName}/webex-app", "Name: groups/webex-app"),
    "a dashboard for all regions": ("DashboardName: !Sub ${AWS::StackName}-${AWS::Region}", "DashboardName: !Ref AWS::StackName"),
    "a secret that an update writes again": ("""'{"client_id":"${WebexClientId}"}'""", """'{"client_id":"${WebexClientId}","level":"${LogLevel}"}'"""),
    "a mapping before its rights": ("sqs:ReceiveMessage, sqs:SendMessage]\n                Resource: !GetAtt SyncQueue.Arn", "sqs:SendMessage]\n                Resource: !GetAtt SyncQueue.Arn"),
}


def broken(text: str) -> list[str]:
    """Returns the rules that do not hold."""
    found, template = [], translate(text)
    for check in CHECKS:
        for size, parameters in [("smallest", LEAST), ("largest", MOST)]:
            try:
                check(template, parameters)
            except (AssertionError, Refused) as error:
                found.append(f"{check.__name__}, {size} deployment: {error}")
    return found


if __name__ == "__main__":
    template = TEMPLATE.read_text()
    wrong = broken(template)
    for fault, (text, instead) in FAULTS.items():
        assert text in template, fault
        if not broken(template.replace(text, instead)):
            wrong.append(f"not found: {fault}")
    print("\n".join(wrong) or f"lifecycle: {len(CHECKS)} rules hold for both sizes, and find each of {len(FAULTS)} faults")
    sys.exit(bool(wrong))
