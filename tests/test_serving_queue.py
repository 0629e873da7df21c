"""The queue: bounded, fair, left by clients that leave; deadlines."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from serving_support import MODEL, Labeler, Served, asks, client, next_answer, refused, served, told, until

from quoth.records import Article
from quoth.serving.metrics import Metrics
from quoth.serving.queue import Overloaded, Queue, Turn
from quoth.serving.schemas import Settings
from quoth.serving.workers import ThreadWorker


def queue_of(labeler: Any, **settings: Any) -> Queue:
    return Queue(ThreadWorker(labeler), Metrics(MODEL), Settings(**settings))


def turn(client: str = "a", request: int = 0) -> Turn:
    return Turn(client, request, 0.0)


@pytest.fixture
def held() -> Iterator[tuple[Served, Any]]:
    """A server whose model is at work on a first article until `labeler.held` is set."""
    with served(queue=6) as at, at.open() as first:
        first.sendall(asks(b'{"text": "held"}'))
        assert until(lambda: len(at.labeler.asked) == 3)
        yield at, at.labeler


def test_an_article_does_not_wait_for_those_behind_it() -> None:
    labeler = Labeler()

    async def asked() -> None:
        queue = queue_of(labeler)
        first, second = (queue.ask(Article(id, text), turn()) for id, text in (("a", "x"), ("b", "held")))
        queue.start()
        assert isinstance(await first, object) and not second.done()
        labeler.held.set()
        await second
        await queue.stop()

    asyncio.run(asked())
    assert labeler.asked == ["a", "b"]


def test_clients_take_turns_and_so_do_their_requests() -> None:
    labeler = Labeler()

    async def asked() -> None:
        queue = queue_of(labeler)
        waiting = [queue.ask(Article(f"much{k}", "x"), turn("much", 1)) for k in range(4)]
        waiting += [queue.ask(Article(f"also{k}", "x"), turn("much", 2)) for k in range(2)]
        waiting += [queue.ask(Article("little", "x"), turn("little", 3))]
        queue.start()
        await asyncio.gather(*waiting)
        await queue.stop()

    asyncio.run(asked())
    assert labeler.asked == ["much0", "little", "also0", "much1", "also1", "much2", "much3"]


def test_articles_and_characters_are_bounded_and_a_place_left_is_free() -> None:
    async def asked() -> None:
        queue = queue_of(Labeler(), queue=3, queue_characters=100)
        queue.ask(Article("long", "x" * 200), turn())  # the queue is empty: it may enter
        with pytest.raises(Overloaded):
            queue.ask(Article("a", "x"), turn())
        queue = queue_of(Labeler(), queue=3, queue_characters=100)
        waiting = [queue.ask(Article("a", "x" * 30), turn()) for _ in range(3)]
        with pytest.raises(Overloaded) as full:
            queue.ask(Article("a", "x"), turn())
        assert (full.value.depth, full.value.seconds) == (3, 1)
        waiting[1].cancel()
        await asyncio.sleep(0)
        queue.ask(Article("a", "x"), turn())

    asyncio.run(asked())


def test_a_batch_waits_for_room_and_leaves_half_of_it() -> None:
    async def asked() -> None:
        queue = queue_of(Labeler(), queue=4)
        waiting = [queue.ask(Article("a", "x"), turn()) for _ in range(2)]
        room = asyncio.create_task(queue.room(1))
        await asyncio.sleep(0.01)
        assert not room.done()
        waiting[0].cancel()
        await room

    asyncio.run(asked())


def test_a_full_queue_says_when_to_come_again_and_how_long_it_is(held: tuple[Served, Any]) -> None:
    at, labeler = held
    waiting = [at.open() for _ in range(6)]
    for one in waiting:
        one.sendall(asks())
    assert until(lambda: at.figure("quoth_queue_depth") == 6)
    (answer,) = at.talk(asks(b'{"text": "x"}', "content-length: 13", "connection: close"))
    error = told(answer, 429, "queue")
    assert error["queue_depth"] == 6 and int(answer["headers"]["retry-after"]) >= 1
    waiting.pop().close()
    assert until(lambda: at.figure("quoth_queue_depth") == 5)
    late = at.open()
    late.sendall(asks())
    assert until(lambda: at.figure("quoth_queue_depth") == 6)
    labeler.held.set()
    assert {next_answer(one)["status"] for one in (*waiting, late)} == {200}
    for one in (*waiting, late):
        one.close()
    at.unharmed()


def test_a_deadline_ends_the_wait_and_the_work_is_left_out(held: tuple[Served, Any]) -> None:
    at, labeler = held
    for headers, path, body in (
        (("x-request-timeout: 0.1",), "/v1/label", b'{"text": "x"}'),
        (("x-request-timeout: 0.1",), "/v1/stance", b'{"text": "x", "spans": [[0, 1]]}'),
    ):
        sent = asks(body, f"content-length: {len(body)}", "connection: close", *headers, path=path)
        (answer,) = at.talk(sent)
        told(answer, 504, "timeout")
    assert at.figure("quoth_queue_depth") == 0
    labeler.held.set()
    assert until(lambda: at.service.in_work == 0)
    assert labeler.asked[3:] == []


@pytest.mark.parametrize("given", ["0", "-1", "soon", "nan", "inf"])
def test_a_deadline_that_is_none_is_refused(given: str) -> None:
    with client() as at:
        response = at.post("/v1/label", json={"text": "x"}, headers={"x-request-timeout": given})
        refused(response, 422, "invalid", "header.x-request-timeout")


def test_a_line_of_a_batch_has_its_own_time(held: tuple[Served, Any]) -> None:
    at, labeler = held
    body = b'{"text": "x"}\n{"text": "y"}'
    sent = asks(body, f"content-length: {len(body)}", "x-request-timeout: 0.1", path="/v1/label/batch")
    with at.open() as one:
        one.sendall(sent)
        lines = [json.loads(line)["error"] for line in next_answer(one)["content"].splitlines()]
    assert [(line["status"], line["reason"]) for line in lines] == [(504, "timeout")] * 2
    labeler.held.set()


def burst(at: Served, clients: int, ask: Callable[[Any, int], list[bytes]]) -> list[bytes]:
    """Answers to clients that all begin at once."""
    found: list[bytes] = []
    begin = threading.Barrier(clients)

    def one(number: int) -> None:
        with at.open() as connection:
            connection.settimeout(60)
            begin.wait()
            found.extend(ask(connection, number))

    threads = [threading.Thread(target=one, args=(k,)) for k in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def singly(connection: Any, number: int) -> list[bytes]:
    answers = []
    for k in range(10):
        connection.sendall(asks(json.dumps({"id": f"{number}-{k}", "text": "x"}).encode()))
        answer = next_answer(connection)
        assert answer["status"] == 200, answer
        answers.append(answer["content"])
    return answers


def together(connection: Any, number: int) -> list[bytes]:
    body = b"\n".join(json.dumps({"id": f"{number}-{k}", "text": "x"}).encode() for k in range(10))
    connection.sendall(asks(body, f"content-length: {len(body)}", path="/v1/label/batch"))
    return list(next_answer(connection)["content"].splitlines())


@pytest.mark.parametrize("ask", [singly, together])
def test_a_burst_of_a_hundred_clients_is_answered(ask: Callable[[Any, int], list[bytes]]) -> None:
    with served() as at:
        at.labeler.pause = 0.001
        answers = [json.loads(answer) for answer in burst(at, 100, ask)]
        assert {a["id"] for a in answers} == {f"{n}-{k}" for n in range(100) for k in range(10)}
        assert all("statements" in answer for answer in answers)
        at.unharmed()
