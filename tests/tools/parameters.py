"""Tries values that cannot work for each parameter of template.yaml.

Each is refused before anything is created, by a message that names the parameter. CloudFormation refuses by
AllowedPattern, AllowedValues, MinValue, MaxValue and Rules.
"""

import pathlib
import re
import sys

from samtranslator.yaml_helper import yaml_parse

TEMPLATE = yaml_parse((pathlib.Path(__file__).parents[2] / "template.yaml").read_text())

# Values that work, for each parameter without a default.
GOOD = {
    "WebexClientId": "C5fd7a4c3b2a1908f7e6d5c4b3a29180f",
    "MicrosoftClientId": "11111111-2222-3333-4444-555555555555",
}

FILES = "66666666-7777-8888-9999-000000000000"
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/11111111-2222"

# Both ways to prove the apps, with and without folders.
ALSO_GOOD = [
    {"FilesClientId": FILES},
    {"MicrosoftCredential": "secret"},
    {"MicrosoftCredential": "secret", "FilesClientId": FILES},
    {"DomainName": "groups.example.com", "CertificateArn": CERTIFICATE, "AlarmEmail": "alarms@example.com", "Paused": "true"},
    {"MonthlyCostLimit": "50", "AlarmEmail": "alarms@example.com", "WebhookConcurrency": "20", "PagesConcurrency": "5"},
    {"PermissionsBoundaryArn": "arn:aws:iam::123456789012:policy/boundaries/functions"},
]

# Values that cannot work, each with the others that are given beside it.
BAD = [
    ("WebexClientId", "", {}),
    ("WebexClientId", "my integration", {}),
    ("MicrosoftClientId", "", {}),
    ("MicrosoftClientId", "Webex teams and groups", {}),
    ("MicrosoftCredential", "certificate", {}),
    ("FilesClientId", "Team folders", {}),
    ("AllowedOrganizations", "Acme Inc.", {}),
    ("AllowedOrganizations", "*, *", {}),
    ("DomainName", "https://groups.example.com", {"CertificateArn": CERTIFICATE}),
    ("DomainName", "", {"CertificateArn": CERTIFICATE}),
    ("CertificateArn", "", {"DomainName": "groups.example.com"}),
    ("CertificateArn", "groups.example.com", {"DomainName": "groups.example.com"}),
    ("AlarmEmail", "arn:aws:sns:eu-central-1:123456789012:alarms", {}),
    ("Paused", "yes", {}),
    ("LogRetentionDays", "31", {}),
    ("LogLevel", "trace", {}),
    ("KmsKeyArn", "alias/groups", {}),
    ("PermissionsBoundaryArn", "boundary", {}),
    ("RestoredTable", "arn:aws:dynamodb:eu-central-1:123456789012:table/restored", {}),
    ("Architecture", "arm", {}),
    ("SyncConcurrency", "1", {}),
    ("SyncConcurrency", "many", {}),
    ("ReconcileConcurrency", "1001", {}),
    ("MonthlyCostLimit", "-1", {"AlarmEmail": "alarms@example.com"}),
    ("MonthlyCostLimit", "50", {}),
    ("WebhookConcurrency", "none", {}),
    ("PagesConcurrency", "1001", {}),
    ("WebexApiUrl", "http://webexapis.com/v1", {}),
    ("WebexApiUrl", "https://webexapis.com/v1/", {}),
    ("EntraLoginUrl", "https://login.microsoftonline.com/common", {}),
    ("GraphUrl", "https://graph.microsoft.com", {}),
]


def refusals(given: dict) -> list[str]:
    """Returns the messages by which CloudFormation refuses these parameters."""
    values = {name: given.get(name, str(of.get("Default", ""))) for name, of in TEMPLATE["Parameters"].items()}

    def is_refused(name: str, of: dict) -> bool:
        value = values[name]
        if of["Type"] == "Number" and not re.fullmatch(r"-?[0-9]+", value):
            return True
        return (
            ("AllowedPattern" in of and not re.fullmatch(of["AllowedPattern"], value))
            or ("AllowedValues" in of and value not in map(str, of["AllowedValues"]))
            or int(value if of["Type"] == "Number" else 0) < of.get("MinValue", 0)
            or int(value if of["Type"] == "Number" else 0) > of.get("MaxValue", sys.maxsize)
        )

    def holds(condition: dict) -> bool:
        ((function, of),) = condition.items()
        if function == "Fn::Not":
            return not holds(of[0])
        if function == "Fn::And":
            return all(map(holds, of))
        assert function == "Fn::Equals", function
        left, right = (values[one["Ref"]] if isinstance(one, dict) else str(one) for one in of)
        return left == right

    said = [of["ConstraintDescription"] for name, of in TEMPLATE["Parameters"].items() if is_refused(name, of)]
    applying = [rule for rule in TEMPLATE["Rules"].values() if holds(rule["RuleCondition"])]
    return said + [one["AssertDescription"] for rule in applying for one in rule["Assertions"] if not holds(one["Assert"])]


if __name__ == "__main__":
    wrong = [f"what works is refused: {said}" for beside in [{}, *ALSO_GOOD] for said in refusals({**GOOD, **beside})]
    wrong += [f"no bad value of {name} was tried" for name in TEMPLATE["Parameters"] if name not in {bad for bad, *_ in BAD}]
    for name, value, beside in BAD:
        said = refusals({**GOOD, **beside, name: value})
        if not said or not all(name in one for one in said):
            wrong.append(f"{name}={value!r} with {beside}: {said or 'is taken'}")
    print("\n".join(wrong) or f"parameters: {len(BAD)} values that cannot work are refused, each by its name")
    sys.exit(bool(wrong))
