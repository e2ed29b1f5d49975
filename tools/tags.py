"""What timm's names of weights say of their pretraining: data, objective, augmentation. One table a question.

timm joins the parts of a tag with `_`, in the order of training (https://huggingface.co/docs/timm/models: architecture,
then who trained it, on what, fine-tuned on what). What no rule covers stays empty: unknown is better than guessed.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import NamedTuple

DATA = {
    "in1k": "ImageNet-1k",
    "in12k": "ImageNet-12k",
    "in21k": "ImageNet-21k",
    "in22k": "ImageNet-22k",
    "laion2b": "LAION-2B",
    "laiona": "LAION-Aesthetic",
    "openai": "WIT-400M",
    "webli": "WebLI",
    "jft": "JFT-300M",
    "ig1b": "Instagram hashtags",
    "yfcc100m": "YFCC-100M",
    "swag": "Instagram hashtags",
    "seer": "Instagram",
    "m30m": "Merged-30M",
    "m38m": "Merged-38M",
    "lvd142m": "LVD-142M",
    "lvd1689m": "LVD-1689M",
    "dino": "ImageNet-1k",
    "mae": "ImageNet-1k",
    "fcmae": "ImageNet-1k",
}
"""a part of the tag -> the images it stands for; `in12k` and `in22k` as timm writes them"""


_BEIT3 = "ImageNet-22k, LAION-400M, LAION-2B, COYO-700M, CC15M"
"""images, and images with texts, of its one first stage"""


class Rule(NamedTuple):
    """Where `architecture` and `tag` match (regular expressions, from the start), the answer and who says so."""

    architecture: str
    tag: str
    answer: str
    source: str


UNNAMED_DATA = (
    Rule("eva_giant", "clip_ft_in1k", "LAION-400M, ImageNet-1k", "timm's model card"),
    Rule("beit3", "in22k_ft_in1k", f"{_BEIT3}, ImageNet-1k", "microsoft/unilm, beit3/README.md"),
    Rule("beit3", "indomain_in22k_ft_in1k", f"{_BEIT3}, COCO, Visual Genome, ImageNet-1k",
         "microsoft/unilm, beit3/README.md"),
    Rule("hgnet_", "ssld_in1k", "ImageNet-22k, ImageNet-1k", "timm's model card: mined ImageNet-22k"),
    Rule("nextvit", "bd_ssld_6m_in1k", "6 million unnamed images, ImageNet-1k", "timm's model card: Unknown-6M"),
)  # fmt: skip
"""of all stages, where the tag names some of them alone"""

OBJECTIVES = (
    Rule("", "tf_(ens_)?adv_", "adversarial", "arXiv 1705.07204, 1611.01236"),
    Rule("", ".*(openai|laion|webli)", "image-text", "trained as CLIP or SigLIP before fine-tuning"),
    Rule("eva_giant", "clip_", "image-text", "arXiv 2303.15389 (EVA-CLIP)"),
    Rule("beit3", "", "image-text", "arXiv 2208.10442 (masked images, texts and pairs of them, together)"),
    Rule("", ".*(dino|mae|mim|ijepa|lvd)", "self-supervised", "named by its method"),
    Rule("", "seer", "self-supervised", "arXiv 2103.01988 (SwAV on images without labels)"),
    Rule("beit|eva_", "", "self-supervised", "arXiv 2106.08254, 2208.06366, 2211.07636 (masked images)"),
)
"""of the first stage of training, whatever follows; where no rule holds: supervised. Weak labels (hashtags) and labels
by a teacher count as supervised, AdvProp (for accuracy, not robustness) as an augmentation"""

_STRIKES_BACK = "arXiv 2110.00476, table 2"
AUGMENTATIONS = (
    Rule("", "am_", "AugMix", "timm, resnet50.am_in1k: AugMix with its consistency loss"),
    Rule("", "ram_", "AugMix, RandAugment", "timm, resnet50.ram_in1k: AugMix's loss on RandAugment"),
    Rule("", "ra[234]?_|racm_", "RandAugment", "timm, training_hparam_examples.md"),
    Rule("", "a[123]h?_", "RandAugment, mixup, CutMix", _STRIKES_BACK),
    Rule("", "b[12]k_", "RandAugment", _STRIKES_BACK + " (procedure B)"),
    Rule("", "aa_", "AutoAugment", "tensorflow/tpu, efficientnet README"),
    Rule("", "ap_", "AdvProp, AutoAugment", "arXiv 1911.09665"),
    Rule("", "ns_", "RandAugment", "arXiv 1911.04252"),
    Rule("vit_|resnetv2|mixer", "augreg", "RandAugment, mixup", "arXiv 2106.10270 (chosen for each size)"),
    Rule("deit_", "fb_", "RandAugment, mixup, CutMix", "arXiv 2012.12877, table 9"),
    Rule("deit3", "fb_", "3-Augment, mixup, CutMix", "arXiv 2204.07118"),
    Rule("convnext_", "fb_in1k", "RandAugment, mixup, CutMix", "arXiv 2201.03545, table 5"),
    Rule("swin", "ms_in1k", "RandAugment, mixup, CutMix", "arXiv 2103.14030, section 4.1"),
    Rule("(ca|conv)former|poolformerv2", "sail_in1k", "RandAugment, mixup, CutMix", "arXiv 2210.13452, section 4"),
    Rule("(alexnet|vgg|resnet|resnext|wide_resnet|densenet)", "tv_in1k", "none", "torchvision's reference recipe"),
    Rule("", "tv2_in1k", "TrivialAugment, mixup, CutMix", "pytorch/vision issue 3995"),
)
"""beside cropping and mirroring; where no rule holds: unknown"""

TORCHVISION_AUGMENTATIONS = (
    Rule("", r".*issues/3995#(new-recipe|issuecomment-1013906621)", "TrivialAugment, mixup, CutMix",
         "pytorch/vision issue 3995"),
    Rule("", r".*#(alexnet-and-vgg|resnet|resnext|densenet)$", "none", "torchvision's reference recipe"),
    Rule("", r".*pull/116$", "none", "the port of Lua Torch's DenseNets: crop and mirror"),
    Rule("", r".*#(small|medium|large)-models$", "none", "torchvision's reference recipe of RegNets"),
    Rule("", r".*#mobilenetv3", "AutoAugment", "torchvision's reference recipe"),
    Rule("", r".*#vit_b_16$", "RandAugment, mixup, CutMix", "torchvision's reference recipe"),
    Rule("", r".*#(convnext|swin|maxvit|efficientnet-v2)", "TrivialAugment, mixup, CutMix",
         "torchvision's reference recipes"),
)  # fmt: skip
"""on the recipe's address, which torchvision gives with each of its weights"""


def pretraining_data(architecture: str, tag: str) -> str:
    """The images of every stage of training, in order.

    >>> pretraining_data("vit_base_patch16_clip_224", "laion2b_ft_in12k_in1k")
    'LAION-2B, ImageNet-12k, ImageNet-1k'
    >>> pretraining_data("hgnet_tiny", "ssld_in1k")
    'ImageNet-22k, ImageNet-1k'
    """
    for rule in UNNAMED_DATA:
        if _holds(rule, architecture, tag):
            return rule.answer
    stages = [DATA[part] for part in re.split("[_.]", tag) if part in DATA]
    if tag.startswith("ssld_stage2"):  # stage 2 starts from the weights of stage 1
        stages.insert(0, DATA["in22k"])
    return ", ".join(stage for stage, _ in groupby(stages))


def objective(architecture: str, tag: str) -> str:
    """supervised, self-supervised, image-text or adversarial: what the first stage of training learnt from.

    >>> objective("vit_base_patch16_clip_224", "openai_ft_in1k"), objective("resnet50", "a1_in1k")
    ('image-text', 'supervised')
    """
    return _answer(OBJECTIVES, architecture, tag) or "supervised"


def augmentation(architecture: str, tag: str) -> str:
    """What was done to the images in pretraining beside cropping and mirroring; empty where no rule says.

    >>> augmentation("resnet50", "am_in1k"), augmentation("resnet50", "gluon_in1k")
    ('AugMix', '')
    """
    return _answer(AUGMENTATIONS, architecture, tag)


def _answer(rules: tuple[Rule, ...], architecture: str, tag: str) -> str:
    for rule in rules:
        if _holds(rule, architecture, tag):
            return rule.answer
    return ""


def _holds(rule: Rule, architecture: str, tag: str) -> bool:
    return bool(re.match(rule.architecture, architecture) and re.match(rule.tag, tag))


def torchvision_augmentation(recipe: str) -> str:
    """The same from the address of torchvision's recipe."""
    return _answer(TORCHVISION_AUGMENTATIONS, "", recipe)
