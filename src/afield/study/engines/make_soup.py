"""A soup made from the networks that its ingredients kept, and stored as a training's network is.

Its folder lies among the trials: `trial.json` is that of its first ingredient and says how the network is built,
`soup.json` tells what was tried and taken.
"""

from __future__ import annotations

import platform as host
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from afield.base.errors import DamagedError, Stopped
from afield.study.combining.soups import Soup
from afield.study.store import Store
from afield.trial.inputs import SplitInputs
from afield.trial.trial import Trial

if TYPE_CHECKING:
    from afield.training.checkpoint import Tensors
    from afield.training.soup import Tasted


def make_soup(
    store: Store,
    soup: Soup,
    trial: Trial,
    validation: SplitInputs,
    taste_one: Callable[[Tensors], Tasted],
    keep: Callable[[Tensors], None],
    platform: Mapping[str, str],
    stop: Callable[[], bool],
) -> None:
    """Average what belongs into a soup, by validation alone, and store network, validation predictions and what was
    tried; the result comes last. `trial` is that of the first ingredient, `taste_one` holds a network against the
    validation split (`trial.taster`), `keep` writes the one that is found.

    Raises DamagedError for a network that is not the one that was kept, InputError for networks that cannot be
    averaged, and Stopped where `stop` says so: nothing of a soup is stored before it is whole.
    """
    from safetensors.torch import load_file

    from afield.training.soup import greedy, uniform

    begun = time.perf_counter()
    results = {each.key: _result(store, each.key) for each in soup.ingredients}
    # the best first; of equals the one that the study names first
    order = sorted(results, key=lambda key: (-results[key]["validation"], results[key]["validation_loss"]))

    def taste(network: Tensors) -> Tasted:
        if stop():
            raise Stopped("stopped while a soup was made; run the same command again to go on")
        return taste_one(network)

    networks = [(key, lambda key=key: load_file(store.check_network(key))) for key in order]
    found, tried = (greedy if soup.method == "greedy" else uniform)(networks, taste)
    store.begin(trial, soup.key)
    store.reopen(soup.key, platform)
    keep(found.network)
    ingredients = {each.key: each for each in soup.ingredients}
    rows = [
        {
            "key": order[each.place],
            "intervention": ingredients[order[each.place]].search[2],
            "seed": ingredients[order[each.place]].seed,
            "validation": results[order[each.place]]["validation"],
            "validation_of_soup": each.metric,
            "taken": each.taken,
        }
        for each in tried
    ]
    store.finish_soup(
        soup.key,
        validation.predictions(trial.classes, found.logits.numpy()),
        {"method": soup.method, "metric": trial.metric, "tried": rows},
        {
            "key": soup.key,
            "ingredients": [row["key"] for row in rows if row["taken"]],
            "validation": found.metric,
            "validation_loss": found.loss,
            "seconds": time.perf_counter() - begun,
            "platform": dict(platform),
            "machine": f"{host.node()} ({host.machine()})",
        },
    )


def _result(store: Store, key: str) -> Mapping[str, Any]:
    result = store.read(key).result
    if result is None:
        raise DamagedError(f"{store.trial_folder(key)}: its result has gone; run the study again to train it anew")
    return result
