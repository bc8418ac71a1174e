"""The commands `hookwright keys` and `hookwright reencrypt`."""
# ruff: noqa: PLC0415 - as in runtime.cli: each command imports only what it needs

from pathlib import Path
from typing import Annotated

import typer


def keys(
    *,
    file: Annotated[Path, typer.Option(help="The file of settings to write to.")] = Path(".env"),
    add: Annotated[
        bool, typer.Option("--add", help="Add an encryption key behind those of the file.")
    ] = False,
) -> None:
    """Make new keys and write them to a file of settings that only you can read.

    They are an operator key, keys for encryption and tenant tokens, and a codec token. Callers of
    the API need the operator key itself, and the file holds only its digest. So the key is printed,
    once. A file that has such keys is not changed. With --add it gets one more encryption key, with
    which a rotation begins.

    Example: `hookwright keys --file .env`
    """
    from runtime.keys import add_encryption_key, write_new_keys
    from runtime.running import error_console, exit_on_command_error, print_line

    with exit_on_command_error():
        if add:
            key_id = add_encryption_key(file)
            print_line(f"✓ {file} has the new encryption key {key_id}, behind the others.")
            print_line("Restart all processes with it. Then move it to the front, restart again,")
            print_line("and run `hookwright reencrypt`.")
        else:
            operator_key = write_new_keys(file)
            print_line(f"✓ The keys are in {file}. Keep a copy, and not beside the backups.")
            error_console.print(
                "The operator key for callers of the API; save it, it is not shown again:"
                f" {operator_key}",
                soft_wrap=True,
            )


def reencrypt() -> None:
    """Rewrite what lives long under the first encryption key, and say when an older one may go.

    Run it during a rotation, once the new key is first everywhere and all processes are restarted.
    A worker does the work. You can interrupt this and run it again: it goes on where it is, and
    once all is rewritten, it only says what still needs the older keys.

    Example: `hookwright reencrypt`
    """
    from runtime import logs
    from runtime.running import exit_on_command_error, run
    from runtime.services import rewrite_under_first_key
    from runtime.settings import load_settings

    with exit_on_command_error():
        logs.configure()
        run(rewrite_under_first_key(load_settings()))
