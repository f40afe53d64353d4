"""StyleGAN2's synthesis network in PyTorch, formulated like the reference's CPU path; needs torch.

Weights are modulated per sample, a layer is one grouped convolution, and upsampling is a transposed convolution and a
low-pass. The weights are random, because the network is only timed.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

ROWS = 14


def build(batch: int) -> Callable[[], Tensor]:
    """Function without arguments that runs the 256 px forward pass once on `batch` random latents."""
    resolution, channel_base, channel_max, w_dim = 256, 16384, 512, 512
    torch.manual_seed(0)
    width = lambda r: min(channel_base // r, channel_max)
    resolutions = [4 << i for i in range(int(math.log2(resolution)) - 1)]
    blocks = []
    for r in resolutions:
        layers = [] if r == 4 else [_layer(width(r // 2), width(r), r, w_dim, up=True)]
        layers.append(_layer(width(r), width(r), r, w_dim, up=False))
        blocks.append((layers, (torch.randn(3, width(r), 1, 1), _affine(width(r), w_dim))))
    constant, ws = torch.randn(width(4), 4, 4), torch.randn(batch, ROWS, w_dim)

    def forward() -> Tensor:
        with torch.no_grad():
            return _synthesis(blocks, constant, ws)

    return forward


def _synthesis(blocks, constant: Tensor, ws: Tensor) -> Tensor:
    x, image, row = constant[None].repeat(ws.shape[0], 1, 1, 1), None, 0
    for layers, (kernel, affine) in blocks:
        for weight, layer_affine, bias, noise, up in layers:
            x = _modulated(x, weight, ws[:, row] @ layer_affine + 1, up, demodulate=True) + 0.1 * noise
            x = F.leaky_relu(x + bias[None, :, None, None], 0.2) * math.sqrt(2)
            row += 1
        style = (ws[:, row] @ affine + 1) / math.sqrt(kernel.shape[1])
        rgb = _modulated(x, kernel, style, up=False, demodulate=False)
        image = rgb if image is None else _lowpass(_zero_insert(image), (2, 1, 2, 1)) + rgb
    return image


def _modulated(x: Tensor, weight: Tensor, style: Tensor, up: bool, demodulate: bool) -> Tensor:
    batch, (c_out, c_in, k, _) = x.shape[0], weight.shape
    w = weight[None] * style[:, None, :, None, None]
    if demodulate:
        w = w * (w.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    x = x.reshape(1, -1, *x.shape[2:])
    if up:
        kernels = w.transpose(1, 2).reshape(batch * c_in, c_out, k, k)
        x = _lowpass(F.conv_transpose2d(x, kernels, stride=2, groups=batch), (1, 1, 1, 1))
    else:
        x = F.conv2d(x, w.reshape(-1, c_in, k, k), padding=k // 2, groups=batch)
    return x.reshape(batch, c_out, *x.shape[2:])


def _lowpass(x: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(taps, taps) / taps.sum() ** 2 * 4
    return F.conv2d(F.pad(x, padding), kernel[None, None].repeat(x.shape[1], 1, 1, 1), groups=x.shape[1])


def _zero_insert(x: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    x = F.pad(x.reshape(batch, channels, height, 1, width, 1), (0, 1, 0, 0, 0, 1))
    return x.reshape(batch, channels, 2 * height, 2 * width)


def _layer(c_in: int, c_out: int, r: int, w_dim: int, up: bool):
    return torch.randn(c_out, c_in, 3, 3), _affine(c_in, w_dim), torch.zeros(c_out), torch.randn(r, r), up


def _affine(channels: int, w_dim: int) -> Tensor:
    return torch.randn(w_dim, channels) / math.sqrt(w_dim)
