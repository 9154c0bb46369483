"""Concurrent requests become batches: nobody's answer is another's, nothing that was taken is lost, what is too much is refused."""

import asyncio
import threading

import numpy as np
import pytest

from cascada.serving.http.batcher import Batcher
from cascada.serving.http.errors import Refused
from cascada.serving.http.settings import Batching


def images(*values):
    return np.array(values, np.float32).reshape(-1, 1, 1, 1)


def double(requests):
    batch = np.concatenate(requests)
    return 2 * batch.reshape(len(batch), 1), "model"


def together(scenario, run=double, enough=None, **settings):
    """Run `scenario(batcher)` on a loop; returns the sizes of the batches."""
    sizes = []

    async def main():
        batcher = Batcher(run, Batching(**settings), sizes.append, enough)
        batcher.start()
        try:
            await scenario(batcher)
        finally:
            await batcher.close()

    asyncio.run(asyncio.wait_for(main(), 30))
    return sizes


def test_everybody_gets_the_answers_to_their_own_showers():
    rng = np.random.default_rng(1)

    async def one(batcher):
        await asyncio.sleep(float(rng.uniform(0, 0.02)))
        mine = rng.random(rng.integers(1, 6)).astype(np.float32)
        answer, model = await batcher.submit(images(*mine))
        assert np.array_equal(answer[:, 0], 2 * mine) and model == "model"

    async def scenario(batcher):
        await asyncio.gather(*(one(batcher) for _ in range(300)))

    sizes = together(scenario, largest=16)
    assert max(sizes) <= 16 and len(sizes) < 300


def test_who_comes_while_the_model_computes_is_answered_together():
    free = threading.Event()

    def slow(batch):
        free.wait(10)
        return double(batch)

    async def scenario(batcher):
        first = asyncio.create_task(batcher.submit(images(1)))
        await asyncio.sleep(0.05)
        others = [asyncio.create_task(batcher.submit(images(n))) for n in range(5)]
        await asyncio.sleep(0.05)
        free.set()
        await asyncio.gather(first, *others)

    assert together(scenario, slow, wait=0.0) == [1, 5]


def test_an_idle_model_waits_for_a_moment_and_not_longer():
    async def scenario(batcher):
        await asyncio.gather(*(batcher.submit(images(n)) for n in range(4)))
        await batcher.submit(images(9))

    assert together(scenario, largest=4, wait=1.0, queue=8)[0] == 4  # four are a full batch: nobody waits


def test_an_idle_model_does_not_wait_for_more_than_it_computes_at_a_time():
    async def scenario(batcher):
        await asyncio.wait_for(batcher.submit(images(1, 2, 3)), 5)

    assert together(scenario, largest=9, wait=20.0, enough=3) == [3]


def test_a_full_queue_refuses_and_says_when_to_come_again():
    free = threading.Event()

    def slow(batch):
        free.wait(10)
        return double(batch)

    async def scenario(batcher):
        taken = [asyncio.create_task(batcher.submit(images(1)))]
        await asyncio.sleep(0.05)
        taken += [asyncio.create_task(batcher.submit(images(1, 2))) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(Refused) as refused:
            await batcher.submit(images(1))
        assert refused.value.status == 503 and refused.value.retry
        free.set()
        await asyncio.gather(*taken)
        await batcher.submit(images(1, 2, 3, 4, 5, 6))  # more than the queue holds: taken while nobody waits

    together(scenario, slow, queue=4, wait=0.0)


def test_what_was_taken_is_answered_before_the_end_and_nothing_is_taken_after():
    async def main():
        batcher = Batcher(double, Batching(wait=0.5))
        batcher.start()
        taken = [asyncio.create_task(batcher.submit(images(n))) for n in range(5)]
        await asyncio.sleep(0)
        await batcher.close()
        assert [float((await one)[0][0, 0]) for one in taken] == [0, 2, 4, 6, 8]
        with pytest.raises(Refused, match="about to end"):
            await batcher.submit(images(1))

    asyncio.run(main())


def test_a_client_that_has_gone_holds_up_nobody():
    free = threading.Event()

    def slow(batch):
        free.wait(10)
        return double(batch)

    async def scenario(batcher):
        first = asyncio.create_task(batcher.submit(images(1)))
        await asyncio.sleep(0.05)
        gone, stays = (asyncio.create_task(batcher.submit(images(n))) for n in (7, 8))
        await asyncio.sleep(0.05)
        gone.cancel()
        free.set()
        await first
        assert (await stays)[0][0, 0] == 16
        assert batcher.showers == 0

    assert together(scenario, slow, wait=0.0) == [1, 1]


def test_an_error_reaches_those_of_its_batch_and_the_next_is_answered():
    def fails(batch):
        if batch[0][0] < 0:
            raise ValueError("broken")
        return double(batch)

    async def scenario(batcher):
        with pytest.raises(ValueError, match="broken"):
            await batcher.submit(images(-1))
        assert (await batcher.submit(images(2)))[0][0, 0] == 4

    together(scenario, fails)
