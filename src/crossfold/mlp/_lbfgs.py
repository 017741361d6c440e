"""Training by L-BFGS: each network is minimised by SciPy, their products are one stack's.

SciPy's L-BFGS-B (Byrd, Lu, Nocedal and Zhu 1995; version 3.0 of Morales and Nocedal 2011) asks for
a loss and its gradient at one point after another. It runs once for each network, in a thread that
waits; when all of them have asked, the engine answers them at once. So each network has its own
curvature, line search and end, as if it were trained alone.
"""

from __future__ import annotations

from queue import SimpleQueue
from threading import Thread
from time import perf_counter

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from crossfold.mlp._batches import Block
from crossfold.mlp._spec import Array, Settings
from crossfold.mlp._training import Training

_REACHED_A_LIMIT = 1


class LBFGSTraining(Training):
    """A stack whose members are minimised over all their rows; see `Training`."""

    def _train(self) -> None:
        searches = {slot.index: _Search(slot.start, self._settings) for slot in self._slots}
        try:
            for search in searches.values():
                search.start()
            while self._slots:
                self._take_turn([searches[slot.index] for slot in self._slots])
        finally:
            for search in searches.values():
                search.stop()

    def _take_turn(self, searches: list[_Search]) -> None:
        """Wait until all have asked or ended, note what they have learnt, and answer those left."""
        points = [search.next_point() for search in searches]
        self._note_iterations(searches)
        for place, (slot, search) in enumerate(zip(self._slots, searches, strict=True)):
            flat = self._engine.parameters(place)
            flat[slot.places] = points[place]
            self._engine.replace(place, flat)
            slot.progress.trained.converged = search.has_converged
        self._dismiss([search.has_ended for search in searches])
        if self._slots:
            self._answer([search for search in searches if not search.has_ended])

    def _note_iterations(self, searches: list[_Search]) -> None:
        """Record members that are an iteration on: their last point is still in the engine."""
        if not any(search.has_advanced for search in searches):
            return
        event = self._score(
            max(search.n_iter for search in searches), np.array([one.loss for one in searches])
        )
        seconds = perf_counter() - self._began
        for place, (slot, search) in enumerate(zip(self._slots, searches, strict=True)):
            if search.has_advanced:
                slot.progress.advance(slot.sampler.n_rows, slot.sampler.n_batches)
                self._record(slot, place, event, seconds)
                search.has_advanced = False
        for callback in self._settings.callbacks:
            callback.on_epoch_end(event)

    def _answer(self, searches: list[_Search]) -> None:
        """Give each search the loss and the gradient at its point."""
        for group in self._batches.groups:
            for members, start, stop in self._batches.spans(group):
                losses, gradients = self._engine.differentiate(self._whole(members, start, stop))
                slots = self._slots[members]
                for slot, search, loss, gradient in zip(
                    slots, searches[members], losses, gradients, strict=True
                ):
                    search.answer(float(loss) / slot.sampler.n_rows, gradient[slot.places])

    def _whole(self, members: slice, start: int, stop: int) -> Block:
        """Give all rows of some members as a block of one step."""
        none = np.zeros((members.stop - members.start, stop - start))
        drawn = self._batches.draw(members, start, stop)
        return Block(worker=0, **drawn, learning_rates=none, step_sizes=none)


class _Search(Thread):
    """One network's minimisation, which asks for losses and waits for them."""

    def __init__(self, start: Array, settings: Settings) -> None:
        super().__init__(daemon=True)
        self._start, self._settings = start.astype(np.float64), settings
        self._asked: SimpleQueue[Array | OptimizeResult | Exception] = SimpleQueue()
        self._answers: SimpleQueue[tuple[float, Array] | None] = SimpleQueue()
        self.n_iter, self.loss = 0, np.nan
        self.has_advanced = self.has_ended = self.has_converged = False

    def run(self) -> None:
        """Minimise; tolerances are scikit-learn's."""
        settings = self._settings
        options = {"maxiter": settings.max_iter, "maxfun": settings.max_fun, "gtol": settings.tol}
        try:
            self._asked.put(
                minimize(
                    self._ask,
                    self._start,
                    method="L-BFGS-B",
                    jac=True,
                    callback=self._note,
                    options=options,
                )
            )
        except _Stopped:
            pass
        except Exception as error:  # told to the training, which waits for this thread
            self._asked.put(error)

    def next_point(self) -> Array:
        """Give the point that is asked for, or after the end the best one."""
        asked = self._asked.get()
        if isinstance(asked, Exception):
            raise asked
        if isinstance(asked, OptimizeResult):
            self.has_ended = True
            self.has_converged = asked.status != _REACHED_A_LIMIT
            if not self.n_iter:  # The start is the minimum, and its loss is the only one.
                self.loss, self.has_advanced = float(asked.fun), True
            return np.asarray(asked.x)
        return asked

    def answer(self, loss: float, gradient: Array) -> None:
        """Give the loss and its gradient at the point that was asked for."""
        self._answers.put((loss, gradient.astype(np.float64)))

    def stop(self) -> None:
        """Let the thread end, wherever it is."""
        self._answers.put(None)

    def _ask(self, point: Array) -> tuple[float, Array]:
        self._asked.put(point.copy())
        answer = self._answers.get()
        if answer is None:
            raise _Stopped
        self._last = answer[0]
        return answer

    def _note(self, point: Array) -> None:
        """Note that the last point asked for is where the next line search begins."""
        self.n_iter += 1
        self.loss = self._last
        self.has_advanced = True


class _Stopped(Exception):
    """The training has ended before the search."""
