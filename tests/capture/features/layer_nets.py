"""Layers: convolutions, normalizations, pools and products with static weights."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from spikingjelly.activation_based import layer
from torch import Tensor, nn

from tests.capture.features.harness import B, T, conv, fc, feature, lif

IMAGE = (T, B, 2, 4, 4)


def per_tick(module: nn.Module, x: Tensor) -> Tensor:
    """A layer of [N, ...] on [T, B, ...]."""
    return module(x.flatten(0, 1)).unflatten(0, x.shape[:2])


@feature(IMAGE, time=0, lif=lif, lif2=lif,
         conv=lambda: nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2))
def grouped_convolution(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.conv, net.lif(x))).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif, depth=lambda: nn.Conv2d(2, 2, 3, padding=1, groups=2),
         point=lambda: nn.Conv2d(2, 4, 1, bias=False))
def depthwise_then_pointwise(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.point, per_tick(net.depth, net.lif(x)))).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif, conv=lambda: nn.Conv2d(2, 3, 3, padding=2, dilation=2))
def dilated_convolution(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.conv, net.lif(x))).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif,
         conv=lambda: nn.ConvTranspose2d(2, 4, 3, 2, padding=1, output_padding=1, groups=2))
def transposed_convolution(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.conv, net.lif(x))).sum(0)


@feature((T, B, 2, 6), time=0, lif=lif, lif2=lif, conv=lambda: nn.ConvTranspose1d(2, 3, 3, 2))
def transposed_convolution_in_one_dimension(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.conv, net.lif(x))).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif, conv=lambda: nn.Conv2d(2, 3, 2, padding="same"))
def padding_that_differs_between_borders(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.conv, net.lif(x))).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif,
         conv=lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"))
def circular_padding(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.conv, net.lif(x))).sum(0)


@feature((T, B, 2, 6), time=0, lif=lif, lif2=lif, conv=lambda: nn.Conv1d(2, 3, 3, padding=1, stride=2))
def convolution_in_one_dimension(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.conv, net.lif(x))).sum(0)


@feature((B, 2, T, 4, 4), time=2, lif=lif, lif2=lif,
         conv=lambda: nn.Conv3d(2, 3, (1, 3, 3), padding=(0, 1, 1), bias=False))
def time_as_the_depth_of_a_convolution(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x.permute(2, 0, 1, 3, 4)).permute(1, 2, 0, 3, 4)
    return net.lif2(net.conv(s).permute(2, 0, 1, 3, 4)).sum(0)


@feature((T, B, 2, 3, 4, 4), time=0, lif=lif, lif2=lif,
         conv=lambda: nn.Conv3d(2, 3, (1, 3, 3), (1, 2, 2), padding=(0, 1, 1)))
def three_dimensional_convolution_of_depth_one(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.conv, net.lif(x))).sum(0)


@feature((T, B, 1, 4, 4, 4), time=0, lif=lif, lif2=lif, conv=lambda: nn.Conv3d(1, 2, 3, padding=1))
def three_dimensional_convolution(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.conv, net.lif(x))).sum(0)


@feature((T, B, 4, 6), time=0, lif=lif, fc=fc(6, 5), lif2=lambda: lif(0.25),
         conv=lambda: nn.Conv1d(5, 3, 1), lif3=lambda: lif(0.25),
         conv2=lambda: nn.Conv2d(3, 2, 1), lif4=lambda: lif(0.125))
def linear_and_its_disguises(net: Any, x: Tensor) -> Tensor:
    s = net.lif2(net.fc(net.lif(x))).transpose(-1, -2)  # T B C N
    s = net.lif3(per_tick(net.conv, s))
    return net.lif4(per_tick(net.conv2, s.reshape(T, B, 3, 2, 2))).sum(0)


@feature((T, B, 4, 6), time=0, lif=lif, fc=fc(6, 5), bn=lambda: nn.BatchNorm1d(5), lif2=lif)
def batch_norm_of_transposed_tokens(net: Any, x: Tensor) -> Tensor:
    y = net.fc(net.lif(x).flatten(0, 1))
    y = net.bn(y.transpose(-1, -2)).transpose(-1, -2).reshape(T, B, 4, 5).contiguous()
    return net.lif2(y).sum(0)


@feature((T, B, 6), time=0, lif=lif, fc=fc(6, 5), bn=lambda: nn.BatchNorm1d(5), lif2=lif)
def batch_norm_of_vectors(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.bn(net.fc(net.lif(x).flatten(0, 1))).view(T, B, 5)).sum(0)


@feature(IMAGE, time=0, lif=lif, conv=conv(2, 3), bn=lambda: nn.BatchNorm3d(3), lif2=lif)
def batch_norm_over_time(net: Any, x: Tensor) -> Tensor:
    y = per_tick(net.conv, net.lif(x))
    y = net.bn(y.transpose(0, 1).transpose(1, 2))  # B C T H W
    return net.lif2(y.transpose(1, 2).transpose(0, 1).contiguous()).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif,
         bn=lambda: nn.BatchNorm2d(2, affine=False), conv=conv(2, 3))
def batch_norm_without_affine_before_a_convolution(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.conv, per_tick(net.bn, net.lif(x)))).sum(0)


class BNAndPad(nn.Module):
    """BatchNorm, then a border of what BatchNorm makes of zero."""

    def __init__(self, channels: int, pixels: int = 1) -> None:
        super().__init__()
        self.bn, self.pixels = nn.BatchNorm2d(channels), pixels

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn(x)
        bn: Any = self.bn
        p = self.pixels
        border = bn.bias.detach() - bn.running_mean * bn.weight.detach() / torch.sqrt(
            bn.running_var + bn.eps)
        out = F.pad(out, [p] * 4)
        border = border.view(1, -1, 1, 1)
        out[:, :, 0:p, :] = border
        out[:, :, -p:, :] = border
        out[:, :, :, 0:p] = border
        out[:, :, :, -p:] = border
        return out


@feature(IMAGE, time=0, lif=lif, lif2=lif, point=lambda: nn.Conv2d(2, 2, 1, bias=False),
         pad=lambda: BNAndPad(2), conv=lambda: nn.Conv2d(2, 3, 3, bias=False))
def batch_norm_and_pad(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(nn.Sequential(net.point, net.pad, net.conv), net.lif(x))).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif, one=lambda: nn.Conv2d(2, 2, 1), big=conv(2, 2),
         bn=lambda: nn.BatchNorm2d(2), bn1=lambda: nn.BatchNorm2d(2), bn0=lambda: nn.BatchNorm2d(2))
def rep_conv(net: Any, x: Tensor) -> Tensor:
    s = net.lif(x).flatten(0, 1)
    y = net.bn(net.big(s)) + net.bn1(net.one(s)) + net.bn0(s)
    return net.lif2(y.view(T, B, 2, 4, 4)).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif, conv=conv(2, 3))
def nearest_upsampling(net: Any, x: Tensor) -> Tensor:
    y = F.interpolate(net.lif(x).flatten(0, 1), scale_factor=2, mode="nearest")
    return net.lif2(net.conv(y).view(T, B, 3, 8, 8)).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif, up=lambda: nn.Upsample((6, 8)))
def nearest_upsampling_to_a_size(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.up, net.lif(x)) * 0.75).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif,
         up=lambda: nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False))
def bilinear_upsampling(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.up, net.lif(x))).sum(0)


@feature(IMAGE, time=0, lif=lif, pool=lambda: nn.AvgPool2d(2), lif2=lif, fc=fc(2, 3))
def average_pool(net: Any, x: Tensor) -> Tensor:
    s = net.lif2(per_tick(net.pool, net.lif(x)))
    return net.fc(F.avg_pool2d(s.flatten(0, 1), 2).flatten(1)).view(T, B, -1).mean(0)


@feature(IMAGE, time=0, lif=lif, lif2=lambda: lif(1.7), pool=lambda: nn.AvgPool2d(3, 2, padding=1))
def average_pool_over_padding(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.pool, net.lif(x)) * 9).sum(0)


@feature((T, B, 2, 3, 3), time=0, lif=lif, lif2=lambda: lif(0.3),
         pool=lambda: nn.AvgPool2d(2, 2, padding=1, count_include_pad=False))
def average_pool_that_does_not_count_padding(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.pool, net.lif(x))).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif, fc=fc(2, 3), pool=lambda: nn.AdaptiveAvgPool2d(2),
         end=lambda: nn.AdaptiveAvgPool2d((1, 1)))
def adaptive_average_pool(net: Any, x: Tensor) -> Tensor:
    s = net.lif2(per_tick(net.pool, net.lif(x)))
    return net.fc(per_tick(net.end, s).flatten(2)).mean(0)


@feature((T, B, 2, 6, 6), time=0, lif=lif, lif2=lif, pool=lambda: nn.AdaptiveAvgPool2d((4, 3)))
def adaptive_average_pool_with_windows_that_overlap(net: Any, x: Tensor) -> Tensor:
    return net.lif2(per_tick(net.pool, net.lif(x))).sum(0)


@feature((T, B, 2, 2, 4, 4), time=0, lif=lif, lif2=lif, fc=fc(2, 3),
         pool=lambda: nn.AdaptiveAvgPool3d((1, 2, 2)), end=lambda: nn.AdaptiveAvgPool3d(1))
def adaptive_average_pool_in_three_dimensions(net: Any, x: Tensor) -> Tensor:
    s = net.lif2(per_tick(net.pool, net.lif(x)))
    return net.fc(per_tick(net.end, s).flatten(2)).mean(0)


@feature(IMAGE, time=0, lif=lif, fc=fc(2, 3), pool=lambda: nn.AdaptiveAvgPool3d((None, 1, 1)))
def adaptive_average_pool_with_channels_as_depth(net: Any, x: Tensor) -> Tensor:
    return net.fc(net.pool(net.lif(x)).flatten(2)).mean(0)


@feature((T, B, 3, 4), time=0, lif=lif, lif2=lif, w=lambda: nn.Parameter(torch.rand(3, 4, 5)))
def einsum_per_token(net: Any, x: Tensor) -> Tensor:
    return net.lif2(torch.einsum("tbnc,nck->tbnk", net.lif(x), net.w)).sum(0)


@feature((T, B, 3, 4), time=0, lif=lif, lif2=lif, w=lambda: nn.Parameter(torch.rand(5, 3)))
def einsum_over_tokens(net: Any, x: Tensor) -> Tensor:
    return net.lif2(torch.einsum("kn,...nc->...ck", net.w, net.lif(x))).sum(0)


@feature((T, B, 3, 4), time=0, lif=lif, lif2=lif, w=lambda: nn.Parameter(torch.rand(3, 3, 4)))
def static_weights_on_the_left(net: Any, x: Tensor) -> Tensor:
    y = torch.matmul(net.w.permute(2, 0, 1), net.lif(x).transpose(2, 3).unsqueeze(-1))
    return net.lif2(y.squeeze(-1)).sum(0)


@feature((T, B, 4), time=0, lif=lif, lif2=lif)
def scales_and_shifts(net: Any, x: Tensor) -> Tensor:
    y = net.lif(x) * torch.tensor([0.5, 1, 2, 0.25]) - 0.125
    return net.lif2((1.5 + y / 2 - (-y)) * 0.5).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif, layers=lambda: layer.SeqToANNContainer(
    nn.Conv2d(2, 3, 3, padding=1, bias=False), nn.BatchNorm2d(3)))
def container_over_merged_time(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.layers(net.lif(x))).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif, layers=lambda: layer.MultiStepContainer(
    nn.Conv2d(2, 3, 3, padding=1)))
def container_over_a_loop_of_ticks(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.layers(net.lif(x))).sum(0)


@feature(IMAGE, time=0, lif=lif, lif2=lif, conv=lambda: layer.Conv2d(2, 3, 3, step_mode="m"),
         bn=lambda: layer.ThresholdDependentBatchNorm2d(1.0, 0.5, 3))
def threshold_dependent_batch_norm(net: Any, x: Tensor) -> Tensor:
    return net.lif2(net.bn(net.conv(net.lif(x)))).sum(0)
