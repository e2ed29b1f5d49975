"""Named sets of backbones: the study's own, and three for people who do not want to choose."""

from __future__ import annotations

PAPER = (
    "alexnet.IMAGENET1K_V1",
    "squeezenet1_1.IMAGENET1K_V1",
    "shufflenet_v2_x0_5.IMAGENET1K_V1",
    "mobilenet_v3_small.IMAGENET1K_V1",
    "mnasnet0_5.IMAGENET1K_V1",
    "shufflenet_v2_x1_0.IMAGENET1K_V1",
    "vgg13_bn.IMAGENET1K_V1",
    "deit_tiny_patch16_224.fb_in1k",
    "vgg16_bn.IMAGENET1K_V1",
    "densenet121.IMAGENET1K_V1",
    "resnet50.IMAGENET1K_V1",
    "resnext50_32x4d.IMAGENET1K_V1",
    "efficientnet_b0.ra_in1k",
    "resnet152.IMAGENET1K_V1",
    "deit_small_patch16_224.fb_in1k",
    "inception_resnet_v2.tf_in1k",
    "convnext_tiny.fb_in1k",
    "pnasnet5large.tf_in1k",
    "efficientnet_b4.ra2_in1k",
)
"""the 19 of arXiv 2301.04644, in the order of their ImageNet accuracy"""

ADDED = (
    "caformer_b36.sail_in1k",
    "swin_base_patch4_window7_224.ms_in1k",
    "mixer_b16_224.goog_in21k_ft_in1k",
    "tinynet_d.in1k",
    "tinynet_e.in1k",
    "dla46_c.in1k",
    "dla46x_c.in1k",
)
"""the seven that its code gained in August 2023. Mixer was named there without a tag: these are timm's own choice"""

CLIP = ("RN50.openai", "RN101.openai", "ViT-B-32.openai", "ViT-B-16.openai", "ViT-L-14.openai", "ViT-L-14-336.openai")
"""the image towers of Radford et al. 2021 that it fine-tuned"""

AUGMENTATION = (
    "resnet50.IMAGENET1K_V1",
    "resnet50.am_in1k",
    "resnet50.ra_in1k",
    "deit_tiny_patch16_224.fb_in1k",
    "deit_small_patch16_224.fb_in1k",
)
"""of its ablation of augmentation: ResNet-50 pretrained plainly, with AugMix and with RandAugment; two DeiTs"""

LOSSES = (
    "resnet50.IMAGENET1K_V1",
    "resnet50.IMAGENET1K_V2",
    "resnet50.ra_in1k",
    "resnet50.a1_in1k",
    "resnet50.a2_in1k",
    "resnet50.a3_in1k",
)
"""ResNet-50 by other losses (after Kornblith et al. 2021): softmax, label smoothing (V2, ra), sigmoid (a1, a2, a3)"""

SELF_SUPERVISED = (
    "vit_small_patch16_224.dino",
    "vit_base_patch16_224.dino",
    "vit_base_patch16_224.mae",
    "vit_small_patch14_dinov2.lvd142m",
    "vit_base_patch14_dinov2.lvd142m",
)

SMALL = (
    "tinynet_e.in1k",
    "squeezenet1_1.IMAGENET1K_V1",
    "shufflenet_v2_x0_5.IMAGENET1K_V1",
    "dla46_c.in1k",
    "mobilenet_v3_small.IMAGENET1K_V1",
    "shufflenet_v2_x1_0.IMAGENET1K_V1",
    "deit_tiny_patch16_224.fb_in1k",
    "tf_efficientnet_lite0.in1k",
    "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
    "efficientnet_b0.ra_in1k",
)
"""a laptop: below 6 million parameters and 1.3 billion multiply-adds each"""

STANDARD = (
    *SMALL,
    "resnet50.IMAGENET1K_V1",
    "resnext50_32x4d.IMAGENET1K_V1",
    "deit_small_patch16_224.fb_in1k",
    "resnet50.IMAGENET1K_V2",
    "swin_tiny_patch4_window7_224.ms_in1k",
    "convnext_tiny.fb_in1k",
    "efficientnet_b4.ra2_in1k",
    "convnextv2_tiny.fcmae_ft_in1k",
)
"""one GPU: the small ones, and what people take first, below 30 million parameters each"""

LARGE = (
    *STANDARD,
    "swin_base_patch4_window7_224.ms_in1k",
    "convnext_base.fb_in1k",
    "deit3_base_patch16_224.fb_in1k",
    "vit_base_patch16_224.augreg_in21k_ft_in1k",
    "vit_base_patch14_dinov2.lvd142m",
    "ViT-B-16.openai",
    "caformer_b36.sail_in1k",
    "convnext_large.fb_in22k_ft_in1k",
    "ViT-L-14.openai",
)
"""a server: the standard ones, and the strongest that 48 GB train, of every kind of pretraining"""

SETS = {
    "small": SMALL,
    "standard": STANDARD,
    "large": LARGE,
    "study": PAPER,
    "paper": PAPER,
    "paper-added": ADDED,
    "clip": CLIP,
    "augmentation": AUGMENTATION,
    "losses": LOSSES,
    "self-supervised": SELF_SUPERVISED,
}
"""name -> ids; `study` and `paper` are the same 19"""
