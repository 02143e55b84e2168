"""How far the app has come, as its log tells."""

from bench.soak_progress import NewLines, Progress


def test_what_was_sent_first_is_stored_first():
    """Messages sent together take as long as the last of them."""
    progress = Progress()
    progress.send(10, due_at_seconds=1.0)
    progress.send(10, due_at_seconds=2.0)

    progress.read("12:00:00 I push_events: ingest deliveries=15 stored=none repeats=0", seen_at_seconds=4.0)
    first = progress.take_seconds_each()
    progress.read("12:00:01 I push_events: ingest deliveries=5 stored=none repeats=0", seen_at_seconds=5.0)

    assert first == [3.0]
    assert progress.take_seconds_each() == [3.0]
    assert progress.waiting == 0


def test_batches_that_are_given_back_are_counted():
    """And other lines are not."""
    progress = Progress()
    progress.send(3, due_at_seconds=1.0)
    for line in ("ingest cannot store the batch, given back in 60 s error=GiveBack", "functions: listening on X"):
        progress.read(line, seen_at_seconds=2.0)

    assert (progress.batches_given_back, progress.waiting) == (1, 3)


def test_a_line_is_taken_once_it_is_whole(tmp_path):
    """A reader may come while it is being written."""
    log = tmp_path / "log"
    lines = NewLines(log)

    log.write_text("one\ntw")
    assert lines.take() == ["one"]
    log.write_text("one\ntwo\n")
    assert lines.take() == ["two"]
    assert lines.take() == []
