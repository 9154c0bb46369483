"""Loading another version holds up nobody."""

import threading

from serve_process import wait_until

from cascada.serving.reloading import Reloading


class Slow:
    """An engine whose loading takes until it is told to go on."""

    def __init__(self):
        self.begun, self.goes_on, self.is_changed = 0, threading.Event(), False

    def changed(self):
        return self.is_changed

    def reload(self):
        self.begun += 1
        assert self.goes_on.wait(20)


def test_loading_goes_on_beside_one_at_a_time_and_who_asks_meanwhile_is_not_forgotten():
    engine = Slow()
    reloading = Reloading(engine, watch=True)
    reloading.look()
    assert engine.begun == 0
    engine.is_changed = True
    reloading.look()  # returns although loading has not ended
    engine.is_changed = False
    reloading.ask()
    reloading.look()
    assert engine.begun == 1
    engine.goes_on.set()

    def second():
        reloading.look()
        return engine.begun == 2

    wait_until(second)
    reloading.look()
    assert engine.begun == 2


def test_a_folder_that_nobody_watches_is_loaded_when_somebody_asks():
    engine = Slow()
    engine.is_changed = True
    engine.goes_on.set()
    reloading = Reloading(engine, watch=False)
    reloading.look()
    assert engine.begun == 0
    reloading.ask()
    reloading.look()
    wait_until(lambda: engine.begun == 1)
