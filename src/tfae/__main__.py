"""The command line: ``tfae demo`` and ``tfae version``.

Typer, Matplotlib and Rich come with ``tfae[cli]``, not with the library alone. Without them the
command says what to install.
"""

import sys
from typing import Any

_EXTRA_MODULES = {"typer", "matplotlib", "rich"}


def build_app() -> Any:
    """Return the Typer application. It is imported here, because Typer may be missing."""
    from tfae._cli.app import app

    return app


def main() -> None:
    """Run the command line."""
    try:
        build_app()()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _EXTRA_MODULES:
            raise
        print(
            f'error: {missing} must be installed for this command: pip install "tfae[cli]"',
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
