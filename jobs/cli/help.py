"""Help pages: examples first, then usage, what the command does, and its options in sections."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import click

__all__ = ["CONTEXT_SETTINGS", "Command", "Group", "SectionOption"]

CONTEXT_SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class SectionOption(click.Option):
    """An option that is listed under a heading of its own.

    Parameters
    ----------
    section : str
        The heading.
    """

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section


class _ExamplesFirst(click.Command):
    """A command whose help starts with examples.

    Parameters
    ----------
    examples : sequence of str
        Command lines that work.
    """

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        kwargs.setdefault("context_settings", CONTEXT_SETTINGS)
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            # the parser does not say of which command an option lacks its value, and help is offered for that one
            error.ctx = error.ctx or ctx
            raise

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        first, _, rest = inspect.cleandoc(self.help or "").partition("\n")
        formatter.write(f"{first}\n\n")
        if self.examples:
            formatter.write("Examples:\n" + "".join(f"  {line}\n" for line in self.examples) + "\n")
        self.format_usage(ctx, formatter)
        if rest.strip():
            formatter.write_paragraph()
            formatter.write_text(rest.strip())
        self.format_options(ctx, formatter)
        self.format_epilog(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                sections.setdefault(getattr(param, "section", "Options"), []).append(record)
        # What every command has comes last.
        for heading in sorted(sections, key=lambda heading: heading == "Options"):
            with formatter.section(heading):
                formatter.write_dl(sections[heading])


class Command(_ExamplesFirst):
    """A command with examples."""


class Group(_ExamplesFirst, click.Group):
    """A group of commands with examples."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)
