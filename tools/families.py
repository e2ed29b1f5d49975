"""The family of an architecture and the paper that introduced it: one table, read from above.

Each arXiv number stands in timm's own module (or torchvision's docstring) of the architectures that its line covers; a
test holds that. Where there is no paper, or the module names none, the year is a stated one or unknown.
"""

from __future__ import annotations

import re

_FAMILIES = """
test_                                       test networks          -
alexnet                                     AlexNet                1404.5997
squeezenet                                  SqueezeNet             1602.07360
shufflenet_v2                               ShuffleNet v2          1807.11164
googlenet                                   Inception              1409.4842
inception_next                              InceptionNeXt          2303.16900
inception_(resnet_v2|v4)                    Inception              1602.07261
inception_v3                                Inception              1512.00567
nf_regnet                                   NFNet                  2101.08692
nf_resnet                                   NFNet                  2101.08692
(dm_|eca_)?nfnet                            NFNet                  2102.06171
beitv2                                      BEiT v2                2208.06366
beit3                                       BEiT-3                 2208.10442
beit                                        BEiT                   2106.08254
(eca_|se|lamhalo)?botne                     BoTNet                 2101.11605
halo2botnet                                 BoTNet                 2101.11605
(eca_|se)?halo                              HaloNet                2103.12731
lambda_                                     LambdaNetworks         2102.08602
bat_resnext                                 BAT                    -
cait                                        CaiT                   2103.17239
coatne[tx]                                  CoAtNet                2106.04803
coat                                        CoaT                   2104.06399
convit                                      ConViT                 2103.10697
convmixer                                   ConvMixer              2201.09792
convnextv2                                  ConvNeXt V2            2301.00808
convnext                                    ConvNeXt               2201.03545
crossvit                                    CrossViT               2103.14899
cs(p|3)                                     CSPNet                 1911.11929
darknet                                     DarkNet                1804.02767
davit                                       DaViT                  2204.03645
deit3                                       DeiT III               2204.07118
deit                                        DeiT                   2012.12877
densenet                                    DenseNet               1608.06993
dla                                         DLA                    1707.06484
dpn                                         DPN                    1707.01629
edgenext                                    EdgeNeXt               2206.10589
efficientformerv2                           EfficientFormer V2     2212.08059
efficientformer                             EfficientFormer        2206.01191
efficientnet_lite                           EfficientNet-Lite      2020
efficientnet_e[sml]                         EfficientNet-EdgeTPU   2019
efficientnet_cc                             CondConv               1904.04971
(gc_)?efficientnet_?v2                      EfficientNetV2         2104.00298
efficientnet                                EfficientNet           1905.11946
efficientvit_m                              EfficientViT (MSRA)    2305.07027
efficientvit                                EfficientViT (MIT)     2205.14756
eva02                                       EVA-02                 2303.11331
eva                                         EVA                    2211.07636
fasternet                                   FasterNet              2303.03667
fastvit                                     FastViT                2303.14189
fbnetv3                                     FBNetV3                2006.02049
fbnetc                                      FBNet                  1812.03443
flexivit                                    FlexiViT               2212.08013
focalnet                                    FocalNet               2203.11926
gcvit                                       GC ViT                 2206.09959
gernet                                      GENet                  2006.14090
ghostnetv3                                  GhostNet               2404.11202
ghostnetv2                                  GhostNet               2211.12905
ghostnet                                    GhostNet               1911.11907
gmlp                                        gMLP                   2105.08050
gmixer                                      MLP-Mixer              2105.01601
mixer                                       MLP-Mixer              2105.01601
resmlp                                      ResMLP                 2105.03404
hardcorenas                                 HardCoRe-NAS           2102.11646
hgnet                                       PP-HGNet               -
hiera                                       Hiera                  2306.00989
hrnet                                       HRNet                  1908.07919
lcnet                                       PP-LCNet               2109.15099
levit                                       LeViT                  2104.01136
mambaout                                    MambaOut               2405.07992
max+vit                                     MaxViT                 2204.01697
caformer                                    CAFormer               2210.13452
convformer                                  ConvFormer             2210.13452
poolformerv2                                PoolFormer             2210.13452
poolformer                                  PoolFormer             2111.11418
mixnet                                      MixNet                 1907.09595
(se)?mnasnet                                MnasNet                1807.11626
mobilenet_edgetpu                           MobileNet-EdgeTPU      -
mobilenetv1                                 MobileNet v1           1704.04861
mobilenet_?v2                               MobileNet v2           1801.04381
mobilenet_?v3                               MobileNet v3           1905.02244
mobilenetv4                                 MobileNet v4           2404.10518
mobileone                                   MobileOne              2206.04040
mobilevitv2                                 MobileViT v2           2206.02680
mobilevit                                   MobileViT              2110.02178
mvitv2                                      MViTv2                 2112.01526
naflexvit                                   NaFlexViT              2502.14786
nasnet                                      NASNet                 1707.07012
pnasnet                                     PNASNet                1712.00559
nest                                        NesT                   2105.12723
nextvit                                     Next-ViT               2207.05501
pit                                         PiT                    2103.16302
pvt                                         PVT v2                 2106.13797
rdnet                                       RDNet                  2403.19588
regnetz                                     RegNet                 2103.06877
regnet                                      RegNet                 2003.13678
repghost                                    RepGhost               2211.06088
repvgg                                      RepVGG                 2101.03697
repvit                                      RepViT                 2307.09283
res2ne[tx]                                  Res2Net                1904.01169
resnest                                     ResNeSt                2004.08955
resnetv2                                    ResNet v2              1603.05027
resnetrs                                    ResNet-RS              2103.07579
rexnet                                      ReXNet                 2007.00992
selecsls                                    SelecSLS               1907.00837
sequencer                                   Sequencer              2205.01972
se(net|resne)                               SENet                  1709.01507
ecaresnet|eca_resne                         ECA-Net                1910.03151
gcresne                                     GCNet                  -
skresne                                     SKNet                  1903.06586
wide_resnet                                 Wide ResNet            1605.07146
resnext                                     ResNeXt                1611.05431
resnet                                      ResNet                 1512.03385
shvit                                       SHViT                  2401.16456
spnasnet                                    Single-Path NAS        1904.02877
starnet                                     StarNet                2403.19967
swiftformer                                 SwiftFormer            2303.15446
swin(v2|_v2)                                Swin v2                2111.09883
swin_s3                                     AutoFormerV2           2111.14725
swin                                        Swin                   2103.14030
tiny_vit                                    TinyViT                2207.10666
tinynet                                     TinyNet                2010.14819
tnt                                         TNT                    2103.00112
tresnet                                     TResNet                2003.13630
twins                                       Twins                  2104.13840
vgg                                         VGG                    1409.1556
visformer                                   Visformer              2104.12533
vi?t_                                       ViT                    2010.11929
volo                                        VOLO                   2106.13112
ese_vovnet                                  VoVNet                 1904.09730
xception                                    Xception               1610.02357
xcit                                        XCiT                   2106.09681
RN                                          CLIP ResNet            2103.00020
ViT-                                        ViT                    2010.11929
"""

TABLE = tuple(
    (re.compile(pattern), family, paper)
    for pattern, family, paper in (re.split(r"\s{2,}", line) for line in _FAMILIES.strip().splitlines())
)


def paper(architecture: str) -> tuple[str, str]:
    """Family and arXiv number, stated year or `-`. Raises LookupError where no line covers the architecture."""
    name = re.sub("^(tf|legacy|adv)_", "", architecture)
    for pattern, family, number in TABLE:
        if pattern.match(name):
            return family, number
    raise LookupError(f"{architecture}: no line of tools/families.py covers it; add one")


def family(architecture: str) -> tuple[str, int | None]:
    """Family and year of the paper that introduced it, as arXiv numbers tell it.

    >>> family("tf_efficientnet_lite0"), family("vgg13_bn"), family("hgnet_small")
    (('EfficientNet-Lite', 2020), ('VGG', 2014), ('PP-HGNet', None))
    """
    name, number = paper(architecture)
    if number == "-":
        return name, None
    return name, int(number) if len(number) == 4 else 2000 + int(number[:2])
