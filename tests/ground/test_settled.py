"""What has been begun comes to its end, and a cancellation comes after it."""

from __future__ import annotations

import asyncio
import gc
import threading

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
from support.batches import until
from support.tables import every_row

from pika_async._settled import in_thread, settled, to_its_end


class Work:
    """Something that ends when a test says so."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.begun = False
        self.ended = False
        self.cancelled = False
        self.may_end = asyncio.Event()

    async def run(self) -> str:
        self.begun = True
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        self.ended = True
        if self.error is not None:
            raise self.error
        return "done"


async def test_the_result_is_given():
    work = Work()
    work.may_end.set()
    assert await to_its_end(work.run()) == "done"


async def test_an_error_is_raised_as_it_is():
    error = LookupError("a bug")
    work = Work(error)
    work.may_end.set()
    with pytest.raises(LookupError) as caught:
        await to_its_end(work.run())
    assert caught.value is error


async def test_work_that_cancels_itself_is_cancelled():
    async def give_up():
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await to_its_end(give_up())


class TestCancelledNatively:
    async def test_work_goes_on_and_the_cancellation_comes_after_it(self):
        work = Work()
        task = asyncio.create_task(to_its_end(work.run()))
        await until(lambda: work.begun)
        task.cancel()
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        assert not task.done()
        work.may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (work.ended, work.cancelled) == (True, False)

    async def test_however_often_it_is_asked(self):
        work = Work()
        task = asyncio.create_task(to_its_end(work.run()))
        await until(lambda: work.begun)
        for _ in range(20):
            task.cancel()
            await anyio.lowlevel.checkpoint()
        assert not task.done()
        work.may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (work.ended, work.cancelled) == (True, False)

    @pytest.mark.parametrize(
        "error", [None, LookupError("a bug"), asyncio.CancelledError()], ids=repr
    )
    async def test_the_words_of_the_cancellation_are_kept_however_the_work_ends(self, error):
        work = Work(error)
        task = asyncio.create_task(to_its_end(work.run()))
        await until(lambda: work.begun)
        task.cancel("closing time")
        work.may_end.set()
        with pytest.raises(asyncio.CancelledError, match="closing time"):
            await task

    async def test_work_that_has_not_begun_is_done_all_the_same(self):
        work = Work()
        work.may_end.set()

        async def leave():
            asyncio.current_task().cancel()
            await to_its_end(work.run())

        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(leave())
        assert work.ended

    @pytest.mark.parametrize("error", [LookupError("a bug"), asyncio.CancelledError()], ids=repr)
    async def test_what_the_work_raises_makes_no_noise(self, error):
        noises = []
        asyncio.get_running_loop().set_exception_handler(lambda _, one: noises.append(one))
        work = Work(error)
        task = asyncio.create_task(to_its_end(work.run()))
        await until(lambda: work.begun)
        task.cancel()
        await anyio.lowlevel.checkpoint()
        work.may_end.set()
        await asyncio.wait({task})
        assert task.cancelled()
        # What nobody has looked at is told when it is collected.
        del task
        gc.collect()
        assert noises == []

    async def test_a_timeout_around_it_is_a_timeout_afterwards(self):
        work = Work()

        async def limited():
            async with asyncio.timeout(0):
                await to_its_end(work.run())

        task = asyncio.create_task(limited())
        await until(lambda: work.begun)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        assert not task.done()
        work.may_end.set()
        with pytest.raises(TimeoutError):
            await task
        assert work.ended


class CountingLoop(asyncio.SelectorEventLoop):
    """Counts its turns, so that one that spins is told from one that waits."""

    turns = 0

    def _run_once(self) -> None:
        self.turns += 1
        super()._run_once()


def on_a_counting_loop(main):
    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        return runner.run(main())


class TestInACancelledScope:
    async def test_work_goes_on_and_the_cancellation_comes_after_it(self):
        work = Work()
        went_on = False
        with anyio.CancelScope() as scope:
            scope.cancel()
            asyncio.get_running_loop().call_later(0, work.may_end.set)
            assert await to_its_end(work.run()) == "done"
            await anyio.lowlevel.checkpoint()
            went_on = True
        assert (work.ended, work.cancelled, went_on) == (True, False, False)

    async def test_a_scope_that_is_cancelled_meanwhile_waits(self):
        work = Work()
        async with anyio.create_task_group() as group:
            group.start_soon(to_its_end, work.run())
            await until(lambda: work.begun)
            group.cancel_scope.cancel()
            asyncio.get_running_loop().call_later(0, work.may_end.set)
        assert (work.ended, work.cancelled) == (True, False)

    @every_row("how", ["by a scope", "by a scope and natively"])
    def test_waiting_while_cancelled_does_not_keep_the_loop_busy(self, how):
        # A cancelled scope asks again at every turn; a loop that spins makes thousands of them.
        async def main():
            loop = asyncio.get_running_loop()
            work = Work()

            async def leave():
                with anyio.CancelScope() as scope:
                    scope.cancel()
                    await to_its_end(work.run())

            task = asyncio.create_task(leave())
            await until(lambda: work.begun)
            if how == "by a scope and natively":
                task.cancel()
            before = loop.turns
            loop.call_later(0.1, work.may_end.set)
            await asyncio.wait({task})
            assert work.ended
            return loop.turns - before

        assert on_a_counting_loop(main) < 30


class TestBlockingSteps:
    async def test_a_step_runs_in_a_thread_and_gives_its_result(self):
        assert await settled(threading.current_thread) is not threading.current_thread()

    async def test_an_error_of_a_step_is_raised_as_it_is(self):
        with pytest.raises(ZeroDivisionError):
            await settled(lambda: 1 / 0)

    async def test_a_step_comes_to_its_end_though_its_caller_is_cancelled(self):
        begun, may_end = threading.Event(), threading.Event()
        ended = []

        def step():
            begun.set()
            assert may_end.wait(10)
            ended.append(True)

        task = asyncio.create_task(settled(step))
        try:
            await until(begun.is_set)
            task.cancel()
            for _ in range(100):
                await anyio.lowlevel.checkpoint()
            assert not task.done()
        finally:
            may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ended == [True]


class TestThreads:
    async def test_none_of_ours_waits_for_those_of_a_web_server(self):
        """Handlers that fill every thread of anyio, and each wait for a step of ours, get it."""
        anyio.to_thread.current_default_thread_limiter().total_tokens = 1

        def handler():
            return anyio.from_thread.run(in_thread, len, "four")

        with anyio.fail_after(5):
            assert await anyio.to_thread.run_sync(handler) == 4

    async def test_where_none_can_be_started_the_step_is_done_all_the_same(self, monkeypatch):
        """A container that allows no more threads costs nothing that was paid for."""

        def refuse(_):
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        assert await settled(threading.get_ident) == threading.get_ident()

    async def test_a_step_that_has_begun_is_not_begun_again(self):
        """What a step itself raises is its own affair, and it is done once."""
        calls = []

        def step():
            calls.append("called")
            raise RuntimeError("can't start new thread")

        with pytest.raises(RuntimeError, match="can't start"):
            await in_thread(step)
        assert calls == ["called"]
