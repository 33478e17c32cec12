"""mulligan completion: the script that completes commands in a shell."""

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from mulligan_client.commands.options import one_of

_SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=one_of(list(_SHELLS)))
def completion(shell: str) -> None:
    r"""Print the script that completes commands in bash, zsh or fish.

    \b
    bash: eval "$(mulligan completion bash)"                in ~/.bashrc
    zsh:  eval "$(mulligan completion zsh)"                 in ~/.zshrc
    fish: mulligan completion fish | source                 in config.fish
    """
    root = click.get_current_context().find_root().command
    click.echo(_SHELLS[shell](root, {}, "mulligan", "_MULLIGAN_COMPLETE").source())
