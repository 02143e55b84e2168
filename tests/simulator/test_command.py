"""The command line, without a queue."""

import json

import pytest

from simulator import Fleet
from simulator.__main__ import main


def test_day_writes_one_message_on_each_line(tmp_path, capsys):
    """The messages of the fleet with those arguments, and their numbers on the console."""
    file = tmp_path / "day.jsonl"

    code = main(["day", "--chargers", "5", "--seed", "4", "--generation", "mt", "--out", str(file)])

    messages = Fleet(chargers=5, seed=4, generation="mt").day()
    assert code == 0
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        json.loads(message.body) for message in messages
    ]
    assert f"{len(messages)} messages in" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["push"],
        ["push", "--connection-string", "x", "--rate", "0"],
        ["push", "--connection-string", "x", "--rate", "1", "--speed", "2"],
        ["day", "--out", "x", "--generation", "v3"],
    ],
)
def test_wrong_arguments_are_refused(arguments, capsys):
    """With the usage on standard error."""
    with pytest.raises(SystemExit):
        main(arguments)

    assert "usage: python -m simulator" in capsys.readouterr().err
