"""`afield extension check`: a sound backbone passes every test; each fault is found by the test that is for it."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from afield.backbones.weights import Sources
from afield.base.errors import InputError
from afield.study.check import check_extension

LAB = """
import torch
from torch import nn
from afield import Backbone

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Conv2d(3, 8, 4, stride=4)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 10)

    def forward(self, images):
        return self.head(self.norm(self.body(images)).relu().mean(dim=(2, 3)))

"""


def outcomes(folder: Path, definition: str, until: str = "") -> dict[str, tuple[str, str]]:
    """What each test came to, with its words; those after `until` are not run."""
    (folder / "my_lab.py").write_text(LAB + definition)
    found: dict[str, tuple[str, str]] = {}
    for check in check_extension(folder / "my_lab.py", Sources()):
        found[check.what] = check.outcome, check.words
        if check.what == until:
            break
    return found


def save(folder: Path, **changes: torch.Tensor) -> None:
    torch.manual_seed(0)
    state = {
        "body.weight": torch.randn(8, 3, 4, 4) * 0.1,
        "body.bias": torch.zeros(8),
        "norm.weight": torch.ones(8),
        "norm.bias": torch.zeros(8),
        "norm.running_mean": torch.zeros(8),
        "norm.running_var": torch.ones(8),
        "norm.num_batches_tracked": torch.tensor(1),
        "head.weight": torch.zeros(10, 8),
        "head.bias": torch.zeros(10),
    }
    save_file({**state, **changes}, folder / "hydra.safetensors")


@pytest.mark.slow
def test_a_sound_backbone_passes_every_test(tmp_path):
    save(tmp_path)
    found = outcomes(tmp_path, "hydra = Backbone(build=Net, weights='hydra.safetensors', input_size=32)\n")
    assert {outcome for outcome, _ in found.values()} == {"ok"}, found
    assert list(found) == [
        "is built",
        "has a head",
        "weights fit",
        "gives logits",
        "same bits twice",
        "loads from its copy",
        "takes its sizes",
        "learns",
    ]
    assert found["is built"][1].startswith("0.000498 M parameters")
    assert found["has a head"][1] == "head (Linear) is replaced"


@pytest.mark.slow
def test_what_another_process_cannot_find_is_seen_before_a_run_does(tmp_path):
    text = "from pathlib import Path\nbeside = Path(__file__).with_name('beside.txt')\n"
    text += "def reads():\n    beside.read_text()\n    return Net()\n\nhydra = Backbone(build=reads, input_size=32)\n"
    (tmp_path / "beside.txt").write_text("x")
    found = outcomes(tmp_path, text)
    assert found["loads from its copy"][0] == "failed"
    assert "No such file" in found["loads from its copy"][1]
    assert found["weights fit"] == ("left out", "none named: it can be trained from scratch only")


@pytest.mark.parametrize(
    ("definition", "what", "words"),
    [
        ("hydra = Backbone(build=lambda: 1 / 0)", "is built", "my_lab.py, line 16: ZeroDivisionError"),
        ("hydra = Backbone(build=lambda: [1])", "is built", "gave list, not a torch.nn.Module"),
        (
            "hydra = Backbone(build=lambda: nn.Sequential(nn.Flatten()), input_size=32)",
            "is built",
            "has no head to replace",
        ),
        ("hydra = Backbone(build=Net, head='hand', input_size=32)", "is built", "did you mean head"),
        ("hydra = Backbone(build=Net, head='body', input_size=32)", "is built", "head = body: is Conv2d"),
    ],
)
def test_a_backbone_that_cannot_be_built_is_not_tested_further(tmp_path, definition, what, words):
    found = outcomes(tmp_path, definition + "\n")
    assert list(found)[-1] == what
    assert found[what][0] == "failed"
    assert words in found[what][1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("definition", "what", "words"),
    [
        (
            "class Bad(Net):\n    def forward(self, images):\n        return super().forward(images), 3\n"
            "hydra = Backbone(build=Bad, input_size=32)",
            "gives logits",
            "tuple",
        ),
        (
            "class Bad(Net):\n    def forward(self, images):\n        return super().forward(images) / 0\n"
            "hydra = Backbone(build=Bad, input_size=32)",
            "gives logits",
            "not all finite",
        ),
        (
            "import numpy\nclass Bad(Net):\n    def __init__(self):\n        super().__init__()\n"
            "        self.body.weight.data += numpy.random.rand()\nhydra = Backbone(build=Bad, input_size=32)",
            "same bits twice",
            "two networks of one seed differ",
        ),
        (
            "class Bad(Net):\n    def __init__(self):\n        torch.manual_seed(3)\n        super().__init__()\n"
            "hydra = Backbone(build=Bad, input_size=32)",
            "same bits twice",
            "two networks of two seeds are equal",
        ),
        (
            "class Bad(Net):\n    def __init__(self):\n        super().__init__()\n"
            "        self.body = nn.Conv2d(3, 8, 64)\nhydra = Backbone(build=Bad, input_size=64)",
            "takes its sizes",
            "images of 32 px",
        ),
        ("hydra = Backbone(build=Net, weights='gone.safetensors', input_size=32)", "weights fit", "are not there"),
        ("hydra = Backbone(build=Net, weights='hydra.safetensors', input_size=32)", "weights fit", "body.weight"),
    ],
)
def test_each_fault_is_found_by_its_test(tmp_path, definition, what, words):
    save(tmp_path, **{"body.weight": torch.zeros(8, 3, 5, 5)})
    found = outcomes(tmp_path, definition + "\n", until=what)
    assert found[what][0] == "failed", found
    assert words in found[what][1]


def test_a_file_without_a_backbone_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no object of a kind that afield takes"):
        outcomes(tmp_path, "")
