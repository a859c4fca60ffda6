"""QKFormer (Zhou et al., NeurIPS 2024): hierarchical, token attention by masks, integer residual.

Illegal: the patch embeddings max-pool currents, token attention multiplies spikes by a mask,
stage 3 is spiking self-attention, and the integer stream enters convolutions. The first max-pool
of `imagenet` is legal: it sees the image only, so that the host computes it.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from examples.zoo.common import conv1_bn, conv_bn, lif, per_tick, repeat

INPUT = (3, 64, 64)  # of small()
# small(): the ImageNet form with 1 + 1 + 1 blocks
EXPECTED: dict[str, int] = {
    "NC120": 2,  # stage 3: q k^T, attn v
    "NC121": 2,  # stages 1 and 2: mask * k
    "NC122": 1 + 2,  # currents: the stem's second pool, one pool in each later embedding
    "NC125": 3 + 3 + 4 + 2 * 2,  # stages 1 and 2: q, k, fc1; stage 3: q, k, v, fc1; embeddings
}


def _pool(pooled: bool) -> nn.Module:
    return nn.MaxPool2d(3, stride=2, padding=1) if pooled else nn.Identity()


class CifarStem(nn.Module):
    """Conv-BN-LIF twice, plus a LIF of a 1x1 conv of the first."""

    def __init__(self, d: int, c_in: int = 3) -> None:
        super().__init__()
        self.conv1, self.lif1 = conv_bn(c_in, d // 2), lif()
        self.conv2, self.lif2 = conv_bn(d // 2, d), lif()
        self.short, self.short_lif = conv_bn(d // 2, d, 1), lif()

    def forward(self, x: Tensor) -> Tensor:
        first = self.lif1(per_tick(self.conv1, x))
        x = self.lif2(per_tick(self.conv2, first))
        return x + self.short_lif(per_tick(self.short, first))


class ImagenetStem(nn.Module):
    """Conv-BN-pool-LIF twice, conv-BN-LIF, plus a LIF of a strided 1x1 conv of the first."""

    def __init__(self, d: int, c_in: int = 3) -> None:
        super().__init__()
        self.conv1, self.pool1, self.lif1 = conv_bn(c_in, d // 2), _pool(True), lif()
        self.conv2, self.pool2, self.lif2 = conv_bn(d // 2, d), _pool(True), lif()
        self.conv3, self.lif3 = conv_bn(d, d), lif()
        self.short, self.short_lif = conv_bn(d // 2, d, 1, 2), lif()

    def forward(self, x: Tensor) -> Tensor:
        x = per_tick(self.conv1, x)
        first = self.lif1(per_tick(self.pool1, x))
        x = per_tick(self.conv2, first)
        x = per_tick(self.pool2, x)  # NC122
        x = self.lif3(per_tick(self.conv3, self.lif2(x)))
        return x + self.short_lif(per_tick(self.short, first))


class PatchEmbedding(nn.Module):
    """Between stages: two conv-BN-LIF, one of them pooled, plus a LIF of a strided 1x1 conv."""

    def __init__(self, c_in: int, d: int, early: bool) -> None:
        super().__init__()
        self.conv1, self.pool1, self.lif1 = conv_bn(c_in, d), _pool(early), lif()
        self.conv2, self.pool2, self.lif2 = conv_bn(d, d), _pool(not early), lif()
        self.short, self.short_lif = conv_bn(c_in, d, 1, 2), lif()

    def forward(self, x: Tensor) -> Tensor:
        y = per_tick(self.conv1, x)  # NC125
        y = per_tick(self.pool1, y)  # NC122
        y = per_tick(self.conv2, self.lif1(y))
        y = self.lif2(per_tick(self.pool2, y))
        return y + self.short_lif(per_tick(self.short, x))  # NC125


class TokenAttention(nn.Module):
    """QK token attention on [T, B, d, N]: LIF(sum of q over a head's channels) masks k."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.q_lif = conv1_bn(d, d), lif()
        self.k, self.k_lif = conv1_bn(d, d), lif()
        self.attn_lif = lif(0.5)
        self.proj, self.proj_lif = conv1_bn(d, d, bias=True), lif()

    def forward(self, x: Tensor) -> Tensor:
        q = self.q_lif(per_tick(self.q, x)).unflatten(2, (self.heads, -1))  # NC125
        k = self.k_lif(per_tick(self.k, x)).unflatten(2, (self.heads, -1))  # NC125
        mask = self.attn_lif(q.sum(3, keepdim=True))
        y = mask * k  # NC121
        return self.proj_lif(per_tick(self.proj, y.flatten(2, 3)))


class SelfAttention(nn.Module):
    """SSA on [T, B, d, N], k^T v first."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.q_lif = conv1_bn(d, d), lif()
        self.k, self.k_lif = conv1_bn(d, d), lif()
        self.v, self.v_lif = conv1_bn(d, d), lif()
        self.attn_lif = lif(0.5)
        self.proj, self.proj_lif = conv1_bn(d, d, bias=True), lif()

    def split(self, x: Tensor) -> Tensor:
        """[T, B, d, N] to [T, B, heads, N, d / heads]."""
        return x.unflatten(2, (self.heads, -1)).transpose(-1, -2)

    def forward(self, x: Tensor) -> Tensor:
        q = self.split(self.q_lif(per_tick(self.q, x)))  # NC125
        k = self.split(self.k_lif(per_tick(self.k, x)))  # NC125
        v = self.split(self.v_lif(per_tick(self.v, x)))  # NC125
        kv = k.transpose(-2, -1) @ v  # NC120
        y = (q @ kv) * 0.125  # NC120
        y = self.attn_lif(y.transpose(-1, -2).flatten(2, 3))
        return self.proj_lif(per_tick(self.proj, y))


class Mlp(nn.Module):
    """Conv-BN-LIF twice; hidden width ratio * d."""

    def __init__(self, d: int, ratio: int = 4) -> None:
        super().__init__()
        self.fc1, self.lif1 = conv1_bn(d, ratio * d, bias=True), lif()
        self.fc2, self.lif2 = conv1_bn(ratio * d, d, bias=True), lif()

    def forward(self, x: Tensor) -> Tensor:
        x = self.lif1(per_tick(self.fc1, x))  # NC125
        return self.lif2(per_tick(self.fc2, x))


class Block(nn.Module):
    """x + attention(x), then x + mlp(x), on an integer stream of maps [T, B, d, H, W]."""

    def __init__(self, d: int, attention: nn.Module) -> None:
        super().__init__()
        self.attention, self.mlp = attention, Mlp(d)

    def forward(self, x: Tensor) -> Tensor:
        size = x.shape[-2:]
        x = x.flatten(-2)
        x = x + self.attention(x)
        x = x + self.mlp(x)
        return x.unflatten(-1, size)


class QKFormer(nn.Module):
    """Three stages of widths d/4, d/2, d; a linear head on the mean over tokens and ticks.

    `attention` makes the mixer of each block of stage 3, spiking self-attention if it is None.
    """

    def __init__(self, blocks: tuple[int, int, int], d: int, heads: int, classes: int, T: int, *,
                 imagenet: bool, attention: Callable[[], nn.Module] | None = None) -> None:
        super().__init__()
        mixer = attention or (lambda: SelfAttention(d, heads))
        self.T = T
        self.stem = ImagenetStem(d // 4) if imagenet else CifarStem(d // 4)
        self.stage1 = nn.Sequential(
            *(Block(d // 4, TokenAttention(d // 4, heads)) for _ in range(blocks[0])))
        self.embed2 = PatchEmbedding(d // 4, d // 2, early=imagenet)
        self.stage2 = nn.Sequential(
            *(Block(d // 2, TokenAttention(d // 2, heads)) for _ in range(blocks[1])))
        self.embed3 = PatchEmbedding(d // 2, d, early=imagenet)
        self.stage3 = nn.Sequential(*(Block(d, mixer()) for _ in range(blocks[2])))
        self.head = nn.Linear(d, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stage1(self.stem(repeat(x, self.T)))
        x = self.stage2(self.embed2(x))
        x = self.stage3(self.embed3(x))
        return self.head(x.flatten(-2).mean(-1).mean(0))


def cifar(d: int = 384, heads: int = 8, *, classes: int = 10, T: int = 4) -> QKFormer:
    """QKFormer with 1 + 1 + 2 blocks for 32 x 32 images."""
    return QKFormer((1, 1, 2), d, heads, classes, T, imagenet=False)


def imagenet(depth: int, d: int, heads: int, *, classes: int = 1000, T: int = 4) -> QKFormer:
    """QKFormer-depth-d for 224 x 224 images, 1 + 2 + (depth - 3) blocks."""
    return QKFormer((1, 2, depth - 3), d, heads, classes, T, imagenet=True)


def small() -> QKFormer:
    """One block a stage, 16 tokens in the last."""
    return QKFormer((1, 1, 1), 32, 2, 10, 2, imagenet=True)


def cifar_4_384() -> QKFormer:
    """QKFormer-4-384, 6.706 M parameters."""
    return cifar()


def imagenet_10_384() -> QKFormer:
    """HST-10-384, 16.474 M parameters."""
    return imagenet(10, 384, 6)


def imagenet_10_512() -> QKFormer:
    """HST-10-512, 29.079 M parameters."""
    return imagenet(10, 512, 8)


def imagenet_10_768() -> QKFormer:
    """HST-10-768, 64.963 M parameters."""
    return imagenet(10, 768, 12)
