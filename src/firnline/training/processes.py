"""Several processes that train one network together, as torchrun starts them."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from firnline.errors import ConfigError, ModelError

WAIT: Final = dt.timedelta(hours=1)
"""How long a process waits for the others: the first validates and calibrates for all of them."""

_Any = TypeVar("_Any")


@dataclass(frozen=True)
class Processes:
    """The processes of a run, and which of them this is; one alone by default.

    A batch is shared out among them in order. Each computes the outputs of its own chips, and then the loss of the
    whole batch from everybody's: so a loss over the batch (Dice, say) is the same however many processes there are.
    The gradients that each gets through its own outputs add up to those of the batch.

    Examples
    --------
    >>> Processes(rank=1, count=2).share(["a", "b", "c", "d"])
    ['c', 'd']
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """The first one alone writes files and says how far the run is."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """Where this process computes: on a GPU of its own, or on the CPU."""
        return torch.device("cuda", _local_rank()) if torch.cuda.is_available() else torch.device("cpu")

    def require_even(self, batch: int, per_epoch: int) -> None:
        """Raise ConfigError where a batch cannot be shared out evenly, the last of an epoch included."""
        if batch % self.count or per_epoch % self.count:
            raise ConfigError(
                f"{self.count} processes cannot share out batches of {batch} and epochs of {per_epoch} chips",
                where="batch and chips.per_epoch",
                do=f"choose multiples of {self.count}",
            )

    def share(self, batch: Sequence[_Any]) -> Sequence[_Any]:
        """This process's part of a batch."""
        part = len(batch) // self.count
        return batch[self.rank * part : (self.rank + 1) * part]

    def gathered(self, own: Tensor) -> Tensor:
        """The parts of all processes along the first axis; gradients flow to this process's own part alone."""
        if self.count == 1:
            return own
        parts = [torch.empty_like(own, memory_format=torch.contiguous_format) for _ in range(self.count)]
        with _told():
            dist.all_gather(parts, own.detach().contiguous())
        parts[self.rank] = own
        return torch.cat(parts)

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Put the sum over the processes in the place of each tensor; all are sent at once."""
        tensors = list(tensors)
        if self.count == 1 or not tensors:
            return
        whole = torch.cat([tensor.reshape(-1) for tensor in tensors])
        with _told():
            dist.all_reduce(whole)
        parts = torch.split(whole, [tensor.numel() for tensor in tensors])
        for tensor, part in zip(tensors, parts, strict=True):
            tensor.copy_(part.view_as(tensor))

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.count > 1:
            with _told():
                dist.barrier()


@contextmanager
def joined() -> Iterator[Processes]:
    """Join the processes that torchrun has started with this one; without it, and inside another, nothing happens.

    Raises
    ------
    ConfigError
        When they cannot be joined.
    """
    if dist.is_available() and dist.is_initialized():
        yield Processes(dist.get_rank(), dist.get_world_size())
        return
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or "RANK" not in os.environ:
        yield Processes()
        return
    _join()
    yield Processes(dist.get_rank(), dist.get_world_size())
    dist.destroy_process_group()  # not after a failure: the others may be waiting for what will not come


def _join() -> None:
    has_gpu = torch.cuda.is_available()
    if has_gpu and _local_rank() >= torch.cuda.device_count():
        raise ConfigError(
            f"torchrun started more processes than there are GPUs ({torch.cuda.device_count()})",
            do="lower --nproc-per-node",
        )
    if has_gpu:
        torch.cuda.set_device(_local_rank())
    try:
        dist.init_process_group("nccl" if has_gpu else "gloo", timeout=WAIT)
    except (ValueError, RuntimeError) as error:
        raise ConfigError(
            f"the processes of the run cannot reach each other: {error}", do="start them with torchrun"
        ) from None


def _local_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        reason = str(error).partition(". ")[0]  # gloo goes on with advice to developers
        raise ModelError(
            f"another process of this run has ended, or does not answer: {reason}",
            do="see what it said, and start the run again: it goes on from its last epoch",
        ) from None


class _Sum(torch.autograd.Function):
    """The sum over the processes, with its gradient, which is the sum over the processes too."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        whole = own.clone()
        with _told():
            dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        whole = gradient.contiguous().clone()
        with _told():
            dist.all_reduce(whole)
        return whole


class SharedBatchNorm(nn.BatchNorm2d):
    """Batch normalisation by the mean and variance of the whole batch, whichever process holds a chip.

    torch's own, `SyncBatchNorm`, is for GPUs alone. In prediction, and as weights, it is an ordinary `BatchNorm2d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, row, column), the same size."""
        if not self.training:
            return super().forward(x)
        values, places = x.float(), (0, 2, 3)
        count = dist.get_world_size() * values.numel() // values.shape[1]
        mean = _Sum.apply(values.sum(places)) / count  # type: ignore[no-untyped-call]
        centred = values - mean[:, None, None]
        variance = _Sum.apply((centred**2).sum(places)) / count  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)  # type: ignore[union-attr, arg-type]
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)  # type: ignore[union-attr, arg-type]
            self.num_batches_tracked.add_(1)  # type: ignore[union-attr]
        scale = self.weight * torch.rsqrt(variance + self.eps)
        result: Tensor = (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)
        return result


def share_batch_norms(network: nn.Module) -> None:
    """Put `SharedBatchNorm` in the place of every batch normalisation of a network, with its weights.

    Raises
    ------
    ConfigError
        Where one does more than to normalise (timm's also activate), which would be lost.
    """
    for name, part in network.named_children():
        if isinstance(part, nn.BatchNorm2d):
            if type(part) is not nn.BatchNorm2d:
                raise ConfigError(
                    f"its batch normalisation ({type(part).__name__}) cannot be shared by several processes",
                    where="architecture",
                    do="train it in one, or choose one without, such as the encoder tu-convnext_atto",
                )
            shared = SharedBatchNorm(part.num_features, eps=part.eps, momentum=part.momentum)
            shared.load_state_dict(part.state_dict())
            setattr(network, name, shared)
        else:
            share_batch_norms(part)
