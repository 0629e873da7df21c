"""The training loop: quoth train configs/train_small.toml --data FOLDER --run FOLDER"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from quoth.training.runs import Run

Batches = list[Callable[[], Any]]
"""An epoch: each call makes one batch."""


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long and how fast one network is trained."""

    epochs: int
    batch: int
    """Windows or statements in a batch."""
    learning_rate: float
    """Of the pretrained encoder, at its highest."""
    head_learning_rate: float
    """Of the layers that start from random weights."""
    warmup: float = 0.06
    """Share of all steps over which the rates rise; afterwards they fall to zero in a straight line."""
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest norm of the gradient."""
    bf16: bool = False
    """Multiply matrices in bfloat16: twice as fast where the processor knows how."""
    seed: int = 0
    checkpoint_steps: int = 200
    log_steps: int = 100
    """Steps between lines of losses and speed in metrics.jsonl."""


def on(device: str, batch: Any) -> Any:
    """The same batch, a dataclass of tensors, with its tensors on `device`."""
    if device == "cpu":
        return batch
    return dataclasses.replace(
        batch, **{f.name: getattr(batch, f.name).to(device) for f in dataclasses.fields(batch)}
    )


def fit(
    name: str,
    network: nn.Module,
    epoch_batches: Callable[[np.random.Generator], Batches],
    loss_of: Callable[[nn.Module, Any], dict[str, Tensor]],
    judge: Callable[[nn.Module], dict[str, float]],
    schedule: Schedule,
    run: Run,
    device: str = "cpu",
    around: Callable[[float], AbstractContextManager[None]] = lambda done: nullcontext(),
) -> None:
    """Train `network` in place, going on from the run's last checkpoint if it has one.

    loss_of gives named losses of one batch, which are added; judge is asked after each epoch, on dev.
    around: the context of a step's two passes, by the share of all steps that is done.
    """
    torch.manual_seed(schedule.seed)
    network.to(device)
    trained = [(n, p) for n, p in network.named_parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for n, p in trained if n.startswith("encoder.")], "lr": schedule.learning_rate},
            {
                "params": [p for n, p in trained if not n.startswith("encoder.")],
                "lr": schedule.head_learning_rate,
            },
        ],
        weight_decay=schedule.weight_decay,
    )
    peaks = [group["lr"] for group in optimizer.param_groups]
    first_epoch = first_step = 0
    if state := run.load(name):
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        first_epoch, first_step = state["epoch"], state["step"]

    def checkpoint(epoch: int, step: int) -> None:
        run.save(
            name,
            {
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "random": torch.get_rng_state(),
                "epoch": epoch,
                "step": step,
            },
        )

    for epoch in range(first_epoch, schedule.epochs):
        batches = epoch_batches(np.random.default_rng([schedule.seed, epoch]))
        network.train()
        sums: dict[str, list[float]] = {}
        progress = tqdm(total=len(batches), initial=first_step, desc=f"{name} {epoch + 1}/{schedule.epochs}")
        tokens, began = 0, time.perf_counter()
        for step in range(first_step, len(batches)):
            done = (epoch + step / len(batches)) / schedule.epochs
            rate = (
                min(done / schedule.warmup, (1 - done) / (1 - schedule.warmup))
                if schedule.warmup
                else 1 - done
            )
            for group, peak in zip(optimizer.param_groups, peaks, strict=True):
                group["lr"] = peak * rate
            with around(done):
                batch = batches[step]()
                tokens += int(batch.mask.sum())
                with torch.autocast(device, dtype=torch.bfloat16, enabled=schedule.bf16):
                    losses = loss_of(network, on(device, batch))
                total = torch.stack(list(losses.values())).sum()
                total.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), schedule.clip)
            optimizer.step()
            optimizer.zero_grad()
            for key, loss in losses.items():
                sums.setdefault(key, []).append(loss.item())
            progress.update()
            if (step + 1) % schedule.log_steps == 0:
                latest = {k: round(float(np.mean(v[-schedule.log_steps :])), 4) for k, v in sums.items()}
                speed = round(tokens / (time.perf_counter() - began))
                run.log(network=name, epoch=epoch, step=step + 1, tokens_per_second=speed, train=latest)
                progress.set_postfix(latest)
            if (step + 1) % schedule.checkpoint_steps == 0:
                checkpoint(epoch, step + 1)
        progress.close()
        first_step = 0
        checkpoint(epoch + 1, 0)
        network.eval()
        with torch.inference_mode(), torch.autocast(device, dtype=torch.bfloat16, enabled=schedule.bf16):
            judged = judge(network)
        run.log(
            network=name,
            epoch=epoch + 1,
            steps=len(batches),
            train={key: round(float(np.mean(values)), 4) for key, values in sums.items()},
            dev={key: round(value, 4) for key, value in judged.items()},
        )
    network.eval()
