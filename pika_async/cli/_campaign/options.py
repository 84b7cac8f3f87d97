"""Options that the verbs of a campaign share."""

from typing import Annotated, Final

import typer

_ENGINE: Final = "Temporal"

CampaignID = Annotated[
    str, typer.Argument(metavar="ID", help="The name that the campaign was started with.")
]
NewCampaignID = Annotated[
    str, typer.Argument(metavar="ID", help="A name for it, which no other campaign has had.")
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="ADDR",
        show_default=False,
        help="HOST:PORT of the Temporal server; by default what TEMPORAL_ADDRESS says, else "
        "localhost:7233.",
        rich_help_panel=_ENGINE,
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        metavar="NAME",
        show_default=False,
        help="By default what TEMPORAL_NAMESPACE says, else default.",
        rich_help_panel=_ENGINE,
    ),
]
QUEUE: Final = "pika"
Queue = Annotated[
    str,
    typer.Option(
        "--queue", metavar="NAME", help="The task queue of the workers.", rich_help_panel=_ENGINE
    ),
]
Store = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="PLACE",
        show_default=False,
        help="Where the campaign lies: a folder that every worker sees, or s3://, gs:// or az://.",
    ),
]
KnownStore = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PLACE",
        show_default=False,
        help="Where the campaign lies; needed once the server has forgotten it.",
    ),
]
MaxInFlight = Annotated[
    int | None,
    typer.Option(
        "--max-in-flight",
        "-n",
        metavar="N",
        show_default=False,
        help="How many jobs at once at most, up to 10000, for all campaigns of the account; by "
        "default as it is, which is 100 at first.",
    ),
]
Budget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="AMOUNT",
        show_default=False,
        help="Spend at most so much, such as 2000; then the campaign is paused.",
    ),
]
Price = Annotated[
    str | None,
    typer.Option(
        "--price",
        metavar="AMOUNT",
        show_default=False,
        help="What a video is taken to cost where the service does not say, such as 0.45; "
        "needed for a budget there.",
    ),
]
