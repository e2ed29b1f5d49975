"""What the processes of one trial on several devices tell each other. For one device each of these does nothing.

Every process makes its share of each batch and goes back through it; the gradients are added up, and all make the same
update, so all hold the same weights. spread.py starts the processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
from torch import distributed, nn

from afield.base.errors import AfieldError
from afield.images.batch import Share
from afield.training.numerics import Numerics

PATIENCE = timedelta(minutes=30)
"""that one process waits for another. Who dies is noticed at once (spread.py); this ends what would wait for ever"""


class LostError(AfieldError):
    """Another process of the trial is gone; why, that one tells, or its end does."""


def share() -> Share:
    """This process's part of each batch; all of it where one process trains alone."""
    if not distributed.is_initialized():
        return Share()
    return Share(distributed.get_rank(), distributed.get_world_size())


def writes() -> bool:
    """Whether it is this process that writes what all of them know."""
    return share().rank == 0


@contextmanager
def joined(numerics: Numerics, rank: int, meeting: Path) -> Iterator[None]:
    """Let this process be one of `numerics.devices`, on the device of its rank. `meeting` is a file that does not exist
    yet, by which they find each other.

    Messages on the CPU go through gloo, those between GPUs through NCCL.
    """
    cuda = numerics.device == "cuda"
    if cuda:
        torch.cuda.set_device(rank)
    with _lost_named():
        distributed.init_process_group(
            "cpu:gloo,cuda:nccl" if cuda else "gloo",
            store=distributed.FileStore(str(meeting), numerics.devices),  # type: ignore[attr-defined]
            rank=rank,
            world_size=numerics.devices,
            timeout=PATIENCE,
        )
    yield
    distributed.destroy_process_group()  # where all ends well: else another may never answer


def agreed(stop: Callable[[], bool]) -> bool:
    """Whether to stop, as the first process says: all stop before the same step, or none does."""
    if not distributed.is_initialized():
        return stop()
    said = torch.tensor([stop()])
    with _lost_named():
        distributed.broadcast(said, src=0)
    return bool(said)


def begin_alike(epoch: int, step: int) -> None:
    """Raise AfieldError unless all processes begin at the same epoch and step: else their gradients would be of
    different networks.
    """
    if not distributed.is_initialized():
        return
    mine = torch.tensor([epoch, step])
    all_of_them = [torch.empty_like(mine) for _ in range(distributed.get_world_size())]
    with _lost_named():
        distributed.all_gather(all_of_them, mine)
    told = [tuple(each.tolist()) for each in all_of_them]
    if len(set(told)) > 1:
        raise AfieldError(
            f"the devices of this trial would begin at different epochs and steps ({', '.join(map(str, told))}); take "
            "its checkpoint.pt away to begin anew"
        )


def add_up(total: torch.Tensor, parameters: Iterable[nn.Parameter]) -> None:
    """Make `total` and the parameters' gradients the sums over all processes, in place and in one message."""
    if not distributed.is_initialized():
        return
    parts = [total, *(each.grad for each in parameters if each.grad is not None)]
    message = torch.cat([part.flatten() for part in parts])
    with _lost_named():
        distributed.all_reduce(message)
    for part, summed in zip(parts, torch.split(message, [part.numel() for part in parts]), strict=True):
        part.copy_(summed.view(part.shape))


def same_buffers(network: nn.Module) -> None:
    """Give all processes the first one's buffers: BatchNorm's running statistics, which each has of its own shares."""
    if not distributed.is_initialized():
        return
    with _lost_named():
        for buffer in network.buffers():
            said = buffer.contiguous()
            distributed.broadcast(said, src=0)
            if said is not buffer:
                buffer.copy_(said)


def gathered(parts: list[torch.Tensor]) -> list[torch.Tensor]:
    """The parts of all processes in order, on the CPU, where each has every n-th, beginning with its rank."""
    if not distributed.is_initialized():
        return parts
    everyone: list[list[torch.Tensor]] = [[] for _ in range(share().processes)]
    with _lost_named():
        distributed.all_gather_object(everyone, [part.cpu() for part in parts])
    return [own[turn] for turn in range(len(everyone[0])) for own in everyone if turn < len(own)]


@contextmanager
def _lost_named() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo and NCCL raise it where a process does not answer
        raise LostError(f"another process of this trial is gone ({' '.join(str(error).split())[:200]})") from error
