"""The commands that say what a service can do: pipelines, limits."""

import typer

from reelwork.cli.asking import ApiKey, AsJson, Url, connected, print_json


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(pipelines)
    app.command()(limits)


def pipelines(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """List what the service can look for, and what is missing for what it cannot.

    Example: reelwork pipelines --url http://127.0.0.1:8000
    """
    with connected(url, api_key) as client:
        listed = client.pipelines()
    if as_json:
        print_json({"pipelines": [pipeline.document for pipeline in listed]})
    else:
        from reelwork.cli.tables import print_pipelines

        print_pipelines(listed)


def limits(as_json: AsJson = False, url: Url = None, api_key: ApiKey = None) -> None:
    """Say how much the service takes, of anybody and of your API key.

    Example: reelwork limits --json
    """
    with connected(url, api_key) as client:
        document = client.limits()
    if as_json:
        print_json(document)
    else:
        from reelwork.cli.tables import print_facts

        print_facts(document)
