"""A class for every pixel, learnt from nothing on a laptop in minutes."""

from edudet.models.dense.encoder_decoder import AddedScores, EncoderDecoder
from edudet.models.small.two_stage import small_transform
from edudet.nn.small import SmallNet

CHANNELS = (32, 48, 80, 112)


def fcn_small(num_classes: int) -> EncoderDecoder:
    """FCN-8 on maps of stride 4, 8 and 16; `num_classes` with background and ground."""
    encoder = SmallNet(CHANNELS)
    decoder = AddedScores(encoder.out_channels, num_classes, encoder.strides[0])
    return EncoderDecoder(small_transform(), encoder, decoder)
