"""`caretide keys`: the installation's own keys, by hand."""

from typing import Annotated

import typer

keys = typer.Typer(help="Keys: rotate what signs and seals.", no_args_is_help=True)


@keys.command("rotate-context")
def rotate_context_command(
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds until older keys are refused; other hosts need the new file by then.")
    ] = 10,
) -> None:
    """Sign the context of every transaction with a new key from now on; nothing needs a restart."""
    from caretide.postgres.databases import shared
    from caretide.postgres.roles import LoginRole
    from caretide.runtime.context_keys import rotate, signing_keys
    from caretide.runtime.migrations import migrate
    from caretide.settings import load_settings

    settings = load_settings()
    with shared(settings) as urls:
        migrate(urls.url(LoginRole.MIGRATOR))
        kid = rotate(urls.url(LoginRole.MIGRATOR), signing_keys(settings.home), wait_seconds=wait)
    typer.echo(f"Contexts are signed with context.{kid}.key in {settings.home / 'keys'}; older keys are refused.")
