"""A backbone of one's own: a function that makes the network, a file with its weights, and what is known of them."""

from torch import Tensor, nn
from torch.nn import functional

from afield import Backbone


class Hydra(nn.Module):
    """A small residual network: images [n, 3, side, side] -> logits [n, 100]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 4, stride=4)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1)) for _ in range(3)
        )
        self.head = nn.Linear(32, 100)  # as it was pretrained: afield replaces it by one for the task's classes

    def forward(self, images: Tensor) -> Tensor:
        """The logits."""
        features = self.stem(images)
        for block in self.blocks:
            features = features + block(features)
        logits: Tensor = self.head(functional.relu(features).mean(dim=(2, 3)))
        return logits


hydra = Backbone(
    build=Hydra,
    weights="hydra.safetensors",  # beside this file
    mean=(0.5, 0.5, 0.5),  # how its images were normalised when it was pretrained
    std=(0.5, 0.5, 0.5),
    pretraining_data="our wildlife cameras",
    # imagenet_top1=...: it has none, so it is ranked and compared but stands outside the fit against ImageNet
)

if __name__ == "__main__":  # random values in place of a checkpoint, so that the example runs
    from pathlib import Path

    from safetensors.torch import save_file

    save_file(Hydra().state_dict(), Path(__file__).with_name("hydra.safetensors"))
