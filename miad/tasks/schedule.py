"""The training recipe that all networks share."""

from collections.abc import Iterable
from typing import Any

from torch import nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR


def adamw_with_cosine(
    parameters: Iterable[nn.Parameter], *, lr: float, weight_decay: float, warmup: float, steps: int
) -> dict[str, Any]:
    """AdamW; linear warm-up, then cosine decay, stepped every batch.

    Args:
        parameters: what is trained.
        lr: highest learning rate.
        weight_decay: AdamW's decay.
        warmup: share of all steps over which the learning rate rises.
        steps: of the whole training.

    Returns:
        What a LightningModule's ``configure_optimizers`` gives.
    """
    optimiser = AdamW(parameters, lr=lr, weight_decay=weight_decay)
    rise = max(1, round(warmup * steps))
    schedule = SequentialLR(
        optimiser,
        [LinearLR(optimiser, 1e-2, total_iters=rise), CosineAnnealingLR(optimiser, max(1, steps - rise))],
        milestones=[rise],
    )
    return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
