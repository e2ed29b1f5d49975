"""What every test of networks gets."""

import pytest
import torch


@pytest.fixture(scope="package", autouse=True)
def _one_thread():
    """As a trial has it: where cores are shared, threads of tiny networks spend their time waiting for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
