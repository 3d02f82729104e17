"""SAM's own command line, up to the calls to AWS: those go to the account of stand_in.py.

Prompts, saved configuration and the merging of parameters are SAM's own code. A build copies the template.
"""

import inspect
import pathlib
import sys
from unittest.mock import MagicMock

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import samcli.lib.bootstrap.bootstrap as bootstrap  # noqa: E402

# Others import it by its name. The bucket for packages is SAM's own.
bootstrap.manage_stack = lambda **_: "bucket"

import samcli.commands.build.command as build_command  # noqa: E402
import samcli.commands.delete.delete_context as delete_context  # noqa: E402
import samcli.commands.deploy.deploy_context as deploy_context  # noqa: E402
import samcli.commands.package.package_context as package_context  # noqa: E402
import samcli.lib.bootstrap.companion_stack.companion_stack_manager as companion  # noqa: E402
from samcli.cli.main import cli  # noqa: E402

import cloudformation  # noqa: E402
from stand_in import account  # noqa: E402

REAL_BUILD, REAL_DEPLOY = build_command.do_cli, deploy_context.DeployContext.deploy


def build(*positional, **named) -> None:
    given = inspect.signature(REAL_BUILD).bind(*positional, **named).arguments
    folder = pathlib.Path(".aws-sam/build")
    folder.mkdir(parents=True, exist_ok=True)
    template = pathlib.Path(given["template"]).read_text()
    (folder / "template.yaml").write_text(template)
    default = cloudformation.yaml_parse(template)["Parameters"]["Architecture"]["Default"]
    with account() as state:
        state["built"] = (given["parameter_overrides"] or {}).get("Architecture", default)


def package(self) -> None:
    pathlib.Path(self.output_template_file).write_text(pathlib.Path(self.template_file).read_text())


def deploy(self, *positional, **named) -> None:
    of = inspect.signature(REAL_DEPLOY).bind(self, *positional, **named).arguments
    stack_name, parameters, region = of["stack_name"], of["parameters"], of["region"]
    template = cloudformation.translate(of["template_str"])
    given = {one["ParameterKey"]: one["ParameterValue"] for one in parameters if not one.get("UsePreviousValue")}
    with account() as state:
        try:
            if f"{region} {stack_name}" in state["stacks"]:
                changed = cloudformation.update_stack(state, region, stack_name, template, given)
            else:
                cloudformation.create_stack(state, region, stack_name, template, given)
                changed = ["everything"]
        except cloudformation.Refused as error:
            sys.exit(f"Error: Failed to create/update the stack: {stack_name}, {error}")
        state.setdefault("changed", []).append(changed)
        state["runs"] = [state["built"], given.get("Architecture")]


def delete(self) -> None:
    with account() as state:
        cloudformation.delete_stack(state, self.region, self.stack_name)


build_command.do_cli = build
package_context.PackageContext.run = package
deploy_context.DeployContext.deploy = deploy
delete_context.DeleteContext.run = delete
delete_context.DeleteContext.init_clients = lambda self: None
# It would ask for the account's id, for images that there are none of.
companion.boto3 = MagicMock()

if __name__ == "__main__":
    cli()
