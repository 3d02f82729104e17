"""Deploys template.yaml to the local AWS services, and prints the result.

Usage: deploy.py AWS DYNAMODB NAME < {"parameters": {...}, "client_secrets": {...}} > deployment (JSON)

SAM's own transformation turns the template into plain CloudFormation. moto creates table, queues, secrets, roles and
functions from it, and the result is read back from them. Only the table moves on to DynamoDB Local, as moto describes
it. The HTTP API is not deployed: its routes are those of the template. The secrets of the apps, by the names of their
secrets, are stored afterwards, as docs/DEPLOYING.md does.
"""

import ast
import json
import os
import pathlib
import re
import sys

import boto3
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

TEMPLATE = pathlib.Path(__file__).parents[2] / "template.yaml"
PLACE = {"region_name": "eu-central-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}


class NoManagedPolicies:
    """The template has no policies that AWS manages."""

    def load(self) -> dict:
        return {}


def template(packages: str) -> dict:
    # The transformation reads the region from the environment.
    os.environ["AWS_DEFAULT_REGION"] = PLACE["region_name"]
    read = yaml_parse(TEMPLATE.read_text())
    for resource in read["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://{packages}/function.zip"
    return transform(read, {}, NoManagedPolicies())


def of_type(resources: dict, kind: str) -> dict:
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == kind}


def routes(resources: dict) -> dict:
    """Maps each route to its function."""
    integrations = of_type(resources, "AWS::ApiGatewayV2::Integration")
    functions = {name: one["IntegrationUri"]["Fn::GetAtt"][0] for name, one in integrations.items()}
    answers = {}
    for route in of_type(resources, "AWS::ApiGatewayV2::Route").values():
        (integration,) = re.fullmatch(r"integrations/\$\{(\w+)\}", route["Target"]["Fn::Sub"]).groups()
        answers[route["RouteKey"]] = functions[integration]
    return answers


def store_client_secrets(client, name: str, client_secrets: dict) -> None:
    for app, client_secret in client_secrets.items():
        stored = json.loads(client.get_secret_value(SecretId=f"{name}/{app}")["SecretString"])
        client.put_secret_value(SecretId=f"{name}/{app}", SecretString=json.dumps({**stored, "client_secret": client_secret}))


def deploy(aws: str, dynamodb: str, name: str, parameters: dict, client_secrets: dict) -> dict:
    def client(service: str, address: str = aws):
        return boto3.client(service, endpoint_url=address, **PLACE)

    # Stacks are deployed side by side, so each has its bucket.
    client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": PLACE["region_name"]})
    client("s3").put_object(Bucket=name, Key="function.zip", Body=b"PK\x05\x06" + b"\0" * 18)
    plain = template(packages=name)
    stacks = client("cloudformation")
    stacks.create_stack(
        StackName=name,
        TemplateBody=json.dumps(plain),
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    (stack,) = stacks.describe_stacks(StackName=name)["Stacks"]
    store_client_secrets(client("secretsmanager"), name, client_secrets)
    resources = stacks.describe_stack_resources(StackName=name)["StackResources"]
    made = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources if "PhysicalResourceId" in one}

    table = client("dynamodb").describe_table(TableName=made["Table"])["Table"]
    client("dynamodb", dynamodb).create_table(
        TableName=table["TableName"],
        BillingMode=table["BillingModeSummary"]["BillingMode"],
        KeySchema=table["KeySchema"],
        AttributeDefinitions=table["AttributeDefinitions"],
        GlobalSecondaryIndexes=[{key: index[key] for key in ("IndexName", "KeySchema", "Projection")} for index in table["GlobalSecondaryIndexes"]],
    )

    mappings = {one["FunctionArn"]: one for one in client("lambda").list_event_source_mappings()["EventSourceMappings"]}
    attributes = {url: client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]) for url in client("sqs").list_queues()["QueueUrls"]}
    queues = {of["Attributes"]["QueueArn"]: url for url, of in attributes.items()}
    functions = {}
    for logical in of_type(plain["Resources"], "AWS::Lambda::Function"):
        function = client("lambda").get_function_configuration(FunctionName=made[logical])
        role = function["Role"].rsplit("/", 1)[1]
        (policy,) = client("iam").list_role_policies(RoleName=role)["PolicyNames"]
        document = client("iam").get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        # moto keeps what CloudFormation made as Python prints it.
        document = document if isinstance(document, dict) else ast.literal_eval(document)
        source = mappings.get(function["FunctionArn"])
        functions[logical.removesuffix("Function").lower()] = {
            "arn": function["FunctionArn"],
            "role": function["Role"],
            "seconds": function["Timeout"],
            "megabytes": function["MemorySize"],
            "environment": function["Environment"]["Variables"],
            "policy": [statement for statement in document["Statement"] if statement],
            "queue": source and {"arn": source["EventSourceArn"], "url": queues[source["EventSourceArn"]], "most": source["BatchSize"]},
        }
    return {
        "webhooks_key": json.loads(client("secretsmanager").get_secret_value(SecretId=f"{name}/webhooks")["SecretString"])["1"],
        "functions": functions,
        "routes": {key: logical.removesuffix("Function").lower() for key, logical in routes(plain["Resources"]).items()},
        "outputs": {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]},
    }


if __name__ == "__main__":
    print(json.dumps(deploy(*sys.argv[1:], **json.load(sys.stdin))))
