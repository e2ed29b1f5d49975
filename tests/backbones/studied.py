"""The study's 19 architectures, its seven later ones and CLIP's towers, as facts from elsewhere than the catalogue."""

from dataclasses import dataclass

from afield.backbones.backbone import Backbone, Library


@dataclass(frozen=True)
class Studied:
    """What is known of an architecture before it is built."""

    library: Library
    architecture: str
    tag: str
    params_m: float
    """published, with the ImageNet head; of a tower alone for CLIP"""
    head: str
    """the layer that the study replaced"""
    size: int
    """native, pixels"""
    second: int | None
    """another size that the architecture takes; None where there is none"""
    slow: bool = False
    """large, or of a design that another one shows"""

    @property
    def row(self) -> Backbone:
        return Backbone(
            id=f"{self.architecture}.{self.tag}",
            library=self.library,
            architecture=self.architecture,
            tag=self.tag,
            params_m=self.params_m,
            input_size=self.size,
        )


TV: Library = "torchvision"
OPENAI = "openai"
THE_19 = (  # PAPER.md 1.1: parameters of torchvision's and timm's own tables
    Studied(TV, "alexnet", "tv_in1k", 61.10, "classifier.6", 224, 96, slow=True),
    Studied(TV, "squeezenet1_1", "tv_in1k", 1.24, "classifier.1", 224, 64),
    Studied(TV, "shufflenet_v2_x0_5", "tv_in1k", 1.37, "fc", 224, 64),
    Studied(TV, "mobilenet_v3_small", "tv_in1k", 2.54, "classifier.3", 224, 64),
    Studied(TV, "mnasnet0_5", "tv_in1k", 2.22, "classifier.1", 224, 64),
    Studied(TV, "shufflenet_v2_x1_0", "tv_in1k", 2.28, "fc", 224, 64, slow=True),
    Studied(TV, "vgg13_bn", "tv_in1k", 133.05, "classifier.6", 224, 64, slow=True),
    Studied("timm", "deit_tiny_patch16_224", "fb_in1k", 5.72, "head", 224, 96),
    Studied(TV, "vgg16_bn", "tv_in1k", 138.37, "classifier.6", 224, 64, slow=True),
    Studied(TV, "densenet121", "tv_in1k", 7.98, "classifier", 224, 64, slow=True),
    Studied(TV, "resnet50", "tv_in1k", 25.56, "fc", 224, 64, slow=True),
    Studied(TV, "resnext50_32x4d", "tv_in1k", 25.03, "fc", 224, 64, slow=True),
    Studied("timm", "efficientnet_b0", "ra_in1k", 5.29, "classifier", 224, 64, slow=True),
    Studied(TV, "resnet152", "tv_in1k", 60.19, "fc", 224, 64, slow=True),
    Studied("timm", "deit_small_patch16_224", "fb_in1k", 22.05, "head", 224, 96, slow=True),
    Studied("timm", "inception_resnet_v2", "tf_in1k", 55.84, "classif", 299, 96, slow=True),
    Studied("timm", "convnext_tiny", "fb_in1k", 28.59, "head.fc", 224, 64, slow=True),
    Studied("timm", "pnasnet5large", "tf_in1k", 86.06, "last_linear", 331, 96, slow=True),
    Studied("timm", "efficientnet_b4", "ra2_in1k", 19.34, "classifier", 320, 96, slow=True),
)
THE_7 = (  # PAPER.md 1.2
    Studied("timm", "caformer_b36", "sail_in1k", 98.75, "head.fc.fc2", 224, 64, slow=True),
    Studied("timm", "swin_base_patch4_window7_224", "ms_in1k", 87.77, "head.fc", 224, 64, slow=True),
    Studied("timm", "mixer_b16_224", "goog_in21k_ft_in1k", 59.88, "head", 224, None, slow=True),
    Studied("timm", "tinynet_d", "in1k", 2.34, "classifier", 152, 64),
    Studied("timm", "tinynet_e", "in1k", 2.04, "classifier", 106, 64, slow=True),
    Studied("timm", "dla46_c", "in1k", 1.30, "fc", 224, 64),
    Studied("timm", "dla46x_c", "in1k", 1.07, "fc", 224, 64, slow=True),
)
CLIP = (  # PAPER.md 1.4; parameters of the image towers: open_clip's docs/model_profile.csv
    Studied("open_clip", "RN50", OPENAI, 38.32, "head", 224, 64, slow=True),
    Studied("open_clip", "RN101", OPENAI, 56.26, "head", 224, 64, slow=True),
    Studied("open_clip", "ViT-B-32", OPENAI, 87.85, "head", 224, 96, slow=True),
    Studied("open_clip", "ViT-B-16", OPENAI, 86.19, "head", 224, 64, slow=True),
    Studied("open_clip", "ViT-L-14", OPENAI, 303.97, "head", 224, 56, slow=True),
    Studied("open_clip", "ViT-L-14-336", OPENAI, 304.29, "head", 336, 56, slow=True),
)
EVERY = THE_19 + THE_7 + CLIP
