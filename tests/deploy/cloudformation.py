"""CloudFormation's documented rules for the resources of template.yaml, over an account that is a plain dictionary.

A resource is created when what it depends on exists. It fails if it names something that exists only by luck. A creation
that fails is rolled back, and DeletionPolicy says what stays.
<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-deletionpolicy.html>
"""

import copy
import json
import logging
import os
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tools"))
from deploy import NoManagedPolicies  # noqa: E402
from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

# The transformation counts what it does, and warns that no one asked for the numbers.
logging.getLogger("samtranslator").setLevel(logging.ERROR)

ACCOUNT = "123456789012"

# Properties whose change replaces the resource. A replacement under its own name fails, since the old one has it.
REPLACED_BY = {
    "AWS::ApiGatewayV2::Api": ["ProtocolType"],
    "AWS::ApiGatewayV2::ApiMapping": ["DomainName"],
    "AWS::ApiGatewayV2::DomainName": ["DomainName"],
    "AWS::ApiGatewayV2::Stage": ["ApiId", "StageName"],
    "AWS::CloudWatch::Dashboard": ["DashboardName"],
    "AWS::DynamoDB::Table": ["KeySchema", "TableName"],
    "AWS::Lambda::EventSourceMapping": ["EventSourceArn"],
    "AWS::Lambda::Permission": ["Action", "FunctionName", "Principal", "SourceArn"],
    "AWS::SecretsManager::Secret": ["Name"],
    "AWS::SNS::Subscription": ["Endpoint", "Protocol", "TopicArn"],
}

# The property with which a resource names itself, and whether the name is one for all regions.
NAMED_BY = {
    "AWS::CloudWatch::Dashboard": ("DashboardName", True),
    "AWS::SecretsManager::Secret": ("Name", False),
    "AWS::ApiGatewayV2::DomainName": ("DomainName", True),
}


class Refused(Exception):
    """An answer of CloudFormation, or of the service that it called."""


def translate(text: str) -> dict:
    """Returns the template after SAM's own transformation."""
    # The transformation reads the region from the environment.
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    read = yaml_parse(text)
    for resource in read["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://packages/function.zip"
    return transform(read, {}, NoManagedPolicies())


def new_account() -> dict:
    return {"stacks": {}, "resources": {}, "calls": [], "count": 0}


class Stack:
    """One stack's template with the values of its parameters."""

    def __init__(self, account: dict, region: str, name: str, template: dict, parameters: dict):
        self.account, self.region, self.name, self.template = account, region, name, template
        self.values = {key: str(parameters.get(key, of.get("Default", ""))) for key, of in template["Parameters"].items()}
        self.physical: dict[str, str] = {}
        self.closures: dict[str, set[str]] = {}
        missing = [key for key, of in template["Parameters"].items() if "Default" not in of and key not in parameters]
        if missing or set(parameters) - set(template["Parameters"]):
            raise Refused(f"Parameters: {missing} must have values; {set(parameters) - set(template['Parameters'])} do not exist")
        for key, of in template["Parameters"].items():
            if not re.fullmatch(of.get("AllowedPattern", ".*"), self.values[key]) or self.values[key] not in map(
                str, of.get("AllowedValues", [self.values[key]])
            ):
                raise Refused(f"Parameter {key} failed to satisfy constraint: {of['ConstraintDescription']}")
        for rule in template.get("Rules", {}).values():
            for one in rule["Assertions"] if self.holds(rule["RuleCondition"]) else []:
                if not self.holds(one["Assert"]):
                    raise Refused(one["AssertDescription"])

    def holds(self, condition) -> bool:
        ((function, of),) = condition.items()
        match function:
            case "Fn::Not":
                return not self.holds(of[0])
            case "Fn::And":
                return all(map(self.holds, of))
            case "Condition":
                return self.holds(self.template["Conditions"][of])
            case "Fn::Equals":
                return str(self.resolve(of[0])) == str(self.resolve(of[1]))
        raise AssertionError(function)

    def exists(self, logical: str) -> bool:
        condition = self.template["Resources"][logical].get("Condition")
        return condition is None or self.holds(self.template["Conditions"][condition])

    def resources(self) -> dict[str, dict]:
        return {name: of for name, of in self.template["Resources"].items() if self.exists(name)}

    def ref(self, name: str) -> str:
        pseudo = {
            "AWS::StackName": self.name,
            "AWS::Region": self.region,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.values:
            return self.values[name]
        # Before its creation a resource is known by its logical name.
        return self.physical.get(name, f"<{name}>")

    def attribute(self, name: str, attribute: str) -> str:
        kind, physical = self.template["Resources"][name]["Type"], self.ref(name)
        if (kind, attribute) == ("AWS::ApiGatewayV2::DomainName", "RegionalHostedZoneId"):
            return "Z1D633PJN98FT9"
        if attribute == "Arn":
            service, place = {
                "AWS::IAM::Role": ("iam", f"{ACCOUNT}:role/"),
                "AWS::DynamoDB::Table": ("dynamodb", f"{ACCOUNT}:table/"),
            }.get(kind, (kind.split("::")[1].lower(), f"{ACCOUNT}:"))
            return f"arn:aws:{service}:{'' if service == 'iam' else self.region}:{place}{physical}"
        return f"{physical}.{attribute}"

    def resolve(self, value):
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not None]
        if not isinstance(value, dict):
            return value
        match list(value.items()):
            case [("Ref", "AWS::NoValue")]:
                return None
            case [("Ref", name)]:
                return self.ref(name)
            case [("Fn::GetAtt", of)]:
                return self.attribute(*(of if isinstance(of, list) else of.split(".", 1)))
            case [("Fn::If", [condition, yes, no])]:
                return self.resolve(yes if self.holds(self.template["Conditions"][condition]) else no)
            case [("Fn::Join", [between, of])]:
                return between.join(self.resolve(of))
            case [("Fn::Sub", of)]:
                return self.substitute(*(of if isinstance(of, list) else (of, {})))
        return {key: one for key, one in ((key, self.resolve(one)) for key, one in value.items()) if one is not None}

    def substitute(self, text: str, known: dict) -> str:
        known = {name: self.resolve(one) for name, one in known.items()}

        def value(found: re.Match) -> str:
            name, _, attribute = found[1].partition(".")
            return known.get(found[1]) or (self.attribute(name, attribute) if attribute else self.ref(name))

        return re.sub(r"\$\{([\w:.]+)\}", value, text)

    def dependencies(self, logical: str) -> set[str]:
        """Returns what has to exist before: named by Ref, GetAtt, Sub or DependsOn."""
        of = self.template["Resources"][logical]
        found = {of["DependsOn"]} if isinstance(of.get("DependsOn"), str) else set(of.get("DependsOn", []))

        def visit(value):
            if isinstance(value, list):
                list(map(visit, value))
            elif isinstance(value, dict):
                match list(value.items()):
                    case [("Ref", name)]:
                        found.add(name)
                    case [("Fn::GetAtt", target)]:
                        found.add(target[0] if isinstance(target, list) else target.split(".")[0])
                    case [("Fn::If", [condition, yes, no])]:
                        visit(yes if self.holds(self.template["Conditions"][condition]) else no)
                    case [("Fn::Sub", text)]:
                        text, known = text if isinstance(text, list) else (text, {})
                        found.update(name.split(".")[0] for name in re.findall(r"\$\{([\w:.]+)\}", text))
                        visit(known)
                    case _:
                        list(map(visit, value.values()))

        visit(of.get("Properties", {}))
        return {name for name in found if name in self.template["Resources"] and self.exists(name)}

    def before(self, logical: str) -> set[str]:
        """Returns all that surely exists when this resource is created."""
        if logical not in self.closures:
            self.closures[logical] = {logical}
            direct = self.dependencies(logical)
            known = direct.union(*map(self.before, direct))
            if logical in known:
                raise Refused(f"Circular dependency: {logical}")
            self.closures[logical] = known
        return self.closures[logical]

    def order(self) -> list[str]:
        return sorted(self.resources(), key=lambda name: (len(self.before(name)), name))

    def properties(self, logical: str) -> dict:
        return self.resolve(self.template["Resources"][logical].get("Properties", {}))

    def identities(self, logical: str) -> list[str]:
        """Returns the texts by which others can name a resource without a reference."""
        of, kind = self.properties(logical), self.template["Resources"][logical]["Type"]
        named = NAMED_BY.get(kind, ("RouteKey" if kind == "AWS::ApiGatewayV2::Route" else None, False))[0]
        return [of[named]] if named and of.get(named) not in (None, "$default") else []

    def check_names(self, logical: str) -> None:
        """Refuses a resource that names another one without depending on it."""
        kind = self.template["Resources"][logical]["Type"]
        # IAM accepts a name that does not exist, and so do variables.
        if kind in ("AWS::IAM::Role", "AWS::Lambda::Function"):
            return
        of, before = texts(self.properties(logical)), self.before(logical)
        for other, resource in self.resources().items():
            if not is_nameable(resource) or other in before or other == logical:
                continue
            for identity in self.identities(other):
                if identity in of:
                    raise Refused(f"NotFoundException: {logical} names {identity}, but {other} may not exist yet")

    def create(self, logical: str) -> None:
        kind = self.template["Resources"][logical]["Type"]
        self.check_names(logical)
        self.check_rights(logical)
        named, is_global = NAMED_BY.get(kind, (None, False))
        name = self.properties(logical).get(named) if named else None
        self.account["count"] += 1
        name = name or f"{self.name}-{logical}-{self.account['count']:04d}"
        key = f"{'*' if is_global else self.region} {kind} {name}"
        if key in self.account["resources"]:
            raise Refused(f"{logical}: {name} already exists")
        of = self.properties(logical)
        self.account["resources"][key] = {"stack": self.name, "region": self.region, "logical": logical, "properties": of}
        if kind == "AWS::SecretsManager::Secret":
            self.account["resources"][key]["value"] = of.get("SecretString") or generated(of["GenerateSecretString"])
        self.physical[logical] = name

    def check_rights(self, logical: str) -> None:
        """Lambda tries the queue when the mapping is created, under the role of the function."""
        if self.template["Resources"][logical]["Type"] != "AWS::Lambda::EventSourceMapping":
            return
        of = self.template["Resources"][logical]["Properties"]
        function = self.template["Resources"][of["FunctionName"]["Ref"]]
        role = function["Properties"]["Role"]["Fn::GetAtt"][0]
        statements = self.properties(role)["Policies"][0]["PolicyDocument"]["Statement"]
        queue = self.resolve(of["EventSourceArn"])
        if not any("sqs:ReceiveMessage" in one["Action"] and one["Resource"] == queue for one in statements):
            raise Refused(f"{logical}: The function execution role does not have permissions to call ReceiveMessage on SQS")

    def key(self, logical: str) -> str:
        kind = self.template["Resources"][logical]["Type"]
        is_global = NAMED_BY.get(kind, (None, False))[1]
        return f"{'*' if is_global else self.region} {kind} {self.physical[logical]}"

    def delete(self, logical: str) -> None:
        of = self.account["resources"][self.key(logical)]
        if of["properties"].get("DeletionProtectionEnabled"):
            raise Refused(f"ValidationException: {logical} is protected against deletion")
        del self.account["resources"][self.key(logical)]
        del self.physical[logical]

    def policy(self, logical: str, attribute: str = "DeletionPolicy") -> str:
        return self.template["Resources"][logical].get(attribute, "Delete")

    def outputs(self) -> dict[str, str]:
        conditions = self.template["Conditions"]
        return {
            name: self.resolve(of["Value"])
            for name, of in self.template["Outputs"].items()
            if "Condition" not in of or self.holds(conditions[of["Condition"]])
        }


def is_nameable(resource: dict) -> bool:
    return resource["Type"] in NAMED_BY or resource["Type"] == "AWS::ApiGatewayV2::Route"


def generated(rule: dict) -> str:
    letters = "Aa0" * rule["PasswordLength"]
    return json.dumps({**json.loads(rule["SecretStringTemplate"]), rule["GenerateStringKey"]: letters[: rule["PasswordLength"]]})


def texts(value) -> set[str]:
    """Returns all texts in a value, those of keys among them."""
    if isinstance(value, dict):
        return set(value) | {text for one in value.values() for text in texts(one)}
    if isinstance(value, list):
        return {text for one in value for text in texts(one)}
    return {value} if isinstance(value, str) else set()


def create_stack(account: dict, region: str, name: str, template: dict, parameters: dict, fails_at: str | None = None) -> Stack:
    """Creates a stack. A creation that fails is rolled back and its stack deleted, as on_failure=DELETE does."""
    key = f"{region} {name}"
    if key in account["stacks"]:
        raise Refused(f"Stack [{name}] already exists")
    stack = Stack(account, region, name, template, parameters)
    refusal = None
    for logical in stack.order():
        if fails_at is not None and (logical == fails_at or fails_at in stack.before(logical)):
            continue
        try:
            stack.create(logical)
        except Refused as error:
            refusal = error
            break
    if refusal is None and fails_at is None:
        account["stacks"][key] = record(stack)
        return stack
    for logical in reversed(list(stack.physical)):
        # RetainExceptOnCreate deletes here, unlike Retain.
        if stack.policy(logical) != "Retain":
            stack.delete(logical)
    raise refusal or Refused(f"{fails_at} failed")


def record(stack: Stack) -> dict:
    return {
        "template": stack.template,
        "parameters": stack.values,
        "physical": stack.physical,
        "outputs": stack.outputs(),
        "properties": {name: stack.properties(name) for name in stack.resources()},
    }


def load_stack(account: dict, region: str, name: str) -> Stack:
    of = account["stacks"][f"{region} {name}"]
    stack = Stack(account, region, name, of["template"], of["parameters"])
    stack.physical = dict(of["physical"])
    return stack


def update_stack(account: dict, region: str, name: str, template: dict, parameters: dict) -> list[str]:
    """Updates a stack, or leaves all as it was and raises. Returns the logical names of what changed."""
    saved = copy.deepcopy(account)
    try:
        return update(account, region, name, template, parameters)
    except Refused:
        account.clear()
        account.update(saved)
        raise


def update(account: dict, region: str, name: str, template: dict, parameters: dict) -> list[str]:
    old, before = load_stack(account, region, name), account["stacks"][f"{region} {name}"]["properties"]
    new = Stack(account, region, name, template, parameters)
    new.physical = dict(old.physical)
    changed = []
    for logical in new.order():
        kind, of = template["Resources"][logical]["Type"], new.properties(logical)
        if logical not in new.physical:
            new.create(logical)
            changed.append(logical)
        elif of != before[logical]:
            changed.append(logical)
            if any(of.get(key) != before[logical].get(key) for key in REPLACED_BY.get(kind, [])):
                replace(old, new, logical)
            row = account["resources"][new.key(logical)]
            # The service's own settings, such as protection, stay as they are.
            row["properties"] = {**{k: v for k, v in row["properties"].items() if k not in before[logical]}, **of}
            if kind == "AWS::SecretsManager::Secret" and of.get("SecretString") != before[logical].get("SecretString"):
                row["value"] = of["SecretString"]
    for logical in [name for name in reversed(old.order()) if name not in new.resources()]:
        new.template = old.template
        if old.policy(logical) == "Delete":
            new.delete(logical)
        else:
            del new.physical[logical]
        new.template = template
        changed.append(logical)
    account["stacks"][f"{region} {name}"] = record(new)
    return changed


def replace(old: Stack, new: Stack, logical: str) -> None:
    del new.physical[logical]
    new.create(logical)
    if old.policy(logical, "UpdateReplacePolicy") == "Delete":
        old.delete(logical)


def delete_stack(account: dict, region: str, name: str) -> None:
    stack = load_stack(account, region, name)
    for logical in reversed(list(stack.physical)):
        if stack.policy(logical) == "Delete":
            stack.delete(logical)
    del account["stacks"][f"{region} {name}"]
